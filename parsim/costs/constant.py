"""Constant: every unit of work takes the same seconds.

    seconds = units x compute / speed           a subset of three items, 1 s each, on a device of speed 2: 1.5 s

If the workload states the seconds of its tasks (`tasks`, `stages`), those are used and `compute` is left out. A single
quantity is divided by the device's speed; seconds stated for a device are used unchanged.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from parsim.core.cluster import Device
from parsim.core.errors import Complaint, Invalid
from parsim.core.graph import Floats, TaskGraph, no_floats
from parsim.core.job import Cost, no_luck
from parsim.core.units import Seconds
from parsim.costs import costs


@costs.add("constant")
def constant(compute: Seconds | None = None) -> Cost:
    """Use the same seconds for every unit of work, without randomness.

    Parameters
    ----------
    compute : seconds of a unit of work at speed 1; left out if the workload states the seconds of its tasks.

    >>> three = TaskGraph(["part0"], ("compute",), np.zeros(1, int), np.array([3.0]), ((0,),), np.zeros(1, int))
    >>> constant(compute=1.0).expected(three, 0, Device("w0", speed=2.0))
    array([1.5])
    """
    return Cost(partial(expected, compute), no_luck)


def expected(compute: float | None, graph: TaskGraph, index: int, device: Device) -> Floats:
    """Return the seconds of each task on *device*, stated or from its units of work."""
    stated = graph.stated
    if not len(graph):
        return no_floats()
    if not stated.size:
        if compute is None:
            raise Invalid([Complaint(("cost", "compute"), "is missing; write for example 'compute: 1 s'")])
        return np.asarray(graph.units * compute / device.speed)
    if stated.ndim == 1:
        return np.asarray(stated / device.speed)
    return np.asarray(stated[:, index])
