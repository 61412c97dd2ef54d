"""How training is split into tasks, by data or by layers.

    by data      rank 0 |0F0 0B0 0U|  <- sums the gradients of all ranks, updates, and sends the weights back
                 rank 1 |0F1 0B1 ..|     one stage with all layers; each rank has a subset of the batch
    by layers    rank 0 |0F0 0F1 .. 0B0 0B1 0U|   each rank has a stage of neighbouring layers; microbatches run
                 rank 1 |.. 1F0 1B0 1F1 1B1 1U|   in the order of a schedule; gradients are summed on their rank

The order of a rank's tasks is chosen by the policy in a split by data, and by the schedule in a split by layers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Literal, NamedTuple

from parsim.core.cluster import Cluster
from parsim.core.errors import Complaint, Invalid
from parsim.core.op import Op, ops_of
from parsim.core.orders import GIVEN, checked_in_plan, orders_of
from parsim.core.plan import Plan, bounds
from parsim.core.schema import Ask, Count
from parsim.scenario.schema import OneOf
from parsim.schedules import schedules

SCHEDULE = Ask("1f1b")


@dataclass(frozen=True, kw_only=True)
class TrainingPlan(Plan):
    """How training is split: by data into subsets, or by layers into a pipeline.

    Parameters
    ----------
    split : what is cut: data, the batch, and each worker holds the whole model; layers, the model, and each worker
        holds some layers, as a pipeline.
    subsets : parts of the batch, for split: data only; left out: one for each worker.
    pipeline : ranks of the pipeline, for split: layers only; left out: as many as there are workers, and no more than
        layers.
    schedule : order in which each rank runs forwards and backwards, for split: layers only; left out: 1f1b.
    microbatches : parts of the batch that pass through the pipeline one after the other, for split: layers only; left
        out: 1.
    """

    split: Literal["data", "layers"]
    subsets: Count | None = None
    pipeline: Count | None = None
    schedule: Annotated[Ask, OneOf(schedules, given=GIVEN)] | None = None
    microbatches: Count | None = None


class Cut(NamedTuple):
    """A model that is cut by a plan."""

    stages: tuple[range, ...]  # the layers of each
    parts: list[slice]  # the rows of each microbatch or subset
    orders: list[list[Op]]  # on each rank, in one iteration
    ordered: bool  # whether ranks follow their orders


def _slices(count: int, parts: int) -> list[slice]:
    return [slice(a, b) for a, b in pairwise(bounds(count, parts).tolist())]


def cut(plan: TrainingPlan, cluster: Cluster, layers: int, rows: int) -> Cut:
    """Cut a model of *layers* layers and a batch of *rows* rows by the plan."""
    complaints = [
        Complaint(("plan", key), f"does not apply to split: {plan.split}; leave it out", "key")
        for key in _OTHERS[plan.split]
        if getattr(plan, key) is not None
    ]
    by = _by_data if plan.split == "data" else _by_layers
    return by(plan, len(cluster.workers), layers, rows, complaints)


def _by_data(plan: TrainingPlan, workers: int, layers: int, rows: int, complaints: list[Complaint]) -> Cut:
    parts = plan.subsets or min(workers, rows)
    _refuse([*complaints, *_about_parts("subsets", parts, rows)])
    orders = [[Op(0, kind, part) for part in range(rank, parts, workers) for kind in "FB"] for rank in range(workers)]
    return Cut((range(layers),), _slices(rows, parts), orders, ordered=False)


def _by_layers(plan: TrainingPlan, workers: int, layers: int, rows: int, complaints: list[Complaint]) -> Cut:
    ranks, parts = plan.pipeline or min(workers, layers), plan.microbatches or 1
    complaints += _about_parts("microbatches", parts, rows)
    if ranks > min(workers, layers):
        why = (
            f"a pipeline of {ranks} ranks needs {ranks} workers and {ranks} layers, "
            f"but there are {workers} workers and {layers} layers; write a smaller number"
        )
        complaints.append(Complaint(("plan", "pipeline"), why))
    _refuse(complaints)
    stages = tuple(range(a, b) for a, b in pairwise(bounds(layers, ranks).tolist()))
    return Cut(stages, _slices(rows, parts), _orders(plan.schedule or SCHEDULE, ranks, parts), ordered=True)


def _about_parts(name: str, parts: int, rows: int) -> list[Complaint]:
    if parts <= rows:
        return []
    return [Complaint(("plan", name), f"{parts} parts of {rows} items would leave parts empty; write at most {rows}")]


def _refuse(complaints: list[Complaint]) -> None:
    if complaints:
        raise Invalid(complaints)


_OTHERS: dict[str, Sequence[str]] = {"data": ("pipeline", "schedule", "microbatches"), "layers": ("subsets",)}


def _orders(schedule: Ask, ranks: int, microbatches: int) -> list[list[Op]]:
    if schedule is SCHEDULE:
        schedule = schedule._replace(entry=schedules[schedule.name])
    with checked_in_plan():
        actions = orders_of(schedule, ranks, microbatches, 1)
    orders = [ops_of(row) for row in actions]  # what runs as one task there is computed one after the other here
    _refuse([Complaint(("plan", "schedule"), f"{schedule.name} {why}") for why in _apart(orders)])
    return orders


def _apart(orders: list[list[Op]]) -> list[str]:
    """Yield the places where saved values of forward or of a half of backward would have to travel."""
    found = []
    first: dict[tuple[int, int], tuple[int, Op]] = {}  # (stage, microbatch) -> the first rank, and its op
    for rank, order in enumerate(orders):
        for op in order:
            there, other = first.setdefault((op.stage, op.microbatch), (rank, op))
            if there != rank:
                found.append(
                    f"runs {other} on rank {there} and {op} on rank {rank}; training needs forward and "
                    "backward of a microbatch on the same rank"
                )
    return found[:1]
