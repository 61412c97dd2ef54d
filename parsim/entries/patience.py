"""A warning where code from outside the package does not return.

    take(w0) of policy mine  ---10 s--->  policy mine (mine.py:7) has not answered for 10 s: it was asked in take for
                                          worker w0 at 3 s

A thread looks at the open calls once a second while there are any; a call itself costs next to nothing.
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

_open: dict[Asked, None] = {}  # the calls that have not returned, the innermost last
_clocks: list[Callable[[], float]] = []  # of the runs that are being played
_looking = threading.Lock()  # held by the thread


class Asked:
    """A call, as long as it lasts; *story* says who was asked what."""

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
    """Let warnings name the simulated instant."""
    _clocks.append(now_s)
    try:
        yield
    finally:
        _clocks.pop()


def _start() -> None:
    if _looking.acquire(blocking=False):
        threading.Thread(target=_look, name="parsim-patience", daemon=True).start()


def _look() -> None:
    first: dict[Asked, float] = {}  # when each open call was first seen
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
    """Warn of silence."""
    warnings.warn_explicit(Silence(words), Silence, "parsim", 0)


def _warn_here(words: str) -> None:
    """Warn, unless this is a worker process: the process that waits for it tells."""
    from multiprocessing import parent_process

    if parent_process() is None:
        warn(words)


_tellers: list[Callable[[str], None]] = [_warn_here]


def tell_by(tell: Callable[[str], None]) -> None:
    """Let *tell* be told of silence in this process, in place of a warning."""
    _tellers.append(tell)
