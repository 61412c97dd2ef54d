"""Training by degrees of parallelism: what a device holds of the model, and what its exchanges take.

    whole model   --shards-->   what a device holds of it   --cut-->   stages, on the ranks of a pipeline

Layers are counted as a device holds them, so kernels get smaller and exchanges stand between them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from parsim.core.collective import Collective
from parsim.core.columns import Floats, Ints
from parsim.core.fold import Fold
from parsim.core.kernel import Shape, size
from parsim.core.rounds import Shares
from parsim.core.sharding import Sharding
from parsim.training.communicators import Communicators
from parsim.training.degrees import Degrees
from parsim.training.exchange import Exchanged
from parsim.training.model import Model
from parsim.training.program import Training
from parsim.training.stage import Stages

WIDE = ("data", "expert data")  # communicators whose groups reach over all parts
Prices = Mapping[Exchanged, Floats]  # (devices,) s of each exchange


class Numbers(NamedTuple):
    """A number for the dense layers, and one for experts that devices share."""

    dense: float
    experts: float


class Parallelism(NamedTuple):
    """How devices share the training of a model, and exchange."""

    degrees: Degrees
    sharding: Sharding
    bucket: float  # B
    one_by_one: bool  # whether exchanges within layers are played one by one
    prices: Prices
    communicators: Communicators
    times: int = 1  # how many equal parts the devices form, of which one is looked at

    @property
    def part(self) -> Degrees:
        """The degrees of one part."""
        return self.degrees.part(self.times)

    def collective(self, operation: str, size: float, communicator: str, devices: Ints, shares: Shares) -> Collective:
        """Return a collective of a group of a communicator, of which *devices* are those of one part."""
        times = self.times if communicator in WIDE else 1
        return self.communicators.of(operation, size, devices.tolist(), shares, times)

    @property
    def copies(self) -> Numbers:
        """How many data ranks have the same dense layers, and the same experts."""
        copies = self.degrees.data * self.degrees.context
        return Numbers(copies, copies // self.degrees.expert)


@dataclass(frozen=True, kw_only=True)
class ShardedTraining(Training):
    """The training of a model by degrees of parallelism: what devices hold and exchange; `computed` computes it.

    Parameters
    ----------
    own : the layers as a device holds them; where experts are not equally busy, one with the busiest of them.
    parallelism : how devices share them, and exchange.
    others : the layers as devices hold them that have none of the busiest experts, if these differ.
    template : the tasks of a replica, once they are made, of each of these sorts of devices; trainings of other numbers
        of iterations have the same.
    fold : which devices are played.
    """

    own: Model
    parallelism: Parallelism
    others: tuple[Model, ...] = ()
    template: list[Any] = field(default_factory=list)
    fold: Fold

    def __getstate__(self) -> dict[str, Any]:
        """Pickle the fields; the tasks of a replica are made anew."""
        return super().__getstate__() | {"template": []}

    @cached_property
    def stages(self) -> Stages:
        """What the stages take on a device."""
        return Stages(self.own, self.cut.stages, self.precision, self.cut.recompute)

    @cached_property
    def weights(self) -> list[list[Shape]]:
        """The shapes of the weights of each stage on a device."""
        return [[shape for n in stage for shape in self.weights_of(n).values()] for stage in self.cut.stages]

    def weights_of(self, number: int) -> Mapping[str, Shape]:
        """Return the weights of a layer on a device; a table that it shares with an embedding there counts once."""
        weights = self.own.layers[number].weights
        if number not in self._beside_embedding:
            return weights
        table = size(next(iter(self.own.layers[0].weights.values())))
        return {name: shape for name, shape in weights.items() if size(shape) != table}

    @cached_property
    def _beside_embedding(self) -> tuple[int, ...]:
        """The layers that use the embedding's table, and whose device also has the embedding."""
        places = self.layout.places
        ranks = [set(places.rank[places.stage == stage].tolist()) for stage in range(self.layout.stages)]
        stage_of = [stage for stage, layers in enumerate(self.cut.stages) for _ in layers]
        tied = self.own.beside[1:] if self.own.tied else ()
        return tuple(number for number in tied if ranks[stage_of[number]] == ranks[0])

    def held(self, layers: Sequence[int]) -> Numbers:
        """Return how many weights of *layers* a device holds, before data ranks share them."""
        return _sum([self._held[number] for number in layers])

    def read(self, layers: Sequence[int]) -> Numbers:
        """Return how many weights *layers* compute with on a device."""
        return _sum([self._read[number] for number in layers])

    @cached_property
    def _held(self) -> list[Numbers]:
        """How many weights of each layer a device holds."""
        found = list(self._read)
        for number in self._beside_embedding:
            found[number] = self._numbers(number, self.weights_of(number))
        return found

    @cached_property
    def _read(self) -> list[Numbers]:
        """How many weights each layer computes with; equal layers are counted once."""
        layers, known = self.own.layers, dict[int, Numbers]()
        for number, layer in enumerate(layers):
            if id(layer) not in known:
                known[id(layer)] = self._numbers(number, layer.weights)
        return [known[id(layer)] for layer in layers]

    def _numbers(self, number: int, weights: Mapping[str, Shape]) -> Numbers:
        own = {name for op in self.own.layers[number].ops if op.name == "grouped" for name in op.weights}
        shared = own if self.parallelism.degrees.expert > 1 else set()
        experts = size(*(weights[name] for name in shared))
        return Numbers(size(*(shape for name, shape in weights.items() if name not in shared)), experts)


def _sum(some: Sequence[Numbers]) -> Numbers:
    return Numbers(math.fsum(one.dense for one in some), math.fsum(one.experts for one in some))
