"""An executor of worker processes, which report progress and never outlive this process.

this process  --calls-->                worker processes
              <--answers--
              <--warnings, progress--   how much of its run a worker has played, four times a second
              --lifeline-->             a pipe; when it closes, also because this process was killed, workers exit
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from typing import ParamSpec, TypeVar

from parsim.core.progress import parts, share
from parsim.entries import patience
from parsim.real.start import start_context, starting

LOOK_S = 0.25
LONGEST = 1000  # characters of a message, so that one write is enough
PRELOADED = ["parsim.study.compare", "parsim.study.explain", "parsim.study.scaling", "parsim.study.splits"]
P = ParamSpec("P")
Answer = TypeVar("Answer")


class ProcessPool(Executor):
    """Worker processes. A warning raised in one of them is issued in this process.

    Parameters
    ----------
    count : how many processes.
    """

    def __init__(self, count: int) -> None:
        context = start_context(PRELOADED)
        self._shares: dict[int, float] = {}  # by process: how much of its run it has played
        held, self._lifeline = context.Pipe(duplex=False)
        self._hears, says = context.Pipe(duplex=False)
        self._ends = [held, says]
        self._pool = ProcessPoolExecutor(count, context, _begin, (held, says))
        self._listener = threading.Thread(target=self._listen, name="parsim-study", daemon=True)
        self._listener.start()

    def submit(self, function: Callable[P, Answer], /, *args: P.args, **kwargs: P.kwargs) -> Future[Answer]:
        """Call *function* in a worker process."""
        with starting():
            return self._pool.submit(function, *args, **kwargs)

    def begun(self) -> float:
        """Return the progress of the running calls, as a number of runs: 0.5 for half a run."""
        return sum(self._shares.copy().values())

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Terminate every process, busy ones too."""
        self._lifeline.close()
        self._pool.shutdown(wait, cancel_futures=cancel_futures)
        for end in self._ends:
            end.close()
        self._listener.join()
        self._hears.close()

    def _listen(self) -> None:
        with suppress(EOFError, OSError):
            while True:
                process, said = self._hears.recv()
                if isinstance(said, str):
                    patience.warn(said)
                else:
                    self._shares[process] = said


def _begin(lifeline: Connection, says: Connection) -> None:
    """Prepare a worker process: ignore the signals that a terminal sends to a whole group, and watch the lifeline."""
    for sign in ("SIGINT", "SIGTERM", "SIGHUP"):
        signal.signal(getattr(signal, sign), signal.SIG_IGN)
    patience.tell_by(partial(_say, says))
    threading.Thread(target=_watch, args=(lifeline, says), daemon=True).start()


def _watch(lifeline: Connection, says: Connection) -> None:
    with suppress(OSError):
        while not lifeline.poll(LOOK_S):
            _say(says, share(parts()))
    os._exit(1)


def _say(says: Connection, said: str | float) -> None:
    says.send((os.getpid(), said[:LONGEST] if isinstance(said, str) else said))
