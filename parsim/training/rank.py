"""The tasks of a rank of a pipeline: what each op computes, and what devices exchange before, beside and after it.

    compute   |F layer 0|           |F layer 1|                weights are gathered ahead, into lane data
    data      |gather 1|gather 2 ..
    tensor              |all-reduce|          |all-reduce|     computing waits for what layers exchange

A task that computes waits for the task before it on its rank anyway, so only tasks of lanes are named as its parents.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from parsim.core.kernel import Call
from parsim.core.precision import BYTES
from parsim.training.actions import WHOLE_BATCH, Action, Actions, Piece
from parsim.training.exchange import Exchanged
from parsim.training.growing import Growing, Part
from parsim.training.layout import BACKWARD, OPTIMIZER, WEIGHT_GRAD
from parsim.training.renewal import adding, updating
from parsim.training.segments import Segment
from parsim.training.sharded import Numbers, ShardedTraining
from parsim.training.tasks import COMPUTE, EXCHANGE, NO_LAYERS, NOTHING, Hold, Sort, Tasks, lane_of

ANY_LAYER = -1  # in place of a layer
COPIES = ("data", "expert data")  # communicators of the copies of dense layers, and of those of experts
DATA = lane_of("data")


class Shared(NamedTuple):
    """A task in which data ranks exchange weights or gradients, and the bytes beyond the share of a device."""

    task: int
    beyond: float


class Buffer(NamedTuple):
    """What data ranks exchange, and the bytes beyond the share of a device."""

    communicator: str
    size: float  # B
    beyond: float


class Step(NamedTuple):
    """What one task computes, and what passes beside it and after it, each with its lane."""

    recipe: int
    beside: list[tuple[int, tuple[Exchanged, ...]]]
    after: list[tuple[int, tuple[Exchanged, ...]]]


class Steps(NamedTuple):
    """A piece as the tasks of all its actions do it."""

    layers: range
    steps: list[Step]
    gathered: list[Buffer]
    reduced: list[Buffer]


class Rank:
    """Walks the ops of a rank in order, and adds their tasks."""

    def __init__(self, training: ShardedTraining, actions: Actions, tasks: Tasks, rank: int) -> None:
        self.training, self.parallelism = training, training.parallelism
        self._copies = self.parallelism.copies
        self.actions, self.tasks, self.rank = actions, tasks, rank
        self.ops = range(*training.cut.ops.first[rank : rank + 2].tolist())
        self.begins: list[int] = []  # of each op
        self.ends: list[list[int]] = []
        self.between: list[tuple[int, int]] = []
        self._waiting: list[int] = []  # tasks that wait for the new weights of their stage
        self._before: list[int] = []  # what the next task that computes waits for
        self._going_on = False  # whether that task goes on with an action: then it needs what the last one computed
        self._computed: list[int] = []  # tasks that compute, in order
        self._pieces: list[int] = []  # the last of these of each piece
        self._sums: list[int] = []  # tasks that add up gradients between data ranks
        self._seen: set[tuple[int, int]] = set()  # stages and layers whose weights are there
        self._kept: list[tuple[int, Shared]] = []  # gathered weights that stay until the last action of a stage
        self._alike: dict[tuple[int, int, int, bool, bool, bool], list[Steps]] = {}  # the pieces of alike actions
        self._adding_too: dict[tuple[int, tuple[Call, ...]], list[Segment]] = {}
        self._known: dict[int, list[Step]] = {}
        self._done: dict[tuple[object, ...], Part] = {}  # what ops added, by all that it depends on
        self._growing = Growing(
            (self.begins, self._waiting, self._computed, self._pieces, self._sums, *tasks.numbers), tasks.shared
        )

    def walk(self) -> None:
        """Add the tasks of the rank."""
        last: dict[int, int] = {}
        for op in self.ops:
            self._op(op)
            last[self.actions.of[op].stage] = self._computed[-1]
        for stage, one in self._kept:
            self.tasks.hold(one.task, last[stage], Hold("weights", one.beyond))
        for stage in sorted(last):
            renewed = self._update(stage)
            self.between += [(one, task) for task in self._of(stage, self._waiting) for one in renewed]

    def _of(self, stage: int, some: Sequence[int]) -> list[int]:
        """Return those of *some* tasks that are of a stage."""
        return [task for task in some if self.tasks.actions[task].stage == stage]

    def _op(self, op: int) -> None:
        """Add the tasks of an op, as those of an earlier one where nothing differs but their numbers."""
        action, start, seen = self.actions.of[op], len(self.tasks.sorts), len(self._seen)
        steps, blocked = self._steps(op, action), op in self.actions.blocked
        key = id(steps), blocked, *self._around(steps, start)
        if key in self._done:
            done = self._done[key]
            self._growing.repeat(done, start - done.start)
            self.tasks.actions += [action] * (len(self.tasks.sorts) - start)
            self._before = [task + start - done.start for task in done.ends]
        else:
            lengths = self._growing.lengths
            self._add(action, steps, blocked)
            if len(self._seen) == seen:  # else it is the first one of its stage
                self._done[key] = Part(start, self._before, lengths, self._growing.lengths)
        self.ends.append(self._before)

    def _around(self, steps: list[Steps], start: int) -> Iterator[tuple[int, ...]]:
        """Yield how far back the tasks are that an op may wait for, and their lanes."""
        yield tuple(start - task for task in self._before)
        yield tuple(self.tasks.sorts[task].lane for task in self._before)
        if steps[0].gathered:
            yield tuple(start - task for task in self._pieces[-1 - self.parallelism.sharding.prefetch :])

    def _add(self, action: Action, steps: list[Steps], blocked: bool) -> None:
        """Add the tasks of an action."""
        self._going_on = False
        begins = [self._piece(action, piece) for piece in steps]
        self.tasks.begins.append(begins[0])
        self.begins.append(begins[0])
        if blocked:
            self._send(action)
        if not self.parallelism.sharding.weights and (action.stage, ANY_LAYER) not in self._seen:
            self._seen.add((action.stage, ANY_LAYER))
            self._waiting.append(begins[0])

    def _send(self, action: Action) -> None:
        """Add a task of no seconds that ends the action, and sends what it hands on while the rank waits."""
        task = self.tasks.add(action, Sort(action.kind, self.rank, COMPUTE, "send", NO_LAYERS))
        self.tasks.after(self._before, task)
        self._computed.append(task)
        self._before = [task]

    # -- what alike actions do

    def _steps(self, op: int, action: Action) -> list[Steps]:
        """Return the pieces of an op, which are found once for alike ones."""
        sharding = self.parallelism.sharding
        sums = action.kind in (BACKWARD, WEIGHT_GRAD) and (sharding.gradients or op in self.actions.last)
        gathers = sharding.weights and action.kind != WEIGHT_GRAD
        rows = self.actions.rows[action.microbatch]
        key = action.kind, action.stage, rows, gathers, sums, op in self.actions.later
        if key not in self._alike:
            pieces = self.actions.pieces(action.kind, action.stage, gathers, sums)
            self._alike[key] = [self._steps_of(action.kind, rows, piece, op in self.actions.later) for piece in pieces]
        return self._alike[key]

    def _steps_of(self, kind: int, rows: int, piece: Piece, later: bool) -> Steps:
        precision, segments = self.training.precision, self.actions.segments(kind, rows, piece.layers)
        gathered = self._buffers(piece.gathered, BYTES[precision.weights])
        reduced = self._buffers(piece.reduced, BYTES[precision.gradients])
        steps = self._taken(self._closed(segments, piece) if later else segments)
        return Steps(piece.layers, steps, gathered, reduced)

    def _taken(self, some: list[Segment]) -> list[Step]:
        """Return the steps of segments; the same segments are one list, which is kept."""
        if id(some) not in self._known:
            self._known[id(some)] = [
                Step(self.tasks.number_of(one.calls), self._at_once(one.beside), self._at_once(one.after))
                for one in some
            ]
        return self._known[id(some)]

    def _closed(self, some: list[Segment], piece: Piece) -> list[Segment]:
        """Return the segments, the last that nothing passes beside also adding gradients to those of before."""
        more = adding(self.training, piece.layers)
        key = id(some), more
        if key not in self._adding_too:
            last = max((number for number, one in enumerate(some) if not one.beside), default=len(some))
            closing = some[last] if last < len(some) else Segment(())
            self._adding_too[key] = [*some[:last], closing._replace(calls=closing.calls + more), *some[last + 1 :]]
        return self._adding_too[key]

    def _at_once(self, some: Sequence[Exchanged]) -> list[tuple[int, tuple[Exchanged, ...]]]:
        """Return the exchanges that a task stands for, and its lane: one, or all of a communicator."""
        if self.parallelism.one_by_one:
            return [(lane_of(one.communicator), (one,)) for one in some]
        names = dict.fromkeys(one.communicator for one in some)
        return [(lane_of(name), tuple(one for one in some if one.communicator == name)) for name in names]

    def _buffers(self, numbers: Numbers, a_number: int) -> list[Buffer]:
        """Return what data ranks exchange of so many numbers, of so many bytes each."""
        copies = zip(COPIES, numbers, self._copies, strict=True)
        return [
            Buffer(communicator, count * a_number, count * a_number * (1 - 1 / ranks))
            for communicator, count, ranks in copies
            if count and ranks > 1
        ]

    # -- the tasks of a piece

    def _piece(self, action: Action, piece: Steps) -> int:
        """Add the tasks of a piece; return the first one that computes."""
        gathered = self._gather(action, piece) if piece.gathered else []
        parents = [*self._before, *(one.task for one in gathered)]
        first = len(self._computed)
        for step in piece.steps:
            self._compute(action, piece.layers, step, parents)
            parents = self._before
        self._pieces.append(self._computed[-1])
        if not self.parallelism.sharding.keeps:
            for one in gathered:
                self.tasks.hold(one.task, self._computed[-1], Hold("weights", one.beyond))
        if piece.reduced:
            self._reduce(action, piece, self._computed[first])
        return self._computed[first]

    def _compute(self, action: Action, layers: range, step: Step, parents: list[int]) -> None:
        tasks = self.tasks
        beside = [self._exchange(action, layers, lane, some, parents) for lane, some in step.beside]
        task = tasks.add(action, Sort(action.kind, self.rank, COMPUTE, "compute", layers), step.recipe)
        tasks.after([parent for parent in parents if self._going_on or tasks.sorts[parent].lane], task)
        self._going_on = True
        self._computed.append(task)
        self._before = [task, *beside]
        for lane, some in step.after:
            self._before = [self._exchange(action, layers, lane, some, self._before)]

    def _exchange(
        self, action: Action, layers: range, lane: int, some: tuple[Exchanged, ...], parents: list[int]
    ) -> int:
        """Add a task of a lane for exchanges of a layer, priced or played."""
        one_by_one = self.parallelism.one_by_one
        sort = Sort(EXCHANGE, self.rank, lane, "exchange", layers)
        task = self.tasks.add(action, sort, NOTHING, () if one_by_one else some)
        if one_by_one:
            self.tasks.join(task, some[0])
        return self.tasks.after(parents, task)

    def _of_data(
        self, verb: str, action: Action, layers: range, operation: str, buffers: list[Buffer]
    ) -> Iterator[Shared]:
        """Add tasks in which data ranks exchange buffers."""
        for communicator, size, beyond in buffers:
            task = self.tasks.add(action, Sort(EXCHANGE, self.rank, DATA, verb, layers))
            self.tasks.join(task, Exchanged(communicator, operation, size))
            yield Shared(task, beyond)

    def _gather(self, action: Action, piece: Steps) -> list[Shared]:
        """Add tasks that gather the weights of a piece while earlier ones compute; return them."""
        sharding, key = self.parallelism.sharding, (action.stage, piece.layers.start)
        if sharding.keeps and key in self._seen:
            return []
        self._seen.add(key)
        ahead = self._pieces[: len(self._pieces) - sharding.prefetch][-1:]
        found = [*self._of_data("gather", action, piece.layers, "all-gather", piece.gathered)]
        self._waiting += [self.tasks.after(ahead, one.task) for one in found]
        self._kept += [(action.stage, one) for one in found if sharding.keeps]
        return found

    def _reduce(self, action: Action, piece: Steps, first: int) -> None:
        """Add tasks that add up the gradients of a piece, which began with *first*, between data ranks."""
        sharding = self.parallelism.sharding
        for one in self._of_data("reduce", action, piece.layers, sharding.reduces, piece.reduced):
            self._sums.append(self.tasks.after(self._before, one.task))
            if sharding.gradients:
                self.tasks.hold(first, one.task, Hold("gradients", one.beyond))

    # -- gradients and updates

    def _update(self, stage: int) -> list[int]:
        """Add the update of a stage; return the tasks after which a device has the new weights."""
        sharding, layers = self.parallelism.sharding, self.training.cut.stages[stage]
        action = Action(OPTIMIZER, stage, WHOLE_BATCH)
        recipe = self.tasks.number_of(updating(self.training, layers))
        task = self.tasks.add(action, Sort(OPTIMIZER, self.rank, COMPUTE, "update", layers), recipe)
        self.tasks.after([*self._before, *self._of(stage, self._sums)], task)
        self.tasks.begins.append(task)
        self._before = [task]
        if not sharding.optimizer or sharding.weights:
            return [task]
        a_number = BYTES[self.training.precision.weights]
        gathers = [
            self.tasks.after([task], one.task)
            for some in reversed([*self.actions.buckets(layers)])
            for one in self._of_data(
                "gather", action, some, "all-gather", self._buffers(self.training.held(some), a_number)
            )
        ]
        return [task, *gathers]
