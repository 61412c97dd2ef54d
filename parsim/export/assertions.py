"""Assertions of a scenario in words.

holds    iteration_s < 12 s: iteration_s = 9.31 s
FAILS    peak_memory < 70 GB: peak_memory = 74.2 GB
unknown  mfu > 0.4: mfu is not known
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from parsim.core.quantities import number, scaled, seconds, size
from parsim.core.units import BYTES, ENERGY, MONEY, SECONDS
from parsim.metrics.figures import KINDS

_VERDICTS = {True: "holds", False: "FAILS", None: "unknown"}


def lines(asserted: Sequence[Mapping[str, Any]]) -> list[str]:
    """Write each assertion, as in the JSON of a run, with its values and whether it holds."""
    return [f"{_VERDICTS[one['holds']]:<7}  {_with_values(one)}" for one in asserted]


def failures(asserted: Sequence[Mapping[str, Any]]) -> list[str]:
    """Write a sentence for each assertion that does not hold."""
    return [
        f"the assertion {'fails' if one['holds'] is False else 'cannot be decided'}: {_with_values(one)}"
        for one in asserted
        if not one["holds"]
    ]


def figure(name: str, value: float) -> str:
    """Write a figure with its unit.

    >>> figure("peak_memory", 74.2e9), figure("mfu", 0.41)
    ('74.2 GB', '0.41')
    """
    kind = KINDS[name]
    if kind is SECONDS:
        return seconds(value)
    if kind is BYTES:
        return size(value)
    if kind is ENERGY:
        return scaled(value, "J", 4)
    return f"{number(value)} USD" if kind is MONEY else number(value)


def _with_values(one: Mapping[str, Any]) -> str:
    return f"{one['text']}: {', '.join(_values(one))}"


def _values(one: Mapping[str, Any]) -> Iterator[str]:
    for name, value in one["values"].items():
        yield f"{name} is not known" if value is None else f"{name} = {figure(name, value)}"
    if one["holds"] is None and None not in one["values"].values():
        yield "it divides by zero, or a number is too large"
