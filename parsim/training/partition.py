"""Cut the layers of a model into stages of neighbouring layers.

cost         the slowest stage is as fast as it can be      |emb 0 1 2|3 4 5|6 7 8|9 10 head|
count        equal numbers of blocks; the embedding goes    |emb 0 1 2|3 4 5|6 7 8|9 10 11 head|
with the first one, the head with the last
framework    embedding and head count as a block each       |emb 0 1|2 3 4|5 6 7|8 9 head|
[4, 3, 3, 2] stated, with or without embedding and head
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import Literal

import numpy as np

from parsim.core.columns import Floats
from parsim.core.errors import Complaint, Invalid
from parsim.core.plan import bounds
from parsim.core.schema import Count
from parsim.core.tolerance import TIED

Stages = Literal["cost", "count", "framework"] | list[Count]
Ranges = tuple[range, ...]


def by_number(layers: int, beside: tuple[int, ...], counts: list[int]) -> Ranges:
    """Cut into stages of so many blocks; layers *beside* the blocks go with the next block, or with the last one.

    >>> by_number(6, (0, 5), [2, 2])
    (range(0, 3), range(3, 6))
    """
    blocks = [layer for layer in range(layers) if layer not in beside]
    ends = np.cumsum(counts)[:-1].tolist()
    cuts = [0, *(blocks[end - 1] + 1 for end in ends), layers]
    return tuple(range(a, b) for a, b in pairwise(cuts))


def evenly(layers: int, beside: tuple[int, ...], stages: int) -> Ranges:
    """Cut into stages whose numbers of blocks differ by at most one, the larger ones first."""
    return by_number(layers, beside, np.diff(bounds(layers - len(beside), stages)).tolist())


def balanced(seconds: Floats) -> Ranges:
    """Cut so that the slowest stage is as fast as it can be, and then so that stages are as equal as they can be.

    Parameters
    ----------
    seconds : of each layer on the device of each stage, (stages, layers).

    >>> balanced(np.array([[1.0, 2.0, 2.0, 3.0]] * 2))
    (range(0, 3), range(3, 4))
    >>> [len(stage) for stage in balanced(np.full((3, 5), 0.1))]
    [2, 2, 1]
    """
    return _balanced(np.ascontiguousarray(seconds, np.float64).tobytes(), len(seconds))


@lru_cache(1_000)
def _balanced(column: bytes, stages: int) -> Ranges:
    """Cut as `balanced` does, given the seconds as bytes; many plans cut the same layers alike."""
    seconds = np.frombuffer(column).reshape(stages, -1)
    layers = seconds.shape[1]
    sums = np.concatenate([np.zeros((stages, 1)), np.cumsum(seconds, axis=1)], axis=1)  # (stages, layers + 1)
    slowest = _least_slowest(sums)
    least = np.full(layers + 1, np.inf)  # sum of the squares of the stages so far, by the layers that they have
    least[0] = 0.0
    came = np.zeros((stages, layers + 1), np.int64)
    for stage in range(stages):
        took = sums[stage][None, :] - sums[stage][:, None]  # (from, to)
        allowed = (took <= slowest * (1 + TIED)) & np.triu(np.ones_like(took, dtype=bool), 1)
        total = np.where(allowed, least[:, None] + took**2, np.inf)
        least = total.min(axis=0)
        equal = total <= least * (1 + TIED)
        came[stage] = layers - equal[::-1].argmax(axis=0)  # of equals, the one with the larger stages first
    cuts = [layers]
    for stage in reversed(range(stages)):
        cuts.append(int(came[stage][cuts[-1]]))
    return tuple(range(a, b) for a, b in pairwise(reversed(cuts)))


def _least_slowest(sums: Floats) -> float:
    """Return the seconds of the slowest stage, as few as they can be; every stage has a layer."""
    stages, layers = len(sums), sums.shape[1] - 1
    slowest = np.full(layers + 1, np.inf)
    slowest[0] = 0.0
    for stage in range(stages):
        took = sums[stage][None, :] - sums[stage][:, None]
        took[np.tril_indices(layers + 1)] = np.inf
        slowest = np.maximum(slowest[:, None], took).min(axis=0)
    return float(slowest[layers])


def stated(layers: int, beside: tuple[int, ...], counts: list[int], stages: int) -> Ranges:
    """Cut as stated; raises `Invalid` unless there are as many stages, and they cover the model.

    >>> stated(6, (0, 5), [3, 3], 2) == stated(6, (0, 5), [2, 2], 2)
    True
    """
    if len(counts) != stages:
        why = f"has {len(counts)} stages, and the plan has {stages}; give the layers of each stage in model order"
        raise Invalid([Complaint(("plan", "stages"), why, code="not_divisible")])
    if sum(counts) == layers:
        return by_number(layers, (), counts)
    if sum(counts) == layers - len(beside):
        return by_number(layers, beside, counts)
    and_ = f" ({layers - len(beside)} without embedding and head)" if beside else ""
    why = f"covers {sum(counts)} layers, and the model has {layers}{and_}"
    raise Invalid([Complaint(("plan", "stages"), why, code="not_divisible")])
