"""What an iteration of a plan takes at least, and what its devices hold at least, before any of it is played.

    rank 0 |0F0|0F1|    |0B0|    |0B1|=last sum=|0U|      the longest path from the first op of a rank, over ops,
    rank 1      |1F0|1B0|1F1|1B1|=last sum=|1U|           sends, the sums after the last backward, and updates

Every transfer is taken to be alone on its links, and every group of devices as quick as the quickest of its sort. An
iteration is what one more iteration adds to a run. The device that ends last begins the next iteration only then, so an
iteration takes at least the longest path from the first op of *some* rank: the least over the ranks is the bound.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache, cached_property
from typing import NamedTuple

import numpy as np

from parsim.core.columns import Floats, Ints
from parsim.core.errors import Invalid
from parsim.core.job import Job, no_luck
from parsim.core.kernel import Call
from parsim.core.op import KINDS
from parsim.core.precision import BYTES
from parsim.core.rounds import EQUAL
from parsim.metrics import sharded_memory
from parsim.metrics.held import ACTIVATIONS, WORKSPACE
from parsim.metrics.held import KINDS as HELD
from parsim.study.plan.paths import Ends, from_first_ops
from parsim.training.actions import Actions
from parsim.training.communicators import NotRepeated
from parsim.training.layout import BACKWARD, FORWARD, INPUT_GRAD, WEIGHT_GRAD
from parsim.training.renewal import adding, updating
from parsim.training.sharded import Numbers, ShardedTraining
from parsim.training.work import Seconds

Renewal = tuple[tuple[Call, ...], tuple[Call, ...]]
ROUNDED = 1 - 1e-9  # sums of seconds are rounded in another order than a clock's


class Bound(NamedTuple):
    """What a plan takes at least: seconds of an iteration, and the parts of them; bytes of the fullest device."""

    iteration_s: float = 0.0
    compute_s: float = 0.0  # of the rank that computes least, without any waiting
    network_s: float = 0.0  # what data ranks exchange, one exchange after the other
    memory: tuple[float, ...] = ()  # B of each kind, as in `held.KINDS`; empty: not known
    capacity: float = math.inf  # B of that device
    device: str = ""  # its name


def bound(job: Job) -> Bound:
    """Return what an outlined *job* takes at least; nothing is known of work that is not trained by degrees."""
    program = job.graph.program
    if not isinstance(program, ShardedTraining) or len(job.graph):
        return Bound()
    outline = _Outline(job, program)
    return Bound(*outline.seconds(), *outline.memory())


class _Outline:
    """A training that is cut, and not made."""

    def __init__(self, job: Job, program: ShardedTraining) -> None:
        self.job, self.program, self.own = job, program, program.parallelism
        self.layout, self.actions = program.layout, Actions(program)
        self.ranks = range(self.layout.ranks)
        self.rows = max(part.stop - part.start for part in program.cut.parts)
        self.stages = [program.stages.price(stage, self.rows) for stage in range(self.layout.stages)]
        self.of_rank = [
            self.layout.places.stage[self.layout.places.rank == rank].tolist() for rank in self.ranks
        ]  # [rank] the stages
        self.rank_of = self.layout.home.tolist()  # [stage]

    # -- seconds

    def seconds(self) -> tuple[float, float, float]:
        """Return the seconds of an iteration, of computing, and of what data ranks exchange, at least."""
        job = self.job
        if job.cost.luck is not no_luck or job.cluster.profiles:
            return 0.0, 0.0, 0.0
        took = self._took
        if took is None:
            return 0.0, 0.0, 0.0
        ops, compute = self.layout.ops, []
        each = took.ops[ops.kind, ops.stage] + self._later * took.adding[ops.stage]
        per_rank = np.add.reduceat(each, ops.first[:-1]) if len(each) else np.zeros(0)
        compute = [float(per_rank[rank]) + sum(took.update[one] for one in self.of_rank[rank]) for rank in self.ranks]
        network = [self._lane(rank) for rank in self.ranks]
        paths = from_first_ops(ops, each, self._sends, [self._ends(rank, each) for rank in self.ranks])
        overall = [max(*some) for some in zip(paths, compute, network, strict=True)]
        return tuple(min(some) * ROUNDED for some in (overall, compute, network))  # type: ignore[return-value]

    @cached_property
    def _took(self) -> _Took | None:
        """What the ops, the sums and the updates of stages take; None: the cost does not know."""
        program, stages = self.program, self.layout.stages
        layers = program.cut.stages
        rows = [[*self.stages[stage].calls, *self._renewal(layers[stage])] for stage in range(stages)]
        known = {id(calls): calls for row in rows for calls in row}
        seconds = self._seconds(list(known.values()))
        if seconds is None:
            return None
        of = dict(zip(known, seconds.tolist(), strict=True))
        table = np.array([[of[id(calls)] for calls in row] for row in rows]).T  # (kinds + 2, stages)
        return _Took(table[: len(KINDS)], table[-2], table[-1])

    def _renewal(self, layers: range) -> Renewal:
        """Return the calls that add up gradients of *layers*, and those that update them; alike layers share them."""
        own = self.program.own
        key = tuple(number if number in own.beside else id(own.layers[number]) for number in layers)
        if key not in self._renewals:
            self._renewals[key] = adding(self.program, layers), updating(self.program, layers)
        return self._renewals[key]

    @cached_property
    def _renewals(self) -> dict[tuple[int, ...], Renewal]:
        return {}

    def _seconds(self, recipes: Sequence[tuple[Call, ...]]) -> Floats | None:
        """Return the seconds of calls on the quickest device, (recipes,)."""
        program, cluster, cost = self.program, self.job.cluster, self.job.cost
        # what is played one by one may be alone on its links, and then takes less than its price
        prices = {one: np.zeros_like(price) if self.own.one_by_one else price for one, price in self.own.prices.items()}
        known = Seconds(cluster, cost, program.own, program.precision, program.cut.recompute, self.rows, prices)
        kinds = {cost.alike(index, device): index for index, device in enumerate(cluster.devices)}
        found = [known.of(recipes, index) for index in kinds.values()]
        columns = [column for column in found if column is not None]
        return np.min(columns, axis=0) if len(columns) == len(found) else None

    @property
    def _later(self) -> Ints:
        """Whether each op adds its gradients to those of earlier microbatches, (ops,)."""
        found = np.zeros(len(self.layout.ops.kind), np.int64)
        found[self.layout.line[:, 1]] = 1
        return found

    @cached_property
    def _sends(self) -> Floats:
        """The seconds of a send from each stage to the next, (stages,)."""
        degrees, cluster = self.own.part, self.job.cluster
        found = np.zeros(self.layout.stages)
        for stage, (one, other) in enumerate(zip(self.rank_of, self.rank_of[1:], strict=False)):
            if one != other:
                ends = degrees.by_rank[one], degrees.by_rank[other]
                paths = [path for path in cluster.paths(*ends) if path]
                found[stage] = min((path.seconds(self.stages[stage].sent) for path in paths), default=0.0)
        return found

    # -- what data ranks exchange

    def _ends(self, rank: int, each: Floats) -> Ends:
        """Return what follows the last ops of a rank."""
        took, layout, ops = self._took, self.layout, self.layout.ops
        assert took is not None
        updates, sharding = sum(float(took.update[one]) for one in self.of_rank[rank]), self.own.sharding
        last = int(ops.first[rank + 1]) - 1
        stage = int(ops.stage[last])
        renewed = self._renewed(stage)
        after = max(updates, (self._reduces(stage) or [0.0])[-1] + float(took.update[stage])) + renewed
        extra: dict[int, float] = {}
        if not sharding.gradients:
            ends = layout.line_ends[:, 1]
            mine = ends[layout.rank[ends] == rank]
            first = int(mine.min())
            piece = 0.0 if len(self._buckets(int(ops.stage[first]))) > 1 else float(each[first])
            sums = sum(sum(self._reduces(one)) for one in self.of_rank[rank])
            least = min(float(took.update[one]) + self._renewed(one) for one in self.of_rank[rank])
            extra[first] = piece + sums + least if sums else 0.0
        return Ends(after, extra)

    def _lane(self, rank: int) -> float:
        """Return the seconds of all that a rank exchanges with data ranks, one after the other.

        Of several stages on a rank, the first may be renewed while the others are updated.
        """
        took, sharding, stages = self._took, self.own.sharding, self.of_rank[rank]
        assert took is not None
        parts = len(self.program.cut.parts)
        total = 0.0
        for stage in stages:
            total += sum(self._reduces(stage)) * (parts if sharding.gradients else 1)
            if sharding.weights:
                total += sum(self._gathers(stage)) * (1 if sharding.keeps else 2 * parts)
            total += self._renewed(stage)
        early = sum(float(took.update[one]) for one in stages) if len(stages) > 1 else 0.0
        return max(total - early, 0.0)

    def _renewed(self, stage: int) -> float:
        """Return the seconds in which data ranks gather the new weights of a stage after its update."""
        sharding = self.own.sharding
        if not sharding.optimizer or sharding.weights:
            return 0.0
        return sum(self._exchange("all-gather", numbers, self._weight, stage) for numbers in self._buckets(stage))

    def _reduces(self, stage: int) -> list[float]:
        """Return the seconds of each sum of the gradients of a stage, in order."""
        each_layer = self.own.sharding.weights
        some = [self._held(one) for one in self.program.cut.stages[stage]] if each_layer else self._buckets(stage)
        a_number = BYTES[self.program.precision.gradients]
        return [self._exchange(self.own.sharding.reduces, numbers, a_number, stage) for numbers in some]

    def _gathers(self, stage: int) -> list[float]:
        """Return the seconds in which data ranks gather the weights of each layer of a stage."""
        some = (self.program.read(range(one, one + 1)) for one in self.program.cut.stages[stage])
        return [self._exchange("all-gather", numbers, self._weight, stage) for numbers in some]

    def _buckets(self, stage: int) -> list[Numbers]:
        """Return the numbers of each bucket of a stage, in the order of backward."""
        if stage not in self._known_buckets:
            some = self.actions.buckets(self.program.cut.stages[stage])
            self._known_buckets[stage] = [Numbers(*map(sum, zip(*map(self._held, one), strict=True))) for one in some]
        return self._known_buckets[stage]

    @cached_property
    def _known_buckets(self) -> dict[int, list[Numbers]]:
        return {}

    @cached_property
    def _held(self) -> Callable[[int], Numbers]:
        """How many weights of a layer a device holds."""
        return cache(lambda number: self.program.held([number]))

    @property
    def _weight(self) -> float:
        return BYTES[self.program.precision.weights]

    def _exchange(self, operation: str, numbers: Numbers, a_number: float, stage: int) -> float:
        """Return the seconds in which data ranks exchange so many numbers of a stage, of so many bytes each."""
        rank, found = self.rank_of[stage], 0.0
        for communicator, count, ranks in zip(("data", "expert data"), numbers, self.own.copies, strict=True):
            if count and ranks > 1:
                found += self._quickest(operation, count * a_number, communicator, rank)
        return found

    @cached_property
    def _quickest(self) -> Callable[[str, float, str, int], float]:
        return cache(self._alone)

    def _alone(self, operation: str, size: float, communicator: str, rank: int) -> float:
        """Return the seconds of the quickest member of an exchange of the data ranks of a rank of the pipeline."""
        groups = self.groups(communicator)[rank]
        try:
            one = self.own.collective(operation, size, communicator, groups[0], EQUAL)
        except (Invalid, NotRepeated):  # the whole job tells it, or has to look at the whole cluster
            return 0.0
        found = np.zeros(groups.shape)
        for (source, target, bytes_, _), count in one.different():
            longest, some = np.zeros(groups.shape), np.flatnonzero(bytes_ > 0)
            if len(some):
                ways = self.job.cluster.wiring.crossed(groups[:, source[some]].ravel(), groups[:, target[some]].ravel())
                rates = np.append([link.bandwidth for link in ways.links], np.inf)
                took = ways.latency + np.tile(bytes_[some], len(groups)) / rates[ways.rows].min(axis=1)
                rows = np.repeat(np.arange(len(groups)), len(some)), np.tile(source[some], len(groups))
                np.maximum.at(longest, rows, took)
            found += count * longest
        return float(found.min())

    @cached_property
    def groups(self) -> Callable[[str], list[Ints]]:
        """The groups of a communicator by rank of the pipeline, each (groups, ranks)."""
        return cache(self._groups)

    def _groups(self, communicator: str) -> list[Ints]:
        found = self.own.part.groups(communicator)
        rank = self.own.part.coordinate("pipeline")[found[:, 0]]
        return [found[rank == one] for one in self.ranks]

    # -- memory

    def memory(self) -> tuple[tuple[float, ...], float, str]:
        """Return what the fullest device holds at least of each kind, its capacity, and its name."""
        always = sharded_memory.always(self.program)
        devices = self.own.part.by_rank[:, 0]
        held = np.array(
            [always[device] + self._in_flight(rank) for rank, device in zip(self.ranks, devices, strict=True)]
        )
        fullest = int(held.sum(axis=1).argmax())
        its = (self.job.cluster.devices[one] for one in self.own.part.by_rank[fullest])
        least = min(its, key=lambda one: one.memory)
        return tuple(held[fullest].tolist()), least.memory, least.name

    def _in_flight(self, rank: int) -> Floats:
        """Return what the ops of a rank hold at the moment when they hold most, (kinds,)."""
        ops = self.layout.ops
        rows = slice(*ops.first[rank : rank + 2].tolist())
        kind, stage = ops.kind[rows], ops.stage[rows]
        kept, halfway, workspace = (
            np.array([getattr(one, name) for one in self.stages])[stage] for name in ("kept", "halfway", "workspace")
        )
        is_forward, is_back, is_halved, is_weights = (
            kind == one for one in (FORWARD, BACKWARD, INPUT_GRAD, WEIGHT_GRAD)
        )
        before = np.where(is_forward, kept, 0.0)  # what an op takes at its start, and what it leaves at its end
        after = np.where(is_back | is_halved, -kept, 0.0) + np.where(is_halved, halfway, 0.0)
        after -= np.where(is_weights, halfway, 0.0)
        held = np.cumsum(before + np.concatenate([[0.0], after[:-1]]))
        used = np.where(is_back | is_halved, workspace, 0.0)
        most = int((held + used).argmax())
        found = np.zeros(len(HELD))
        found[ACTIVATIONS], found[WORKSPACE] = held[most], used[most]
        return found


class _Took(NamedTuple):
    """The least seconds of what stages compute."""

    ops: Floats  # (kinds, stages)
    adding: Floats  # (stages,)
    update: Floats  # (stages,)
