"""What an iteration of a plan takes at least, and what its devices hold at least, before any of it is played.

    rank 0 |0F0|0F1|    |0B0|    |0B1|=last sum=|0U|      the longest path from the first op of a rank, over ops,
    rank 1      |1F0|1B0|1F1|1B1|=last sum=|1U|           sends, the sums after the last backward, and updates

Every transfer is taken to be alone on its links, and every group of devices as quick as the quickest of its sort. An
iteration is what one more iteration adds to a run. The device that ends last begins the next iteration only then, so an
iteration takes at least the longest path from the first op of *some* rank: the least over the ranks is the bound.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import cache, cached_property
from typing import NamedTuple

import numpy as np

from parsim.core.columns import Floats, Ints
from parsim.core.job import Job, no_luck
from parsim.core.kernel import Call
from parsim.core.op import KINDS
from parsim.study.plan.exchanges import Exchanges, serial
from parsim.study.plan.least_memory import least_memory
from parsim.study.plan.paths import Ends, from_first_ops
from parsim.training.renewal import adding, updating
from parsim.training.sharded import Prices, ShardedTraining
from parsim.training.stage import Stages
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
    return Bound(*_Outline(job, program).seconds(), *least_memory(job, program))


class _Outline:
    """A training that is cut, and not made."""

    def __init__(self, job: Job, program: ShardedTraining) -> None:
        self.job, self.program, self.own = job, program, program.parallelism
        self.layout, self.exchanges = program.layout, Exchanges(job, program)
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
        if job.cost.luck is not no_luck or job.policy_name != "in_order":
            return 0.0, 0.0, 0.0
        took = self._took
        if took is None:
            return 0.0, 0.0, 0.0
        ops = self.layout.ops
        each = took.ops[ops.kind, ops.stage] + self._later * took.adding[ops.stage]
        per_rank = np.add.reduceat(each, ops.first[:-1])
        compute = [float(per_rank[rank]) + sum(took.update[one] for one in self.of_rank[rank]) for rank in self.ranks]
        network = [self._lane(rank) for rank in self.ranks]
        paths = from_first_ops(ops, each, self._sends, [self._ends(rank, each) for rank in self.ranks])
        overall = [max(*some) for some in zip(paths, compute, network, strict=True)]
        return tuple(min(some) * ROUNDED for some in (overall, compute, network))  # type: ignore[return-value]

    @cached_property
    def _took(self) -> _Took | None:
        """What the ops, the sums and the updates of stages take; None: the cost does not know.

        Where experts are not equally busy, the devices with the least of them count.
        """
        program, cut = self.program, self.program.cut
        prices = self._free if self.own.one_by_one else self.own.prices  # alone on its links, an exchange takes less
        found = self._table(program.stages, prices)
        if found is None:
            return None
        if program.others:
            exchanging = found - self._known(program.stages)
            sorts = (Stages(model, cut.stages, program.precision, cut.recompute) for model in program.others)
            found = np.min([found, *(self._known(stages) + exchanging for stages in sorts)], axis=0)
        return _Took(found[: len(KINDS)], found[-2], found[-1])

    def _table(self, stages: Stages, prices: Prices) -> Floats | None:
        """Return the least seconds of each kind of op, of adding and of updating; None: the cost does not know.

        Exchanges within layers take their *prices*. (kinds + 2, stages)
        """
        layers = self.program.cut.stages
        rows = [
            [*stages.price(stage, self.rows).calls, *self._renewal(layers[stage])]
            for stage in range(self.layout.stages)
        ]
        known = {id(calls): calls for row in rows for calls in row}
        seconds = self._seconds(list(known.values()), prices)
        if seconds is None:
            return None
        of = dict(zip(known, seconds.tolist(), strict=True))
        return np.array([[of[id(calls)] for calls in row] for row in rows]).T

    def _known(self, stages: Stages) -> Floats:
        """Return the least seconds without exchanges, of stages that the cost knows."""
        found = self._table(stages, self._free)
        assert found is not None
        return found

    @property
    def _free(self) -> Prices:
        """No price for any exchange."""
        nothing = np.zeros(len(self.job.cluster.devices))
        return defaultdict(lambda: nothing)

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

    def _seconds(self, recipes: Sequence[tuple[Call, ...]], prices: Prices) -> Floats | None:
        """Return the seconds of calls on the quickest device, (recipes,)."""
        program, cluster, cost = self.program, self.job.cluster, self.job.cost
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
        found = np.zeros(self.layout.stages)
        for stage, pair in enumerate(zip(self.rank_of, self.rank_of[1:], strict=False)):
            if pair[0] != pair[1]:
                found[stage] = self._send(*pair, self.stages[stage].sent)
        return found

    @cached_property
    def _send(self) -> Callable[[int, int, float], float]:
        """The seconds in which the quickest replica sends so many bytes from one rank to another."""

        def send(one: int, other: int, bytes_: float) -> float:
            by_rank = self.own.part.by_rank
            ways = self.job.cluster.wiring.crossed(by_rank[one], by_rank[other])
            rates = np.append([link.most for link in ways.links], np.inf)
            return float((ways.latency + bytes_ / rates[ways.rows].min(axis=1)).min())

        return cache(send)

    # -- what follows the ops

    def _ends(self, rank: int, each: Floats) -> Ends:
        """Return what follows the last ops of a rank."""
        took, layout, ops, exchanges = self._took, self.layout, self.layout.ops, self.exchanges
        assert took is not None
        stages = self.of_rank[rank]
        renewed = {stage: float(took.update[stage]) + serial(exchanges.renewing(stage)) for stage in stages}
        last = int(ops.stage[int(ops.first[rank + 1]) - 1])
        updates = sum(float(took.update[one]) for one in stages) - float(took.update[last])
        after = max(updates, serial(exchanges.sums(last)[-1:])) + renewed[last]
        extra: dict[int, float] = {}
        if not self.own.sharding.gradients:
            ends = layout.line_ends[:, 1]
            first = int(ends[layout.rank[ends] == rank].min())
            piece = 0.0 if len(exchanges.buckets(int(ops.stage[first]))) > 1 else float(each[first])
            sums = serial([one for stage in stages for one in exchanges.sums(stage)])
            extra[first] = piece + sums + min(renewed.values()) if sums else 0.0
        return Ends(after, extra)

    def _lane(self, rank: int) -> float:
        """Return the seconds of all that a rank exchanges with data ranks, one after the other.

        Of several stages on a rank, the first may be renewed while the others are updated.
        """
        took, stages = self._took, self.of_rank[rank]
        assert took is not None
        early = sum(float(took.update[one]) for one in stages) if len(stages) > 1 else 0.0
        return max(serial([one for stage in stages for one in self.exchanges.all_of(stage)]) - early, 0.0)


class _Took(NamedTuple):
    """The least seconds of what stages compute."""

    ops: Floats  # (kinds, stages)
    adding: Floats  # (stages,)
    update: Floats  # (stages,)
