"""Assertions of a scenario in words.

holds    iteration_s < 12 s: iteration_s = 9.31 s
FAILS    peak_memory < 70 GB: peak_memory = 74.2 GB
unknown  mfu > 0.4: mfu is not known
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from parsim.export.figures import figure

_VERDICTS = {True: "holds", False: "FAILS", None: "unknown"}


def lines(asserted: Sequence[Mapping[str, Any]]) -> list[str]:
    """Write each assertion, as in the JSON of a run, with its values and whether it holds."""
    return [f"{verdict:<7}  {text}: {values}" for text, verdict, values in rows(asserted)]


def rows(asserted: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    """Return the text, the verdict and the values of each assertion."""
    return [(one["text"], _VERDICTS[one["holds"]], ", ".join(_values(one))) for one in asserted]


def failures(asserted: Sequence[Mapping[str, Any]]) -> list[str]:
    """Write a sentence for each assertion that does not hold."""
    return [
        f"the assertion {'fails' if one['holds'] is False else 'cannot be decided'}: {text}: {values}"
        for one, (text, _, values) in zip(asserted, rows(asserted), strict=True)
        if not one["holds"]
    ]


def _values(one: Mapping[str, Any]) -> Iterator[str]:
    for name, value in one["values"].items():
        yield f"{name} is not known" if value is None else f"{name} = {figure(name, value)}"
    if one["holds"] is None and None not in one["values"].values():
        yield "it divides by zero, or a number is too large"
