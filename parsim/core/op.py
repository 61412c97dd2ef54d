"""Ops: the steps of a pipeline, and their dependencies.

stage 0   0F0 0F1 .. .. .. 0B0        F  forward             after F of the previous stage
stage 1   .. 1F0 1F1 .. 1B0           B  full backward       after F of its stage, and B or I of the next
stage 2   .. .. 2F0 2B0               I  backward, inputs    as B
                                      W  backward, weights   after I of its stage
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np

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
_WRITTEN = re.compile(rf"(\d+)([{LETTERS}])(\d+)")


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
            raise ValueError(f"{text!r} is no action such as 2F0")
        return cls(int(match[1]), match[2], int(match[3]))


class Ops(NamedTuple):
    """The ops of a schedule as columns, rank by rank, in the order of each rank."""

    stage: Ints  # (ops,)
    kind: Ints  # (ops,) index into KINDS
    microbatch: Ints  # (ops,)
    first: Ints  # (ranks + 1,) rank r owns rows first[r] to first[r + 1]


class Needs(NamedTuple):
    """Dependencies between the rows of `Ops`, one per row."""

    parent: Ints  # (needs,)
    child: Ints  # (needs,)
    crosses: Ints  # (needs,) 1 between neighbouring stages, 0 within a stage


def columns(orders: Sequence[Sequence[Op]]) -> Ops:
    """Turn a schedule into columns."""
    stage, kind, microbatch = zip(*chain.from_iterable(orders), strict=True)
    letter = np.frombuffer("".join(kind).encode(), np.uint8)
    code = np.zeros(128, np.int64)
    code[np.frombuffer(LETTERS.encode(), np.uint8)] = np.arange(len(LETTERS))
    first = np.concatenate(([0], np.cumsum([len(order) for order in orders])))
    return Ops(np.array(stage, np.int64), code[letter], np.array(microbatch, np.int64), first)


def needs(ops: Ops) -> Needs:
    """Derive the dependencies of any schedule from stage, kind and microbatch.

    >>> found = needs(columns([[Op(0, "F", 0), Op(0, "B", 0)], [Op(1, "F", 0), Op(1, "I", 0), Op(1, "W", 0)]]))
    >>> list(zip(found.parent.tolist(), found.child.tolist(), found.crosses.tolist()))
    [(0, 2, 1), (3, 1, 1), (0, 1, 0), (2, 3, 0), (3, 4, 0)]
    """
    stages, microbatches = int(ops.stage.max()) + 1, int(ops.microbatch.max()) + 1
    # One more stage at the end, without ops, so that every stage has a next one.
    row = np.full((3, stages + 1, microbatches), -1)  # F, B or I, W
    row[np.array([0, 1, 1, 2])[ops.kind], ops.stage, ops.microbatch] = np.arange(len(ops.stage))
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
