"""Check a policy from outside the package: each answer is passed on, or refused if it breaks a rule.

    engine  --take(w0)-->  guard  --take(w0)-->  policy
            <----t3------         <-----t3-----             t3: ready? not taken? may run on w0? its home? room?

Messages name the policy, its file and line, the task and the worker. Built-in policies are called directly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from operator import index
from typing import Any

import numpy as np

from parsim.core.errors import RunError, ScenarioError, shown
from parsim.core.graph import TaskGraph
from parsim.core.job import Estimate, Ordered, Policy
from parsim.entries.external import Who

VERBS = {
    "prepare": "def prepare(self, graph, workers, estimate)",
    "home": "def home(self, task): return None",
    "ready": "def ready(self, task, by)",
    "take": "def take(self, worker, fits)",
}
WAITING, READY, TAKEN = range(3)
SHOWN = 5  # workers, in a message


def guarded(who: Who, make: Callable[[], Any], workers: Sequence[str]) -> Callable[[], Policy]:
    """Return what makes the policy behind its guard; it is made once now, so that what it lacks is told at once."""
    policy = who.call(make, "in its constructor")
    for verb, wanted in VERBS.items():
        if not callable(getattr(policy, verb, None)):
            raise ScenarioError([who.fault(f"has no method {verb}; write for example '{wanted}'")])
    guard = OrderedGuard if isinstance(policy, Ordered) else Guard
    return lambda: guard(who, who.call(make, "in its constructor"), workers)


class Guard:
    """A policy that cannot break a rule without being told of.

    Parameters
    ----------
    who : how messages name the policy.
    workers : the workers' names.
    """

    def __init__(self, who: Who, policy: Policy, workers: Sequence[str]) -> None:
        self._who, self._policy, self._workers = who, policy, workers

    def prepare(self, graph: TaskGraph, workers: tuple[tuple[int, ...], ...], estimate: Estimate) -> None:
        """Let the policy get ready; what it is given it may read only, for the run reads it too."""
        self._graph, self._names, self._places = graph, graph.names, graph.places
        self._place = graph.place.tolist()
        self._state = bytearray(len(graph))
        self._homes: dict[int, int | None] = {}
        for owner in (graph, graph.edges):
            for column in (getattr(owner, field.name) for field in fields(owner)):
                if isinstance(column, np.ndarray):
                    column.flags.writeable = False
        copies = {id(row): list(row) for row in estimate.compute}
        own = estimate._replace(compute=tuple(copies[id(row)] for row in estimate.compute))
        self._ask("prepare", "in prepare", graph, workers, own)

    def home(self, task: int) -> int | None:
        """Ask for the worker of *task*: one that may run it, or None; for every task or for none."""
        named = self._names[task]
        answer = self._ask("home", f"in home for task {named}", task)
        home = None if answer is None else self._number(answer, len(self._workers))
        if answer is not None and home is None:
            raise self._error("home", f"returned {shown(answer)} as home of task {named}; {self._wants_worker()}")
        if home is not None and home not in self._places[self._place[task]]:
            raise self._error(
                "home", f"named {self._workers[home]} as home of task {named}, which may run only on {self._able(task)}"
            )
        first = next(iter(self._homes), task)
        self._homes[task] = home
        if (home is None) != (self._homes[first] is None):
            with_home, without = (first, task) if home is None else (task, first)
            raise self._error(
                "home",
                f"gave a home to task {self._names[with_home]} but not to task {self._names[without]}; "
                "give one to every task, or to none",
            )
        return home

    def ready(self, task: int, by: int | None) -> None:
        """Tell the policy of a ready task."""
        self._state[task] = READY
        self._ask("ready", f"in ready for task {self._names[task]}", task, by)

    def take(self, worker: int, fits: Callable[[int], bool]) -> int | None:
        """Ask for a task, and refuse one that the worker cannot get."""
        name = self._workers[worker]
        answer = self._ask("take", f"in take for worker {name}", worker, fits)
        if answer is None:
            return None
        task = self._number(answer, len(self._names))
        if task is None:
            most = f"from 0 to {len(self._names) - 1}, "
            raise self._error("take", f"returned {shown(answer)} for worker {name}; return a task number {most}or None")
        wrong = self._wrong(task, worker, fits)
        if wrong:
            raise self._error("take", wrong)
        self._state[task] = TAKEN
        return task

    def _wrong(self, task: int, worker: int, fits: Callable[[int], bool]) -> str:
        """Say why *worker* cannot get *task*; nothing: it can."""
        named, name = self._names[task], self._workers[worker]
        if self._state[task] == TAKEN:
            return f"took task {named} a second time, for worker {name}"
        if worker not in self._places[self._place[task]]:
            return f"gave worker {name} the task {named}, which may run only on {self._able(task)}"
        if self._state[task] == WAITING:
            return f"gave worker {name} the task {named} before its inputs: {self._missing(task)}"
        home = self._homes.get(task)
        if home is not None and home != worker:
            return f"gave worker {name} the task {named}, whose home is {self._workers[home]}"
        return "" if fits(task) else f"gave worker {name} the task {named}, which does not fit; call fits(task) first"

    def _missing(self, task: int) -> str:
        """Name a parent that cannot have ended, or else all that may not have."""
        parents = self._graph.edges.parent[self._graph.parents.of(task)].tolist()
        untaken = [parent for parent in parents if self._state[parent] != TAKEN]
        if untaken or len(parents) == 1:
            return f"{self._names[(untaken or parents)[0]]} has not ended"
        return f"not all of {', '.join(str(self._names[parent]) for parent in parents[:SHOWN])} have ended"

    def _able(self, task: int) -> str:
        able = [self._workers[worker] for worker in self._places[self._place[task]]]
        return ", ".join(able[:SHOWN]) + (", ..." if len(able) > SHOWN else "")

    def _wants_worker(self) -> str:
        return f"return a worker number from 0 to {len(self._workers) - 1}, or None"

    @staticmethod
    def _number(answer: object, count: int) -> int | None:
        """Return *answer* as a number below *count*; None: it is none."""
        try:
            number = index(answer)  # type: ignore[arg-type]
        except TypeError:
            return None
        return number if 0 <= number < count and not isinstance(answer, bool) else None

    def _ask(self, verb: str, doing: str, *args: Any) -> Any:
        return self._who.call(getattr(self._policy, verb), doing, *args)

    def _error(self, verb: str, words: str) -> RunError:
        return self._who.error(words, self._who.line_of(getattr(self._policy, verb)))


class OrderedGuard(Guard):
    """A guard of a policy that states each worker's order beforehand."""

    def order_of(self, worker: int) -> Sequence[int]:
        """Ask for the order of *worker*: its tasks, each once."""
        name = self._workers[worker]
        answer = self._ask("order_of", f"in order_of for worker {name}", worker)
        mine = [task for task, home in self._homes.items() if home == worker]
        if not isinstance(answer, Sequence) or sorted(answer) != sorted(mine):
            raise self._error(
                "order_of", f"returned {shown(answer)} for worker {name}; return each task with this home once"
            )
        return answer
