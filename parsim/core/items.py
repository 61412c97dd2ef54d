"""A data set, as the splits see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from parsim.core.graph import Program


@dataclass(frozen=True)
class Items:
    """N equal items, the sizes that belong to them, and what is computed on them.

    Without `values` the items are only counted, and nothing is computed. Weights that are at the host travel with the
    input of every task that computes with them; those on the devices are there, and only take room.
    """

    count: int
    size: float  # B, one item
    result: float  # B, what comes of one item
    weights: float  # B, the whole model
    values: Sequence[Any] = ()
    kernel: Callable[[Any], Any] = lambda value: value
    merge: Callable[[Sequence[Any]], Any] = list
    weights_at: Literal["devices", "host"] = "devices"

    @property
    def travelling(self) -> float:
        """The bytes of the model that come from the host, again for each task."""
        return self.weights if self.weights_at == "host" else 0.0

    @property
    def resident(self) -> float:
        """The bytes of the model that stay on a device."""
        return self.weights - self.travelling

    def program(self, given: dict[int, Sequence[Any]], own: Sequence[slice], depth: int = 1) -> Program | None:
        """Return what the tasks compute, or None where the items are only counted."""
        return Program(self.values, given, own, self.kernel, self.merge, depth) if self.values else None
