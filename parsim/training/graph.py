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
from functools import cached_property
from itertools import chain, pairwise
from typing import NamedTuple

import numpy as np

from parsim.core.graph import Edges, TaskGraph
from parsim.core.kernel import ITEM, Call, Part, Shape, size
from parsim.core.op import KINDS as OF_OPS
from parsim.core.op import LETTERS, Op, columns, needs
from parsim.core.precision import Precision
from parsim.training.layer import INPUT, OUTPUT
from parsim.training.model import Model
from parsim.training.plan import Cut
from parsim.training.program import (
    FORWARD,
    GRADS,
    INPUT_GRAD,
    KINDS,
    LEFT,
    OPTIMIZER,
    RECEIVE,
    SENT,
    WEIGHT_GRAD,
    Training,
    Update,
    Work,
)

SUMS = "BW"  # ops that add to the gradients of weights


class Row(NamedTuple):
    """A task: its work, its op (None: an update, or the receipt of weights), and its rank."""

    work: Work
    op: Op | None
    rank: int


class Edge(NamedTuple):
    """A dependency: its tasks, its bytes, and the outputs of the parent that it carries."""

    parent: int
    child: int
    size: float  # B
    hands: slice


class Priced(NamedTuple):
    """The bytes and kernel calls of a stage for a number of rows."""

    came: float  # B, its input
    sent: float  # B, its output
    left: float  # B, kept for backward
    halfway: float  # B, kept between its halves
    calls: tuple[tuple[Call, ...], ...]  # by kind of op, in the order of KINDS


