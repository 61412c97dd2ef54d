"""Items: a data set as the splits use it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from parsim.core.kernel import Tell, Watched

Name = tuple[str, tuple[tuple[str, Any], ...]]  # of a kernel on the shelf, and its parameters
ALL, NOTHING = slice(None), slice(0)


def same(value: Any) -> Any:
    """Return *value* unchanged, for items that are only counted."""
    return value


@dataclass(frozen=True)
class Items:
    """N equal items, their sizes, and the kernel and the merge for them.

    Without `values` the items are only counted, and nothing is computed. Weights at the host travel with the input of
    every task that uses them; weights on the devices only take room.
    """

    count: int
    size: float  # B, of one item
    result: float  # B, the output of one item
    weights: float  # B, of the whole model
    values: Sequence[Any] = ()
    kernel: Callable[[Any], Any] = same
    merge: Callable[[Sequence[Any]], Any] = list
    name: Name = ("", ())
    made_by: str = ""  # the merge and the kernel, for messages
    weights_at: Literal["devices", "host"] = "devices"

    @property
    def travelling(self) -> float:
        """The bytes of the model that each task receives from the host."""
        return self.weights if self.weights_at == "host" else 0.0

    @property
    def resident(self) -> float:
        """The bytes of the model that stay on a device."""
        return self.weights - self.travelling

    def program(self, given: dict[int, Sequence[Any]], own: Sequence[slice], depth: int = 1) -> Elements | None:
        """Return the program of the tasks, or None if the items are only counted."""
        if not self.values:
            return None
        return Elements(self.values, given, own, self.kernel, self.merge, depth, self.name, self.made_by)


@dataclass(frozen=True)
class _Function:
    """The type of a kernel that is a function of one element."""

    forward: Callable[[Any], Any]


@dataclass(frozen=True)
class Elements:
    """The program of items: a task applies the kernel to each element of its part of its inputs.

    All its outputs go to its children, or to the merge if it has none.
    """

    data: Sequence[Any]
    given: Mapping[int, Sequence[Any]]  # task -> the values from the host
    own: Sequence[slice]  # (tasks,) the part of its inputs that a task computes on
    kernel: Callable[[Any], Any]
    merge: Callable[[list[Any]], Any]
    depth: int = 1  # how often the kernel is applied to each element
    name: Name = ("", ())  # of the kernel
    made_by: str = ""  # the merge and the kernel, for messages
    light = True

    def __getstate__(self) -> dict[str, Any]:
        """Pickle only what worker processes need: neither the data, which they receive task by task, nor the merge."""
        return self.__dict__ | {"data": (), "given": {}, "merge": list}

    def prepare(self, tasks: Sequence[int]) -> None:
        """Do nothing."""

    def compute(self, task: int, received: Sequence[Sequence[Any]]) -> list[Any]:
        """Run the kernel of *task* on its inputs."""
        values = [value for some in received for value in some]
        return [self.kernel(value) for value in values[self.own[task]]]

    def watched(self, tell: Tell) -> Elements:
        """Return a copy that calls *tell* before every kernel call."""
        return replace(self, kernel=Watched(*self.name, _Function(self.kernel), tell).forward)

    def hands(self, edge: int) -> slice:
        """Return all outputs."""
        return ALL

    def gathers(self, task: int, last: bool) -> slice:
        """Return the outputs of the last tasks."""
        return ALL if last else NOTHING

    def serial(self) -> Any:
        """Return the result of one worker without any split."""
        values = list(self.data)
        for _ in range(self.depth):
            values = [self.kernel(value) for value in values]
        return self.merge(values)
