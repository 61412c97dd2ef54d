"""Roofline: seconds by peak FLOP/s or memory bandwidth, whichever is the limit.

    FLOP/s |      ______ peak x efficiency           seconds of a call = overhead +
           |     /                                       max(FLOP / (peak x efficiency),
           |    /  slope: bandwidth                          bytes / (bandwidth x memory_efficiency))
           +------------- FLOP per byte

A task takes the sum of its kernel calls, divided by `speed`; a call reads and writes its arrays once. Williams,
Waterman, Patterson, Roofline: An Insightful Visual Performance Model, Communications of the ACM 52(4), 2009.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from parsim.core.cluster import Cluster, Device
from parsim.core.errors import Complaint
from parsim.core.graph import Floats, TaskGraph
from parsim.core.job import Cost, Remarks
from parsim.core.kernel import Call
from parsim.core.schema import Positive
from parsim.core.units import Seconds
from parsim.costs import costs
from parsim.costs.constant import no_luck
from parsim.kernels import price


@costs.add("roofline")
def roofline(efficiency: Positive = 1.0, memory_efficiency: Positive = 1.0, overhead: Seconds = 0.0) -> Cost:
    """Compute seconds from the FLOP and bytes of kernels, and from the peak and bandwidth of devices.

    Parameters
    ----------
    efficiency : share of the device's peak FLOP/s that kernels reach.
    memory_efficiency : share of the device's memory bandwidth that kernels reach.
    overhead : seconds added to every kernel call.

    >>> device = Device("w0", peak=1e12, bandwidth=1e11)
    >>> seconds(Call("matmul", (), "forward", ((100, 100), (100, 100))), device, 0.5, 1.0, 0.0)
    4e-06
    """
    return Cost(expected=partial(_expected, efficiency, memory_efficiency, overhead), luck=no_luck, remarks=_remarks)


def seconds(call: Call, device: Device, efficiency: float, memory_efficiency: float, overhead: float) -> float:
    """Return the seconds of a call on *device*."""
    flops, size = price(call)
    return overhead + max(flops / (device.peak * efficiency), size / (device.bandwidth * memory_efficiency))


def _expected(
    efficiency: float, memory_efficiency: float, overhead: float, graph: TaskGraph, index: int, device: Device
) -> Floats:
    if not graph.recipes:
        return np.zeros(len(graph))  # reported by `remarks`
    unit = [
        math.fsum(seconds(call, device, efficiency, memory_efficiency, overhead) for call in calls)
        for calls in graph.recipes
    ]
    return np.asarray(graph.units * np.array(unit)[graph.recipe] / device.speed)


def _remarks(graph: TaskGraph, cluster: Cluster) -> Remarks:
    if not graph.recipes:
        why = "the workload has no kernels with FLOP and bytes; use constant, or items with a kernel, mlp, ..."
        return Remarks([Complaint(("kind",), why)])
    silent = next((call for calls in graph.recipes for call in calls if math.isnan(price(call)[0])), None)
    if silent:
        return Remarks([Complaint(("kind",), f"the kernel {silent.kernel} does not say its FLOP; give it `flops`")])
    unknown = [one.name for one in cluster.devices if math.isnan(one.peak) or math.isnan(one.bandwidth)]
    if unknown:
        why = (
            f"device {unknown[0]} says no peak or bandwidth; write for example 'device: a100-80g', or "
            "'device: {peak: 50 GFLOP/s, bandwidth: 10 GB/s}'"
        )
        return Remarks([Complaint(("kind",), why)])
    return Remarks()
