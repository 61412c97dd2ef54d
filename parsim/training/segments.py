"""Segments: what a device does in an action, between the exchanges that it waits for.

    F of a block under tensor parallelism

    detail: layers   |norm q k v attention out|=all-reduce=|norm up gelu down|=all-reduce=|sum|
    detail: stages   |all kernels of the stage|====================================|   all exchanges of it, priced

An exchange that is overlapped (keys and values under context parallelism) passes beside the kernel that reads it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from parsim.core.kernel import Call
from parsim.core.precision import Precision
from parsim.training.exchange import NAME, Exchanged, exchanged


class Segment(NamedTuple):
    """Kernel calls, and what is exchanged beside them and after them."""

    calls: tuple[Call, ...]
    beside: tuple[Exchanged, ...] = ()
    after: tuple[Exchanged, ...] = ()


def segments(calls: Sequence[Call], precision: Precision) -> list[Segment]:
    """Cut the calls of an action at its exchanges.

    The kernel that reads what an overlapped exchange brings comes next in forward; in backward it came before.
    """
    found: list[Segment] = []
    own: list[Call] = []  # calls of the segment that is not yet closed
    beside: list[Exchanged] = []
    for call in calls:
        if call.kernel != NAME:
            own.append(call)
            if beside:
                found.append(Segment(tuple(own), tuple(beside)))
                own, beside = [], []
            continue
        sent = exchanged(call, precision)
        if sent is None:
            continue
        if not sent.overlapped:
            found.append(Segment(tuple(own), (), (sent,)))
            own = []
        elif call.part == "forward":
            if own and not beside:
                found.append(Segment(tuple(own)))
                own = []
            beside.append(sent)
        else:
            _put_beside(found, own, sent)
    if own:
        found.append(Segment(tuple(own)))
    return found


def _put_beside(found: list[Segment], own: list[Call], sent: Exchanged) -> None:
    """Put an exchange beside the last kernel call."""
    if own:
        *before, last = own
        own.clear()
        if before:
            found.append(Segment(tuple(before)))
        found.append(Segment((last,)))
    found[-1] = found[-1]._replace(beside=(*found[-1].beside, sent))


def together(some: Sequence[Segment]) -> list[Segment]:
    """Return two segments at most: what overlapped exchanges pass beside of, and all else with its exchanges after.

    >>> part = Exchanged("tensor", "all-reduce", 8.0)
    >>> together([Segment((), (), (part,)), Segment(())]) == [Segment((), (), (part,))]
    True
    """
    hidden = [one for one in some if one.beside]
    plain = [one for one in some if not one.beside]
    return [*_joined(plain), *_joined(hidden)]


def _joined(some: Sequence[Segment]) -> Iterator[Segment]:
    if some:
        yield Segment(*(tuple(chain.from_iterable(column)) for column in zip(*some, strict=True)))
