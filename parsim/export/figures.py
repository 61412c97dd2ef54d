"""The figures of runs, for people and as columns: a run, the rows of a sweep, the plans of a search.

iteration_s=1.5, mfu=0.41      iteration  MFU      iteration_s,...,mfu
                                   1.5 s  0.41     1.5,...,0.41
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from parsim.core.quantities import number, scaled, seconds, size
from parsim.core.units import BYTES, ENERGY, MONEY, SECONDS
from parsim.export.summary import Column
from parsim.metrics.figures import FIGURES, KINDS

_CAPITALS = ("mfu", "hfu")


def figure(name: str, value: float) -> str:
    """Write a figure, or another value of expressions, with its unit.

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
    return f"{number(value, 4)} USD" if kind is MONEY else number(value)


def figure_columns(rows: Sequence[Mapping[str, Any]]) -> list[Column]:
    """Return a column for each figure of *rows*, which `figures_of` made; empty where it is not known."""
    return [_column(one.name, one.short, [row.get(one.name) for row in rows]) for one in FIGURES]


def _column(name: str, short: str, values: Sequence[float | None]) -> Column:
    cells = ["" if value is None else figure(name, value) for value in values]
    head = short.upper() if short in _CAPITALS else short.replace("_", " ")
    return Column(head, cells, "cost_usd" if KINDS[name] is MONEY else name, values)
