"""Lists that ops of a pipeline make longer, and the repetition of what one op added.

F0   tasks 0 1 2, edges 0-1 1-2
F1   tasks 3 4 5, edges 3-4 4-5      the same, three tasks later
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple


class Part(NamedTuple):
    """What an op added."""

    start: int  # its first task
    ends: list[int]  # the tasks with which it ends
    since: list[int]  # how long each list was before
    until: list[int]  # and afterwards


class Growing(NamedTuple):
    """Lists that get longer.

    Attributes
    ----------
    numbers : lists of tasks, which are others in a repetition.
    shared : lists of what is the same in a repetition.
    """

    numbers: Sequence[list[int]]
    shared: Sequence[list[Any]]

    @property
    def lengths(self) -> list[int]:
        """How long each list is."""
        return [*map(len, self.numbers), *map(len, self.shared)]

    def repeat(self, part: Part, by: int) -> None:
        """Add a part again, so many tasks later.

        >>> lists = Growing([[0, 1]], [["a", "b"]])
        >>> lists.repeat(Part(1, [1], [1, 1], [2, 2]), 3)
        >>> lists
        Growing(numbers=[[0, 1, 4]], shared=[['a', 'b', 'b']])
        """
        bounds = [*map(slice, part.since, part.until)]
        for numbers, some in zip(self.numbers, bounds[: len(self.numbers)], strict=True):
            numbers += [number + by for number in numbers[some]]
        for shared, some in zip(self.shared, bounds[len(self.numbers) :], strict=True):
            shared += shared[some]
