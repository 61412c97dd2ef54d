"""The figures of training: seconds per iteration, utilisation of the devices' peak, the bubble."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import numpy as np

from parsim.core.cluster import Device
from parsim.core.job import Job
from parsim.core.kernel import PARTS, Call, Shape
from parsim.core.timeline import Timeline
from parsim.kernels import products_of
from parsim.sim.pace import pace
from parsim.training.layer import INPUT, LABELS, OUTPUT, Layer
from parsim.training.model import Model
from parsim.training.program import Training

SECONDS_PER_HOUR = 3600.0


def training(job: Job, timeline: Timeline) -> dict[str, Any] | None:
    """Return the figures of training, as in section 2 of the contract; None if the workload does not train.

    `mfu` counts the FLOP of the model, `hfu` all products that the kernels compute, including those that are computed
    again. Both are shares of the devices' peak in the format in which kernels multiply by weights, and null where a
    device does not state it. They rest on `iteration_s`, as do samples and tokens a second. The bubble is the time in
    which workers do not compute, of a pipeline those with a rank, as a share of their compute time (`bubble_of_ideal`)
    and of the makespan (`bubble_of_whole`).
    """
    graph, program, makespan = job.graph, job.graph.program, timeline.makespan_s
    if not isinstance(program, Training):
        return None
    done = np.array(_flop(graph.recipes))[graph.recipe] * job.copies
    peak = math.fsum(
        one.peak.of(graph.precision.with_weights) * one.slots * one.stands_for for one in job.cluster.devices
    )
    rows, cluster, model, found = timeline.computes, job.cluster, program.model, pace(job, timeline, program)
    tokens = math.prod(model.batch) if model.tokens else math.nan
    busy = (timeline.end_s - timeline.start_s)[rows] * cluster.stands_for[timeline.workers.code[rows]]
    mean, took = float(busy.sum()) / job.ranks, found.iteration_s
    return {
        **found._asdict(),
        "mfu": _share(model_flop(model), peak * took),
        "hfu": _share(float(done.sum()) / program.iterations, peak * took),
        "samples_per_s": model.rows / took if took else 0.0,
        "tokens_per_s": _share(tokens, took),
        "bubble_of_ideal": makespan / mean - 1 if mean else 0.0,
        "bubble_of_whole": 1 - mean / makespan if makespan else 0.0,
        **expenses(cluster.devices, took, tokens),
    }


def expenses(devices: Iterable[Device], iteration_s: float, tokens: float) -> dict[str, float | None]:
    """Return what an iteration and a million tokens cost, in money and in energy; None: a device does not say.

    All devices are paid for, and draw their power, all the time. So the energy is an upper bound of what they take;
    their hosts, the network and the cooling are not part of it. *tokens* of an iteration, NaN: it has none.

    >>> expenses([Device("w0", price=4.5, power=400.0)], 2.0, 1000.0)["cost_usd"]
    0.0025
    """
    price, power = (math.fsum(getattr(one, key) * one.stands_for for one in devices) for key in ("price", "power"))
    cost, energy = price / SECONDS_PER_HOUR * iteration_s, power * iteration_s
    return {
        "cost_usd": _share(cost, 1.0),
        "energy_j": _share(energy, 1.0),
        "cost_usd_per_million_tokens": _share(cost, tokens / 1e6),
        "energy_j_per_million_tokens": _share(energy, tokens / 1e6),
    }


def model(job: Job) -> dict[str, Any] | None:
    """Return the figures of the model, as in section 2 of the contract; None if the workload does not train."""
    program = job.graph.program
    if not isinstance(program, Training):
        return None
    return {
        "parameters": program.model.parameters,
        "layers": len(program.model.layers),
        "made_of": program.model.made_of,
        "flop_per_iteration": model_flop(program.model),
        "precision": str(program.precision),
    }


def _flop(recipes: Sequence[Sequence[Call]]) -> list[float]:
    """Return the FLOP of the products of each recipe."""
    of, same = cache(product_flop), dict[int, float]()  # by identity, which is found sooner: recipes share calls
    for calls in recipes:
        for call in calls:
            if id(call) not in same:
                same[id(call)] = of(call)
    return [math.fsum([same[id(call)] for call in calls]) for calls in recipes]


def product_flop(call: Call) -> float:
    """Return the FLOP of the products of matrices in a call."""
    return math.fsum(product.flop for product in products_of(call))


def model_flop(model: Model) -> float:
    """Return the FLOP of an iteration: of the products of forward and backward, without those that are computed again.

    They depend neither on the split of the batch and the model nor on recomputation. Chowdhery et al., PaLM, 2022,
    appendix B; without recomputation, formula 3 of Narayanan et al., SC 2021, gives the same.
    """
    found, given = 0.0, model.batch
    known: dict[tuple[int, Shape, bool], tuple[float, Shape]] = {}
    for number, layer in enumerate(model.layers):
        key = id(layer), given, number == 0
        if key not in known:
            known[key] = _layer_flop(layer, model, given, number == 0)
        flop, given = known[key]
        found += flop
    return found


def _layer_flop(layer: Layer, model: Model, given: Shape, first: bool) -> tuple[float, Shape]:
    """Return the FLOP of a layer, and the shape of its output."""
    shapes = layer.shapes({INPUT: given, LABELS: (given[0], *model.labels[1:])})
    calls = [*layer.calls(shapes, ("forward",), first), *layer.calls(shapes, PARTS[1:], first)]
    found = (product.flop for call in calls for product in products_of(call) if not product.again)
    return math.fsum(found), shapes[OUTPUT]


def _share(part: float, whole: float) -> float | None:
    if math.isnan(part) or math.isnan(whole):
        return None
    return part / whole if whole else 0.0
