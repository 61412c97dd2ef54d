"""Predict and measure the work of a scenario."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np

from parsim.build import build_computed
from parsim.core.errors import Unfinished
from parsim.core.escape import printable
from parsim.core.evaluation import alike, alone, evaluate
from parsim.core.job import Job
from parsim.core.machine import require_processes
from parsim.core.quantities import seconds
from parsim.entries.external import staying
from parsim.export import assertions, html
from parsim.export.files import Files, drawn, json_text, within, write
from parsim.export.prediction import beside, side_by_side, verdict
from parsim.export.summary import Summary
from parsim.reading import load
from parsim.run import Result, ended
from parsim.scenario.scenario import Source
from parsim.sim.play import play
from parsim.sim.theory import theory

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from parsim.real.transport import Launch


@dataclass(frozen=True)
class Replay:
    """A job on two clocks: predicted by the simulated clock, measured by the wall clock."""

    predicted: Result
    measured: Result
    result_matches_serial: bool  # compares the merged outputs of worker processes with one worker without any split
    clocks: Mapping[str, Any] | None = None  # how those of MPI ranks were aligned; None: they are one clock

    def __repr__(self) -> str:
        """Return in one line what was played."""
        predicted, measured = (seconds(run.timeline.makespan_s) for run in (self.predicted, self.measured))
        return f"Replay({self.measured.job.name}, predicted {predicted}, measured {measured})"

    def to_dict(self) -> dict[str, Any]:
        """Return the replay as in section 6 of the contract."""
        return {
            "predicted": self.predicted.to_dict(),
            "measured": self.measured.to_dict(),
            "result_matches_serial": self.result_matches_serial,
            "clocks": self.clocks,
        }

    @property
    def error(self) -> float:
        """The error of the predicted makespan as a share of the measured one; positive: predicted too long."""
        measured = self.measured.timeline.makespan_s
        return self.predicted.timeline.makespan_s / measured - 1 if measured else 0.0

    def report(self) -> str:
        """Write the measured run and the prediction for people."""
        rows = side_by_side(self.predicted.to_dict(), self.measured.to_dict(), self.handed_s)
        figures = "\n".join(f"  {line}" for line in rows)
        said = "\n".join(f"  {printable(line)}" for line in self.said())
        asserted = "".join(f"  {line}\n" for line in assertions.lines(self.predicted.to_dict()["assert"]))
        more = f"\nAssertions, of the prediction\n{asserted}" if asserted else ""
        return f"{self.measured.report()}\nPrediction beside measurement\n{figures}\n{said}\n{more}"

    @property
    def handed_s(self) -> float:
        """The seconds that the prediction contains for the hand-over of a task; workers with lanes are handed none."""
        return 0.0 if self.measured.job.graph.lanes else self.measured.job.cost.handed

    @property
    def profiled(self) -> bool:
        """Whether the prediction uses a profile of this machine."""
        return bool(np.isfinite(self.measured.job.cost.travel(np.zeros(1))).all())

    @property
    def warnings(self) -> list[str]:
        """The warnings to show with the replay."""
        return self.measured.warnings

    def said(self) -> list[str]:
        """Return whether the result is right, and the error of the prediction, in words."""
        serial = "is" if self.result_matches_serial else "is NOT"
        return [
            f"The result {serial} the same as that of one worker.",
            *verdict(self.predicted.to_dict(), self.measured.to_dict(), self.profiled, self.handed_s),
        ]

    def plot(self) -> Figure:
        """Draw both runs on one axis of time."""
        from parsim.plot.stacked import Chart, stacked

        runs = {"predicted": self.predicted, "measured": self.measured}
        charts = [Chart(label, run.timeline, run.theory.t_total_s) for label, run in runs.items()]
        return stacked(self.measured.job.name, charts)

    def summary(self) -> Summary:
        """Summarise the replay: the figures of both runs side by side."""
        table = beside(self.predicted.to_dict(), self.measured.to_dict(), self.handed_s)
        asserted = assertions.lines(self.predicted.to_dict()["assert"])
        notes = [*self.said(), *(f"Assertion, of the prediction: {line}" for line in asserted), *self.warnings]
        meaning = "Gantt charts of the prediction and of the measurement"
        return Summary(repr(self), [table], notes=notes, picture=self._png, meaning=meaning)

    def _png(self) -> bytes:
        from parsim.plot.paper import png

        return png(self.plot())

    def _repr_html_(self) -> str:
        """Show both runs and their figures side by side in a notebook."""
        return html.shown(self.summary())

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write each run into its own folder, the replay as result.json, and a picture of both."""
        write(os.fspath(folder), self.files())

    def files(self) -> Files:
        """Return what `save` writes."""
        return {
            **within("predicted", self.predicted.files()),
            **within("measured", self.measured.files()),
            **drawn("comparison", self._pictures),
            "result.json": lambda: json_text(self.to_dict()),
        }

    def _pictures(self) -> dict[str, bytes]:
        from parsim.plot.paper import files

        return files("comparison", self.plot())


def replay(
    source: Source, set: Mapping[str, Any] | None = None, timeout_s: float = inf, launch: Launch | None = None
) -> Replay:
    """Play a scenario in real processes, one per worker, on the wall clock, and predict it.

    Parameters
    ----------
    source, set : as for `simulate`.
    timeout_s : seconds without the end of a task after which it fails; left out: no limit.
    launch : what starts the workers; left out: processes of this machine.

    Raises `ScenarioError` where the input is wrong or only counts, `RunError` where a kernel or a process fails.
    """
    return replay_job(replayable(source, set, launch), timeout_s, launch)


def replayable(source: Source, set: Mapping[str, Any] | None = None, launch: Launch | None = None) -> Job:
    """Build a scenario for real processes; raises the errors of `replay` that come before the clock starts."""
    require_processes("replay")
    from parsim.real import processes
    from parsim.real.pipes import Processes

    scenario = load(source, set)
    job = build_computed(scenario)
    workers = (launch or Processes()).complaints(len(job.cluster.workers))
    found = [*processes.complaints_about(job), *workers]
    if not found and launch is None:
        found = processes.about_memory(job)
    if found:
        raise scenario.error(found)
    return job


@staying()
def replay_job(job: Job, timeout_s: float = inf, launch: Launch | None = None) -> Replay:
    """Play a job in real processes and on the simulated clock; fail if no task ends for *timeout_s*."""
    from parsim.real import processes
    from parsim.real.pipes import Processes

    launch = launch or Processes()
    job = replace(job, clock="simulated", notes=(*job.notes, *launch.notes(len(job.cluster.workers))))
    foreseen, predicted = theory(job), play(job)
    measured, value = processes.play(job, timeout_s, launch)
    program = job.graph.program
    assert program is not None
    return Replay(
        # Kernels run in this process only after worker processes have survived them.
        predicted=Result(job, predicted, foreseen, evaluate(job.graph, predicted)),
        measured=Result(replace(job, clock="replayed"), measured, foreseen, value),
        result_matches_serial=alike(value, alone(program)),
        clocks=launch.clocks(),
    )


def salvage(failed: Unfinished, folder: str | os.PathLike[str]) -> None:
    """Write the measured part of an unfinished replay into the folder of the whole replay.

    Answers of an earlier replay are removed, since they would not match the other files.
    """
    write(os.fspath(folder), within("measured", ended(failed)), outdated=("result.json", "measured/result.json"))
