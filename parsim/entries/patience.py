"""Warn of code from outside the package that does not return.

    take(w0) of policy mine  ---10 s--->  policy mine (mine.py:7) has not answered for 10 s: it was asked in take for
                                          worker w0 at 3 s

A thread checks the open calls once a second while there are any, so that a call costs little.
"""

from __future__ import annotations

import math
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from parsim.core.errors import Silence
from parsim.core.units import SECONDS, write

NOTICE_S, LOOK_S = 10.0, 1.0
LOOKS = 10  # without an open call, after which the thread ends

_open: dict[Asked, None] = {}  # the open calls, the innermost last
_clocks: list[Callable[[], float]] = []  # simulated instants of the current runs
_looking = threading.Lock()  # held by the thread while it runs


class Asked:
    """An open call; *story* says who was asked what."""

    def __init__(self, story: Callable[[], str]) -> None:
        self.story = story

    def __enter__(self) -> None:
        _open[self] = None
        if not _looking.locked():
            _start()

    def __exit__(self, *_: object) -> None:
        del _open[self]


@contextmanager
def at(now_s: Callable[[], float]) -> Iterator[None]:
    """Let warnings include the simulated instant."""
    _clocks.append(now_s)
    try:
        yield
    finally:
        _clocks.pop()


def _start() -> None:
    if _looking.acquire(blocking=False):
        threading.Thread(target=_look, name="parsim-patience", daemon=True).start()


def _look() -> None:
    first: dict[Asked, float] = {}  # when the thread first saw each open call
    idle = 0
    while idle < LOOKS:
        time.sleep(LOOK_S)
        now, open = time.monotonic(), list(_open)
        first = {asked: first.get(asked, now) for asked in open}
        late = [asked for asked in open if now - first[asked] >= NOTICE_S]
        first |= dict.fromkeys(late, math.inf)  # told once
        if late:
            _tell(late[-1])
        idle = 0 if open else idle + 1
    _looking.release()
    if _open:
        _start()


def _tell(asked: Asked) -> None:
    instant = f" at {write(_clocks[-1](), SECONDS)}" if _clocks else ""
    _tellers[-1](f"{asked.story()}{instant}")


def warn(words: str) -> None:
    """Warn of a call that has not returned."""
    warnings.warn_explicit(Silence(words), Silence, "parsim", 0)


def _warn_here(words: str) -> None:
    """Warn, except in a worker process: there the process that waits for it warns."""
    from multiprocessing import parent_process

    if parent_process() is None:
        warn(words)


_tellers: list[Callable[[str], None]] = [_warn_here]


def tell_by(tell: Callable[[str], None]) -> None:
    """Call *tell* instead of issuing a warning in this process."""
    _tellers.append(tell)
