"""Compare the two splits of a training on all its devices: its batch over replicas, or its layers over a pipeline.

data      P replicas with all layers    gradients are added up by an all-reduce    costs storage and transfer
layers    a pipeline of P ranks         outputs and gradients of stages travel     costs bubbles, and a schedule
plan      the scenario's own, where it is neither

Where the model has too few layers for P ranks, replicas of the deepest pipeline that divides P are played: of 42 layers
on 64 devices 2 x 32. The parameter server, `split: data`, is played only where the scenario asks for it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from parsim.build import build
from parsim.core.errors import ParsimError
from parsim.core.quantities import seconds, size
from parsim.core.schema import kind_of
from parsim.core.version import VERSIONS
from parsim.export import html
from parsim.export.files import drawn, json_text, write
from parsim.export.report import WIDTH
from parsim.export.summary import Column, Summary, Table
from parsim.export.table import table, wrapped
from parsim.run import run
from parsim.scenario.scenario import Scenario, changed
from parsim.sections import plan_class
from parsim.study.case import Case
from parsim.study.change import first_line, lacking
from parsim.study.mixtures import batched
from parsim.study.runner import Runner
from parsim.study.runner import size as size_of
from parsim.study.splits.runs import Refused
from parsim.study.splits.sweep import Sweep
from parsim.study.splits.table import MAKESPAN, PEAK, T_TOTAL, Shown, by_split, four
from parsim.training.degrees import ORDER, Degrees
from parsim.training.plan import TrainingPlan
from parsim.training.program import Training
from parsim.training.sharded import ShardedTraining
from parsim.workloads import workloads

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SERVER, OWN = "parameter server", "plan"
TAKEN = ("split", "subsets", "sends", "data", "tensor", "context", "expert", "order", "pipeline", "microbatches")
KEPT = ("weights", "gradients", "optimizer")


class Costs(NamedTuple):
    """What a split costs; seconds are means of the workers."""

    makespan_s: float
    t_total_s: float
    memory: dict[str, float]  # B by kind, at the peak of the fullest device
    peak_memory_bytes: float
    exposed_s: float  # of transfers
    hidden_s: float
    bubble_of_whole: float
    lacks: str

    @property
    def state(self) -> float:
        """The bytes of weights, gradients and optimizer state."""
        return sum(self.memory.get(kind, 0.0) for kind in KEPT)

    def to_dict(self) -> dict[str, Any]:
        """Return the costs as plain values."""
        return self._asdict()


class Layers(NamedTuple):
    """The split by layers: how many replicas of a pipeline of how many ranks, and why it is no deeper."""

    data: int
    pipeline: int
    why: str = ""  # empty: it has a rank on each device

    @property
    def words(self) -> str:
        """The replicas and the ranks in words."""
        return f"{self.data} replica{'s' * (self.data > 1)} of a pipeline of {self.pipeline} ranks"


FIGURES = (
    MAKESPAN,
    T_TOTAL,
    Shown("exposed transfers", "exposed_s", four),
    Shown("hidden transfers", "hidden_s", four),
    Shown("ranks not computing", "bubble_of_whole", lambda share: f"{100 * share:.1f} %"),
    PEAK,
)


@dataclass(frozen=True)
class TrainingSplits:
    """The splits of a training, each on all devices with the same batch."""

    name: str
    sha256: str
    devices: int
    layers: Layers
    costs: Mapping[str, Costs | Refused]
    sweeps: tuple[Sweep, ...] = ()  # of a training nothing is varied

    @property
    def sentence(self) -> str:
        """The faster split, and what each costs."""
        known = {split: one for split, one in self.costs.items() if isinstance(one, Costs)}
        if "data" not in known or "layers" not in known:
            return f"Only {' and '.join(known)} can be played here." if known else "No split can be played here."
        data, layers = known["data"], known["layers"]
        return (
            f"{_earlier(data, layers)}: by data each device holds {size(data.state)} of weights, gradients and "
            f"optimizer state, by layers {size(layers.state)}; transfers are exposed for "
            f"{seconds(data.exposed_s, 3)} and {seconds(layers.exposed_s, 3)}; ranks do not compute for "
            f"{100 * data.bubble_of_whole:.1f} % and {100 * layers.bubble_of_whole:.1f} % of the run."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        costs = {split: one.to_dict() for split, one in self.costs.items()}
        base = {**VERSIONS, "scenario": self.name, "scenario_sha256": self.sha256, "workers": self.devices}
        return {**base, "layers": self.layers._asdict(), "costs": costs, "sentence": self.sentence}

    def report(self) -> str:
        """Write it for people."""
        split, *figures = self._table().columns
        rows = [("", *split.cells), *((each.head, *each.cells) for each in figures)]
        told = [line for words in (*self._notes(), self.sentence) for line in wrapped(words, WIDTH, "", "")]
        return "\n".join([self._title, "=" * len(self._title), *table(rows, words=(0,)), "", *told]) + "\n"

    @property
    def _title(self) -> str:
        return f"{self.name}: split by data, split by layers, on {self.devices} devices"

    def _table(self) -> Table:
        """Return a row for each split that can be played."""
        known = {split: one for split, one in self.costs.items() if isinstance(one, Costs)}
        table = by_split(known, FIGURES)
        kinds = dict.fromkeys(kind for one in known.values() for kind, held in one.memory.items() if held)
        held = {kind: [one.memory.get(kind, 0.0) for one in known.values()] for kind in kinds}
        more = [Column(f"  {kind}", [*map(size, each)], f"{kind}_bytes", each) for kind, each in held.items()]
        return table._replace(columns=[*table.columns, *more])

    def summary(self) -> Summary:
        """Summarise the splits: a row for each."""
        notes = [*self._notes(), self.sentence]
        return Summary(self._title, [self._table()], notes=notes, picture=self._png, meaning="What each split costs")

    def _notes(self) -> Iterator[str]:
        if self.layers.why:
            yield f"layers: {self.layers.words}, the deepest that can be played; {self.layers.why}."
        if OWN in self.costs:
            yield "plan: the scenario's own, which is neither."
        for split, one in self.costs.items():
            if isinstance(one, Refused):
                yield f"{split} cannot be played: {one.why}."
            yield from self._lacking(split)

    def _lacking(self, split: str) -> Iterator[str]:
        one = self.costs[split]
        if isinstance(one, Costs) and one.lacks:
            yield f"{split} does not fit: {one.lacks}."

    def _png(self) -> bytes:
        from parsim.plot.paper import png

        return png(self.plot())

    def _repr_html_(self) -> str:
        """Show the study in a notebook."""
        return html.shown(self.summary())

    def plot(self) -> Figure:
        """Draw what each split costs, as bars."""
        from parsim.plot import splits as plot

        def bars(title: str, ask: Any, say: Any) -> plot.Costs:
            named = {split.rpartition(" ")[2]: one for split, one in self.costs.items()}  # server: there is little room
            parts = {split: ask(one) if isinstance(one, Costs) else [] for split, one in named.items()}
            words = {split: say(sum(held)) if held else "cannot be played" for split, held in parts.items()}
            return plot.Costs(title, parts, words)

        costs = [
            bars("makespan", lambda one: [one.makespan_s], lambda value: seconds(value, 3)),
            bars("weights, gradients, optimizer", lambda one: [one.state], size),
            bars("exposed transfers", lambda one: [one.exposed_s], lambda value: seconds(value, 3)),
            bars("ranks not computing", lambda one: [one.bubble_of_whole], lambda value: f"{100 * value:.1f} %"),
        ]
        title = f"{self.name}: the same batch, split by data and by layers"
        shape = f"; layers: {self.layers.words}" if self.layers.why else ""
        own = "; plan: the scenario's own" if OWN in self.costs else ""
        lacking = [note for split in self.costs for note in self._lacking(split)]
        return plot.splits(title, [f"{self.devices} devices{shape}{own}", " ".join(lacking)], [], costs)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write splits.json, splits.png and splits.svg."""
        from parsim.plot.paper import files

        pictures = drawn("splits", lambda: files("splits", self.plot()))
        write(os.fspath(folder), {**pictures, "splits.json": lambda: json_text(self.to_dict())})


