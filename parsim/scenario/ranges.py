"""Ranges: numbers and quantities from one to another, which grow by a factor or by a step.

    from: 1         to: 64          factor: 2             1, 2, 4, ..., 64
    from: 1 GB/s    to: 3 GB/s      step: 500 MB/s        1 GB/s, 1.5 GB/s, ..., 3 GB/s

Values are computed exactly, in the unit of the first, and rounded once. The last is at most that of `to`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from parsim.core.errors import Complaint, Invalid, Path
from parsim.core.units import DIMENSIONS, LARGEST, Dimension, measure, show

GROWTHS = ("factor", "step")
LONG = 10**30
_SPLIT = re.compile(r"([0-9.]+(?:[eE][+-]?[0-9]+)?)[ \t]*(.*)")


class _End(NamedTuple):
    """A number, or the number and the unit of a quantity."""

    number: Fraction
    unit: str = ""
    dimension: Dimension | None = None
    whole: bool = False  # whether it is written as a whole number without a unit

    def within(self, other: _End) -> Fraction:
        """Return the number in the unit of *other*, which has the same dimension."""
        scale = self.dimension.units if self.dimension else {"": Fraction(1)}
        return self.number * scale[self.unit] / scale[other.unit]


def values_of(raw: Mapping[str, Any], at: Path, most: int) -> Iterator[Any]:
    """Yield the values of a range, at most so many; raise `Invalid` with paths from *at*.

    >>> list(values_of({"from": 1, "to": 10, "factor": 3}, (), 9))
    [1, 3, 9]
    >>> list(values_of({"from": "1 GB", "to": "2.5 GB", "step": "500 MB"}, (), 9))
    ['1 GB', '1.5 GB', '2 GB', '2.5 GB']
    """
    growth = next(key for key in GROWTHS if key in raw)
    ends = {key: _end(raw[key], (*at, key)) for key in ("from", "to", growth)}
    first, last, grown = ends["from"], ends["to"], ends[growth]
    _refuse_mixed(ends, growth, raw, at)
    most_number, by = last.within(first), grown.number if growth == "factor" else grown.within(first)
    if first.number > most_number:
        raise Invalid([Complaint((*at, "from"), f"{raw['from']} is more than to, {raw['to']}; swap them")])
    if growth == "factor" and (by <= 1 or not first.number):
        key, why = ("factor", f"{raw[growth]} is not above 1") if first.number else ("from", "0 stays 0 by any factor")
        raise Invalid([Complaint((*at, key), f"{why}, so the values would not grow; write for example 2 (or a step)")])
    if growth == "step" and not by:
        raise Invalid([Complaint((*at, "step"), "0 is no step, so the values would not grow; write for example 1")])
    whole = first.whole and grown.whole
    number, count = first.number, 0
    while number <= most_number:
        count += 1
        if count > most:
            raise Invalid([Complaint(at, f"makes more than {most} values; write a larger {growth}")])
        yield _written(number, first.unit, whole)
        number = _rounded(number * by) if growth == "factor" else number + by


def _end(raw: Any, at: Path) -> _End:
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        if not 0 <= raw <= LARGEST:
            raise Invalid([Complaint(at, f"{show(raw)} is out of range; ranges have numbers from 0 to {LARGEST:g}")])
        return _End(Fraction(str(raw)), whole=isinstance(raw, int))
    if not isinstance(raw, str):
        raise Invalid([Complaint(at, f"wants a number or a quantity such as '100 GB/s', not {show(raw)}")])
    try:
        dimension, _ = measure(raw, *DIMENSIONS)
    except ValueError:
        why = f"{show(raw)} is no number and no quantity such as '100 GB/s'; names stand in a list: {{in: [a, b]}}"
        raise Invalid([Complaint(at, why)]) from None
    split = _SPLIT.fullmatch(raw)
    assert split is not None
    return _End(Fraction(split[1]), split[2], dimension)


def _refuse_mixed(ends: Mapping[str, _End], growth: str, raw: Mapping[str, Any], at: Path) -> None:
    first = ends["from"]
    for key in ("to", growth):
        dimension = None if key == "factor" else first.dimension
        if ends[key].dimension != dimension:
            wanted = dimension.what if dimension else "a plain number"
            so = (
                " is a factor, so it must be"
                if key == "factor"
                else f" stands beside from: {raw['from']}, so it must be"
            )
            raise Invalid([Complaint((*at, key), f"{raw[key]}{so} {wanted}")])


def _rounded(number: Fraction) -> Fraction:
    """Return a number whose digits do not grow without end."""
    return number if number.denominator < LONG else Fraction(f"{float(number):.15g}")


def _written(number: Fraction, unit: str, whole: bool) -> Any:
    if whole:
        return int(number)
    decimal = str(int(number)) if number.denominator == 1 else repr(float(number))
    return f"{decimal} {unit}" if unit else float(number)