class Tasks:
    """The tasks of one cut in order: by iteration, by rank, and with a rank's updates and receipts last."""

    def __init__(self, model: Model, cut: Cut, update: Update, adding: Update, iterations: int) -> None:
        self.model, self.cut, self.update, self.adding, self.iterations = model, cut, update, adding, iterations
        self.shapes = [[shape for n in layers for shape in model.layers[n].weights.values()] for layers in cut.stages]
        self.bytes = [ITEM * size(*shapes) for shapes in self.shapes]  # [stage] B of weights
        self.home = {op.stage: rank for rank, order in reversed([*enumerate(cut.orders)]) for op in order}
        self.rows = [row for iteration in range(iterations) for row in self._rows(iteration)]
        self.prices: dict[tuple[int, int], Priced] = {}

    def _rows(self, iteration: int) -> Iterator[Row]:
        for rank, order in enumerate(self.cut.orders):
            for op in order:
                yield Row(Work(LETTERS.index(op.kind), op.stage, self.cut.parts[op.microbatch], iteration), op, rank)
            every, last = slice(0, self.model.rows), iteration + 1 == self.iterations
            for stage in sorted(stage for stage, home in self.home.items() if home == rank):
                yield Row(Work(OPTIMIZER, stage, every, iteration), None, rank)
            for (stage, there), forwards in self.forwards.items():
                if there == rank != self.home[stage] and (last or len(forwards) > 1):
                    yield Row(Work(RECEIVE, stage, every, iteration), None, rank)

    @cached_property
    def forwards(self) -> dict[tuple[int, int], list[Op]]:
        """The forwards of each stage on each rank, which need its weights there."""
        return self._by_place("F")

    @cached_property
    def number(self) -> dict[tuple[int, str], int]:
        """The number of the task with each name in each iteration."""
        return {(row.work.iteration, self._name(row)): task for task, row in enumerate(self.rows)}

    def names(self) -> list[str]:
        """Name tasks like the ops of a pipeline, followed by the iteration if there are several."""
        late = [f"@{row.work.iteration}" if self.iterations > 1 else "" for row in self.rows]
        return [f"{self._name(row)}{one}" for row, one in zip(self.rows, late, strict=True)]

    def _name(self, row: Row) -> str:
        work, op, rank = row
        return str(op) if op else f"{work.stage}U" if work.kind == OPTIMIZER else f"{work.stage}R{rank}"

    def price(self, work: Work) -> Priced:
        """Return the bytes and calls of a task's stage for its rows."""
        key = work.stage, work.rows.stop - work.rows.start
        if key not in self.prices:
            self.prices[key] = self._price(*key)
        return self.prices[key]

    def _price(self, stage: int, rows: int) -> Priced:
        layers, given = self.cut.stages[stage], (rows, *self.model.batch[1:])
        if stage:
            given = self.model.shapes(range(layers.start), {INPUT: given})[-1][OUTPUT]
        known: dict[int, dict[str, Shape]] = dict(zip(layers, self.model.shapes(layers, {INPUT: given}), strict=True))
        return Priced(
            came=ITEM * size(given),
            sent=ITEM * size(known[layers[-1]][OUTPUT]),
            left=ITEM * size(*(shape for n in layers for shape in self.model.layers[n].kept(known[n]))),
            halfway=ITEM * size(*(shape for n in layers for shape in self.model.layers[n].left(known[n]))),
            calls=tuple(tuple(self._calls(layers, known, kind.parts)) for kind in OF_OPS),
        )

    def _calls(self, layers: range, known: dict[int, dict[str, Shape]], parts: Sequence[Part]) -> Iterator[Call]:
        for n in layers if "forward" in parts else reversed(layers):
            yield from self.model.layers[n].calls(known[n], parts, first=n == 0)

    # -- dependencies

    @cached_property
    def lines(self) -> dict[tuple[int, int], list[Op]]:
        """The ops of each stage on each rank that make weight gradients, in order. Gradients are summed on a rank."""
        return self._by_place(SUMS)

    def _by_place(self, kinds: str) -> dict[tuple[int, int], list[Op]]:
        """Group the ops of some *kinds* by stage and rank."""
        found: dict[tuple[int, int], list[Op]] = {}
        for rank, order in enumerate(self.cut.orders):
            for op in order:
                if op.kind in kinds:
                    found.setdefault((op.stage, rank), []).append(op)
        return found

    def edges(self) -> list[Edge]:
        """List all dependencies, by parent and child."""
        found = (edge for i in range(self.iterations) for edge in (*self._within(i), *self._between(i)))
        return sorted(found, key=lambda edge: edge[:2])

    def _within(self, iteration: int) -> Iterator[Edge]:
        ops = list(chain.from_iterable(self.cut.orders))
        task = [self.number[iteration, str(op)] for op in ops]
        found = needs(columns(self.cut.orders))
        for parent, child, crosses in zip(found.parent.tolist(), found.child.tolist(), found.crosses, strict=True):
            price = self.price(self.rows[task[parent]].work)
            moved = (price.sent if ops[parent].kind == "F" else price.came) if crosses else 0.0
            yield Edge(task[parent], task[child], moved, SENT if crosses else LEFT)
        for (stage, rank), line in self.lines.items():
            for before, after in pairwise(line):
                yield Edge(self.number[iteration, str(before)], self.number[iteration, str(after)], 0.0, GRADS)
            last, update = self.number[iteration, str(line[-1])], self.number[iteration, f"{stage}U"]
            yield Edge(last, update, self._moved(stage, rank), GRADS)

    def _between(self, iteration: int) -> Iterator[Edge]:
        """Yield the edges from an update to the next iteration and to other workers."""
        last = iteration + 1 == self.iterations
        for (stage, rank), forwards in self.forwards.items():
            source, moved = self.number[iteration, f"{stage}U"], self._moved(stage, rank)
            weights = slice(0, len(self.shapes[stage]))
            receipt = self.number.get((iteration, f"{stage}R{rank}"))
            if receipt is not None:
                yield Edge(source, receipt, moved, weights)
                source, moved = receipt, 0.0
            for op in [] if last else forwards:
                yield Edge(source, self.number[iteration + 1, str(op)], moved, weights)
        for stage, shapes in enumerate([] if last else self.shapes):
            update, after = (self.number[i, f"{stage}U"] for i in (iteration, iteration + 1))
            yield Edge(update, after, 0.0, slice(len(shapes), len(shapes) + 1))

    def _moved(self, stage: int, rank: int) -> float:
        return 0.0 if self.home[stage] == rank else self.bytes[stage]

    # -- work and bytes of a task

    def recipe(self, row: Row) -> tuple[Call, ...]:
        """List the kernel calls of a task."""
        work, op, rank = row
        shapes = self.shapes[work.stage]
        if work.kind == RECEIVE:
            return ()
        if op is None:
            lines = sum(stage == work.stage for stage, _ in self.lines)
            adds = [Call(*self.adding[:2], "forward", (shape,) * lines) for shape in shapes if lines > 1]
            state = [((self.update.kernel.rows, *shape), shape) for shape in shapes]
            return (*adds, *(Call(*self.update[:2], "forward", pair) for pair in state))
        later = op.kind in SUMS and op != self.lines[op.stage, rank][0]
        adds = [Call(*self.adding[:2], "forward", (shape, shape)) for shape in shapes if later]
        return (*self.price(work).calls[work.kind], *adds)

    def given(self, row: Row) -> float:
        """Return the bytes that the host sends."""
        work, last = row.work, len(self.cut.stages) - 1
        if work.kind != FORWARD:
            return 0.0
        rows = work.rows.stop - work.rows.start
        labels = ITEM * size((rows, *self.model.labels[1:]))
        return self.price(work).came * (work.stage == 0) + labels * (work.stage == last)

    def output(self, row: Row) -> float:
        """Return the bytes of the task's outputs. An update has none: its weights count as the device's."""
        work = row.work
        if work.kind in (OPTIMIZER, RECEIVE):
            return 0.0
        price = self.price(work)
        if work.kind == FORWARD:
            return price.left + (price.sent if work.stage < len(self.cut.stages) - 1 else 0.0)
        grads = self.bytes[work.stage] if work.kind != INPUT_GRAD else price.halfway
        return grads + (price.came if work.stage and work.kind != WEIGHT_GRAD else 0.0)