def _earlier(data: Costs, layers: Costs) -> str:
    """Say which split ends earlier; where it does not fit into memory, say which one does.

    >>> data, layers = (Costs(end, 1.0, {}, 1.0, 0.0, 0.0, 0.0, lacks) for end, lacks in ((1.0, "w0"), (3.0, "")))
    >>> _earlier(data, layers)
    'Of the two only layers fits into memory; data would end 2 s earlier'
    """
    gap = layers.makespan_s - data.makespan_s
    first, best, other = ("data", data, layers) if gap >= 0 else ("layers", layers, data)
    ahead = seconds(abs(gap), 3)
    if not best.lacks:
        return f"{first.capitalize()} ends {ahead} earlier"
    fits = "Neither of the two" if other.lacks else f"Of the two only {'layers' if first == 'data' else 'data'}"
    return f"{fits} fits into memory; {first} would end {ahead} earlier"


def trains(scenario: Scenario) -> bool:
    """Return whether a scenario trains a model."""
    kind = kind_of(scenario.values.get("workload"))
    return isinstance(kind, str) and kind in workloads.entries() and plan_class(workloads[kind]) is TrainingPlan


def of_training(case: Case, executor: Executor | None) -> TrainingSplits:
    """Play the splits of a training."""
    job = case.own
    assert isinstance(job.graph.program, Training)
    layers, scenarios = _scenarios(case.scenario, job.graph.program, job.cluster.p)
    with Runner(executor) as runner:
        runner.expect(len(scenarios), size_of(job.graph), [case])
        found = runner.answers("runs", [(_costs, one) for one in scenarios.values()])
    return TrainingSplits(job.name, job.sha256, job.cluster.p, layers, dict(zip(scenarios, found, strict=True)))


