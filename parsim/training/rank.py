"""The tasks of a rank of a pipeline: what each op computes, and what devices exchange before, beside and after it.

    compute   |F layer 0|           |F layer 1|                weights are gathered ahead, into lane data
    data      |gather 1|gather 2 ..
    tensor              |all-reduce|          |all-reduce|     computing waits for what layers exchange

A task that computes waits for the task before it on its rank anyway, so only tasks of lanes are named as its parents.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from parsim.core.kernel import Call, Shape
from parsim.core.precision import BYTES
from parsim.training.actions import WHOLE_BATCH, Action, Actions, Piece
from parsim.training.exchange import Exchanged
from parsim.training.layout import BACKWARD, OPTIMIZER, WEIGHT_GRAD
from parsim.training.segments import Segment
from parsim.training.sharded import Numbers, ShardedTraining
from parsim.training.tasks import EXCHANGE, Duty, Hold, Member, Tasks, lane_of

ALONE = Numbers(1.0, 1.0)
ANY_LAYER = -1  # in place of a layer


class Shared(NamedTuple):
    """A task in which data ranks exchange weights or gradients, and the bytes beyond the share of a device."""

    task: int
    beyond: float


class Rank:
    """Walks the ops of a rank in order, and adds their tasks."""

    def __init__(self, training: ShardedTraining, actions: Actions, tasks: Tasks, rank: int) -> None:
        self.training, self.parallelism = training, training.parallelism
        self.actions, self.tasks, self.rank = actions, tasks, rank
        self.ops = range(*training.cut.ops.first[rank : rank + 2].tolist())
        self.begins: list[int] = []  # of each op
        self.ends: list[list[int]] = []
        self.between: list[tuple[int, int]] = []
        self._waiting: list[tuple[int, int]] = []  # a stage, and a task that waits for its new weights
        self._before: list[int] = []  # what the next task that computes waits for
        self._going_on = False  # whether that task goes on with an action: then it needs what the last one computed
        self._computed: list[int] = []  # tasks that compute, in order
        self._pieces: list[int] = []  # the last of these of each piece
        self._sums: dict[int, list[int]] = {}  # [stage] tasks that add up gradients between data ranks
        self._seen: set[tuple[int, int]] = set()  # stages and layers whose weights are there
        self._kept: list[tuple[int, Shared]] = []  # gathered weights that stay until the last action of a stage
        self._adding_too: dict[tuple[Action, Piece], list[Segment]] = {}
        self._last = set(training.layout.line_ends[:, 1].tolist())  # ops that complete the gradients of their stage
        self._later = set(training.layout.line[:, 1].tolist())  # ops that add to the gradients of others
        self._blocked = set(_handing(training)) if training.cut.sends == "blocking" else set[int]()

    def walk(self) -> None:
        """Add the tasks of the rank."""
        last: dict[int, int] = {}
        for op in self.ops:
            self._op(op)
            last[self.actions.of(op).stage] = self._computed[-1]
        self.tasks.holds += [Hold("weights", one.task, last[stage], one.beyond) for stage, one in self._kept]
        for stage in sorted(last):
            renewed = self._update(stage)
            self.between += [(one, task) for of, task in self._waiting if of == stage for one in renewed]

    def _op(self, op: int) -> None:
        action, sharding = self.actions.of(op), self.parallelism.sharding
        self._going_on = False
        sums = action.kind in (BACKWARD, WEIGHT_GRAD) and (sharding.gradients or op in self._last)
        gathers = sharding.weights and action.kind != WEIGHT_GRAD
        pieces = self.actions.pieces(action.kind, action.stage, gathers, sums)
        begins = [self._piece(action, piece, op in self._later) for piece in pieces]
        self.tasks.continues[begins[0]] = False
        self.begins.append(begins[0])
        if op in self._blocked:
            self._send(action)
        self.ends.append(list(self._before))
        if not sharding.weights and (action.stage, ANY_LAYER) not in self._seen:
            self._seen.add((action.stage, ANY_LAYER))
            self._waiting.append((action.stage, begins[0]))

    def _send(self, action: Action) -> None:
        """Add a task of no seconds that ends the action, and sends what it hands on while the rank waits."""
        task = self.tasks.add(self.rank, action.kind, Duty("send", action))
        self.tasks.after(self._before, task)
        self._computed.append(task)
        self._before = [task]

    def _piece(self, action: Action, piece: Piece, later: bool) -> int:
        """Add the tasks of a piece; return the first one that computes."""
        gathered = self._gather(action, piece)
        parents = [*self._before, *(one.task for one in gathered)]
        first = len(self._computed)
        for segment in (self._closed if later else self._segments)(action, piece):
            self._segment(Duty("compute", action, piece.layers), segment, parents)
            parents = list(self._before)
        self._pieces.append(self._computed[-1])
        if not self.parallelism.sharding.keeps:
            self.tasks.holds += [Hold("weights", one.task, self._computed[-1], one.beyond) for one in gathered]
        self._reduce(action, piece, self._computed[first])
        return self._computed[first]

    def _segments(self, action: Action, piece: Piece) -> list[Segment]:
        rows = self.actions.rows(action.microbatch)
        return self.actions.segments(action.kind, action.stage, rows, piece.layers)

    def _closed(self, action: Action, piece: Piece) -> list[Segment]:
        """Return the segments, the last that nothing passes beside also adding gradients to those of before."""
        key = action._replace(microbatch=self.actions.rows(action.microbatch)), piece
        if key not in self._adding_too:
            some, adding = self._segments(action, piece), self._adding(piece)
            last = max((number for number, one in enumerate(some) if not one.beside), default=len(some))
            closing = some[last] if last < len(some) else Segment(())
            self._adding_too[key] = [*some[:last], closing._replace(calls=closing.calls + adding), *some[last + 1 :]]
        return self._adding_too[key]

    def _segment(self, duty: Duty, segment: Segment, parents: list[int]) -> None:
        exchanging = duty._replace(verb="exchange")
        beside = [self._exchange(exchanging, some, parents) for some in self._at_once(segment.beside)]
        task = self.tasks.add(self.rank, duty.action.kind, duty)
        self.tasks.after([parent for parent in parents if self._going_on or self.tasks.lane[parent]], task)
        self._going_on = True
        self.tasks.computes(task, segment.calls)
        self._computed.append(task)
        self._before = [task, *beside]
        for some in self._at_once(segment.after):
            self._before = [self._exchange(exchanging, some, self._before)]

    # -- what is exchanged

    def _at_once(self, some: Sequence[Exchanged]) -> list[tuple[Exchanged, ...]]:
        """Return the exchanges that a task stands for: one, or all of a communicator."""
        if self.parallelism.one_by_one:
            return [(one,) for one in some]
        names = dict.fromkeys(one.communicator for one in some)
        return [tuple(one for one in some if one.communicator == name) for name in names]

    def _exchange(self, duty: Duty, some: tuple[Exchanged, ...], parents: list[int]) -> int:
        """Add a task of a lane for exchanges of a layer, priced or played."""
        communicator, operation, size, _, shares = some[0]
        task = self.tasks.after(parents, self.tasks.add(self.rank, EXCHANGE, duty, lane_of(communicator)))
        if self.parallelism.one_by_one:
            self.tasks.members.append(Member(task, communicator, operation, size, shares))
        else:
            self.tasks.priced[task] = some
        return task

    def _of_data(self, duty: Duty, operation: str, numbers: Numbers, a_number: int) -> Iterator[Shared]:
        """Add tasks in which data ranks exchange so many numbers, of so many bytes each."""
        for communicator, count, ranks in zip(("data", "expert data"), numbers, self.parallelism.copies, strict=True):
            if count and ranks > 1:
                task = self.tasks.add(self.rank, EXCHANGE, duty, lane_of("data"))
                self.tasks.members.append(Member(task, communicator, operation, count * a_number))
                yield Shared(task, count * a_number * (1 - 1 / ranks))

    def _gather(self, action: Action, piece: Piece) -> list[Shared]:
        """Add tasks that gather the weights of a piece while earlier ones compute; return them."""
        sharding, key = self.parallelism.sharding, (action.stage, piece.layers.start)
        if sharding.keeps and key in self._seen:
            return []
        self._seen.add(key)
        ahead = self._pieces[: len(self._pieces) - sharding.prefetch][-1:]
        duty, a_number = Duty("gather", action, piece.layers), BYTES[self.training.precision.weights]
        found = [*self._of_data(duty, "all-gather", piece.gathered, a_number)]
        self._waiting += [(action.stage, self.tasks.after(ahead, one.task)) for one in found]
        self._kept += [(action.stage, one) for one in found if sharding.keeps]
        return found

    def _reduce(self, action: Action, piece: Piece, first: int) -> None:
        """Add tasks that add up the gradients of a piece, which began with *first*, between data ranks."""
        sharding, a_number = self.parallelism.sharding, BYTES[self.training.precision.gradients]
        duty = Duty("reduce", action, piece.layers)
        for one in self._of_data(duty, sharding.reduces, piece.reduced, a_number):
            self._sums.setdefault(action.stage, []).append(self.tasks.after(self._before, one.task))
            if sharding.gradients:
                self.tasks.holds.append(Hold("gradients", first, one.task, one.beyond))

    # -- gradients and updates

    def _shapes(self, layers: range, shared: bool) -> list[Shape]:
        """Return the shapes of the weights of some layers; where data ranks share them, of flat shares."""
        shares = self.parallelism.copies if shared else ALONE
        if shares == ALONE:
            return [shape for number in layers for shape in self.training.weights_of(number).values()]
        counts = zip(self.training.held(layers), shares, strict=True)
        return [(int(-(-count // among)),) for count, among in counts if count]

    def _adding(self, piece: Piece) -> tuple[Call, ...]:
        """Return the calls that add gradients to those of earlier microbatches."""
        adding = self.training.adding
        shapes = self._shapes(piece.layers, self.parallelism.sharding.gradients)
        return tuple(Call(*adding[:2], "forward", (shape, shape)) for shape in shapes)

    def _update(self, stage: int) -> list[int]:
        """Add the update of a stage; return the tasks after which a device has the new weights."""
        sharding, layers, update = self.parallelism.sharding, self.training.cut.stages[stage], self.training.update
        action, rows = Action(OPTIMIZER, stage, WHOLE_BATCH), update.kernel.rows
        task = self.tasks.add(self.rank, OPTIMIZER, Duty("update", action, layers))
        self.tasks.after([*self._before, *self._sums.get(stage, [])], task)
        shapes = self._shapes(layers, sharding.optimizer)
        self.tasks.computes(task, tuple(Call(*update[:2], "forward", ((rows, *shape), shape)) for shape in shapes))
        self.tasks.continues[task] = False
        self._before = [task]
        if not sharding.optimizer or sharding.weights:
            return [task]
        a_number = BYTES[self.training.precision.weights]
        gathers = [
            self.tasks.after([task], one.task)
            for some in reversed([*self.actions.buckets(layers)])
            for one in self._of_data(Duty("gather", action, some), "all-gather", self.training.held(some), a_number)
        ]
        return [task, *gathers]


def _handing(training: ShardedTraining) -> list[int]:
    """Return the ops that hand outputs or gradients to another rank."""
    parent, child, crosses = training.layout.needs
    away = (training.layout.rank[parent] != training.layout.rank[child]) & (crosses != 0)
    found: list[int] = parent[away].tolist()
    return found
