"""Progress of running work, for display elsewhere.

    with under_way("tasks", 1_000_000, lambda: ended):     40,000 of 1,000,000 tasks, counted when it is shown
        ...
    for count in counted("runs", counts):                  3 of 12 runs

Progress is read on demand, so that it costs the running work nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import TypeVar

Thing = TypeVar("Thing")


@dataclass(frozen=True, eq=False)
class Part:
    """A part of the running work."""

    what: str
    total: int
    done: Callable[[], int]
    begun: Callable[[], float] = float  # progress of further things, such as 0.5 for half of one
    more: Callable[[], str] = str  # what else to show
    since: float = field(default_factory=monotonic)


_parts: list[Part] = []


def parts() -> list[Part]:
    """Return the running parts, the outermost first."""
    return _parts[:]


def share(under_way: Sequence[Part]) -> float:
    """Return the share of the outermost part that is done, including the progress of the parts within it.

    >>> share([Part("runs", 4, lambda: 1), Part("tasks", 10, lambda: 5)])
    0.375
    """
    found = 0.0
    for part in reversed(under_way):
        found = (part.done() + part.begun() + found) / max(part.total, 1)
    return found


@contextmanager
def under_way(
    what: str,
    total: int,
    done: Callable[[], int],
    begun: Callable[[], float] = float,
    more: Callable[[], str] = str,
) -> Iterator[None]:
    """Publish that *done* of *total* things are done while the block runs; *begun* is the progress of further ones.

    *more* is shown beside it, such as the best so far.

    >>> with under_way("tasks", 4, lambda: 3):
    ...     [(part.what, part.done(), part.total) for part in parts()]
    [('tasks', 3, 4)]
    >>> parts()
    []
    """
    part = Part(what, total, done, begun, more)
    _parts.append(part)
    try:
        yield
    finally:
        _parts.remove(part)


def counted(what: str, things: Collection[Thing]) -> Iterator[Thing]:
    """Yield *things*, and publish how many of them are done.

    >>> [[part.done() for part in parts()] for run in counted("runs", ["a", "b"])]
    [[0], [1]]
    """
    done = 0
    with under_way(what, len(things), lambda: done):
        for thing in things:
            yield thing
            done += 1
