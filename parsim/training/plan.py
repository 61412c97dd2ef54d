"""How training is divided into tasks: by degrees of parallelism, or by one of two splits.

    degrees          rank 0 |0F0 0F1 .. 0B0 0B1 0U|   a pipeline as of split: layers in each replica; devices share
                     rank 1 |.. 1F0 1B0 1F1 1B1 1U|   layers, and replicas add up their gradients
    split: data      rank 0 |0F0 0B0 0U|  <- sums the gradients of all ranks, updates, and sends the weights back
                     rank 1 |0F1 0B1 ..|     one stage with all layers; each rank has a subset of the batch
    split: layers    rank 0 |0F0 0F1 .. 0B0 0B1 0U|   each rank has a stage of neighbouring layers; microbatches run
                     rank 1 |.. 1F0 1B0 1F1 1B1 1U|   in the order of a schedule; gradients are summed on their rank

The order of a rank's tasks is chosen by the policy with split: data, and else by the schedule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Annotated, Literal, NamedTuple, Protocol

import numpy as np

from parsim.collectives import collectives
from parsim.core.algorithm import GIVEN as QUESTION
from parsim.core.cluster import Cluster
from parsim.core.columns import Floats
from parsim.core.errors import Complaint, Invalid
from parsim.core.graph import Sends
from parsim.core.op import Op, Ops, columns, ops_of, placement
from parsim.core.orders import GIVEN, StageTimes, checked_in_plan, chunks_of, orders_of, unit_times
from parsim.core.plan import Plan, bounds
from parsim.core.schema import Ask, Count
from parsim.core.signatures import taken
from parsim.core.units import Bytes
from parsim.scenario.schema import OneOf
from parsim.schedules import schedules
from parsim.shardings import shardings
from parsim.training.degrees import ORDER, Degree, Degrees, about_batch, uneven
from parsim.training.model import Model
from parsim.training.partition import Ranges, Stages, balanced, evenly, stated
from parsim.training.shards import Shards
from parsim.training.stage import Recompute

SCHEDULE = Ask("1f1b")


@dataclass(frozen=True, kw_only=True)
class TrainingPlan(Plan):
    """How training is divided: by degrees of parallelism, or by one of the two splits.

    Parameters
    ----------
    split : in place of degrees. data: a parameter server; each worker has the whole model and a part of the batch, and
        the first one adds up all gradients. layers: each worker has some layers, as a pipeline.
    data : replicas, each with a part of the batch; left out: 1.
    tensor : devices that share the products of a layer; left out: 1.
    context : devices that share each sequence; left out: 1.
    expert : devices, among data x context, that share the experts of a block; left out: 1.
    order : the degrees from the innermost on: devices with neighbouring numbers share the first. Left out: tensor,
        context, expert, data, pipeline.
    sequence_parallel : whether tensor ranks also divide the rows of norms, sums and dropout; left out: true.
    sharding : what data ranks share of weights, gradients and optimizer state; left out: none.
    bucket : bytes of gradients that data ranks add up at once, in whole layers; zero3 adds up each. Left out: 25 MB.
    algorithm : who sends what to whom in collectives; operations that it does not have are as auto chooses. Left out:
        auto.
    detail : how exchanges within a layer are played: stages, all those of an action as one, priced on an idle network;
        layers, one by one. Left out: stages.
    microbatch_size : samples of a microbatch, for degrees. batch = data x microbatches x microbatch_size, and any two
        give the third.
    subsets : parts of the batch, for split: data only; left out: one for each worker.
    pipeline : ranks of the pipeline; left out: 1, and for split: layers as many as there are workers, and no more than
        layers.
    schedule : order in which each rank runs forwards and backwards; left out: 1f1b.
    chunks : stages on each rank, for schedules that interleave; left out: 2 for these and the V shapes, else 1.
    stages : layers of each stage: cost, the slowest stage is as fast as it can be; count, equal numbers of blocks;
        framework, embedding and head count as a block each; or a list. Left out: cost where the cost knows the layers,
        else framework.
    sends : overlapped, a rank computes while it sends; blocking, it starts its next action when what it sends has
        arrived; not for split: data. Left out: overlapped.
    microbatches : parts of the batch, of each replica or with split: data of each subset, that are computed one after
        the other; their gradients are summed. Left out: 1, or what batch and microbatch_size give.
    recompute : what backward computes again in place of keeping it: none; selective, the inside of attention; full,
        whole blocks, but for embedding and head; or a list with one of these for each layer. Left out: none.
    """

    split: Literal["data", "layers"] | None = None
    data: Count | None = None
    tensor: Count | None = None
    context: Count | None = None
    expert: Count | None = None
    order: list[Degree] | None = None
    sequence_parallel: bool | None = None
    sharding: Annotated[Ask, OneOf(shardings)] | None = None
    bucket: Bytes | None = None
    algorithm: Annotated[Ask, OneOf(collectives, given=QUESTION)] | None = None
    detail: Literal["stages", "layers"] | None = None
    microbatch_size: Count | None = None
    subsets: Count | None = None
    pipeline: Count | None = None
    schedule: Annotated[Ask, OneOf(schedules, given=GIVEN)] | None = None
    chunks: Count | None = None
    stages: Stages | None = None
    sends: Sends | None = None
    microbatches: Count | None = None
    recompute: Recompute | list[Recompute] = "none"

    @property
    def degrees(self) -> Degrees:
        """The degrees of parallelism; one that is left out is 1."""
        said = {name: getattr(self, name) for name in ORDER}
        order = tuple(self.order) if self.order else ORDER
        return Degrees(**{name: value for name, value in said.items() if value}, order=order)

    @property
    def shards(self) -> Shards:
        """What a device holds of each layer."""
        one = self.degrees
        return Shards(one.tensor, one.context, one.expert, sequence=self.sequence_parallel is not False)

    def samples(self, batch: int | None) -> int | None:
        """Return the samples of a batch: as stated, or what microbatches and their size give."""
        data, each = self.data or 1, self.microbatch_size
        if self.split or not each:
            return batch
        made = data * (self.microbatches or 1) * each
        if batch is None:
            return made
        if self.microbatches and made != batch:
            told = f"data {data} x microbatches {self.microbatches} x microbatch_size {each}"
            raise Invalid([uneven("microbatch_size", f"{told} are {made}, and the batch has {batch}")])
        return batch

    def rows(self, batch: int) -> int:
        """Return the samples of a microbatch of a batch, or of the largest."""
        if self.split:
            return -(-batch // (self.microbatches or 1))
        of_replica = batch // (self.data or 1)
        return of_replica // self.microbatches if self.microbatches else self.microbatch_size or of_replica

    def about_batch(self, rows: int) -> Iterator[Complaint]:
        """Yield a complaint unless replicas, and microbatches in them, get equal parts of a batch."""
        return about_batch(rows, self.data or 1, self.microbatches, self.microbatch_size)

    def recomputed(self, model: Model) -> tuple[Recompute, ...]:
        """Return what is computed again in each layer; one for all means the blocks."""
        if not isinstance(self.recompute, str):
            return tuple(self.recompute)
        every = range(len(model.layers))
        return tuple("none" if number in model.beside else self.recompute for number in every)


def workers_of(plan: object) -> int:
    """Return the number of workers that the degrees of a plan make; 0: it has no degrees."""
    return plan.degrees.devices if isinstance(plan, TrainingPlan) and not plan.split else 0


class Cut(NamedTuple):
    """A model that is cut by a plan."""

    stages: Ranges  # the layers of each
    parts: list[slice]  # the rows of each microbatch or subset
    orders: list[list[Op]]  # on each rank, in one iteration
    ops: Ops  # the same orders as columns
    ordered: bool  # whether ranks follow their orders
    recompute: tuple[Recompute, ...]  # of each layer
    sends: Sends = "overlapped"
    in_turn: int = 1  # microbatches of which each waits for the backward of the one before, from the first on


class Known(Protocol):
    """The seconds of a model's layers and stages for a microbatch, before it is cut."""

    def layers(self, device: int) -> Floats | None:
        """Return the seconds of forward and backward of each layer, (layers,), or None where they are not known."""

    def stages(self, ranges: Ranges, devices: Sequence[int]) -> StageTimes:
        """Return the times of stages on their devices."""