def _scenarios(scenario: Scenario, training: Training, devices: int) -> tuple[Layers, dict[str, Scenario]]:
    """Return the shape of the split by layers, and the scenario of each split."""
    own = scenario.values.get("plan") or {}
    layers, by_layers = _deepest(scenario, training, devices)
    found = {"data": _shaped(scenario, training, devices, 1), "layers": by_layers}
    if own.get("split") == "data":
        found[SERVER] = scenario
    elif isinstance(training, ShardedTraining):
        degrees = training.parallelism.degrees._replace(order=ORDER)
        if degrees not in (Degrees(data=devices), Degrees(data=layers.data, pipeline=layers.pipeline)):
            found[OWN] = scenario
    return layers, found


def _deepest(scenario: Scenario, training: Training, devices: int) -> tuple[Layers, Scenario]:
    """Return the deepest pipeline that divides the devices and can be played; where none can, that of all devices."""
    rows, why = training.model.rows, ""
    whole = _shaped(scenario, training, 1, devices)
    for data in range(1, devices):
        if devices % data == 0 and rows % data == 0:
            one = _shaped(scenario, training, data, devices // data)
            try:
                build(one)
            except ParsimError as error:
                why = why or first_line(error)
            else:
                return Layers(data, devices // data, why), one
    return Layers(1, devices), whole


def _shaped(scenario: Scenario, training: Training, data: int, pipeline: int) -> Scenario:
    """Return the training as replicas of a pipeline, with the same batch and microbatches of the same size."""
    each = max(part.stop - part.start for part in training.cut.parts)
    plan = {key: held for key, held in (scenario.values.get("plan") or {}).items() if key not in TAKEN}
    degrees = {"pipeline": pipeline} if pipeline > 1 else {}
    return changed(changed(scenario, {"plan": {**plan, **degrees}}), batched(training.model.rows, data, each))


def _costs(scenario: Scenario) -> Costs | Refused:
    try:
        case = Case(scenario)
        result = run(case.own)
        facts = result.to_dict()
    except ParsimError as error:
        return Refused(first_line(error))
    fullest = max(facts["devices"], key=lambda device: float(device["peak_memory_bytes"]))
    sends = facts["communication"].values()
    return Costs(
        makespan_s=facts["makespan_s"],
        t_total_s=result.theory.t_total_s,
        memory=fullest["memory"]["by_kind"] if fullest.get("memory") else {},
        peak_memory_bytes=fullest["peak_memory_bytes"],
        exposed_s=sum(one["exposed_s"] for one in sends),
        hidden_s=sum(one["hidden_s"] for one in sends),
        bubble_of_whole=facts["training"]["bubble_of_whole"],
        lacks=lacking(case.own, result.timeline),
    )
