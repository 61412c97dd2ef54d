"""Ops: the actions of a pipeline, and their dependencies.

stage 0   0F0 0F1 .. .. .. 0B0        F  forward             after F of the previous stage
stage 1   .. 1F0 1F1 .. 1B0           B  full backward       after F of its stage, and B or I of the next
stage 2   .. .. 2F0 2B0               I  backward, inputs    as B
                                      W  backward, weights   after I of its stage

Two ops may run as one task, (0F1;1B0)OVERLAP_F_B: it starts when both may start, and hands on both results at its end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import chain, repeat
from typing import Any, NamedTuple, cast

import numpy as np

from parsim.core.columns import distinct
from parsim.core.graph import Ints
from parsim.core.kernel import Part


class Kind(NamedTuple):
    """A kind of op: its letter, the kind of its task in a timeline, and the parts of kernels that it runs."""

    letter: str
    name: str
    parts: tuple[Part, ...]


KINDS = (
    Kind("F", "forward", ("forward",)),
    Kind("B", "backward", ("input_grad", "weight_grad")),
    Kind("I", "input_grad", ("input_grad",)),
    Kind("W", "weight_grad", ("weight_grad",)),
)
LETTERS = "".join(kind.letter for kind in KINDS)
NAMES = tuple(kind.name for kind in KINDS)
OVERLAP = len(KINDS)  # the kind of a task that is two ops
TASKS = (*NAMES, "overlap")  # kinds of tasks by name
_WRITTEN = re.compile(rf"(\d+)([{LETTERS}])(\d+)")
_OF_REPLICA = re.compile(rf"(\d+(?:[{LETTERS}]\d+|U)(?:\.\d+)?):[a-z0-9]+(@\d+)?")
_PAIR = re.compile(r"\((\d+F\d+);(\d+B\d+)\)OVERLAP_F_B")


class Op(NamedTuple):
    """The work of a stage on a microbatch; prints and parses like PyTorch's pipelining actions.

    >>> print(Op(2, "F", 0))
    2F0
    >>> Op.parse("3W11")
    Op(stage=3, kind='W', microbatch=11)
    """

    stage: int
    kind: str  # of LETTERS
    microbatch: int

    def __str__(self) -> str:
        return f"{self.stage}{self.kind}{self.microbatch}"

    @classmethod
    def parse(cls, text: str) -> Op:
        """Parse the result of `str`."""
        match = _WRITTEN.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not an action such as 2F0")
        return cls(int(match[1]), match[2], int(match[3]))


def overlap(forward: str, backward: str) -> str:
    """Write two ops that run as one task, as PyTorch does."""
    return f"({forward};{backward})OVERLAP_F_B"


def each(stage: int, kind: str, microbatches: Iterable[int]) -> list[Op]:
    """Return an op of a stage for each microbatch, faster than a loop.

    >>> print(*each(2, "F", range(3)))
    2F0 2F1 2F2
    """
    rows = zip(repeat(stage), repeat(kind), microbatches, strict=False)
    return [*map(tuple.__new__, repeat(Op), rows)]  # Op._make without its check of the length, in half the time


def brief(name: str) -> str:
    """Return what a bar of a picture needs of a name: the two ops of an overlap, an op without its replica.

    >>> brief("(0F1;1B0)OVERLAP_F_B"), brief("0F1"), brief("0B1.2:t0d1@3")
    ('0F1;1B0', '0F1', '0B1.2@3')
    """
    pair, op = _PAIR.fullmatch(name), _OF_REPLICA.fullmatch(name)
    if op:
        return f"{op[1]}{op[2] or ''}"
    return f"{pair[1]};{pair[2]}" if pair else name


class Overlap(NamedTuple):
    """A forward and a backward that run as one task; prints like PyTorch's action.

    >>> print(Overlap(Op(0, "F", 1), Op(1, "B", 0)))
    (0F1;1B0)OVERLAP_F_B
    """

    forward: Op
    backward: Op

    def __str__(self) -> str:
        return overlap(str(self.forward), str(self.backward))


Action = Op | Overlap  # what a rank does in one piece


def action(text: str) -> Action:
    """Parse the `str` of an `Op` or of an `Overlap`.

    >>> action("2F0"), str(action("(0F1;1B0)OVERLAP_F_B"))
    (Op(stage=2, kind='F', microbatch=0), '(0F1;1B0)OVERLAP_F_B')
    """
    pair = _PAIR.fullmatch(text)
    return Overlap(Op.parse(pair[1]), Op.parse(pair[2])) if pair else Op.parse(text)


def ops_of(actions: Iterable[Action]) -> list[Op]:
    """Return the ops of *actions* in order, the forward of an overlap first.

    >>> print(*ops_of([Op(0, "F", 0), action("(0F1;1B0)OVERLAP_F_B")]))
    0F0 0F1 1B0
    """
    found = list(actions)
    if Overlap not in set(map(type, found)):
        return cast("list[Op]", found)
    return [op for one in found for op in (one if isinstance(one, Overlap) else (one,))]


class Ops(NamedTuple):
    """The ops of a schedule as columns, rank by rank, in the order of each rank."""

    stage: Ints  # (ops,)
    kind: Ints  # (ops,) index into KINDS
    microbatch: Ints  # (ops,)
    task: Ints  # (ops,) the action that it is part of: an overlap is one task of two ops
    first: Ints  # (ranks + 1,) rank r owns tasks first[r] to first[r + 1]


class Needs(NamedTuple):
    """Dependencies between the tasks of `Ops`."""

    parent: Ints  # (needs,)
    child: Ints  # (needs,)
    crosses: Ints  # (needs,) 1 between neighbouring stages, 0 within a stage


def columns(orders: Sequence[Sequence[Action]]) -> Ops:
    """Turn a schedule into columns."""
    actions = list(chain.from_iterable(orders))
    ops, task = ops_of(actions), np.arange(len(actions))
    if len(ops) > len(actions):
        task = np.repeat(task, [2 if isinstance(one, Overlap) else 1 for one in actions])
    flat: list[Any] = [*chain.from_iterable(ops)]  # slices of it are read faster than field by field
    stage, microbatch = np.array(flat[::3], np.int64), np.array(flat[2::3], np.int64)
    letter = np.frombuffer("".join(flat[1::3]).encode(), np.uint8)
    code = np.zeros(128, np.int64)
    code[np.frombuffer(LETTERS.encode(), np.uint8)] = np.arange(len(LETTERS))
    first = np.concatenate(([0], np.cumsum([len(order) for order in orders])))
    return Ops(stage, code[letter], microbatch, task, first)


def needs(ops: Ops) -> Needs:
    """Derive the dependencies of any schedule from stage, kind and microbatch.

    >>> found = needs(columns([[Op(0, "F", 0), Op(0, "B", 0)], [Op(1, "F", 0), Op(1, "I", 0), Op(1, "W", 0)]]))
    >>> list(zip(found.parent.tolist(), found.child.tolist(), found.crosses.tolist()))
    [(0, 2, 1), (3, 1, 1), (0, 1, 0), (2, 3, 0), (3, 4, 0)]
    """
    stages, microbatches = int(ops.stage.max()) + 1, int(ops.microbatch.max()) + 1
    # One more stage at the end, without ops, so that every stage has a next one.
    row = np.full((3, stages + 1, microbatches), -1)  # F, B or I, W
    row[np.array([0, 1, 1, 2])[ops.kind], ops.stage, ops.microbatch] = ops.task
    forward, backward, weights = row
    pairs = (
        (forward[:-1], forward[1:], 1),
        (backward[1:], backward[:-1], 1),
        (forward, backward, 0),
        (backward, weights, 0),
    )
    parent = np.concatenate([a.ravel() for a, _, _ in pairs])
    child = np.concatenate([b.ravel() for _, b, _ in pairs])
    crosses = np.repeat([c for _, _, c in pairs], [a.size for a, _, _ in pairs])
    there = (parent >= 0) & (child >= 0)
    return Needs(parent[there], child[there], crosses[there])


def placement(ops: Ops) -> tuple[tuple[int, ...], ...]:
    """Return the ranks that run each stage: one, or several where a schedule holds the model more than once.

    >>> placement(columns([[Op(0, "F", 0), Op(3, "F", 0)], [Op(1, "F", 0), Op(2, "F", 0)]]))  # a V
    ((0,), (1,), (1,), (0,))
    """
    ranks = len(ops.first) - 1
    rank = np.repeat(np.arange(ranks), np.diff(ops.first))[ops.task]
    found: list[list[int]] = [[] for _ in range(int(ops.stage.max()) + 1)]
    for stage, place in zip(*np.divmod(distinct(ops.stage * ranks + rank), ranks), strict=True):
        found[stage].append(int(place))
    return tuple(map(tuple, found))
