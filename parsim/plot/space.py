"""The rows of a space as columns: what pictures of sweeps and plans show.

row  set                              status    iteration_s        choice  place of its values   value of each row
0    {plan.tensor: 1, plan.data: 8}   done      1.2                tensor  0 1                   0 1
1    {plan.tensor: 2, plan.data: 4}   refused   null               data    3 2 (log2)            0 1
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from parsim.core.columns import Floats, Ints
from parsim.core.errors import RunError
from parsim.core.quantities import prefixed, unit_of
from parsim.core.units import DIMENSIONS, measure
from parsim.export.values import endings, spread, unlike

LEFT_OUT = "left out"  # stands for the value of a row that does not have the path
MANY = 2_000  # rows from which an SVG contains pixels
FAR = 8.0  # times the least value, from which an axis is logarithmic
DIGITS = 9  # times that agree in so many are equal
WHY = {  # a row has no mark, by its code or its status
    "require": "a condition does not hold",
    "not_divisible": "degrees do not divide",
    "memory": "too little memory",
    "schedule": "the schedule cannot do it",
    "unreachable": "no route",
    "invalid": "values do not go together",
    "cut": "cut by bounds",
    "running": "still played",
    "no row": "no row: left out, or not yet played",
}
ABOUT_CUT = "rows that bounds cut are not among the fastest, and may be better than others that are shown"
GOLDEN = 0.6180339887498949  # the part of a whole that spreads its multiples most evenly
BESIDES_TIME = {  # other figures, by their names in JSON: what they are, and their unit
    "peak_memory_bytes": ("peak memory", "B"),
    "exposed_s": ("exposed", "s"),
    "mfu": ("MFU", "%"),
    "cost": ("cost", "USD"),
    "energy_j": ("energy", "J"),
}


class Choice(NamedTuple):
    """A choice of a space.

    Parameters
    ----------
    path : its dotted path.
    name : the end of its path.
    words : its values, those that grow from the least.
    place : of each value on an axis; logarithms of values whose ratios are more even than their steps.
    grows : whether the values are amounts; else they are texts.
    value : the number of the value of each row.
    """

    path: str
    name: str
    words: Sequence[str]
    place: Floats  # (values,)
    grows: bool
    value: Ints  # (rows,)

    @property
    def gap(self) -> float:
        """The least distance between two values."""
        return float(np.diff(self.place).min()) if len(self.place) > 1 else 1.0


class Rows:
    """The rows of a space.

    Parameters
    ----------
    rows : as `parsim sweep --json` gives them, in any order.
    """

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        self.rows = sorted(rows, key=lambda row: int(row.get("row", 0)))
        if not self.rows:
            raise RunError("there are no rows to draw")
        self.time_s = np.array([_time(row) for row in self.rows])  # NaN where a row was not played

    def __len__(self) -> int:
        """Return how many there are, with those that were not played."""
        return len(self.rows)

    @cached_property
    def sections(self) -> list[Choice]:
        """All choices as they are made, in the order of the file; values may be whole sections."""
        return _choices(self._sets)

    @cached_property
    def choices(self) -> list[Choice]:
        """All choices, in the order of the file; in place of whole sections, the keys in which these differ."""
        return _choices(spread(self._sets))

    @cached_property
    def _sets(self) -> list[dict[str, Any]]:
        paths = dict.fromkeys(path for row in self.rows for path in row["set"])
        return [{path: row["set"].get(path, LEFT_OUT) for path in paths} for row in self.rows]

    @cached_property
    def varied(self) -> list[Choice]:
        """The choices of which rows have several values."""
        return [choice for choice in self.choices if len(choice.words) > 1]

    @cached_property
    def played(self) -> Ints:
        """The rows that were played, the fastest first; of equal ones that of less exposed communication and memory."""
        keys = [np.nan_to_num(self.figure(name), nan=math.inf) for name in ("peak_memory_bytes", "exposed_s")]
        equal = np.array([float(f"{time:.{DIGITS}g}") for time in self.time_s.tolist()])
        order: Ints = np.lexsort((*keys, equal))
        found: Ints = order[np.isfinite(self.time_s[order])]
        return found

    def figure(self, name: str) -> Floats:
        """Return a figure of each row; NaN where it is not known."""
        return np.array([_number(row.get(name)) for row in self.rows])

    def unproven(self, cell: Ints) -> set[int]:
        """Return the cells of which a row that bounds cut may be faster than all that were played.

        Parameters
        ----------
        cell : of each row. That of the fastest row is proven, since no row that is cut is among the best.
        """
        cut = {int(cell[row]) for row in np.flatnonzero(np.isnan(self.time_s)).tolist() if self.why(row) == "cut"}
        return cut - set(cell[self.played[:1]].tolist())

    def why(self, row: int) -> str:
        """Return why a row was not played: its code, or its status."""
        status = self.rows[row].get("status", "done")
        return "without time" if status == "done" else str(self.rows[row].get("code") or status)

    @cached_property
    def counted(self) -> str:
        """How many rows were played, and how many not for which reason."""
        missing = Counter(self.why(row) for row in np.flatnonzero(np.isnan(self.time_s)).tolist())
        why = ", ".join(f"{WHY.get(why, why)} ({many:,})" for why, many in missing.most_common())
        told = [f"{len(self.played):,} of {len(self):,} rows", *([f"the others do not count: {why}"] if why else [])]
        return "; ".join([*told, *([ABOUT_CUT] if missing["cut"] else [])])

    @cached_property
    def time(self) -> str:
        """What the time of a row is called."""
        trained = {self.rows[row].get("iteration_s") is not None for row in self.played.tolist()}
        return "iteration time" if trained == {True} else "makespan" if trained == {False} else "time"


def unit(values: Floats, base: str) -> tuple[str, float]:
    """Return the unit in which values, given in the unit *base*, read best together, and its size.

    >>> unit(np.array([0.9, 30.0]), "s"), unit(np.array([0.4]), "%"), unit(np.array([2e9, 4e10]), "B")
    (('s', 1.0), ('%', 0.01), ('GB', 1000000000))
    """
    known = values[values > 0]
    middle = float(np.sqrt(known.min() * known.max())) if len(known) else 0.0
    if base == "s":
        name, seconds = unit_of(middle)
        return name, seconds
    return (base, 0.01) if base == "%" else (base, 1.0) if base == "USD" else prefixed(middle, base)


def far(values: Floats) -> bool:
    """Return whether *values*, all known, spread so far that their axis is logarithmic."""
    return bool(len(values)) and values.min() > 0 and values.max() >= FAR * values.min()


def scattered(count: int) -> Floats:
    """Return places from -0.5 to 0.5 for things in order, so that neighbours are far apart (the golden ratio).

    >>> scattered(3).round(2).tolist()
    [0.0, -0.38, 0.24]
    """
    turns = np.arange(count, dtype=np.float64) * GOLDEN + 0.5
    return turns - np.floor(turns) - 0.5


def _time(row: Mapping[str, Any]) -> float:
    known = row.get("iteration_s") if row.get("iteration_s") is not None else row.get("makespan_s")
    return _number(known) if row.get("status", "done") == "done" else math.nan


def _number(value: Any) -> float:
    """Return a number; NaN for anything else."""
    try:
        found = float(value) if isinstance(value, int | float) else math.nan
    except OverflowError:
        return math.nan
    return found if math.isfinite(found) else math.nan


def _choices(sets: Sequence[Mapping[str, Any]]) -> list[Choice]:
    names = endings(list(sets[0]))
    return [_choice(path, name, [one[path] for one in sets]) for path, name in names.items()]


def _choice(path: str, name: str, raw: Sequence[Any]) -> Choice:
    keys = [_key(value) for value in raw]
    known = dict(zip(keys, raw, strict=True))
    amounts = _amounts(list(known.values()))
    order = sorted(known, key=dict(zip(known, amounts, strict=True)).__getitem__) if amounts else list(known)
    number = {key: place for place, key in enumerate(order)}
    place = _places(np.sort(amounts)) if amounts else np.arange(len(order), dtype=float)
    words = unlike([known[key] for key in order])
    return Choice(path, name, words, place, bool(amounts), np.array([number[key] for key in keys]))


def _key(value: Any) -> tuple[str, Any]:
    """Return what tells a value from others, of any type."""
    return type(value).__name__, json.dumps(value, sort_keys=True) if isinstance(value, dict | list) else value


def _amounts(values: Sequence[Any]) -> list[float]:
    """Return the values as numbers; none where some are not, or are equal, or are quantities of two dimensions."""
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        found = [_number(value) for value in values]
    else:
        try:
            read = [measure(value, *DIMENSIONS) for value in values if isinstance(value, str)]
        except ValueError:
            return []
        found = [amount for _, amount in read] if len({dimension.base for dimension, _ in read}) == 1 else []
    apart = len(set(found)) == len(values) and all(map(math.isfinite, found))
    return found if apart else []


def _places(amounts: Floats) -> Floats:
    """Return where amounts stand on an axis: at their logarithms if these grow more evenly.

    >>> _places(np.array([1.0, 2.0, 4.0])), _places(np.array([1.0, 2.0, 3.0]))
    (array([0., 1., 2.]), array([1., 2., 3.]))
    """
    if len(amounts) < 3 or amounts[0] <= 0:
        return amounts
    logs = np.log2(amounts)
    uneven, more = (np.diff(places).max() / np.diff(places).min() for places in (logs, amounts))
    return logs if uneven < more else amounts
