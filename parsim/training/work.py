"""Shared parts of the workloads that train: ops of named kernels, and the tasks of a model."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from parsim.collectives import collectives
from parsim.core.annotations import MOST
from parsim.core.cluster import Cluster
from parsim.core.columns import Floats
from parsim.core.errors import Complaint, Invalid, checked_below
from parsim.core.fold import every_device
from parsim.core.graph import Numbered, TaskGraph
from parsim.core.job import Cost
from parsim.core.kernel import Call, arguments_of, size
from parsim.core.orders import StageTimes
from parsim.core.precision import Precision, PrecisionForm, lacking, precision_of
from parsim.core.schema import Ask
from parsim.core.sharding import Sharding
from parsim.kernels import kernels
from parsim.training.communicators import AUTO, Communicators, NotRepeated
from parsim.training.computed import ComputedTraining
from parsim.training.counted import about_degrees
from parsim.training.degrees import Degrees
from parsim.training.exchange import NAME as EXCHANGE
from parsim.training.exchange import exchanged
from parsim.training.fold import fold_of
from parsim.training.layout import BACKWARD, FORWARD, INPUT_GRAD, WEIGHT_GRAD
from parsim.training.many import about_actions, about_tasks, ranks_of
from parsim.training.model import Model
from parsim.training.partition import Ranges
from parsim.training.plan import TrainingPlan, cut
from parsim.training.pricing import prices
from parsim.training.program import Training, Update
from parsim.training.replicas import tasks_of
from parsim.training.sharded import Parallelism, Prices, ShardedTraining
from parsim.training.shards import WHOLE, Shards
from parsim.training.stage import Recompute, Stages
from parsim.training.tasks import KINDS

OPTIMIZER = Ask("sgd")
BUCKET = 25e6  # B of gradients, as PyTorch's DistributedDataParallel adds up at once
MOST_COMPUTED = 100_000  # tasks that are really computed
MOST_WEIGHTS = 1e8  # weights of a model that is really trained


class Regime(NamedTuple):
    """How a model is trained: the kernel that updates, the number of steps, and the number formats."""

    optimizer: Ask  # by name: the shelf of kernels has the entry
    iterations: int
    precision: PrecisionForm | None


Make = Callable[[Shards], Model]


def whole(model: Model) -> Make:
    """Return the maker of a model whose layers devices do not share."""

    def make(shards: Shards) -> Model:
        refuse_degrees(shards, ("tensor", "context", "expert"))
        return model

    return make


def refuse_degrees(shards: Shards, names: Sequence[str]) -> None:
    """Raise `Invalid` if devices share layers in a way that is only for transformers."""
    why = "applies to transformers and mixtures of experts; leave it out"
    wrong = [Complaint(("plan", name), why, "key") for name in names if getattr(shards, name) > 1]
    if wrong:
        raise Invalid(wrong)


def training(cluster: Cluster, plan: TrainingPlan, cost: Cost | None, make: Make, regime: Regime) -> TaskGraph:
    """Make the tasks that train a model, given what makes its layers as a device holds them."""
    optimizer, iterations, precision = regime
    model = make(WHOLE)
    entry = kernels[optimizer.name]
    complaints = []
    if not hasattr(inspect.unwrap(entry), "rows"):  # also for a class from outside
        why = f"the kernel {optimizer.name} does not update weights; use sgd or adam"
        complaints.append(Complaint(("optimizer",), why))
    with checked_below("precision"):
        formats = precision_of(precision, [device.peak for device in cluster.devices])
    complaints += _about_precision(precision, formats, cluster)
    workers = len(cluster.workers) if cluster.fold == "off" or plan.split else plan.degrees.pipeline  # at least
    ranks = ranks_of(plan, workers, len(model.layers), model.rows)
    crowd = [*about_actions(plan, ranks, model.rows, iterations)]
    if crowd:
        raise Invalid(complaints + crowd)
    own, parallelism = (model, None) if plan.split else sharded(plan, cluster, model.rows, make, formats)
    rows = plan.rows(model.rows)
    priced = parallelism.prices if parallelism else {}
    known = Seconds(cluster, cost, own, formats, plan.recomputed(model), rows, priced)
    parts = cut(plan, cluster, model, known)
    tasks = iterations * (sum(map(len, parts.orders)) + len(parts.stages))
    if tasks > MOST:
        complaints.append(Complaint(("iterations",), f"makes {tasks} tasks, but at most {MOST} are allowed"))
    if complaints:
        raise Invalid(complaints)
    arguments = dict(optimizer.arguments)
    with checked_below("optimizer"):
        update = Update(optimizer.name, arguments_of(arguments), entry(**arguments))
    adding, summing = (Update(name, (), kernels[name]()) for name in ("accumulate", "reduce"))
    program = Training(model, parts, update, adding, summing, iterations, formats)
    if parallelism:
        others = (make(plan.shards._replace(expert_rank=1)),) if own.unequal else ()
        program = ComputedTraining(
            **vars(program), own=own, parallelism=parallelism, others=others, fold=every_device(cluster)
        )
        if cluster.outlined:
            return _outline(program)
        program = replace(program, fold=fold_of(program, cluster, cost))
        if cluster.times > 1 and program.fold.why:
            raise NotRepeated
        crowd = [*about_tasks(program)]
    if crowd:
        raise Invalid(crowd)
    return tasks_of(program)


def _outline(program: Training) -> TaskGraph:
    """Return a graph without tasks."""
    none = np.zeros(0, np.int64)
    return TaskGraph((), KINDS, none, none.astype(np.float64), (), none, precision=program.precision, program=program)


def sharded(
    plan: TrainingPlan, cluster: Cluster, rows: int, make: Make, formats: Precision
) -> tuple[Model, Parallelism]:
    """Return what a device holds of a model, and how devices exchange, for a batch of *rows*."""
    degrees, workers = plan.degrees, len(cluster.workers) * cluster.times
    complaints = [*(_about_slots(cluster) or degrees.complaints(workers)), *plan.about_batch(rows)]
    complaints += _about_prefetch(plan)
    if complaints:
        raise Invalid(complaints)
    own = make(plan.shards)
    stages = Stages(own, (range(len(own.layers)),), formats, plan.recomputed(own))
    communicators = Communicators(cluster, plan.algorithm or Ask(AUTO, collectives[AUTO]))
    priced = prices(stages, plan.rows(rows), degrees.part(cluster.times), cluster, communicators)
    if plan.detail != "layers" and (changing := _about_changes(cluster)):
        raise Invalid(changing)
    sharding = plan.sharding.make() if plan.sharding else Sharding()
    bucket = BUCKET if plan.bucket is None else plan.bucket
    one_by_one = plan.detail == "layers"
    return own, Parallelism(degrees, sharding, bucket, one_by_one, priced, communicators, cluster.times)


def _about_slots(cluster: Cluster) -> list[Complaint]:
    """Return a complaint if a device has several slots: degrees of parallelism give each device one part."""
    several = [device for device in cluster.devices if device.slots > 1][:1]
    why = "degrees of parallelism need one slot a device, and {} has {}; leave slots out"
    return [Complaint(("plan",), why.format(device.name, device.slots)) for device in several]


def _about_changes(cluster: Cluster) -> list[Complaint]:
    """Return a complaint if a link of exchanges within layers changes over time: they have one price for the run."""
    names = [cluster.links[link].name for link in cluster.profiles][:1]
    why = "the bandwidth of link {} changes over time, but exchanges within layers are priced once for the whole run"
    return [Complaint(("plan",), f"{why.format(name)}; write detail: layers, which plays them") for name in names]


def _about_prefetch(plan: TrainingPlan) -> list[Complaint]:
    """Return a complaint if inputs from the host shall travel early: devices read their batch locally."""
    why = "has no effect under degrees of parallelism, where nothing comes from the host; leave it out, or write "
    what = f"sharding: {{kind: zero3, prefetch: {plan.prefetch}}} to gather weights of so many layers ahead"
    return [Complaint(("plan", "prefetch"), why + what, "key")] if plan.prefetch else []


def _about_precision(asked: PrecisionForm | None, formats: Precision, cluster: Cluster) -> list[Complaint]:
    """Return a complaint if a device has no peak for the formats of a precision that is stated; fp64 is for any."""
    if asked is None or asked == "fp64":
        return []
    for device in cluster.devices:
        if device.peak.known and (missing := lacking(formats, device.peak)):
            known = ", ".join(name for name, _ in device.peak.by)
            why = f"device {device.name} has no peak for {missing[0]}; it has peaks for {known}"
            return [Complaint(("precision",), f"{why}; choose another precision, or state the peak")]
    return []


def not_computed(training: Training) -> list[Complaint]:
    """Return why a training cannot be really computed, on the clocks live and replayed."""
    complaints = [
        Complaint(("workload",), f"{what} is counted and not computed; use clock: simulated, or {instead}")
        for what, instead in training.model.uncomputed
    ]
    degrees = training.parallelism.degrees if isinstance(training, ShardedTraining) else Degrees()
    copies = degrees.devices // degrees.pipeline  # of each stage, or of a part of it
    if len(training.cut.parts) * degrees.data > 1:
        complaints += [
            Complaint(
                ("workload",), f"{what} depends on how the batch is cut; compute it in one part, or use {instead}"
            )
            for what, instead in training.model.by_part
        ]
    if isinstance(training, ShardedTraining):
        complaints += about_degrees(training)
    if training.cut.sends == "blocking":
        why = "worker processes compute while they send; leave sends out, or use clock: simulated"
        complaints.append(Complaint(("plan", "sends"), why))
    weights = copies * sum(size(*shapes) for shapes in training.weights)
    if weights > MOST_WEIGHTS:
        where = f" on {degrees.devices} devices" if copies > 1 else ""
        why = f"makes a model of {weights:.0f} weights{where}, but at most {MOST_WEIGHTS:.0f} are really trained"
        complaints.append(Complaint(("workload",), f"{why}; write smaller sizes, or use clock: simulated"))
    tasks = copies * len(training.layout.iteration)
    if tasks > MOST_COMPUTED:
        why = f"makes {tasks} tasks, but at most {MOST_COMPUTED} are really computed; write fewer iterations"
        complaints.append(Complaint(("workload", "iterations"), why))
    return complaints


@dataclass(frozen=True)
class Seconds:
    """The seconds of layers and stages of a model on a cluster, before it is cut.

    Parameters
    ----------
    rows : of a microbatch.
    prices : seconds of the exchanges of layers that devices share.
    """

    cluster: Cluster
    cost: Cost | None
    model: Model
    precision: Precision
    recompute: tuple[Recompute, ...]
    rows: int
    prices: Prices

    def layers(self, device: int) -> Floats | None:
        """Return the seconds of forward and backward of each layer, (layers,), or None where they are not known."""
        kind = self.cost.alike(device, self.cluster.devices[device]) if self.cost else None
        if kind not in self._known:
            self._known[kind] = self._layers(device)
        return self._known[kind]

    @cached_property
    def _known(self) -> dict[Hashable, Floats | None]:
        """The seconds of layers, once for devices that the cost does not tell apart."""
        return {}

    def _layers(self, device: int) -> Floats | None:
        every = range(len(self.model.layers))
        layered = self._stages((every,)).layered(every, self.rows)
        calls = {id(one): (*one.calls[FORWARD], *one.calls[BACKWARD]) for one in layered}  # of alike layers once
        place = {key: number for number, key in enumerate(calls)}
        found = self.of([*calls.values()], device)
        return None if found is None else found[[place[id(one)] for one in layered]]

    def stages(self, ranges: Ranges, devices: Sequence[int]) -> StageTimes:
        """Return the times of stages on their devices; 1 s each where they are not known."""
        kinds, times, stages = (FORWARD, INPUT_GRAD, WEIGHT_GRAD), [], self._stages(ranges)
        for number, device in enumerate(devices):
            calls = stages.price(number, self.rows).calls
            found = self.of([calls[kind] for kind in kinds], device)
            times.append((1.0, 1.0, 1.0) if found is None else tuple(found.tolist()))
        forward, input_grad, weight_grad = zip(*times, strict=True)
        return StageTimes(forward, input_grad, weight_grad, self._send(stages.price(0, self.rows).sent, devices))

    def _stages(self, ranges: Ranges) -> Stages:
        return Stages(self.model, ranges, self.precision, self.recompute)

    def of(self, recipes: Sequence[tuple[Call, ...]], device: int) -> Floats | None:
        """Return the seconds of sequences of kernel calls on a device, or None where the cost does not know them."""
        own = [tuple(call for call in calls if call.kernel != EXCHANGE) for calls in recipes]
        rows = np.arange(len(own))
        graph = TaskGraph(
            names=Numbered("layer{}".format, len(own)),
            kinds=("layer",),
            kind=np.zeros_like(rows),
            units=np.ones(len(own)),
            places=((0,),),
            place=np.zeros_like(rows),
            recipes=tuple(own),
            recipe=rows,
            precision=self.precision,
        )
        if self.cost is None or self.cost.remarks(graph, self.cluster).complaints:
            return None
        seconds = self.cost.expected(graph, device, self.cluster.devices[device])
        if not np.isfinite(seconds).all() or seconds.sum() <= 0:
            return None
        return np.asarray(seconds + [self._exchanging(calls, device) for calls in recipes])

    def _exchanging(self, calls: Sequence[Call], device: int) -> float:
        """Return the seconds of the exchanges among *calls* that are not overlapped."""
        sent = (exchanged(call, self.precision) for call in calls if call.kernel == EXCHANGE)
        return math.fsum(self.prices[one][device] for one in sent if one is not None and not one.overlapped)

    def _send(self, size: float, devices: Sequence[int]) -> float:
        """Return the seconds of a send between the first two stages on different devices."""
        pair = next(((a, b) for a, b in pairwise(devices) if a != b), None)
        path = self.cluster.path(*pair) if pair else None
        return path.latency + size / path.bandwidth if path else 0.0
