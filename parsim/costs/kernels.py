"""Kernels: seconds of each kernel of an accelerator's library, from shapes, ceilings and bandwidth; nothing is fitted.

    a product (m, k) (k, n)    max(2 m n k / ceiling (1 + start / k), bytes / (bandwidth x memory_efficiency)) + launch
    all else                   bytes / (bandwidth x memory_efficiency) + launch
    flash attention            max(FLOP / (peak x attention), bytes / ...) + launch

The ceiling is the rate that the best product was measured to reach on the device, in the format in which the kernel
computes; where it is not known, it is a share of the peak. Products of a short k do not reach it, since a tile of the
output takes as long to start and to store whatever k is: `start` is the k at which half of the ceiling is reached.
Bytes are those of the kernel's `moved`: each array once, as Korthikanti et al. count memory (Reducing Activation
Recomputation in Large Transformer Models, 2022). Attention: Dao, FlashAttention-2, 2023, figures 4 and 5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import islice

import numpy as np

from parsim.core.cluster import Cluster, Device
from parsim.core.errors import Complaint
from parsim.core.graph import Floats, TaskGraph
from parsim.core.job import Cost, Remarks, no_luck
from parsim.core.kernel import Call, Product
from parsim.core.precision import BYTES, Precision
from parsim.core.schema import Positive, Share
from parsim.core.units import Seconds
from parsim.costs import costs
from parsim.costs.roofline import format_of, unknown
from parsim.kernels import kernel_of
from parsim.kernels import kernels as shelf


@dataclass(frozen=True)
class Reach:
    """How much of a device's rates kernels reach."""

    ceiling: float
    start: float
    memory: float
    attention: float
    attention_backward: float
    launch: float


@costs.add("kernels")
def kernels(
    ceiling: Share = 0.8,
    start: Positive = 150.0,
    memory_efficiency: Share = 0.78,
    attention: Share = 0.45,
    attention_backward: Share = 0.36,
    launch: Seconds = 4e-6,
) -> Cost:
    """Price every kernel by the shapes of its arrays, on devices that state their peak and bandwidth.

    Parameters
    ----------
    ceiling : share of the peak that products reach, on a device whose measured ceiling is not known.
    start : k of a product (m, k) (k, n) that reaches half of the ceiling.
    memory_efficiency : share of the memory bandwidth that kernels reach.
    attention : share of the peak that fused attention reaches forward.
    attention_backward : share of the peak that fused attention reaches backward.
    launch : seconds from one kernel to the next.
    """
    reach = Reach(ceiling, start, memory_efficiency, attention, attention_backward, launch)
    return Cost(expected=partial(_expected, reach), luck=no_luck, remarks=_remarks)


def seconds(call: Call, device: Device, precision: Precision, reach: Reach) -> float:
    """Return the seconds of a call on *device*.

    >>> from parsim.core.precision import FP64
    >>> from parsim.core.rates import Rates
    >>> reach = Reach(ceiling=0.5, start=100.0, memory=1.0, attention=1.0, attention_backward=1.0, launch=0.0)
    >>> device = Device("w0", peak=Rates(1e12), bandwidth=1e12)
    >>> seconds(Call("matmul", (), "forward", ((100, 100), (100, 100))), device, FP64, reach)  # 2 MFLOP, at 1/4 of 1e12
    8e-06
    """
    kernel = kernel_of(call)
    format = format_of(call, precision)
    rate, memory = device.bandwidth * reach.memory, BYTES[precision.activations]
    found = float(kernel.launches(call.part, *call.shapes)) * reach.launch
    fused = 0.0
    for product in kernel.products(call.part, *call.shapes):
        if product.fused:
            share = reach.attention if call.part == "forward" else reach.attention_backward
            fused += product.computed / (device.peak.of(format) * share)
        else:
            found += max(_product(product, device, format, reach), product.numbers * memory / rate)
    moved: float = kernel.moved(call.part, precision, *call.shapes)
    return found + max(fused, moved / rate)


@lru_cache(10_000)
def _remembered(entry: object, call: Call, device: Device, precision: Precision, reach: Reach) -> float:
    """Return the seconds of a call of an entry of the shelf, which a file of that name may have replaced."""
    return seconds(call, device, precision, reach)


def _product(product: Product, device: Device, format: str, reach: Reach) -> float:
    ceiling = device.ceiling.of(format)
    if math.isnan(ceiling):
        ceiling = device.peak.of(format) * reach.ceiling
    return product.computed / ceiling * (1.0 + reach.start / product.k)


def _expected(reach: Reach, graph: TaskGraph, index: int, device: Device) -> Floats:
    if not graph.recipes:
        return np.zeros(len(graph))  # reported by `remarks`
    own = device._replace(name="", stands_for=1)
    known, same = dict[Call, float](), dict[int, float]()  # by identity, which is found sooner: layers share calls
    entries = shelf.entries()
    unit = []
    for calls in graph.recipes:
        for call in calls:
            if id(call) not in same:
                if call not in known:
                    known[call] = _remembered(entries[call.kernel], call, own, graph.precision, reach)
                same[id(call)] = known[call]
        unit.append(math.fsum([same[id(call)] for call in calls]))
    return np.asarray(graph.units * np.array(unit)[graph.recipe] / device.speed)


def _remarks(graph: TaskGraph, cluster: Cluster) -> Remarks:
    if not graph.recipes:
        why = "the workload has no kernels with shapes; use constant, or a model such as transformer or mlp"
        return Remarks([Complaint(("kind",), why)])
    return Remarks([Complaint(("kind",), why) for why in islice(unknown(graph.precision, cluster), 1)])
