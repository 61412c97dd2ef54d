"""A data set, as the splits see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from parsim.core.kernel import Tell, Watched

Name = tuple[str, tuple[tuple[str, Any], ...]]  # of a kernel on the shelf, and its parameters
ALL, NOTHING = slice(None), slice(0)


def same(value: Any) -> Any:
    """Return *value*: items that are only counted are not changed."""
    return value


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
    kernel: Callable[[Any], Any] = same
    merge: Callable[[Sequence[Any]], Any] = list
    name: Name = ("", ())
    made_by: str = ""  # the merge and the kernel, for messages
    weights_at: Literal["devices", "host"] = "devices"

    @property
    def travelling(self) -> float:
        """The bytes of the model that come from the host, again for each task."""
        return self.weights if self.weights_at == "host" else 0.0

    @property
    def resident(self) -> float:
        """The bytes of the model that stay on a device."""
        return self.weights - self.travelling

    def program(self, given: dict[int, Sequence[Any]], own: Sequence[slice], depth: int = 1) -> Elements | None:
        """Return what the tasks compute, or None where the items are only counted."""
        if not self.values:
            return None
        return Elements(self.values, given, own, self.kernel, self.merge, depth, self.name, self.made_by)


@dataclass(frozen=True)
class _Function:
    """A kernel that is a function of one element."""

    forward: Callable[[Any], Any]


@dataclass(frozen=True)
class Elements:
    """The program of items: a task applies the kernel to each element of its own part of what it receives.

    It hands all that it makes to its children; where it has none, to the merge.
    """

    data: Sequence[Any]
    given: Mapping[int, Sequence[Any]]  # task -> what the host sends
    own: Sequence[slice]  # (tasks,) the part of what it receives that a task computes on
    kernel: Callable[[Any], Any]
    merge: Callable[[list[Any]], Any]
    depth: int = 1  # how often the kernel is applied to every element
    name: Name = ("", ())  # of the kernel
    made_by: str = ""  # the merge and the kernel, for messages
    light = True

    def __getstate__(self) -> dict[str, Any]:
        """Send to worker processes what they need: no data, which they get task by task, and no merge."""
        return self.__dict__ | {"data": (), "given": {}, "merge": list}

    def prepare(self, tasks: Sequence[int]) -> None:
        """Need nothing."""

    def compute(self, task: int, received: Sequence[Sequence[Any]]) -> list[Any]:
        """Run the kernel of *task* on what it received."""
        values = [value for some in received for value in some]
        return [self.kernel(value) for value in values[self.own[task]]]

    def watched(self, tell: Tell) -> Elements:
        """Return the same program, which tells of every kernel call before it is made."""
        return replace(self, kernel=Watched(*self.name, _Function(self.kernel), tell).forward)

    def hands(self, edge: int) -> slice:
        """Hand everything on."""
        return ALL

    def gathers(self, task: int, last: bool) -> slice:
        """Leave to the merge what the last tasks make."""
        return ALL if last else NOTHING

    def serial(self) -> Any:
        """Return what one worker alone, without any split, makes of the data."""
        values = list(self.data)
        for _ in range(self.depth):
            values = [self.kernel(value) for value in values]
        return self.merge(values)
