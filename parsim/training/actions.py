"""What a device does in an action: pieces of neighbouring layers, and the segments of each piece.

    B of three layers, whose gradients are added up by bucket     |layer 2|layers 1 0|     a piece for each bucket
    F of three layers, whose weights are gathered                 |layer 0|layer 1|layer 2|

Alike actions are cut once.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import starmap
from typing import NamedTuple

from parsim.core.op import KINDS, LETTERS
from parsim.core.precision import BYTES
from parsim.training.segments import Segment, segments, together
from parsim.training.sharded import Numbers, ShardedTraining

NOTHING = Numbers(0.0, 0.0)
WHOLE_BATCH = -1  # in place of a microbatch


class Action(NamedTuple):
    """The work of a stage on a microbatch."""

    kind: int
    stage: int
    microbatch: int

    def __str__(self) -> str:
        """Name it as pipelines do."""
        letter, part = (LETTERS[self.kind], self.microbatch) if self.microbatch != WHOLE_BATCH else ("U", "")
        return f"{self.stage}{letter}{part}"


class Piece(NamedTuple):
    """Neighbouring layers of an action, the weights that are gathered before, and the gradients added up after it."""

    layers: range
    gathered: Numbers = NOTHING
    reduced: Numbers = NOTHING


class Actions:
    """The actions of a training, cut when asked."""

    def __init__(self, training: ShardedTraining) -> None:
        self._training, self._parallelism = training, training.parallelism
        ops, parts = training.cut.ops, training.cut.parts
        columns = (column.tolist() for column in (ops.kind, ops.stage, ops.microbatch))
        self.of = [*starmap(Action, zip(*columns, strict=True))]  # what each op does
        self.rows = [int(part.stop - part.start) for part in parts]  # samples of each microbatch
        self.last = set(training.layout.line_ends[:, 1].tolist())  # ops that complete the gradients of their stage
        self.later = set(training.layout.line[:, 1].tolist())  # ops that add to the gradients of others
        self.blocked = set(_handing(training)) if training.cut.sends == "blocking" else set[int]()
        self._known: dict[tuple[int, int, bool, bool], list[Piece]] = {}
        self._segments: dict[tuple[int, ...], list[Segment]] = {}

    def segments(self, kind: int, rows: int, layers: range) -> list[Segment]:
        """Return the segments of a piece, the same for equal layers; one without calls where it has none."""
        stages = self._training.stages
        key = (kind, *map(id, stages.layered(layers, rows)))
        if key not in self._segments:
            found = segments(stages.calls(layers, rows, kind), self._training.precision)
            self._segments[key] = (found if self._parallelism.one_by_one else together(found)) or [Segment(())]
        return self._segments[key]

    def pieces(self, kind: int, stage: int, gathers: bool, reduces: bool) -> list[Piece]:
        """Return the pieces of an action, in the order in which they run."""
        key = kind, stage, gathers, reduces
        if key not in self._known:
            self._known[key] = self._pieces(*key)
        return self._known[key]

    def _pieces(self, kind: int, stage: int, gathers: bool, reduces: bool) -> list[Piece]:
        layers, held = self._training.cut.stages[stage], self._training.held
        if gathers:
            ordered = layers if KINDS[kind].letter == "F" else layers[::-1]
            each = [range(number, number + 1) for number in ordered]
            return [Piece(one, self._training.read(one), held(one) if reduces else NOTHING) for one in each]
        if reduces:
            return [Piece(some, reduced=held(some)) for some in self.buckets(layers)]
        return [Piece(layers)]

    def buckets(self, layers: range) -> Iterator[range]:
        """Yield the layers of each bucket of gradients, the last layers first."""
        a_number, full = BYTES[self._training.precision.gradients], self._parallelism.bucket
        end, numbers = layers.stop, 0.0
        for number in reversed(layers):
            numbers += sum(self._training.held([number]))
            if numbers * a_number >= full or number == layers.start:
                yield range(number, end)
                end, numbers = number, 0.0


def _handing(training: ShardedTraining) -> list[int]:
    """Return the ops that hand outputs or gradients to another rank."""
    parent, child, crosses = training.layout.needs
    away = (training.layout.rank[parent] != training.layout.rank[child]) & (crosses != 0)
    found: list[int] = parent[away].tolist()
    return found
