"""Compare the split by data with the split by layers over the variables that their trade-off depends on.

    split by data     the model W travels P times, the input once      N T_c = P (latency + (W + N/P item) / bandwidth)
    split by layers   the model travels once, the input N times        N T_c = N (latency + (W/N + N item) / bandwidth)

For N items on P <= N devices, with the weights at the host and no results, T_total = N/P (T_s + T_c) is equal where
(N - P) latency = ((P - 1) W - N (N - 1) item) / bandwidth. Runs say where the splits really are.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from parsim.core.version import VERSIONS
from parsim.export import html
from parsim.export.files import drawn, json_text, write
from parsim.export.summary import Summary
from parsim.reading import load
from parsim.scenario.scenario import Source
from parsim.study.case import Case
from parsim.study.runner import Runner
from parsim.study.splits.report import costs, crossings, reasons, refusals, report, sentence, settings, title_of
from parsim.study.splits.runs import Place, played
from parsim.study.splits.sweep import Found, places, swept
from parsim.study.splits.training import TrainingSplits, of_training, trains
from parsim.study.splits.variables import SPLITS, VARIABLES, checked, chosen, counted, own, unstated

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Splits(Found):
    """The two splits of one scenario: their costs, and where the faster one changes."""

    def __repr__(self) -> str:
        """Return in one line what was compared."""
        crossing = sum(len(sweep.found) > 1 for sweep in self.sweeps)
        return f"Splits({self.name}, cross in {crossing} of {len(self.sweeps)} variables)"

    @property
    def sentence(self) -> str:
        """The faster split at the scenario's own values, and why."""
        return sentence(self)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            **VERSIONS,
            "scenario": self.name,
            "scenario_sha256": self.sha256,
            "here": dict(self.here),
            "costs": {split: figures.to_dict() for split, figures in self.costs.items()},
            "sentence": self.sentence,
            "sweeps": [sweep.to_dict() for sweep in self.sweeps],
        }

    def report(self) -> str:
        """Write it for people."""
        return report(self)

    def summary(self) -> Summary:
        """Summarise the study: a row for each split, and one for each variable."""
        notes = [*refusals(self), self.sentence, *reasons(self)]
        meaning = f"Makespan of both splits over {len(self.sweeps)} variables"
        return Summary(title_of(self), [costs(self), crossings(self)], [settings(self)], notes, self._png, meaning)

    def _png(self) -> bytes:
        from parsim.plot.paper import png

        return png(self.plot())

    def _repr_html_(self) -> str:
        """Show the study in a notebook."""
        return html.shown(self.summary())

    def plot(self) -> Figure:
        """Draw the makespan over each variable, and the costs of each split."""
        from parsim.study.splits.picture import picture

        return picture(self)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write splits.json, splits.png and splits.svg."""
        from parsim.plot.paper import files

        pictures = drawn("splits", lambda: files("splits", self.plot()))
        write(os.fspath(folder), {**pictures, "splits.json": lambda: json_text(self.to_dict())})


def splits(
    source: Source,
    set: Mapping[str, Any] | None = None,
    over: Sequence[str] | None = None,
    executor: Executor | None = None,
) -> Splits | TrainingSplits:
    """Play items split by data and by layers, over each variable that their trade-off depends on, or a training once.

    Parameters
    ----------
    source, set : as for `simulate`; the scenario's own split does not matter. Data is counted, for its values cost no
        time.
    over : dotted paths to vary, from `VARIABLES`. Default: all of them except quantities that are zero. A quantity
        goes from 1/32 of the scenario's own value to 32 times it, a count from 1 to four times it.
    executor : as for `compare`.

    Raises `ScenarioError` where the input is wrong, or has nothing to vary.

    >>> scenario = {"cluster": {"devices": 2, "topology": {"kind": "star", "bandwidth": "1 MB/s"}},
    ...             "workload": {"kind": "items", "count": 4, "item": "1 MB", "weights": "20 MB", "weights_at": "host"},
    ...             "plan": {"split": "data"}, "cost": {"kind": "constant", "compute": "1 s"}}
    >>> found = splits(scenario, over=["workload.weights"])
    >>> crossing = found.sweeps[0].predicted[1]  # W = N (N - 1) item / (P - 1)
    >>> round(crossing.start), crossing.winner
    (12000000, 'layers')
    """
    scenario = load(source, set)
    if over is None and trains(scenario):
        return of_training(Case(scenario), executor)
    asked = chosen(over)
    stated = [one for one in asked if own(scenario.values, one) != 0 and not unstated(scenario.values, one)]
    variables = stated if over is None else asked
    size, values = checked(scenario, variables), counted(scenario.values)
    here = {variable.path: mine for variable in VARIABLES.values() if (mine := own(values, variable)) is not None}
    at_home = {split: Place(split, "workload.count", values["workload"]["count"]) for split in SPLITS}
    asked_for = [*dict.fromkeys([*at_home.values(), *(p for one in variables for p in places(one, here[one.path]))])]
    case = Case(replace(scenario, values=values))
    with Runner(executor) as runner:
        runner.expect(len(asked_for), size, [case])
        figures = runner.answers("runs", [(played, case, place) for place in asked_for])
        known = dict(zip(asked_for, figures, strict=True))
        sweeps = runner.answers("variables", [(swept, case, one.path, here, known) for one in variables])
    return Splits(
        name=scenario.name,
        sha256=scenario.sha256,
        here=here,
        model_travels=values["workload"].get("weights_at") == "host",
        costs={split: known[place] for split, place in at_home.items()},
        sweeps=tuple(sweeps),
    )
