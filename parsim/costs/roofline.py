"""Roofline: seconds by peak FLOP/s or memory bandwidth, whichever is the limit.

    FLOP/s |      ______ peak x efficiency           seconds of a call = overhead +
           |     /                                       max(FLOP / (peak x efficiency),
           |    /  slope: bandwidth                          bytes / (bandwidth x memory_efficiency))
           +------------- FLOP per byte

A task takes the sum of its kernel calls, divided by `speed`; a call reads and writes its arrays once. The peak is that
of the number format in which the call computes, never of another. Williams, Waterman, Patterson, Roofline: An
Insightful Visual Performance Model, Communications of the ACM 52(4), 2009.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from itertools import islice

import numpy as np

from parsim.core.cluster import Cluster, Device
from parsim.core.errors import Complaint
from parsim.core.graph import Floats, TaskGraph
from parsim.core.job import Cost, Remarks, no_luck
from parsim.core.kernel import ITEM, Call
from parsim.core.precision import BYTES, Precision, lacking
from parsim.core.schema import Share
from parsim.core.units import Seconds
from parsim.costs import costs
from parsim.kernels import kernel_of, price


@costs.add("roofline")
def roofline(efficiency: Share = 1.0, memory_efficiency: Share = 1.0, overhead: Seconds = 0.0) -> Cost:
    """Compute seconds from the FLOP and bytes of kernels, and from the peak and bandwidth of devices.

    Parameters
    ----------
    efficiency : share of the device's peak FLOP/s that kernels reach.
    memory_efficiency : share of the device's memory bandwidth that kernels reach.
    overhead : seconds added to every kernel call.

    >>> from parsim.core.precision import FP64
    >>> from parsim.core.rates import Rates
    >>> device = Device("w0", peak=Rates(1e12), bandwidth=1e11)
    >>> seconds(Call("matmul", (), "forward", ((100, 100), (100, 100))), device, FP64, 0.5)
    4e-06
    """
    return Cost(expected=partial(_expected, efficiency, memory_efficiency, overhead), luck=no_luck, remarks=_remarks)


def seconds(
    call: Call,
    device: Device,
    precision: Precision,
    efficiency: float = 1.0,
    memory_efficiency: float = 1.0,
    overhead: float = 0.0,
) -> float:
    """Return the seconds of a call on *device*, whose arrays are in the format of activations."""
    flops, size = price(call)
    size *= BYTES[precision.activations] / ITEM
    peak = device.peak.of(format_of(call, precision))
    return overhead + max(flops / (peak * efficiency), size / (device.bandwidth * memory_efficiency))


def format_of(call: Call, precision: Precision) -> str:
    """Return the number format in which a kernel computes."""
    return precision.with_weights if getattr(kernel_of(call), "weights", 0) else precision.without_weights


def _expected(
    efficiency: float, memory_efficiency: float, overhead: float, graph: TaskGraph, index: int, device: Device
) -> Floats:
    if not graph.recipes:
        return np.zeros(len(graph))  # reported by `remarks`
    price_of = partial(
        seconds,
        device=device,
        precision=graph.precision,
        efficiency=efficiency,
        memory_efficiency=memory_efficiency,
        overhead=overhead,
    )
    unit = [math.fsum(map(price_of, calls)) for calls in graph.recipes]
    return np.asarray(graph.units * np.array(unit)[graph.recipe] / device.speed)


def _remarks(graph: TaskGraph, cluster: Cluster) -> Remarks:
    if not graph.recipes:
        why = "the workload has no kernels with FLOP and bytes; use constant, or items with a kernel, mlp, ..."
        return Remarks([Complaint(("kind",), why)])
    silent = next((call for calls in graph.recipes for call in calls if math.isnan(price(call)[0])), None)
    if silent:
        return Remarks(
            [Complaint(("kind",), f"the kernel {silent.kernel} does not state its FLOP; give it a method `flops`")]
        )
    return Remarks([Complaint(("kind",), why) for why in islice(unknown(graph.precision, cluster), 1)])


def unknown(precision: Precision, cluster: Cluster) -> Iterator[str]:
    """Yield what devices do not say, and the prices of kernels need."""
    for device in cluster.devices:
        lacks = lacking(precision, device.peak)
        if not device.peak.known or math.isnan(device.bandwidth):
            yield (
                f"device {device.name} has no peak or bandwidth; write for example 'device: a100-80g', or "
                "'device: {peak: 50 GFLOP/s, bandwidth: 10 GB/s}'"
            )
        elif lacks:
            known = ", ".join(name for name, _ in device.peak.by)
            format = lacks[0]
            yield f"device {device.name} has no peak for {format}, the format of the kernels; it has peaks for {known}"
