"""Ops of named kernels, and layers made of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parsim.core.kernel import Shape
from parsim.kernels import kernels
from parsim.training.exchange import NAME, Exchange
from parsim.training.layer import Layer, Op


def op(name: str, inputs: tuple[str, ...], output: str, weights: tuple[str, ...] = (), **arguments: Any) -> Op:
    """Make an op of a kernel of the shelf."""
    return Op(name, tuple(arguments.items()), kernels[name](**arguments), inputs, weights, output)


class Builder:
    """Collects the ops of a layer and the shapes of its weights."""

    def __init__(self) -> None:
        self.ops, self.weights, self.count = list[Op](), dict[str, Shape](), 0

    def add(self, kernel: str, inputs: tuple[str, ...], output: str = "", /, **arguments: Any) -> str:
        """Add an op without weights; return the name of its output."""
        return self.weighted(kernel, inputs, {}, output, **arguments)

    def weighted(
        self, kernel: str, inputs: tuple[str, ...], weights: Mapping[str, Shape], output: str = "", /, **arguments: Any
    ) -> str:
        """Add an op with *weights*; their names get the number of the op."""
        self.count += 1
        own = {f"{name}{self.count}": shape for name, shape in weights.items()}
        self.weights |= own
        name = output or f"{kernel}{self.count}"
        self.ops.append(op(kernel, inputs, name, tuple(own), **arguments))
        return name

    def exchange(self, given: str, output: str, /, **said: Any) -> str:
        """Add an exchange of *given* with other devices; return the name of what a device has then."""
        self.count += 1
        name = output or f"{NAME}{self.count}"
        self.ops.append(Op(NAME, tuple(said.items()), Exchange(**said), (given,), (), name))
        return name

    def layer(self) -> Layer:
        """Return the layer."""
        return Layer(tuple(self.ops), self.weights)
