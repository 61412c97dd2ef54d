"""The best rows of a space side by side: played again, whole, to compare them and to draw them on one axis of time."""

from __future__ import annotations

from collections.abc import Sequence

from parsim.export.values import spread
from parsim.study.case import Case
from parsim.study.comparison import Comparison
from parsim.study.labels import labelled
from parsim.study.played import Played, whole
from parsim.study.runner import Call, Runner
from parsim.study.space import Space

FINALISTS = 3  # rows whose whole runs are kept


def finalists(space: Space, rows: Sequence[int], runner: Runner) -> Comparison:
    """Play the first of *rows* again, whole. They are named by the values that differ among them."""
    first = rows[:FINALISTS]
    cases, sets = [Case(space.scenario_of(row)) for row in first], [space.set_of(row) for row in first]
    seed = cases[0].scenario.values.get("seed", 0)
    calls: list[Call] = [(whole, case, seed) for case in cases]
    runs = runner.answers("best plans", calls)
    told = spread(sets)
    varied = [path for path in told[0] if any(one[path] != told[0][path] for one in told)]
    names = labelled([""], varied or list(told[0])[:1], told)
    played = [
        Played(name, case, own, {seed: figures}, {}, run, False)
        for name, case, own, (figures, run) in zip(names, cases, sets, runs, strict=True)
    ]
    return Comparison((seed,), tuple(played), False, ())