def graph_of(
    model: Model, cut: Cut, update: Update, adding: Update, iterations: int, precision: Precision
) -> TaskGraph:
    """Make the task graph of *iterations* of training."""
    tasks = Tasks(model, cut, update, adding, iterations)
    rows, edges = tasks.rows, tasks.edges()
    ranks, works = np.array([row.rank for row in rows]), tuple(row.work for row in rows)
    recipes: dict[tuple[Call, ...], int] = {}
    recipe = [recipes.setdefault(tasks.recipe(row), len(recipes)) for row in rows]
    orders = [tuple(np.flatnonzero(ranks == rank).tolist()) for rank in range(len(cut.orders))]
    return TaskGraph(
        names=tasks.names(),
        kinds=KINDS,
        kind=np.array([work.kind for work in works]),
        units=np.array([float(work.kind != RECEIVE) for work in works]),
        places=tuple((rank,) for rank in range(len(orders))),
        place=ranks,
        edges=_columns(edges),
        given=np.array([tasks.given(row) for row in rows]),
        output=np.array([tasks.output(row) for row in rows]),
        group=np.array([work.stage for work in works]),
        group_size=np.array(tasks.bytes) * update.kernel.rows,
        program=Training(model, cut, works, tuple(edge.hands for edge in edges), update, adding, iterations),
        recipes=tuple(recipes),
        recipe=np.array(recipe),
        precision=precision,
        orders=tuple(orders) if cut.ordered else (),
    )


def _columns(edges: Sequence[Edge]) -> Edges:
    parent, child, moved = (np.array(column) for column in list(zip(*edges, strict=True))[:3])
    return Edges(parent, child, moved.astype(np.float64), np.zeros(len(edges)))
