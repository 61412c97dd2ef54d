"""Explain what decided the makespan, and what to fix first.

critical path    the chain of spans that ends last, each with why it started then
fix this first   the makespan with one thing changed at a time, each found by a run; what nobody can do is a bound
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cached_property
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from parsim.core.escape import printable
from parsim.core.quantities import number, seconds, times
from parsim.core.tolerance import CLOSE, ranking
from parsim.core.version import VERSIONS
from parsim.export import html
from parsim.export.files import drawn, json_text, write
from parsim.export.summary import Column, Summary, Table, for_programs, text_table
from parsim.export.table import table, width
from parsim.export.text import folded
from parsim.metrics.plan_notes import plan_notes
from parsim.reading import load
from parsim.run import Result, run
from parsim.scenario.scenario import Source
from parsim.sim.estimate import mean_compute
from parsim.study.alternatives import Others, Outcome, asked, best, others, outcome
from parsim.study.case import Case
from parsim.study.causes import trials
from parsim.study.change import Change, Refused, changed, ends, gain, lacking, sooner, took_of, tried
from parsim.study.fitting import FITTING, smallest, told
from parsim.study.fix_first import fix_first
from parsim.study.path import HEAD, Link, by_worker, links, rows, sentence, sums, worker_rows
from parsim.study.runner import Call, Runner, size

if TYPE_CHECKING:
    from matplotlib.axes import Axes


MEANING = {
    "at most": "this assumes that it takes no time; if it takes some, the gain is smaller",
    "a bound": "this change is impossible; it shows how much there is to gain",
}


@dataclass(frozen=True)
class Explanation:
    """A run, its critical path, and how long it takes with one thing changed at a time."""

    result: Result
    path: list[Link]  # the critical path, first span first
    changes: tuple[Change, ...]  # the largest gain first
    refused: tuple[Refused, ...]
    others: Others

    def __repr__(self) -> str:
        """Return in one line what is explained."""
        spans = f"{len(self.path)} span{'s' * (len(self.path) != 1)}"
        return f"Explanation({self.result.job.name}, makespan {seconds(self.makespan_s)}, {spans})"

    @property
    def makespan_s(self) -> float:
        """The makespan that is explained."""
        return self.result.timeline.makespan_s

    @property
    def compared_s(self) -> float:
        """The seconds by which changes are compared: of a training an iteration, else the makespan."""
        return self.others.compared_s[self.others.own]

    @cached_property
    def sums(self) -> dict[str, Any]:
        """Seconds of the path by use; they add up to the makespan."""
        return sums(self.path)

    @property
    def fix_first(self) -> str:
        """The change to make first in words: one that makes a run fit which does not, else the largest gain."""
        return fix_first(self.changes, self.compared_s, self._lacks_own)

    @cached_property
    def _lacks_own(self) -> str:
        """Which device of the run holds more than it has; empty where all fits."""
        return lacking(self.result.job, self.result.timeline)

    @cached_property
    def fit_first(self) -> str:
        """The smallest change with which a training fits into memory, in words; empty where it fits."""
        if not self._lacks_own:
            return ""
        words = [change.words for change in self.changes if change.change in FITTING]
        return told(self._lacks_own, smallest(self.changes), words, self.compared_s)

    def to_dict(self) -> dict[str, Any]:
        """Return the explanation as in the contract."""
        return {
            **VERSIONS,
            "run": self.result.to_dict(),
            "path": [link._asdict() for link in self.path],
            "sums": self.sums,
            "by_worker": [{"worker": worker, **spent} for worker, spent in by_worker(self.path).items()],
            "changes": [self._plain(change) for change in self.changes],
            "not_applicable": [refused._asdict() for refused in self.refused],
            "others": {key: value for key, value in vars(self.others).items() if key != "own"},
            "fix_first": self.fix_first,
            "fit_first": self.fit_first,
        }

    def report(self) -> str:
        """Write the explanation for people."""
        lines = table([HEAD, *rows(self.path)], words=(2, 3, 4, 5))
        workers, every = table(worker_rows(self.path)), self._others()
        parts = [
            [self._title, "=" * width(self._title)],
            _part(
                f"Critical path, {len(self.path)} span{'s' * (len(self.path) != 1)}",
                [lines[0], *folded(lines[1:], len(self.path) + 1 - len(lines)), sentence(self.sums, self.makespan_s)],
            ),
            _part(
                "On the path, by worker",
                [workers[0], *folded(workers[1:], len(by_worker(self.path)) + 1 - len(workers))],
            ),
            _part(f"Fix this first{self._by}", [*table(self._fixes(), words=(0, 2)), *self._verdicts()]),
            _part(f"Every {self.others.sort}{self._by}", table(every, words=(0, 2))) if len(every) > 1 else [],
        ]
        return "\n\n".join("\n".join(part) for part in parts if part) + "\n"

    def plot(self, axes: Axes | None = None) -> Axes:
        """Draw the Gantt chart with the path outlined, on matplotlib *axes* or a new figure; return the axes."""
        return self.result.plot("path", axes)

    def summary(self) -> Summary:
        """Summarise the explanation: a row for each change, and the critical path."""
        spans = rows(self.path)
        path = text_table("Critical path", [HEAD, *spans], (2, 3, 4, 5), hidden=len(self.path) - len(spans))
        every = [("", self._took, ""), *self._others()]
        others = [text_table(f"Every {self.others.sort}", every, (0, 2))] if len(every) > 2 else []
        words = [f"Critical path: {sentence(self.sums, self.makespan_s)}"]
        meaning = f"Gantt chart of {self.result.job.name}, its critical path outlined"
        tables = [self._table(), path, *others]
        return Summary(self._title, tables, words, self._verdicts(), self._png, meaning)

    def _table(self) -> Table:
        """Return a row for each change, and for each that makes no difference or cannot be made."""
        changes, none = self.changes, [None] * len(self.refused)
        names, took, words = zip(*self._fixes(), strict=True) if changes or self.refused else ((), (), ())
        columns = [
            Column("change", names, "change", names, left=True),
            Column(self._took, took, f"{self._took}_s", [*(change.compared_s for change in changes), *none]),
            for_programs("gain_s", [*(change.compared_gain_s for change in changes), *none]),
            Column("", words, "words", words, left=True),
        ]
        return Table(f"Fix this first{self._by}", columns)

    def _png(self) -> bytes:
        from parsim.plot.paper import png

        return png(self.plot().figure)

    def _repr_html_(self) -> str:
        """Show the explanation in a notebook."""
        return html.shown(self.summary())

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write explanation.json, and the Gantt chart with the path marked as path.png and path.svg."""
        pictures = drawn("path", lambda: self.result.pictures("path"))
        write(os.fspath(folder), {**pictures, "explanation.json": lambda: json_text(self.to_dict())})

    def _plain(self, change: Change) -> dict[str, Any]:
        return {**change._asdict(), "bound": change.bound, "gain": self._share(change)}

    def _share(self, change: Change) -> float:
        return change.gain_s / self.makespan_s if self.makespan_s else 0.0

    def _told(self, change: Change) -> str:
        reach = f", {change.reach}" if change.reach and change.compared_gain_s > 0 else ""
        fits = f"; does not fit: {change.lacks}" if change.lacks else "; fits" * bool(self._lacks_own)
        return sooner(change, self.compared_s) + reach + fits

    @property
    def _title(self) -> str:
        return f"{self.result.job.name}: what decides its {seconds(self.makespan_s)}"

    @property
    def _took(self) -> str:
        """What the changes are compared by."""
        return "iteration" if self._trains else "makespan"

    @property
    def _trains(self) -> bool:
        return bool(self.others.iteration_s)

    @property
    def _by(self) -> str:
        return f", by the iteration, which takes {seconds(self.compared_s)}" if self._trains else ""

    def _fixes(self) -> list[tuple[str, str, str]]:
        took = times([change.compared_s for change in self.changes])
        told = [(one.words, each, self._told(one)) for one, each in zip(self.changes, took, strict=True)]
        return told + [(refused.words, "-", refused.why) for refused in self.refused]

    def _verdicts(self) -> list[str]:
        reaches = {change.reach for change in self.changes if change.compared_gain_s > 0}
        meanings = [f"{word}: {meaning}" for word, meaning in MEANING.items() if word in reaches]
        fits = [self.fit_first] if self.fit_first else []
        return [
            *meanings,
            self.fix_first,
            *self._better_but_costly(),
            *self._quantisation(),
            *fits,
            *plan_notes(self.result.job),
        ]

    def _better_but_costly(self) -> list[str]:
        """Name the best policy or schedule where it beats all changes, but needs more than the scenario's own."""
        best, took = self.others.best, self.others.compared_s[self.others.best]
        reached = min([self.compared_s, *(change.compared_s for change in self.changes if not change.bound)])
        if best not in self.others.needs or not gain(reached, took) > 0:
            return []
        change = changed("", "", self.others.took(self.others.own), self.others.took(best), "", "")
        told = f"the {self.others.sort} {best}, which {self.others.needs[best]}"
        return [f"With {told}, {ends(change, self.compared_s)}."]

    def _quantisation(self) -> list[str]:
        """Explain idleness at the end by equal units that do not divide by the workers."""
        job, (n, p, *_) = self.result.job, self.result.theory
        each = mean_compute(job)[job.graph.units > 0] / job.graph.units[job.graph.units > 0]
        if not len(each) or n % p == 0 or not self.result.ledger.idle["drain"] or np.ptp(each) > CLOSE * each[0]:
            return []
        least = f"one worker has at least {ceil(n / p)}, but T_total assumes {number(n / p)}"
        return [f"Quantisation: {n:.0f} equal units of work do not divide by {p} workers; {least}."]

    def _needs(self, name: str) -> str:
        if name == self.others.own:
            return "as in the scenario"
        limit = [f"limit: {self.others.limit[name]}"] if name in self.others.limit else []
        return ", ".join([*limit, *([self.others.needs[name]] if name in self.others.needs else [])])

    def _lacks(self, name: str) -> str:
        lacks = self.others.lacks.get(name)
        return f"does not fit: {lacks}" if lacks else "fits" * bool(self.fit_first)

    def _others(self) -> list[tuple[str, str, str]]:
        found = sorted(self.others.compared_s.items(), key=lambda item: item[1])
        names, took = [name for name, _ in found], times([each for _, each in found])
        own = ("; ".join(part for part in (self._needs(name), self._lacks(name)) if part) for name in names)
        return list(zip(names, took, own, strict=True)) + [(name, "-", why) for name, why in self.others.failed.items()]


