"""Data against layers: the same work under both splits, over what their trade-off depends on.

    split by data     the model W travels P times, the input once      N T_c = P (latency + (W + N/P item) / bandwidth)
    split by layers   the model travels once, the input N times        N T_c = N (latency + (W/N + N item) / bandwidth)

So for N items on P <= N devices, the weights at the host and no results, T_total = N/P (T_s + T_c) is even where
(N - P) latency = ((P - 1) W - N (N - 1) item) / bandwidth. Runs say where the splits really are.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from parsim.core import progress
from parsim.core.errors import Fault, ScenarioError
from parsim.core.marks import MOST
from parsim.core.registry import did_you_mean
from parsim.core.scenario import Source
from parsim.export import html
from parsim.export.files import drawn, json_text, write
from parsim.reading import load
from parsim.study.crossings import Stretch, lowest, stretches, whole, within
from parsim.study.split_checks import counted, own, see_that_it_plays
from parsim.study.split_report import report, sentence
from parsim.study.split_runs import SPLITS, VARIABLES, Figures, Refused, Runs, Variable
from parsim.study.split_why import why

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DOUBLINGS = 5  # of a quantity, each way: 2^10 is three decades
ALL = 40  # whole numbers of which each is played; of more, two for every doubling
FOUND = 1e-3  # relative, of a crossing found by runs
SOLVED = 1e-9  # relative, of one that T_total predicts
SAME = 2 * FOUND  # relative: crossings no further apart agree


@dataclass(frozen=True)
class Sweep:
    """Both splits over one variable.

    `predicted` and `found` say who wins from where on, by T_total and by runs; the starts of all but the first of
    their stretches are the crossings. `why` says why they differ, where they do.
    """

    variable: Variable
    here: float  # the scenario's own value
    values: tuple[float, ...]
    figures: Mapping[str, tuple[Figures | Refused, ...]]  # by split, (values,)
    t_total_s: Mapping[str, tuple[float, ...]]  # by split, (values,)
    predicted: tuple[Stretch, ...]
    found: tuple[Stretch, ...]
    why: str

    @property
    def agrees(self) -> bool:
        """Say whether T_total and the runs name the same winners from the same values on."""
        return agree(self.variable, self.predicted, self.found)

    def to_dict(self) -> dict[str, Any]:
        """Return the sweep as plain values; of a split that cannot be played, why."""
        return {
            "variable": self.variable.path,
            "unit": self.variable.dimension.base if self.variable.dimension else "",
            "here": self.here,
            "values": list(self.values),
            "splits": {split: [_plain(figures) for figures in self.figures[split]] for split in SPLITS},
            "predicted": [stretch._asdict() for stretch in self.predicted],
            "found": [stretch._asdict() for stretch in self.found],
            "agrees": self.agrees,
            "why": self.why,
        }


@dataclass(frozen=True)
class Splits:
    """The two splits of one scenario: what each costs, and where the one overtakes the other."""

    name: str
    sha256: str
    here: Mapping[str, float]  # the scenario's own values by path, those that it has
    model_travels: bool
    costs: Mapping[str, Figures | Refused]  # at the scenario's own values, by split
    sweeps: tuple[Sweep, ...]

    def __repr__(self) -> str:
        """Say in a line what was compared."""
        crossing = sum(len(sweep.found) > 1 for sweep in self.sweeps)
        return f"Splits({self.name}, they cross over {crossing} of {len(self.sweeps)} variables)"

    @property
    def sentence(self) -> str:
        """Which split is faster at the scenario's own values, and why."""
        return sentence(self)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        from parsim import __version__

        return {
            "schema": 1,
            "parsim": __version__,
            "scenario": self.name,
            "scenario_sha256": self.sha256,
            "here": dict(self.here),
            "costs": {split: _plain(figures) for split, figures in self.costs.items()},
            "sentence": self.sentence,
            "sweeps": [sweep.to_dict() for sweep in self.sweeps],
        }

    def report(self) -> str:
        """Write it for people."""
        return report(self)

    def _repr_html_(self) -> str:
        """Show the study in a notebook."""
        from parsim.plot.paper import png

        drawn = html.picture(png(self.plot()), f"Makespan of both splits over {len(self.sweeps)} variables")
        return html.page(f"{self.name}: split by data, split by layers", drawn, html.report(self.report()))

    def plot(self) -> Figure:
        """Draw the makespan over each variable, and what each split costs."""
        from parsim.study.split_picture import picture

        return picture(self)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write splits.json, splits.png and splits.svg."""
        from parsim.plot.paper import files

        pictures = drawn("splits", lambda: files("splits", self.plot()))
        write(os.fspath(folder), {**pictures, "splits.json": lambda: json_text(self.to_dict())})


def splits(source: Source, set: Mapping[str, Any] | None = None, over: Sequence[str] | None = None) -> Splits:
    """Play a scenario of kind items split by data and by layers, over each variable that their trade-off depends on.

    Parameters
    ----------
    source, set : as for `simulate`; the scenario's own split does not matter. Data is counted, for its values cost no
        time.
    over : dotted paths of what to vary, of `VARIABLES`; left out: all of them but quantities that are zero. A quantity
        goes from a 32nd of the scenario's own value to 32 times of it, a count from 1 to four times.

    Raises `ScenarioError` where the input is wrong, or has nothing to vary.

    >>> scenario = {"cluster": {"devices": 2, "topology": {"kind": "star", "bandwidth": "1 MB/s"}},
    ...             "workload": {"kind": "items", "count": 4, "item": "1 MB", "weights": "20 MB", "weights_at": "host"},
    ...             "plan": {"split": "data"}, "cost": {"kind": "constant", "compute": "1 s"}}
    >>> found = splits(scenario, over=["workload.weights"])
    >>> crossing = found.sweeps[0].predicted[1]  # W = N (N - 1) item / (P - 1)
    >>> round(crossing.start), crossing.winner
    (12000000, 'layers')
    """
    asked = _asked(over)
    scenario = load(source, set)
    chosen = [one for one in asked if over is not None or own(scenario.values, one) != 0]
    see_that_it_plays(scenario, chosen)
    values = counted(scenario.values)
    runs = Runs(replace(scenario, values=values))
    here = {variable.path: mine for variable in VARIABLES.values() if (mine := own(values, variable)) is not None}
    return Splits(
        name=scenario.name,
        sha256=scenario.sha256,
        here=here,
        model_travels=values["workload"].get("weights_at") == "host",
        costs={split: runs.figures(split, "workload.count", values["workload"]["count"]) for split in SPLITS},
        sweeps=tuple(_sweep(runs, variable, here) for variable in progress.counted("variables", chosen)),
    )


def _sweep(runs: Runs, variable: Variable, here: Mapping[str, float]) -> Sweep:
    values = _grid(variable, here[variable.path])
    places = [(variable.path, variable.written(value)) for value in values]
    by_theory, by_runs = (partial(_who, ask, variable) for ask in (runs.t_total, runs.makespan))
    predicted = stretches(values, by_theory, whole if variable.dimension is None else within(SOLVED))
    found = stretches(values, by_runs, whole if variable.dimension is None else within(FOUND))
    return Sweep(
        variable,
        here[variable.path],
        values,
        figures={split: tuple(runs.figures(split, *place) for place in places) for split in SPLITS},
        t_total_s={split: tuple(runs.t_total(split, *place) for place in places) for split in SPLITS},
        predicted=tuple(predicted),
        found=tuple(found),
        why="" if agree(variable, predicted, found) else why(runs, variable, here, predicted, found),
    )


def _who(ask: Callable[[str, str, int | str], float], variable: Variable, value: float) -> str:
    """Name the split that *ask* finds faster at *value*."""
    return lowest({split: ask(split, variable.path, variable.written(value)) for split in SPLITS})


def agree(variable: Variable, predicted: Sequence[Stretch], found: Sequence[Stretch]) -> bool:
    """Say whether the same split wins from the same values on; values are the same to what the search resolves."""
    return [s.winner for s in predicted] == [s.winner for s in found] and all(
        math.isclose(one.start, other.start, rel_tol=0 if variable.dimension is None else SAME)
        for one, other in zip(predicted[1:], found[1:], strict=True)
    )


def _grid(variable: Variable, here: float) -> tuple[float, ...]:
    """Return the values at which both splits are played, the scenario's own among them.

    >>> _grid(VARIABLES["workload.count"], 2.0)
    (1, 2, 3, 4, 5, 6, 7, 8)
    >>> [value / 1e6 for value in _grid(VARIABLES["workload.item"], 32e6)]
    [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0]
    """
    if variable.dimension is not None:
        return tuple(here * 2.0**power for power in range(-DOUBLINGS, DOUBLINGS + 1))
    last = min(4 * int(here), MOST)
    if last <= ALL:
        return tuple(range(1, last + 1))
    rough = (round(here * 2 ** (power / 2)) for power in range(-2 * DOUBLINGS, 5))
    return tuple(sorted({min(max(value, 1), last) for value in rough}))


def _plain(figures: Figures | Refused) -> dict[str, Any]:
    return figures.to_dict() if isinstance(figures, Figures) else {"refused": figures.why}


def _asked(over: Sequence[str] | None) -> list[Variable]:
    if isinstance(over, str):
        over = [over]
    unknown = [did_you_mean(str(path), VARIABLES) for path in over or () if path not in VARIABLES]
    if unknown or (over is not None and not len(over)):
        told = unknown or [f"names nothing to vary; known are: {', '.join(VARIABLES)}"]
        raise ScenarioError(Fault("--over", 0, 0, "over", message) for message in told)
    return [variable for path, variable in VARIABLES.items() if over is None or path in over]
