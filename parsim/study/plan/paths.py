"""The longest paths through the ops of a pipeline, from the first op of each rank to the end of an iteration."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from parsim.core.columns import NONE, Floats, Ints
from parsim.core.op import Ops, needs

KEPT = 16  # schedules whose orders are remembered: consecutive rows of a space mostly share theirs


class Ends(NamedTuple):
    """What follows the ops of a rank: seconds after its last op, and from the start of others to the end."""

    after: float
    of: dict[int, float]


def from_first_ops(ops: Ops, took: Floats, sends: Floats, ends: list[Ends]) -> list[float]:
    """Return the seconds of the longest path from the start of the first op of each rank.

    Parameters
    ----------
    took : the seconds of each op, (ops,).
    sends : the seconds of a send from each stage to the next, or back, (stages,).
    ends : of each rank.
    """
    rows = _rows(*(column.tobytes() for column in (ops.stage, ops.kind, ops.microbatch, ops.task, ops.first)))
    seconds, way = took.tolist(), sends.tolist()
    left = [0.0] * (len(seconds) + 1)  # the last place, NONE, stands for no op
    for rank, some in enumerate(ends):
        left[int(ops.first[rank + 1]) - 1] = some.after
    more = {op: least for some in ends for op, least in some.of.items()}
    for op, following, near, far, link in rows:
        best = left[following]
        if near >= 0 and left[near] > best:
            best = left[near]
        if far >= 0 and left[far] + way[link] > best:
            best = left[far] + way[link]
        if following == NONE and left[op] > best:
            best = left[op]
        found = seconds[op] + best
        left[op] = max(found, more[op]) if op in more else found
    return [left[first] for first in ops.first[:-1].tolist()]


@lru_cache(maxsize=KEPT)
def _rows(*columns: bytes) -> list[tuple[int, int, int, int, int]]:
    """Return the ops, the last first: the next on its rank, its children on its stage and elsewhere, and the send."""
    stage, kind, microbatch, task, first = (np.frombuffer(column, np.int64) for column in columns)
    found = needs(Ops(stage, kind, microbatch, task, first))
    count = len(stage)
    near, far, link = np.full(count, NONE), np.full(count, NONE), np.zeros(count, np.int64)
    across = found.crosses == 1
    near[found.parent[~across]] = found.child[~across]
    far[found.parent[across]] = found.child[across]
    link[found.parent[across]] = np.minimum(stage[found.parent[across]], stage[found.child[across]])
    following = np.arange(1, count + 1)
    following[first[1:] - 1] = NONE
    order = _topological(first, found.parent, found.child)
    return [(op, int(following[op]), int(near[op]), int(far[op]), int(link[op])) for op in reversed(order)]


def _topological(first: Ints, parent: Ints, child: Ints) -> list[int]:
    """Return ops in an order in which each comes after its parents, and after the one before it on its rank."""
    waits = np.bincount(child, minlength=int(first[-1])).tolist()
    children: list[list[int]] = [[] for _ in waits]
    for before, after in zip(parent.tolist(), child.tolist(), strict=True):
        children[before].append(after)
    starts, ends = first[:-1].tolist(), first[1:].tolist()
    order: list[int] = []
    while len(order) < len(waits):
        for rank, end in enumerate(ends):
            while starts[rank] < end and not waits[starts[rank]]:
                op = starts[rank]
                order.append(op)
                starts[rank] += 1
                for after in children[op]:
                    waits[after] -= 1
    return order
