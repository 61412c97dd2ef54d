"""What each split costs, as a table: a row for each split.

split   makespan  T_total  ...        split,makespan_s,t_total_s,...
data       340 ms  298 ms             data,0.34,0.298
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from parsim.core.quantities import seconds, size
from parsim.export.summary import Column, Table


class Shown(NamedTuple):
    """A figure of a split: what it is called, its name in JSON, and how it is written."""

    head: str
    name: str
    write: Callable[[Any], str]


def four(value: float) -> str:
    """Write seconds with four digits."""
    return seconds(value, 4)


MAKESPAN, T_TOTAL = Shown("makespan", "makespan_s", four), Shown("T_total", "t_total_s", four)
PEAK = Shown("peak memory", "peak_memory_bytes", size)


def by_split(costs: Mapping[str, Any], figures: Sequence[Shown]) -> Table:
    """Return a row for each split with the *figures* of its costs; None: it cannot be played."""
    columns = [Column("split", [*costs], "split", [*costs], left=True)]
    for head, name, write in figures:
        values = [None if cost is None else getattr(cost, name) for cost in costs.values()]
        columns.append(Column(head, ["-" if value is None else write(value) for value in values], name, values))
    return Table("What each split costs", columns)
