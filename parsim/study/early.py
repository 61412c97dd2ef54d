"""Decide conditions on choices before anything is played, without a look at every row.

    tensor * data == devices      joins the choices tensor, data: the pairs that do not meet it are left out first,
    chunks == 1 or pipeline > 1   joins chunks, pipeline; choices that no condition joins are multiplied out last

So the time depends on the choices that conditions join, and on the rows that are left, not on all rows of the space.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import NamedTuple

import numpy as np

from parsim.core.columns import Ints

MOST = 1_000_000  # rows that are left
MOST_SIZE = 2**62  # rows of a space, so that their numbers are whole numbers of 64 bits
Picks = Sequence[int]  # the number of the value of each choice; choices that are not asked for may have any


class Condition(NamedTuple):
    """A condition, the choices on which it depends, and whether it holds."""

    text: str
    choices: frozenset[int]
    holds: Callable[[Picks], bool]


class TooMany(Exception):
    """More rows are left than can be listed."""


class Early(NamedTuple):
    """The rows that are left, and how many rows each condition refuses: each row counts for one of them."""

    rows: Ints
    refused: dict[str, int]


class _Part(NamedTuple):
    """What is left of joined choices: the part of the row's number that they make, and what conditions refuse."""

    offsets: Ints
    size: int
    refused: dict[str, int]


def early(sizes: Sequence[int], conditions: Sequence[Condition]) -> Early:
    """Return the rows that meet the *conditions*, where choices have so many values; the last varies fastest.

    >>> early([2, 3], [Condition("a == b", frozenset({0, 1}), lambda picks: picks[0] == picks[1])])
    Early(rows=array([0, 4]), refused={'a == b': 4})
    """
    if prod(sizes) > MOST_SIZE:
        raise TooMany
    strides = [prod(sizes[place + 1 :]) for place in range(len(sizes))]
    joined = _joined(conditions)
    parts = [_part(sizes, strides, sorted(choices), some) for choices, some in joined]
    free = set(range(len(sizes))).difference(*(choices for choices, _ in joined))
    parts += [_part(sizes, strides, [choice], []) for choice in sorted(free)]
    if prod(len(part.offsets) for part in parts) > MOST:
        raise TooMany
    rows, refused = np.zeros(1, np.int64), {one.text: 0 for one in conditions}
    for place, part in enumerate(parts):
        beside = len(rows) * prod(other.size for other in parts[place + 1 :])
        for text, count in part.refused.items():
            refused[text] += count * beside
        rows = (rows[:, None] + part.offsets).ravel()
    return Early(np.sort(rows), refused)


def _joined(conditions: Sequence[Condition]) -> list[tuple[set[int], list[Condition]]]:
    """Return the conditions in groups that share no choice, with the choices of each."""
    groups: list[tuple[set[int], list[Condition]]] = []
    for condition in conditions:
        meets = [group for group in groups if not group[0].isdisjoint(condition.choices)]
        groups = [group for group in groups if group not in meets]
        groups.append(
            (
                set(condition.choices).union(*(choices for choices, _ in meets)),
                [*(one for _, some in meets for one in some), condition],
            )
        )
    return groups


def _part(sizes: Sequence[int], strides: Sequence[int], choices: Sequence[int], some: Sequence[Condition]) -> _Part:
    """Assign joined *choices* one after the other; a condition is decided when its last choice is assigned."""
    left: list[list[int]] = [[0] * len(sizes)]
    refused = dict.fromkeys((one.text for one in some), 0)
    for depth in range(len(choices) + 1):
        known, rest = set(choices[:depth]), prod(sizes[one] for one in choices[depth:])
        if depth:
            left = [
                _picked(picks, choices[depth - 1], value)
                for picks in left
                for value in range(sizes[choices[depth - 1]])
            ]
        for one in some:
            if one.choices <= known and not (depth and one.choices <= known - {choices[depth - 1]}):
                kept = [picks for picks in left if one.holds(picks)]
                refused[one.text] += (len(left) - len(kept)) * rest
                left = kept
        if len(left) > MOST:
            raise TooMany
    offsets = np.array([sum(picks[one] * strides[one] for one in choices) for picks in left], np.int64)
    return _Part(offsets, prod(sizes[one] for one in choices), refused)


def _picked(picks: list[int], choice: int, value: int) -> list[int]:
    picks = picks.copy()
    picks[choice] = value
    return picks
