"""Play the runs of a study: in this process, on all cores of this machine, or on an executor from the caller.

expected time up to LONG_S, or one core     this process, one run after another
longer                                      a worker process for each core; AT_ONCE limits the memory
executor=client.get_executor()              the workers of a cluster

The expected time comes from the number of runs and the size of their graphs, later from the runs that have ended.
Where runs take only a third of it, LONG_S is long enough for worker processes to be no slower.

An answer depends only on the arguments of its call, so a study is the same wherever its runs are played. This process
plays what others cannot: runs on the live clock, which measure this machine; entries that a script put on a shelf;
arguments and answers that cannot be pickled; the rest of a study after a worker process has died.
"""

from __future__ import annotations

import os
import pickle
import signal
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from contextlib import ExitStack, suppress
from multiprocessing import parent_process
from time import monotonic
from typing import Any, NamedTuple

from parsim.core.errors import ParsimError
from parsim.core.graph import TaskGraph
from parsim.core.machine import cores
from parsim.core.progress import under_way
from parsim.entries import registry
from parsim.study.case import Case

LONG_S = 3.0  # worker processes take 0.6 s to start
EACH_S, SIZE_S = 5e-3, 15e-6  # expected of a run, and of each task, edge or flow; measured: from 5e-6 to 70e-6
AT_ONCE = 10_000_000  # tasks, edges and flows in all worker processes together
WINDOW = 256  # calls submitted at a time

Call = tuple[Callable[..., Any], *tuple[Any, ...]]  # a function of a module, and its arguments


class Setting(NamedTuple):
    """What a call needs besides its arguments: the current folder, and the files that add entries to shelves."""

    folder: str
    files: tuple[str, ...]

    def enter(self) -> None:
        """Change to the folder, and load the files."""
        if os.getcwd() != self.folder:
            os.chdir(self.folder)
        for file in self.files:
            registry.use(file)


class Told(NamedTuple):
    """A warning raised in another process."""

    message: Warning | str
    category: type[Warning]
    file: str
    line: int


class SameProcess(Executor):
    """Calls each function when it is submitted."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call *function*."""
        future: Future[Any] = Future()
        try:
            future.set_result(function(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class Runner:
    """Calls the functions of a study, which play its runs; a context manager, which ends the worker processes.

    Parameters
    ----------
    executor : takes the calls in place of this machine's cores; its workers are processes.
    """

    def __init__(self, executor: Executor | None = None) -> None:
        self._handed = executor
        self._elsewhere: dict[Executor, Setting] = {}  # one at most
        self._cases: Sequence[Case] = ()
        self._most = 1  # processes
        self._chosen = False
        self._own = ExitStack()
        self._begun: Callable[[], float] = float
        self._told: dict[Any, Any] = {}  # warnings

    def __enter__(self) -> Runner:
        return self

    def __exit__(self, *_: object) -> None:
        self._own.close()

    def expect(self, runs: int, size: float, cases: Sequence[Case]) -> bool:
        """Choose where to play *runs* runs of *cases* of mean size *size*; return whether in other processes."""
        self._cases, self._most = cases, min(cores(), int(AT_ONCE // max(size, 1)))
        self._foresee(runs, EACH_S + SIZE_S * size)
        return bool(self._elsewhere)

    def _foresee(self, runs: int, each_s: float) -> None:
        """Choose where to play *runs* more runs, unless the choice has been made."""
        if runs > 1 and not self._chosen and (runs * each_s > LONG_S or self._handed is not None):
            self._chosen = True
            if all(map(_can_be_sent, self._cases)):
                self._choose(runs)

    def _choose(self, runs: int) -> None:
        with suppress(OSError, LookupError):  # the current folder has been deleted; a script filled the shelves
            setting = Setting(os.getcwd(), registry.files_in_use())
            if self._handed is not None:
                self._elsewhere[self._handed] = setting
            elif self._most > 1 and may_start_processes():
                from parsim.study.process_pool import ProcessPool

                own = self._own.enter_context(ProcessPool(min(self._most, runs)))
                self._elsewhere[own], self._begun = setting, own.begun

    def ended(self, what: str, calls: Sequence[Call]) -> Iterator[tuple[int, Any]]:
        """Yield the number and the answer of each of *calls* as it ends; *what* names them in progress lines."""
        done, waiting, began = 0, deque(range(len(calls))), monotonic()
        pending: dict[Future[Any], int] = {}
        with under_way(what, len(calls), lambda: done, self._begun):
            while waiting or pending:
                while waiting and len(pending) < WINDOW and not any(future.done() for future in pending):
                    number = waiting.popleft()
                    pending[self._submit(*calls[number])] = number
                ended = wait(pending, return_when=FIRST_COMPLETED).done
                for future in sorted(ended, key=pending.__getitem__):
                    number = pending.pop(future)
                    answer = self._answer(future, *calls[number])
                    done += 1
                    yield number, answer
                    self._foresee(len(waiting), (monotonic() - began) / done)

    def answers(self, what: str, calls: Sequence[Call]) -> list[Any]:
        """Return the answers of *calls* in their order."""
        found = dict(self.ended(what, calls))
        return [found[number] for number in range(len(calls))]

    def _submit(self, function: Callable[..., Any], *args: Any) -> Future[Any]:
        for executor, setting in self._elsewhere.items():
            with suppress(BrokenExecutor):
                return executor.submit(_played, setting, function, *args)
        return SameProcess().submit(_alone, function, *args)

    def _answer(self, future: Future[Any], function: Callable[..., Any], *args: Any) -> Any:
        """Return the answer. If the other process failed, and not the run itself, call *function* here."""
        try:
            answer, told = future.result()
        except ParsimError:
            raise
        except Exception as error:
            if isinstance(error, BrokenExecutor):
                self._elsewhere.clear()
            elif not self._elsewhere:
                raise
            return function(*args)
        for one in told:
            warnings.warn_explicit(str(one.message), one.category, one.file, one.line, registry=self._told)
        return answer


def size(graph: TaskGraph) -> int:
    """Return the tasks, edges and flows of a graph."""
    return len(graph) + len(graph.edges.parent) + len(graph.flows)


def _can_be_sent(case: Case) -> bool:
    if case.scenario.values.get("clock") == "live":
        return False
    try:
        pickle.dumps(case)
    except Exception:
        return False
    return True


def may_start_processes() -> bool:
    """Say whether this process is not a worker itself, and can block signals in the processes that it starts."""
    return parent_process() is None and hasattr(signal, "pthread_sigmask")


def _alone(function: Callable[..., Any], *args: Any) -> tuple[Any, list[Told]]:
    return function(*args), []


def _played(setting: Setting, function: Callable[..., Any], *args: Any) -> tuple[Any, list[Told]]:
    """Call *function* in a worker process; return its answer and its warnings."""
    setting.enter()
    with warnings.catch_warnings(record=True) as found:
        answer = function(*args)
    return answer, [Told(one.message, one.category, one.filename, one.lineno) for one in found]
