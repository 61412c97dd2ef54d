"""The result of a run: its figures, its report, its pictures, its files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from parsim.core.errors import Unfinished
from parsim.core.job import Job, Theory
from parsim.core.quantities import seconds
from parsim.core.timeline import Timeline
from parsim.core.version import VERSIONS
from parsim.export.arrows import arrows_of
from parsim.export.counters import counters_of
from parsim.export.csv import write_csv
from parsim.export.files import Files, drawn, json_text, write
from parsim.export.html import shown
from parsim.export.idle import write_idle
from parsim.export.memory import shortages
from parsim.export.report import report
from parsim.export.run_summary import run_summary
from parsim.export.six_steps import six_steps
from parsim.export.summary import Summary
from parsim.export.trace import write_trace
from parsim.metrics.assertions import Asserted, asserted
from parsim.metrics.collective import bandwidths, collective
from parsim.metrics.communication import communication
from parsim.metrics.devices import devices
from parsim.metrics.figures import figures_of
from parsim.metrics.ledger import Ledger, ledger
from parsim.metrics.link_loads import links
from parsim.metrics.pipeline import pipeline
from parsim.metrics.plan_notes import plan_notes
from parsim.metrics.slowdown import slowed_s
from parsim.metrics.training import model, training
from parsim.sim.play import play, valued
from parsim.sim.theory import theory
from parsim.sim.write import unpriced

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BUSIEST = 32  # links with figures


def unsearched(job: Job, timeline: Timeline) -> str:
    """Say nothing: a study plays too many runs to search for what would make each fit."""
    return ""


@dataclass(frozen=True)
class Brief:
    """A run with the figures by which plans are compared (see `metrics.figures`)."""

    job: Job
    timeline: Timeline

    @cached_property
    def communication(self) -> dict[str, dict[str, float]]:
        """The exposed and hidden seconds of each communicator, as in the contract."""
        return communication(self.job, self.timeline)

    @cached_property
    def devices(self) -> list[dict[str, Any]]:
        """The figures of every device."""
        return devices(self.job, self.timeline)

    @cached_property
    def training(self) -> dict[str, Any] | None:
        """The figures of training, as in the contract; None if the workload does not train."""
        return training(self.job, self.timeline)


@dataclass(frozen=True)
class Result(Brief):
    """The result of a run: theory, timeline and figures."""

    theory: Theory
    value: Any  # the merged outputs of the kernels, or the bandwidths of a collective; else None
    search: Callable[[Job, Timeline], str] = unsearched  # finds the smallest change with which it fits into memory

    def __repr__(self) -> str:
        """Return in one line what was played."""
        return f"Result({self.job.name}, {self.job.clock}, makespan {seconds(self.timeline.makespan_s)})"

    @cached_property
    def ledger(self) -> Ledger:
        """The terms between T_total and the makespan."""
        return ledger(self.timeline, self.job.cluster.stands_for, self.theory.t_total_s)

    @cached_property
    def pipeline(self) -> dict[str, Any] | None:
        """The terms of a pipeline's makespan, as in the contract; None if it is no pipeline."""
        return pipeline(self.job, self.timeline)

    @cached_property
    def links(self) -> list[dict[str, Any]]:
        """The figures of the busiest links, as in the contract."""
        return links(self.job, self.timeline)[:BUSIEST]

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """The figures of every device, and of training, its model, or a collective (None: none), as in the contract."""
        return {
            "devices": self.devices,
            "training": self.training,
            "model": model(self.job),
            "collective": collective(self.job),
        }

    @cached_property
    def fit_first(self) -> str:
        """The smallest change with which it fits into memory, in words, found by runs; empty where it fits."""
        return self.search(self.job, self.timeline)

    @cached_property
    def asserted(self) -> list[Asserted]:
        """Whether each assertion of the scenario holds; a replay's belong to its prediction."""
        return [] if self.job.clock == "replayed" else asserted(self.job, self)

    def to_dict(self) -> dict[str, Any]:
        """Return the run as in section 2 of the contract."""
        return {
            **VERSIONS,
            "scenario": self.job.name,
            "scenario_sha256": self.job.sha256,
            "clock": self.job.clock,
            "engine": self.timeline.engine,
            "seed": self.job.seed,
            "makespan_s": self.timeline.makespan_s,
            "workers": self.theory.p,
            "fold": self.job.graph.fold.to_dict() if self.job.graph.fold else None,
            "tasks": int(self.job.graph.computes.sum()),
            "theory": self.theory.to_dict(),
            "ledger": self.ledger.to_dict(),
            "communication": self.communication,
            "links": self.links,
            "slowed_s": slowed_s(self.job, self.timeline),
            "pipeline": self.pipeline,
            "result": self.value,
            **self.metrics,
            "fit_first": self.fit_first,
            "assert": [each.to_dict() for each in self.asserted],
        }

    @property
    def warnings(self) -> list[str]:
        """The warnings about the result."""
        return [*self.job.notes, *(shortages(self.devices) if self.job.memories else ())]

    @property
    def notes(self) -> list[str]:
        """The notes to show with the run."""
        program, fold = self.job.graph.program, self.job.graph.fold
        counted = self.job.clock == "simulated" and program is not None and not program.light
        silent = ["the simulated clock does not run these kernels; for a result use clock: live, or replay"]
        by_path = ["this run was computed as a longest path, with the same result as SimPy; --engine simpy uses SimPy"]
        return [
            *self.warnings,
            *(fold.notes if fold else []),
            *plan_notes(self.job),
            *([self.fit_first] if self.fit_first else []),
            *(silent if counted else []),
            *(by_path if self.timeline.engine == "path" else []),
        ]

    def report(self) -> str:
        """Write the run for people."""
        return report(self.to_dict(), self.timeline, six_steps(self.job, self.timeline, self.value), self.notes)

    def plot(self, kind: str = "gantt", axes: Axes | None = None) -> Axes:
        """Draw the run, and return the axes.

        Parameters
        ----------
        kind : gantt, ledger (a waterfall from T_total to the makespan), memory, graph, load (of links over time),
            network, hotspots (the network coloured by load), or path (the critical path on the Gantt chart). An
            unknown kind is a `ValueError`.
        axes : matplotlib axes to draw on; left out: a new figure of a fitting size, which needs no window.
        """
        from parsim.plot.kinds import drawn

        return drawn(self, kind, axes)

    def pictures(self, kind: str) -> dict[str, bytes]:
        """Draw the run as files, `KIND.png` and `KIND.svg`; the same bytes for the same run."""
        from parsim.plot.kinds import pictures

        return pictures(self, kind)

    def summary(self) -> Summary:
        """Summarise the run: its figures, and the tables of its report."""
        return run_summary(self.to_dict(), figures_of(self), self.notes, self._png)

    def _png(self) -> bytes:
        from parsim.plot.paper import png

        return png(self.plot().figure)

    def _repr_html_(self) -> str:
        """Show the run in a notebook."""
        return shown(self.summary())

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write figures, spans, idleness, scenario, trace and picture, all or none."""
        write(os.fspath(folder), self.files())

    def files(self) -> Files:
        """Return what `save` writes."""
        each = self.job.cluster.stands_for
        stands_for = each if (each > 1).any() else None
        return {
            "scenario.json": lambda: json_text(self.job.values),
            "timeline.csv": lambda: write_csv(self.timeline, stands_for),
            "idle.csv": lambda: write_idle(self.timeline, stands_for),
            "trace.json": self._trace,
            **drawn("timeline", self._pictures),
            "result.json": lambda: json_text(self.to_dict()),
        }

    def _trace(self) -> Iterator[str]:
        cluster = self.job.cluster
        return write_trace(
            self.timeline,
            {worker.name: cluster.devices[worker.device].name for worker in cluster.workers},
            arrows_of(self.job.graph, self.timeline),
            counters_of(self.job, self.timeline),
        )

    def _pictures(self) -> dict[str, bytes]:
        from parsim.plot.kinds import timeline

        return timeline(self)


def salvage(failed: Unfinished, folder: str | os.PathLike[str]) -> None:
    """Write the finished part of an unfinished run into the folder of the whole run."""
    write(os.fspath(folder), ended(failed), outdated=("result.json", "validation.json"))


def ended(failed: Unfinished) -> Files:
    """Return the files of the finished part."""
    timeline = failed.timeline
    assert isinstance(timeline, Timeline)
    return {"timeline.csv": lambda: write_csv(timeline), "idle.csv": lambda: write_idle(timeline)}


def brief(job: Job) -> Brief:
    """Play a job as `run` does, for its figures alone; what members of collectives would take alone is not computed."""
    return Brief(job, play(job, unpriced) if job.clock == "simulated" else valued(job)[0])


def run(job: Job) -> Result:
    """Play a job on its clock, simulated or live."""
    foreseen, (timeline, value) = theory(job), valued(job)
    return Result(job, timeline, foreseen, bandwidths(job, timeline) if value is None else value)
