"""Layers of convolutional networks, made of kernels: stem, blocks, and head.

    stem         x -- conv 7 x 7, norm, relu, max pool -- y
    plain        x -- conv, norm, relu -- y                             behind the last block of a stage, a max pool
    bottleneck   x --+-- conv 1 x 1, conv, conv 1 x 1 --(+)-- relu -- y     a norm behind each conv, and relu between
                     +------- conv 1 x 1 or nothing ----+
    head         x -- mean pool, affine, cross entropy -- y

The first bottleneck of a stage changes the channels, and from the second stage on halves height and width, in the conv
in the middle (Goyal et al., Accurate, Large Minibatch SGD, arXiv:1706.02677, section 5.1). He et al., Deep Residual
Learning, CVPR 2016.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from parsim.core.errors import Complaint, Invalid
from parsim.core.kernel import Shape
from parsim.training.layer import INPUT, LABELS, OUTPUT, Layer
from parsim.training.ops import Builder

Block = Literal["plain", "bottleneck"]
Norm = Literal["none", "batchnorm"]
Placed = tuple[tuple[str | int, ...], Layer]  # a layer, and the key that states it
STEM = 64  # channels of the stem
WIDER = 4  # channels that a bottleneck returns for each in its middle


@dataclass(frozen=True, kw_only=True)
class Network:
    """A convolutional network, with the meaning that its workload's parameters have."""

    image: int
    colours: int
    classes: int
    channels: tuple[int, ...]
    blocks: tuple[int, ...]
    block: Block
    kernel: int
    padding: int
    norm: Norm

    def layers(self) -> tuple[Layer, ...]:
        """Return the layers. Layers whose shapes do not fit raise `Invalid`."""
        given: Shape = (1, self.colours, self.image, self.image)
        found: list[Layer] = []
        for place, layer in self._placed():
            try:
                given = layer.shapes({INPUT: given, LABELS: (1,)})[OUTPUT]
            except ValueError as error:
                why = f"layer {len(found)} gets {_sizes(given)}: {error}"
                advice = "use a larger image, a smaller kernel, or fewer stages"
                raise Invalid([Complaint(place, f"{why}; {advice}")]) from error
            found.append(layer)
        return tuple(found)

    def _placed(self) -> Iterator[Placed]:
        if self.block == "plain":
            yield from self._plain()
            wide = self.channels[-1]
        else:
            yield ("image",), self._stem()
            yield from self._bottlenecks()
            wide = self.channels[-1] * WIDER
        yield ("classes",), _head(wide, self.classes)

    def _stem(self) -> Layer:
        made = Convolutions(self.norm)
        given = made.relu(made.conv(INPUT, self.colours, STEM, 7, stride=2, padding=3))
        made.add("max_pool", (given,), OUTPUT, window=3, stride=2, padding=1)
        return made.layer()

    def _plain(self) -> Iterator[Placed]:
        came = self.colours
        for stage, (wide, count) in enumerate(zip(self.channels, self.blocks, strict=True)):
            for number in range(count):
                made, last = Convolutions(self.norm), number == count - 1
                given = made.conv(INPUT, came, wide, self.kernel, stride=1, padding=self.padding)
                given = made.relu(given, "" if last else OUTPUT)
                if last:
                    made.add("max_pool", (given,), OUTPUT)
                yield ("channels", stage), made.layer()
                came = wide

    def _bottlenecks(self) -> Iterator[Placed]:
        came = STEM
        for stage, (wide, count) in enumerate(zip(self.channels, self.blocks, strict=True)):
            yield ("channels", stage), self._bottleneck(came, wide, stride=2 if stage else 1)
            came = WIDER * wide
            if count > 1:
                equal = self._bottleneck(came, wide, stride=1)
                yield from [(("channels", stage), equal)] * (count - 1)

    def _bottleneck(self, came: int, wide: int, stride: int) -> Layer:
        made, goes = Convolutions(self.norm), WIDER * wide
        given = made.relu(made.conv(INPUT, came, wide, 1))
        given = made.relu(made.conv(given, wide, wide, self.kernel, stride=stride, padding=self.padding))
        given = made.conv(given, wide, goes, 1)
        past = made.conv(INPUT, came, goes, 1, stride=stride) if came != goes or stride > 1 else INPUT
        made.relu(made.add("reduce", (past, given)), OUTPUT)
        return made.layer()


class Convolutions(Builder):
    """Collects the ops of a layer of a convolutional network."""

    def __init__(self, norm: Norm) -> None:
        super().__init__()
        self.normed = norm

    def conv(self, given: str, inputs: int, outputs: int, side: int, stride: int = 1, padding: int = 0) -> str:
        """Add a convolution, and the norm behind it."""
        said = {"stride": stride if stride > 1 else 0, "padding": padding}
        stated = {name: value for name, value in said.items() if value}
        made = self.weighted("conv2d", (given,), {"w": (outputs, inputs, side, side)}, **stated)
        if self.normed == "none":
            return made
        return self.weighted(self.normed, (made,), {"gain": (outputs,), "bias": (outputs,)})

    def relu(self, given: str, output: str = "") -> str:
        """Add a relu in place, as libraries have it: the next kernel keeps its output."""
        return self.add("relu", (given,), output, keeps="output")


def _head(wide: int, classes: int) -> Layer:
    """Return the layer that computes the loss of each image."""
    made = Builder()
    given = made.add("mean_pool", (INPUT,))
    logits = made.weighted("affine", (given,), {"w": (wide, classes), "bias": (classes,)})
    made.add("cross_entropy", (logits, LABELS), OUTPUT)
    return made.layer()


def _sizes(given: Shape) -> str:
    return f"{given[1]} channels of " + " x ".join(map(str, given[2:]))
