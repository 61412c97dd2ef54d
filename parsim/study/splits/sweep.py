"""Vary one variable under both splits: the makespans over its values, and where the faster split changes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from parsim.core.annotations import MOST
from parsim.study.case import Case
from parsim.study.splits.crossings import Stretch, lowest, stretches, whole, within
from parsim.study.splits.runs import Figures, Place, Refused, Runs
from parsim.study.splits.variables import SPLITS, VARIABLES, Variable
from parsim.study.splits.why import why

DOUBLINGS = 5  # of a quantity, each way: 2^10 is three decades
ALL = 40  # up to here each whole number is played; beyond, two for every doubling
FOUND = 1e-3  # relative, of a crossing found by runs
SOLVED = 1e-9  # relative, of one that T_total predicts
SAME = 2 * FOUND  # relative: crossings no further apart agree


@dataclass(frozen=True)
class Sweep:
    """Both splits over one variable.

    `predicted` and `found` say who wins from where on, by T_total and by runs; the starts of all but the first of
    their stretches are the crossings. `why` says why they differ, where they do.
    """

    path: str
    here: float  # the scenario's own value
    values: tuple[float, ...]
    figures: Mapping[str, tuple[Figures | Refused, ...]]  # by split, (values,)
    t_total_s: Mapping[str, tuple[float, ...]]  # by split, (values,)
    predicted: tuple[Stretch, ...]
    found: tuple[Stretch, ...]
    why: str

    @property
    def variable(self) -> Variable:
        """The variable."""
        return VARIABLES[self.path]

    @property
    def agrees(self) -> bool:
        """Whether T_total and the runs have the same winners from the same values on."""
        return agree(self.variable, self.predicted, self.found)

    def to_dict(self) -> dict[str, Any]:
        """Return the sweep as plain values, with the reason if a split cannot be played."""
        return {
            "variable": self.variable.path,
            "unit": self.variable.dimension.base if self.variable.dimension else "",
            "here": self.here,
            "values": list(self.values),
            "splits": {split: [figures.to_dict() for figures in self.figures[split]] for split in SPLITS},
            "predicted": [stretch._asdict() for stretch in self.predicted],
            "found": [stretch._asdict() for stretch in self.found],
            "agrees": self.agrees,
            "why": self.why,
        }


@dataclass(frozen=True)
class Found:
    """The results of a study of the two splits."""

    name: str
    sha256: str
    here: Mapping[str, float]  # the scenario's own values by path, those that it has
    model_travels: bool
    costs: Mapping[str, Figures | Refused]  # at the scenario's own values, by split
    sweeps: tuple[Sweep, ...]


def places(variable: Variable, here: float) -> list[Place]:
    """Return the runs of both splits over a variable."""
    return [Place(split, variable.path, variable.written(value)) for split in SPLITS for value in grid(variable, here)]


def swept(case: Case, path: str, here: Mapping[str, float], known: Mapping[Place, Figures | Refused]) -> Sweep:
    """Find where the faster split changes over a variable; *known* are the runs at its `places`."""
    variable, runs = VARIABLES[path], Runs(case, known)
    values = grid(variable, here[path])
    by_theory, by_runs = (partial(_who, ask, variable) for ask in (runs.t_total, runs.makespan))
    predicted = stretches(values, by_theory, whole if variable.dimension is None else within(SOLVED))
    found = stretches(values, by_runs, whole if variable.dimension is None else within(FOUND))
    each = {split: [Place(split, path, variable.written(value)) for value in values] for split in SPLITS}
    return Sweep(
        path,
        here[path],
        values,
        figures={split: tuple(map(runs.figures, row)) for split, row in each.items()},
        t_total_s={split: tuple(map(runs.t_total, row)) for split, row in each.items()},
        predicted=tuple(predicted),
        found=tuple(found),
        why="" if agree(variable, predicted, found) else why(runs, variable, here, predicted, found),
    )


def _who(ask: Callable[[Place], float], variable: Variable, value: float) -> str:
    """Return the split for which *ask* gives the smaller time at *value*."""
    return lowest({split: ask(Place(split, variable.path, variable.written(value))) for split in SPLITS})


def agree(variable: Variable, predicted: Sequence[Stretch], found: Sequence[Stretch]) -> bool:
    """Return whether the same split wins from the same values on, to the tolerance of the search."""
    return [s.winner for s in predicted] == [s.winner for s in found] and all(
        math.isclose(one.start, other.start, rel_tol=0 if variable.dimension is None else SAME)
        for one, other in zip(predicted[1:], found[1:], strict=True)
    )


def grid(variable: Variable, here: float) -> tuple[float, ...]:
    """Return the values at which both splits are played, the scenario's own among them.

    >>> grid(VARIABLES["workload.count"], 2.0)
    (1, 2, 3, 4, 5, 6, 7, 8)
    >>> [value / 1e6 for value in grid(VARIABLES["workload.item"], 32e6)]
    [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0]
    """
    if variable.dimension is not None:
        return tuple(here * 2.0**power for power in range(-DOUBLINGS, DOUBLINGS + 1))
    last = min(4 * int(here), MOST)
    if last <= ALL:
        return tuple(range(1, last + 1))
    rough = (round(here * 2 ** (power / 2)) for power in range(-2 * DOUBLINGS, 5))
    return tuple(sorted({min(max(value, 1), last) for value in rough}))
