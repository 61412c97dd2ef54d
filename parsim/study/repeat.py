"""Repeat a replay several times, and show the distribution of the prediction's error.

    run   measured     error        error = predicted / measured - 1; above 0: predicted too long
      0     102 ms    -2.1 %
      1      99 ms    +0.9 %        in the median |-2.1 %|, |+0.9 %|, ...

Every run is measured; the prediction is the same for all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np

from parsim.core.errors import Fault, RunError, ScenarioError
from parsim.core.progress import under_way
from parsim.core.quantities import seconds
from parsim.core.version import VERSIONS
from parsim.export import html
from parsim.export.files import Files, json_text, within, write
from parsim.export.prediction import MEASURE, STATED, overhead
from parsim.export.summary import Column, Summary, Table
from parsim.export.table import width
from parsim.predict import Replay, replay_job, replayable
from parsim.scenario.scenario import Source

if TYPE_CHECKING:
    from parsim.real.transport import Launch

TEN = 10  # runs, the fewest with a nine-of-ten quantile
SHARES = (0.0, 0.5, 0.9, 1.0)  # of the runs


@dataclass(frozen=True)
class Repeated:
    """The replays of one job, in order."""

    runs: tuple[Replay, ...]

    @property
    def errors(self) -> list[float]:
        """The error of each prediction as a share of the measured makespan; positive: predicted too long."""
        return [run.error for run in self.runs]

    @property
    def warnings(self) -> list[str]:
        """The warnings to show with the result."""
        return self.runs[0].warnings

    def to_dict(self) -> dict[str, Any]:
        """Return every replay as in section 6 of the contract, and the distribution of the error."""
        return {
            **VERSIONS,
            "scenario": self.runs[0].measured.job.name,
            "makespan_error": self.errors,
            "absolute_error": dict(zip(("least", "median", "nine_of_ten", "largest"), self._shares(), strict=True)),
            "runs": [run.to_dict() for run in self.runs],
        }

    def _shares(self) -> list[float]:
        """Return the smallest, the median, the nine-of-ten and the largest absolute error."""
        sorted_ = sorted(map(abs, self.errors))
        return [sorted_[max(int(np.ceil(share * len(sorted_))) - 1, 0)] for share in SHARES]

    def report(self) -> str:
        """Write the runs and the distribution for people."""
        rows = [
            f"  {index:>3}  {measured:>12}  {error:>8}  {handed:>12}  {right}"
            for index, measured, error, handed, right in self._table().rows[1:]
        ]
        return "\n".join(
            [
                self._title,
                "=" * width(self._title),
                "",
                "  run      measured     error  a hand-over  as one worker",
                *rows,
                "",
                *self._distribution(),
                *([] if self.runs[0].profiled else [f"But {STATED}.", *MEASURE]),
                *(f"Note: {note}" for note in self.warnings),
                "",
            ]
        )

    @property
    def _title(self) -> str:
        predicted = seconds(self.runs[0].predicted.timeline.makespan_s, 4)
        return f"{self.runs[0].measured.job.name}: {len(self.runs)} replays, predicted {predicted}"

    def _distribution(self) -> list[str]:
        least, median, nine, largest = self._shares()
        return [
            f"The prediction is off by {median:.1%} in the median"
            + (f", {nine:.1%} or less in nine of ten runs;" if len(self.runs) >= TEN else ";"),
            f"{least:.1%} at best, {largest:.1%} at worst. An error above 0: predicted too long.",
        ]

    def _table(self) -> Table:
        """Return a row for each run."""
        measured = [run.measured.timeline.makespan_s for run in self.runs]
        handed = [overhead(run.measured.to_dict()) for run in self.runs]
        right = [run.result_matches_serial for run in self.runs]
        columns = [
            Column("run", [*map(str, range(len(self.runs)))], "run", range(len(self.runs))),
            Column("measured", [seconds(each, 4) for each in measured], "measured_s", measured),
            Column("error", [f"{error:+.1%}" for error in self.errors], "error", self.errors),
            Column("a hand-over", [*map(seconds, handed)], "overhead_s", handed),
            Column("as one worker", ["yes" if each else "NO" for each in right], "result_matches_serial", right),
        ]
        return Table("Replays", columns)

    def summary(self) -> Summary:
        """Summarise the replays: a row for each."""
        stated = [] if self.runs[0].profiled else [f"But {STATED}."]
        return Summary(self._title, [self._table()], notes=[*self._distribution(), *stated, *self.warnings])

    def _repr_html_(self) -> str:
        """Show the distribution in a notebook."""
        return html.shown(self.summary())

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write each replay into a folder of its own, and the whole as result.json beside them."""
        files: Files = {}
        for index, run in enumerate(self.runs):
            files |= within(f"run{index}", run.files())
        write(os.fspath(folder), {**files, "result.json": lambda: json_text(self.to_dict())})


def repeat(
    source: Source,
    times: int,
    set: Mapping[str, Any] | None = None,
    heard: Callable[[int, int], None] = lambda done, total: None,
    timeout_s: float = inf,
    launch: Launch | None = None,
) -> Repeated:
    """Replay a scenario several *times*; *heard* is called with the runs done and all runs; the rest as in `replay`.

    Raises what `replay` raises, or `Broken` if some replays had ended before.
    """
    if times < 1:
        raise ScenarioError([Fault("repeat", 0, 0, "times", f"{times} is not a count from 1; write for example 10")])
    runs: list[Replay] = []
    with under_way("replays", times, lambda: len(runs)):
        job = replayable(source, set, launch)
        runs.append(replay_job(job, timeout_s, launch))
        try:
            for done in range(1, times):
                heard(done, times)
                runs.append(replay_job(job, timeout_s, launch))
        except (RunError, KeyboardInterrupt) as error:
            raise Broken(str(error) or "interrupted", Repeated(tuple(runs))) from error
    heard(times, times)
    return Repeated(tuple(runs))


class Broken(RunError):
    """A replay failed or was interrupted after others had ended; `done` holds the others."""

    def __init__(self, message: str, done: Repeated) -> None:
        self.done = done
        super().__init__(f"{message} (in replay {len(done.runs)}; those before it have ended)")
