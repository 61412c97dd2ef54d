"""Stages: a pipeline whose stages have given times.

    stage 0 |F0 F1 .. .. .. I0 W0 I1 W1|        tasks 0F0 0F1 0I0 ..., numbered rank by rank in the schedule's order;
    stage 1 |.. F0 I0 F1 I1 W0 W1 .. ..|        rank r is worker r

    seconds:  F forward    I input_grad    W weight_grad    B input_grad + weight_grad    F and B as one task: their sum
    memory:   an activation from its F until its B, or its W, has ended

The schedule gives the order, the scenario gives the times; dependencies follow from stage, kind and microbatch.
The kinds of op are those of Qi et al., Zero Bubble Pipeline Parallelism, ICLR 2024.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Annotated

import numpy as np

from parsim.core.annotations import MOST
from parsim.core.cluster import Cluster
from parsim.core.columns import NONE, packed
from parsim.core.errors import Complaint, Invalid
from parsim.core.graph import Edges, Floats, Ints, Kept, Numbered, Sends, TaskGraph
from parsim.core.op import LETTERS, OVERLAP, TASKS, Action, Ops, columns, needs, overlap
from parsim.core.orders import GIVEN, StageTimes, checked_in_plan, chunks_of, orders_of
from parsim.core.plan import Plan
from parsim.core.schema import Ask, Count
from parsim.core.units import Bytes, Seconds
from parsim.scenario.schema import OneOf
from parsim.schedules import schedules
from parsim.workloads import workloads

_ONE = {"forward": "time", "input_grad": "time", "weight_grad": "time", "activation": "size"}
_EACH = "one for each stage in model order"

Times = Mapping[str, float | list[float]]  # s of forward, input_grad, weight_grad: one for all stages, or each


@dataclass(frozen=True, kw_only=True)
class StagesPlan(Plan):
    """The number of ranks, and the order in which each runs its microbatches.

    Parameters
    ----------
    pipeline : number of ranks; rank r is worker r. Left out: the number of devices.
    schedule : order in which each rank runs forwards and backwards.
    microbatches : number of microbatches.
    chunks : stages on each rank, for schedules that interleave. Left out: 2 for these and the V shapes, else 1.
    sends : overlapped, a rank computes while it sends; blocking, it starts its next action when what it sends has
        arrived.
    """

    pipeline: Count | None = None
    schedule: Annotated[Ask, OneOf(schedules, given=GIVEN)]
    microbatches: Count
    chunks: Count | None = None
    sends: Sends = "overlapped"


@workloads.add("stages")
def stages(
    cluster: Cluster,
    plan: StagesPlan,
    forward: Seconds | list[Seconds],
    input_grad: Seconds | list[Seconds],
    weight_grad: Seconds | list[Seconds],
    send: Seconds = 0.0,
    activation: Bytes | list[Bytes] = 0.0,
) -> TaskGraph:
    """Make the tasks of a pipeline: rank r is worker r.

    Parameters
    ----------
    forward : seconds of a forward pass of one microbatch, at speed 1: one time for all stages, or a list in model
        order.
    input_grad : seconds of the first half of backward, the gradient of the input: one for all stages, or a list.
    weight_grad : seconds of the second half of backward, the gradient of the weights: one for all stages, or a list.
    send : delay from a stage to its neighbour on another rank.
    activation : bytes that a forward pass of one microbatch leaves for backward: one size for all stages, or a list.
    """
    ranks = plan.pipeline or len(cluster.devices)
    if ranks > len(cluster.workers):
        why = f"a pipeline of {ranks} ranks needs {ranks} workers, but the cluster has {len(cluster.workers)}"
        raise Invalid([Complaint(("plan", "pipeline"), why)])
    chunks = chunks_of(plan.schedule, plan.chunks)
    if ranks * (chunks or 1) * plan.microbatches > MOST:
        raise Invalid(
            [
                Complaint(
                    ("plan", "microbatches"),
                    f"ranks x chunks x microbatches is more than {MOST}; write smaller numbers",
                )
            ]
        )
    times = {"forward": forward, "input_grad": input_grad, "weight_grad": weight_grad}
    if chunks is not None:
        _per_stage({**times, "activation": activation}, ranks * chunks)  # refuse wrong ones before a schedule sees them
    with checked_in_plan():
        orders = orders_of(plan.schedule, ranks, plan.microbatches, chunks, partial(_times, times, send))
    return replace(pipeline(orders, times, send, activation), sends=plan.sends)


def pipeline(
    orders: Sequence[Sequence[Action]], times: Times, send: float, activation: float | list[float] = 0.0
) -> TaskGraph:
    """Make the tasks of a pipeline that follows *orders*, one order a rank.

    >>> from parsim.core.op import Op
    >>> graph = pipeline(
    ...     [[Op(0, "F", 0), Op(0, "B", 0)]], {"forward": 1.0, "input_grad": 1.0, "weight_grad": 0.5}, send=0.0
    ... )
    >>> list(graph.names), graph.stated.tolist(), graph.orders
    (['0F0', '0B0'], [1.0, 1.5], (range(0, 2),))
    """
    ops = columns(orders)
    f, i, w, size = _per_stage({**times, "activation": activation}, int(ops.stage.max()) + 1)
    tasks, begins = int(ops.first[-1]), np.flatnonzero(np.diff(ops.task, prepend=-1))  # the first op of each task
    kind = np.where(np.diff(begins, append=len(ops.task)) > 1, OVERLAP, ops.kind[begins])
    found = needs(ops)
    return TaskGraph(
        names=_names(ops, begins),
        kinds=TASKS,
        kind=kind,
        units=np.ones(tasks),
        places=tuple((rank,) for rank in range(len(orders))),
        place=np.repeat(np.arange(len(orders)), np.diff(ops.first)),
        stated=np.add.reduceat(np.stack([f, i + w, i, w])[ops.kind, ops.stage], begins),  # (tasks,)
        # On every stage boundary: a run applies a delay only between different workers.
        edges=Edges(found.parent, found.child, np.zeros(len(found.parent)), found.crosses * np.float64(send)),
        orders=tuple(range(a, b) for a, b in pairwise(ops.first.tolist())),
        activations=_activations(ops, size) if size.any() else Kept(),
    )


def _activations(ops: Ops, size: Floats) -> Kept:
    """Keep an activation of each stage and microbatch from its F to the last action that needs it."""
    first, last = np.full((2, len(size), int(ops.microbatch.max()) + 1), NONE)
    for letters, found in (("F", first), ("BI", last), ("W", last)):
        rows = np.isin(ops.kind, [LETTERS.index(letter) for letter in letters])
        found[ops.stage[rows], ops.microbatch[rows]] = ops.task[rows]
    stage, microbatch = np.nonzero((first != NONE) & (last != NONE))
    return Kept(first[stage, microbatch], last[stage, microbatch], size[stage])


def _times(times: Times, send: float, stages: int) -> StageTimes:
    forward, input_grad, weight_grad = (tuple(time.tolist()) for time in _per_stage(times, stages))
    return StageTimes(forward, input_grad, weight_grad, send)


def _per_stage(times: Times, count: int) -> list[Floats]:
    complaints = [
        Complaint((name,), f"{len(each)} {_ONE[name]}s for {count} stages; give one {_ONE[name]}, or {_EACH}")
        for name, each in times.items()
        if isinstance(each, Sequence) and len(each) != count
    ]
    if complaints:
        raise Invalid(complaints)
    return [np.broadcast_to(np.asarray(each, np.float64), (count,)) for each in times.values()]


def _names(ops: Ops, begins: Ints) -> Numbered:
    """Name each task like its action; *begins* are the first ops of the tasks."""
    written = partial(_name, packed(ops.stage), packed(ops.kind), packed(ops.microbatch))
    if len(begins) == len(ops.task):
        return Numbered(written, len(begins))
    return Numbered(partial(_action, written, packed(np.append(begins, len(ops.task)))), len(begins))


def _name(stage: Sequence[int], kind: Sequence[int], microbatch: Sequence[int], op: int) -> str:
    return f"{stage[op]}{LETTERS[kind[op]]}{microbatch[op]}"


def _action(written: Callable[[int], str], rows: Sequence[int], task: int) -> str:
    ops = [*map(written, range(rows[task], rows[task + 1]))]
    return overlap(*ops) if len(ops) > 1 else ops[0]
