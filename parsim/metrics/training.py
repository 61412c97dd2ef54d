"""The figures of training: seconds per iteration, utilisation of the devices' peak, the bubble."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from parsim.core.job import Job
from parsim.core.kernel import PARTS
from parsim.core.timeline import Timeline
from parsim.kernels import price
from parsim.sim.pace import pace
from parsim.training.layer import INPUT
from parsim.training.program import Training


def training(job: Job, timeline: Timeline) -> dict[str, Any] | None:
    """Return the figures of training, as in section 2 of the contract; None if the workload does not train.

    `mfu` counts the FLOP of the model: those of forward, and as many for each half of backward that is needed
    (Chowdhery et al., PaLM, 2022, appendix B). `hfu` counts all FLOP of the kernels, including recomputation and
    updates. Both are shares of the devices' peak of the format in which kernels multiply by weights, and null where a
    device does not state it. The bubble is the time in which workers do not compute, as a share of their compute time
    (`bubble_of_ideal`) and of the makespan (`bubble_of_whole`).
    """
    graph, program, makespan = job.graph, job.graph.program, timeline.makespan_s
    if not isinstance(program, Training):
        return None
    done = np.array([math.fsum(price(call)[0] for call in calls) for calls in graph.recipes])[graph.recipe] * job.copies
    peak = math.fsum(
        one.peak.of(graph.precision.with_weights) * one.slots * one.stands_for for one in job.cluster.devices
    )
    rows, cluster = timeline.computes, job.cluster
    busy = (timeline.end_s - timeline.start_s)[rows] * cluster.stands_for[timeline.workers.code[rows]]
    mean = float(busy.sum()) / cluster.p
    return {
        **pace(job, timeline, program)._asdict(),
        "mfu": _share(model_flop(program), peak * makespan),
        "hfu": _share(float(done.sum()), peak * makespan),
        "samples_per_s": program.model.rows * program.iterations / makespan if makespan else 0.0,
        "bubble_of_ideal": makespan / mean - 1 if mean else 0.0,
        "bubble_of_whole": 1 - mean / makespan if makespan else 0.0,
    }


def model_flop(program: Training) -> float:
    """Return the FLOP of the model in all iterations: of forward, and as many for each half of backward needed.

    They depend neither on the split of the batch and the model nor on recomputation in backward.
    """
    model, found = program.model, 0.0
    shapes = model.shapes(range(len(model.layers)), {INPUT: model.batch})
    for number, (layer, known) in enumerate(zip(model.layers, shapes, strict=True)):
        halves = layer.calls(known, PARTS[1:], first=number == 0)
        calls = [*layer.calls(known, ("forward",), first=number == 0), *halves]
        found += math.fsum(price(call._replace(part="forward"))[0] for call in calls)
    return program.iterations * found


def _share(part: float, whole: float) -> float | None:
    if math.isnan(whole):
        return None
    return part / whole if whole else 0.0
