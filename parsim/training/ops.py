"""Ops of named kernels, for the layers of models."""

from __future__ import annotations

from typing import Any

from parsim.kernels import kernels
from parsim.training.layer import Op


def op(name: str, inputs: tuple[str, ...], output: str, weights: tuple[str, ...] = (), **arguments: Any) -> Op:
    """Make an op of a kernel of the shelf."""
    return Op(name, tuple(arguments.items()), kernels[name](**arguments), inputs, weights, output)
