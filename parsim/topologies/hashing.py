"""Which of several equal ways a transfer takes: equal-cost multi-path routing (ECMP) by a stated hash.

ecmp-target    hash = the number of the target                        all that goes to one device takes one way
ecmp-pair      hash = SplitMix64(source x 2^32 + target) / 2          each pair takes its own way; some ways get more
single         hash = 0                                               all take the first way

way = hash modulo the number of ways; the half is rounded down. The host is the place after the last device. No hash
depends on load, size or time. SplitMix64: Steele, Lea, Flood, Fast Splittable Pseudorandom Number Generators, OOPSLA
2014.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from parsim.core.columns import Ints

Routing = Literal["ecmp-target", "ecmp-pair", "single"]


def hashed(routing: Routing, sources: Ints, targets: Ints) -> Ints:
    """Return the hash of each pair, below 2^63.

    >>> hashed("ecmp-target", np.array([0, 1]), np.array([5, 5])).tolist()
    [5, 5]
    >>> [code % 8 for code in hashed("ecmp-pair", np.array([0, 1, 2]), np.array([5, 5, 5])).tolist()]
    [5, 5, 2]
    """
    if routing == "single":
        return np.zeros(len(sources), np.int64)
    if routing == "ecmp-target":
        return targets
    mixed = (sources.astype(np.uint64) << np.uint64(32)) + targets.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((mixed ^ (mixed >> np.uint64(31))) >> np.uint64(1)).astype(np.int64)