def cut(plan: TrainingPlan, cluster: Cluster, model: Model, known: Known) -> Cut:
    """Cut a model and its batch by the plan, whose degrees fit the cluster and the batch."""
    where = f"split: {plan.split}" if plan.split else "degrees of parallelism"
    complaints = [
        Complaint(("plan", key), f"does not apply to {where}; leave {_which(plan, key)} out", "key")
        for key in _OTHERS[plan.split]
        if getattr(plan, key) is not None
    ]
    recompute, layers = plan.recomputed(model), len(model.layers)
    if len(recompute) != layers:
        why = f"has {len(recompute)} entries, and the model has {layers} layers; give one for all, or one a layer"
        complaints.append(Complaint(("plan", "recompute"), why))
    by = {"data": _by_data, "layers": _by_layers, None: _by_degrees}[plan.split]
    return by(plan, cluster, model, known, complaints)._replace(recompute=recompute)


def _by_data(plan: TrainingPlan, cluster: Cluster, model: Model, known: Known, complaints: list[Complaint]) -> Cut:
    workers, each = len(cluster.workers), plan.microbatches or 1
    subsets = plan.subsets or min(workers, model.rows)
    complaints += _about_parts("subsets", subsets, model.rows)
    if not complaints:
        complaints += _about_parts("microbatches", each, model.rows // subsets)
    _refuse(complaints)
    parts = [
        slice(subset.start + part.start, subset.start + part.stop)
        for subset in _slices(model.rows, subsets)
        for part in _slices(subset.stop - subset.start, each)
    ]
    orders = [
        [Op(0, kind, part) for subset in range(rank, subsets, workers) for part in _of(subset, each) for kind in "FB"]
        for rank in range(workers)
    ]
    whole = (range(len(model.layers)),)
    return Cut(whole, parts, orders, columns(orders), ordered=False, recompute=(), in_turn=each)


def _of(subset: int, each: int) -> range:
    """Return the numbers of the microbatches of a subset."""
    return range(subset * each, (subset + 1) * each)


def _by_layers(plan: TrainingPlan, cluster: Cluster, model: Model, known: Known, complaints: list[Complaint]) -> Cut:
    workers, layers = len(cluster.workers), len(model.layers)
    chunks = chunks_of(_schedule(plan.schedule), plan.chunks) or 1
    ranks = plan.pipeline or min(workers, max(layers // chunks, 1))
    complaints += _about_parts("microbatches", plan.microbatches or 1, model.rows)
    if ranks > workers:
        why = f"a pipeline of {ranks} ranks needs {ranks} workers, the cluster has {workers}"
        complaints.append(uneven("pipeline", why))
    parts = _slices(model.rows, plan.microbatches or 1)
    devices = cluster.device_of_worker[:ranks]
    return _piped(plan, Ranks(devices, parts, plan.sends or "overlapped"), model, known, complaints)


def _by_degrees(plan: TrainingPlan, cluster: Cluster, model: Model, known: Known, complaints: list[Complaint]) -> Cut:
    _refuse(complaints)
    degrees, rows = plan.degrees.part(cluster.times), model.rows // (plan.data or 1)
    parts = _slices(rows, rows // plan.rows(model.rows))
    _, first = np.unique(degrees.coordinate("pipeline"), return_index=True)
    devices = [cluster.device_of_worker[place] for place in first.tolist()]
    found = _piped(plan, Ranks(devices, parts, plan.sends or "overlapped"), model, known, complaints)
    if any(len(places) > 1 for places in placement(found.ops)):
        why = f"{plan.schedule.name if plan.schedule else ''} runs each stage on two ranks, which only split: layers"
        _refuse([Complaint(("plan", "schedule"), f"{why} can do; use dualpipev, or split: layers", code="schedule")])
    return found


class Ranks(NamedTuple):
    """The ranks of a pipeline: the device of each, the rows of each microbatch, and how they send."""

    devices: Sequence[int]
    parts: list[slice]
    sends: Sends = "overlapped"


def _piped(plan: TrainingPlan, ranks: Ranks, model: Model, known: Known, complaints: list[Complaint]) -> Cut:
    """Cut a model into the stages of a pipeline."""
    layers, count, parts = len(model.layers), len(ranks.devices), len(ranks.parts)
    schedule = _schedule(plan.schedule)
    chunks = chunks_of(schedule, plan.chunks) or 1
    if count * chunks > layers:
        made = f"{count} ranks x {chunks} chunks" if chunks > 1 else f"{count} ranks"
        also = ", embedding and head included" if model.beside else ""
        why = f"{made} make {count * chunks} stages, and the model has {layers} layers{also}"
        complaints.append(uneven("chunks" if plan.chunks and plan.chunks > 1 else "pipeline", why))
    _refuse(complaints)
    orders, ops = _orders(schedule, count, parts, chunks, unit_times)
    devices = [ranks.devices[places[0]] for places in placement(ops)]
    stages = _stages(plan, model, known, len(devices), devices)
    if taken(schedule.entry, ["times"]):
        orders, ops = _orders(schedule, count, parts, chunks, lambda number: known.stages(stages, devices))
    return Cut(stages, ranks.parts, orders, ops, ordered=True, recompute=(), sends=ranks.sends)


def _stages(plan: TrainingPlan, model: Model, known: Known, stages: int, devices: Sequence[int]) -> Ranges:
    layers, beside = len(model.layers), model.beside
    if isinstance(plan.stages, list):
        return stated(layers, beside, plan.stages, stages)
    if plan.stages == "count":
        if stages > layers - len(beside):
            why = f"count puts a block into each stage; {stages} stages need as many blocks, and there are "
            raise Invalid([uneven("stages", f"{why}{layers - len(beside)}; use cost or framework")])
        return evenly(layers, beside, stages)
    seconds = {device: known.layers(device) for device in set(devices)} if plan.stages != "framework" else {}
    found = [column for device in devices if (column := seconds.get(device)) is not None]
    if len(found) == stages:
        return balanced(np.array(found))
    if plan.stages == "cost":
        why = "cost needs a cost that knows the seconds of layers, such as roofline; use count or framework"
        raise Invalid([Complaint(("plan", "stages"), why)])
    return evenly(layers, (), stages)


def _slices(count: int, parts: int) -> list[slice]:
    return [slice(a, b) for a, b in pairwise(bounds(count, parts).tolist())]


def _about_parts(name: str, parts: int, rows: int) -> list[Complaint]:
    if parts <= rows:
        return []
    return [uneven(name, f"{parts} parts of {rows} items; there are no empty parts")]


def _refuse(complaints: list[Complaint]) -> None:
    if complaints:
        raise Invalid(complaints)


def _which(plan: TrainingPlan, key: str) -> str:
    """Say which of two keys that do not go together may be left out."""
    return "it or split" if plan.split and key in (*_DEGREES, *_WITH_DEGREES) else "it"


_DEGREES = ("data", "tensor", "context", "expert", "order")
_WITH_DEGREES = ("sequence_parallel", "sharding", "bucket", "algorithm", "detail", "microbatch_size")
_OTHERS = {
    "data": (*_DEGREES, *_WITH_DEGREES, "pipeline", "schedule", "chunks", "stages", "sends"),
    "layers": (*_DEGREES, *_WITH_DEGREES, "subsets"),
    None: ("subsets",),
}


def _schedule(schedule: Ask | None) -> Ask:
    return schedule or SCHEDULE._replace(entry=schedules[SCHEDULE.name])


def _orders(
    schedule: Ask, ranks: int, parts: int, chunks: int, times: Callable[[int], StageTimes]
) -> tuple[list[list[Op]], Ops]:
    with checked_in_plan():
        actions = orders_of(schedule, ranks, parts, chunks, times)
    orders = [ops_of(row) for row in actions]  # what runs as one task there is computed one after the other here
    ops = columns(orders)
    _refuse([Complaint(("plan", "schedule"), f"{schedule.name} {why}", code="schedule") for why in _apart(orders, ops)])
    return orders, ops


def _apart(orders: list[list[Op]], ops: Ops) -> list[str]:
    """Return the first place where saved values of forward or of a half of backward would have to travel."""
    rank = np.repeat(np.arange(len(orders)), np.diff(ops.first))
    home = np.full((int(ops.stage.max()) + 1, int(ops.microbatch.max()) + 1), len(orders))
    np.minimum.at(home, (ops.stage, ops.microbatch), rank)
    away = np.flatnonzero(home[ops.stage, ops.microbatch] != rank)
    if not len(away):
        return []
    flat = [*chain.from_iterable(orders)]
    op = flat[away[0]]
    other = next(one for one in flat if (one.stage, one.microbatch) == (op.stage, op.microbatch))
    return [
        f"runs {other} on rank {home[op.stage, op.microbatch]} and {op} on rank {rank[away[0]]}; training needs "
        "forward and backward of a microbatch on the same rank"
    ]
