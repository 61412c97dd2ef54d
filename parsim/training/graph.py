"""The task graph of training: iterations of a cut, each after the update of the previous one, with sizes and prices.

    0F0 --> 1F0        a stage sends its output forward, and its gradient back;
     |       |         saved values of forward stay on the worker until its backward ends
    0B0 <-- 1B0        or the halves of backward: 0I0, which saves values for 0W0
     |       |         weight gradients go to the update, which sends weights to the next iteration
    0U      1U         and to other workers with the stage: to the next forward there, or, if there are
     |                 several, to 0R1 (stage 0, rank 1), a task of no length
    0R1

Dependencies within an iteration come from `core.op.needs`, as for any pipeline. An iteration ends when every worker has
the weights for the next one, so the last weights are sent as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from parsim.core.columns import NONE, Floats, Ints, packed
from parsim.core.graph import Edges, TaskGraph
from parsim.core.kernel import ITEM, Call, Shape, size
from parsim.core.precision import BYTES
from parsim.training.layout import BACKWARD, FORWARD, INPUT_GRAD, KINDS, OPTIMIZER, RECEIVE, WEIGHT_GRAD, Rows
from parsim.training.program import ALL, GRADS, LEFT, ORDER, SENT, STATE, WEIGHTS, Training
from parsim.training.stage import Priced


class Dependencies(NamedTuple):
    """Dependencies of tasks: parents, children, bytes, and what the parent hands on."""

    parent: Ints
    child: Ints
    size: Floats  # B
    hands: Ints  # index into HANDS


def graph_of(training: Training) -> TaskGraph:
    """Make the task graph of training."""
    return Graph(training).made()


class Graph:
    """The columns of the graph of a training."""

    def __init__(self, training: Training) -> None:
        self.training, self.layout, self.stages = training, training.layout, training.stages
        self.sizes, self.of_part = np.unique(
            [part.stop - part.start for part in training.cut.parts], return_inverse=True
        )
        weights = np.array([size(*shapes) for shapes in training.weights])  # (stages,)
        self.weights = weights * BYTES[training.precision.weights]
        self.gradients = weights * BYTES[training.precision.gradients]
        self.state = weights * BYTES[training.precision.weights] * training.update.kernel.rows

    def made(self) -> TaskGraph:
        """Put the graph together."""
        layout, training = self.layout, self.training
        kind, stage, rank = (layout.column(name) for name in ("kind", "stage", "rank"))
        edges, hands = self.edges()
        recipes, recipe = self.recipes(kind, stage)
        return TaskGraph(
            names=layout.names,
            kinds=KINDS,
            kind=kind,
            units=(kind != RECEIVE).astype(np.float64),
            places=tuple((number,) for number in range(layout.ranks)),
            place=rank,
            edges=edges,
            given=self.given(),
            output=self.output(),
            group=stage,
            group_size=self.state,
            program=replace(training, hand=hands),
            recipes=recipes,
            recipe=recipe,
            precision=training.precision,
            orders=self.orders(rank) if training.cut.ordered else (),
            sends=training.cut.sends,
        )

    def orders(self, rank: Ints) -> tuple[Sequence[int], ...]:
        """Return the tasks of each rank in order."""
        order = np.argsort(rank, kind="stable")
        first = np.searchsorted(rank[order], np.arange(self.layout.ranks + 1)).tolist()
        if self.layout.iterations > 1:
            return tuple(packed(order[a:b]) for a, b in pairwise(first))
        return tuple(range(a, b) for a, b in pairwise(first))

    # -- columns of tasks

    @cached_property
    def prices(self) -> list[list[Priced]]:
        """The prices of every stage, by size of the microbatch, (stages, sizes)."""
        sizes = self.sizes.tolist()
        return [[self.stages.price(stage, rows) for rows in sizes] for stage in range(self.layout.stages)]

    def priced(self, what: str) -> Floats:
        """Return bytes of every stage, by size of the microbatch, (stages, sizes)."""
        return np.array([[getattr(price, what) for price in prices] for prices in self.prices])

    def by_op(self, table: Floats) -> Floats:
        """Return what a table of stages and sizes says for each op, (ops,)."""
        ops = self.layout.ops
        return np.asarray(table[ops.stage, self.of_part[ops.microbatch]])

    def given(self) -> Floats:
        """Return the bytes that the host sends: the inputs of the first stage, and labels where layers read them."""
        ops = self.layout.ops
        labelled = np.array([self.training.model.labelled(stage) for stage in self.training.cut.stages])
        labels = ITEM * size(self.training.model.labels[1:]) * self.sizes[self.of_part[ops.microbatch]]
        forward = ops.kind == FORWARD
        inputs = self.by_op(self.priced("came")) * (ops.stage == 0)
        return self.layout.spread((inputs + labels * labelled[ops.stage]) * forward, 0)

    def output(self) -> Floats:
        """Return the bytes of outputs. An update has none: its weights count as the device's."""
        ops = self.layout.ops
        kept, halfway, sent, came = (self.by_op(self.priced(what)) for what in ("kept", "halfway", "sent", "came"))
        back = came * (ops.stage > 0)  # the gradient of the input
        gradients = self.gradients[ops.stage]
        by_kind = {
            FORWARD: kept + sent,
            BACKWARD: gradients + back,
            INPUT_GRAD: halfway + back,
            WEIGHT_GRAD: gradients,
        }
        return self.layout.spread(np.select([ops.kind == one for one in by_kind], list(by_kind.values())), 0)

    def recipes(self, kind: Ints, stage: Ints) -> tuple[tuple[tuple[Call, ...], ...], Ints]:
        """Return the distinct sequences of kernel calls, and which of them each task runs."""
        ops, stages, sizes = self.layout.ops, self.layout.stages, len(self.sizes)
        later = np.zeros(len(ops.stage), np.int64)
        later[self.layout.line[:, 1]] = 1  # adds its gradients to those of the op before it
        code = ((ops.kind * stages + ops.stage) * sizes + self.of_part[ops.microbatch]) * 2 + later
        distinct, of_op = np.unique(code, return_inverse=True)
        sorts = [self.sort(int(one)) for one in distinct]
        unlike = {(id(calls), added): (calls, added) for calls, added in sorts}  # equal stages share their calls
        number = {key: place for place, key in enumerate(unlike)}
        of_sort = np.array([number[id(calls), added] for calls, added in sorts])
        updates = self.updates()
        recipe = np.full(len(kind), len(unlike) + stages)
        recipe[kind == OPTIMIZER] = len(unlike) + stage[kind == OPTIMIZER]
        of_ops = kind < OPTIMIZER
        recipe[of_ops] = self.layout.spread(of_sort[of_op], 0)[of_ops]
        return (*(self.recipe(*sort) for sort in unlike.values()), *updates, ()), recipe

    def sort(self, code: int) -> tuple[tuple[Call, ...], tuple[Shape, ...]]:
        """Return the kernel calls of the stage in an op, and the shapes of the gradients that it adds to others."""
        rest, later = divmod(code, 2)
        rest, of_size = divmod(rest, len(self.sizes))
        kind, stage = divmod(rest, self.layout.stages)
        calls = self.stages.price(stage, int(self.sizes[of_size])).calls[kind]
        return calls, tuple(self.training.weights[stage] if later else ())

    def recipe(self, calls: tuple[Call, ...], added: tuple[Shape, ...]) -> tuple[Call, ...]:
        """List the kernel calls of an op."""
        adding = self.training.adding
        return (*calls, *(Call(*adding[:2], "forward", (shape, shape)) for shape in added))

    def updates(self) -> list[tuple[Call, ...]]:
        """List the kernel calls of the update of each stage."""
        layout = self.layout
        ranks = np.bincount(layout.places.stage[layout.line_ends[:, 0]], minlength=layout.stages).tolist()
        every = [(tuple(weights), count) for weights, count in zip(self.training.weights, ranks, strict=True)]
        known = {one: tuple(self.updating(*one)) for one in dict.fromkeys(every)}
        return [known[one] for one in every]

    def updating(self, weights: tuple[Shape, ...], ranks: int) -> Iterator[Call]:
        """List the kernel calls of an update: it sums the gradients of all ranks, and takes a step."""
        update, summing = self.training.update, self.training.summing
        for shape in weights if ranks > 1 else ():
            yield Call(*summing[:2], "forward", (shape,) * ranks)
        for shape in weights:
            yield Call(*update[:2], "forward", ((update.kernel.rows, *shape), shape))

    # -- dependencies

    def edges(self) -> tuple[Edges, Ints]:
        """Return all dependencies by parent and child, and what each parent hands on."""
        layout = self.layout
        firsts = len(layout.inner.kind) * np.arange(layout.iterations)  # the first task of each iteration
        parts = [
            (self.within(layout.inner), firsts[:-1]),
            (self.within(layout.final), firsts[-1:]),
            (self.between(layout.inner, layout.inner), firsts[:-2]),
            (self.between(layout.inner, layout.final), firsts[-2:-1]),
        ]
        found = [_repeated(some, at) for every, at in parts if len(at) for some in every]
        columns = [np.concatenate(column) for column in zip(*found, strict=True)]
        order = np.lexsort((columns[1], columns[0]))
        parent, child, moved, hands = (column[order] for column in columns)
        return Edges(parent, child, moved, np.zeros(len(parent))), hands

    def within(self, rows: Rows) -> Iterator[Dependencies]:
        """Yield the dependencies of an iteration."""
        layout = self.layout
        task, ops, places = rows.op, layout.ops, layout.places
        parent, child, crosses = layout.needs
        sent, came = self.by_op(self.priced("sent")), self.by_op(self.priced("came"))
        moved = np.where(ops.kind[parent] == FORWARD, sent[parent], came[parent])
        yield Dependencies(task[parent], task[child], moved * crosses, np.where(crosses > 0, SENT, LEFT))
        before, after = layout.line.T
        yield Dependencies(task[before], task[after], np.zeros(len(before)), np.full(len(before), GRADS))
        before, after = self.turns()
        yield Dependencies(task[before], task[after], np.zeros(len(before)), np.full(len(before), ORDER))
        place, last = layout.line_ends.T
        stage = places.stage[place]
        away = layout.home[stage] != places.rank[place]
        yield Dependencies(task[last], rows.update[stage], self.gradients[stage] * away, np.full(len(last), GRADS))
        at = np.flatnonzero(rows.receipt != NONE)
        stage = places.stage[at]
        yield Dependencies(rows.update[stage], rows.receipt[at], self.weights[stage], np.full(len(stage), WEIGHTS))

    def turns(self) -> tuple[Ints, Ints]:
        """Return the backwards for which forwards of further microbatches of a subset wait, and these forwards."""
        ops, in_turn = self.layout.ops, self.training.cut.in_turn
        backward, forward = np.flatnonzero(ops.kind == BACKWARD), np.flatnonzero(ops.kind == FORWARD)
        forward = forward[ops.microbatch[forward] % in_turn > 0]
        of = np.full(int(ops.microbatch.max()) + 1, NONE)
        of[ops.microbatch[backward]] = backward
        return of[ops.microbatch[forward] - 1], forward

    def between(self, rows: Rows, next_rows: Rows) -> Iterator[Dependencies]:
        """Yield what the next iteration, which is numbered on, needs of the updates of an iteration."""
        layout, later = self.layout, len(rows.kind)
        forwards = np.flatnonzero(layout.ops.kind == FORWARD)
        place, stage = layout.places.of_op[forwards], layout.ops.stage[forwards]
        receipt = rows.receipt[place]
        itself = (receipt == NONE) & (layout.home[stage] != layout.places.rank[place])
        source = np.where(receipt == NONE, rows.update[stage], receipt)
        hands = np.where(receipt == NONE, WEIGHTS, ALL)
        yield Dependencies(source, next_rows.op[forwards] + later, self.weights[stage] * itself, hands)
        states = np.full(layout.stages, STATE)
        yield Dependencies(rows.update, next_rows.update + later, np.zeros(layout.stages), states)


def _repeated(some: Dependencies, firsts: Ints) -> Dependencies:
    """Repeat the dependencies of an iteration for iterations whose first tasks are *firsts*."""
    times = len(firsts)
    parent, child = ((column + firsts[:, None]).ravel() for column in (some.parent, some.child))
    return Dependencies(parent, child, np.tile(some.size, times), np.tile(some.hands, times))