def explain(source: Source, set: Mapping[str, Any] | None = None, executor: Executor | None = None) -> Explanation:
    """Explain what decides the makespan of a scenario, and what to fix first.

    Parameters
    ----------
    source, set : as for `simulate`.
    executor : as for `compare`.

    Each change and each policy is played: one to two dozen runs. Changes that cannot be played are listed.
    Raises `ScenarioError` where the input is wrong, `RunError` where the run itself fails.

    >>> five = {"kind": "items", "count": 5}
    >>> scenario = {"cluster": {"devices": 2}, "workload": five, "plan": {"split": "data"},
    ...             "cost": {"kind": "constant", "compute": "1 s"}}
    >>> explanation = explain(scenario)
    >>> [(link.task, link.start_s, link.end_s) for link in explanation.path]
    [('part0', 0.0, 3.0)]
    >>> explanation.fix_first
    'Fix first: one more worker. The run would end after 2 s, 1 s (33.3 %) sooner.'
    """
    case = Case(load(source, set))
    job = case.own
    result = run(job)
    took = took_of(job, result.timeline)
    (sort, own, sections) = asked(case.scenario, job)
    changing: list[Call] = [
        (tried, case, job.seed, trial, took) for trial in trials(case.scenario, job, result.timeline)
    ]
    fits = not lacking(job, result.timeline)
    otherwise: list[Call] = [(outcome, case, section, fits) for section in sections.values()]
    with Runner(executor) as runner:
        runner.expect(len(changing + otherwise), size(job.graph), [case])
        answers = runner.answers("runs", changing + otherwise)
    outcomes = dict(zip(sections, answers[len(changing) :], strict=True))
    own_outcome = Outcome(took, lacks=lacking(job, result.timeline))
    alternatives = others(sort, own, {own: own_outcome, **outcomes})
    found: list[Change | Refused] = [
        Refused(one.change, one.words, f"does not fit: {one.lacks}")
        if isinstance(one, Change) and one.lacks and fits
        else one
        for one in [*answers[: len(changing)], best(alternatives, job)]
    ]
    changes = [one for one in found if isinstance(one, Change)]
    order = ranking([change.compared_s for change in changes], CLOSE)
    refused = tuple(one for one in found if isinstance(one, Refused))
    return Explanation(
        result, list(links(result.timeline)), tuple(changes[place] for place in order), refused, alternatives
    )


def _part(title: str, lines: Sequence[str]) -> list[str]:
    return [title, *(f"  {printable(line)}" for line in lines)]
