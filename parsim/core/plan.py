"""The keys of every plan: the seconds of the steps, and the number of tasks that a worker prefetches."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from parsim.core.columns import Ints
from parsim.core.schema import Whole
from parsim.core.units import Seconds


@dataclass(frozen=True)
class Steps:
    """Seconds of five steps on the host; the sixth step, execute, is simulated.

    Parameters
    ----------
    split : seconds that the host takes to cut the work.
    create : seconds that the host takes to create the tasks.
    allocate : seconds that the host takes to assign tasks to workers.
    gather : seconds that the host takes to gather the outputs.
    merge : seconds that the host takes to merge the outputs.
    """

    split: Seconds = 0.0
    create: Seconds = 0.0
    allocate: Seconds = 0.0
    gather: Seconds = 0.0
    merge: Seconds = 0.0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How the work is cut.

    Parameters
    ----------
    steps : seconds of the steps on the host.
    prefetch : tasks that a worker takes ahead of time, so that their inputs travel while it computes.
    """

    steps: Steps = field(default_factory=Steps)
    prefetch: Whole = 0


def bounds(count: int, parts: int) -> Ints:
    """Cut *count* things into contiguous parts, the larger ones first; return where parts begin and end, (parts + 1,).

    >>> bounds(5, 2).tolist()
    [0, 3, 5]
    """
    part = np.arange(parts + 1)
    return part * (count // parts) + np.minimum(part, count % parts)
