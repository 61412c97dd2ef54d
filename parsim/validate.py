"""Validate a run by closed forms, a lower bound, and the checker."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from parsim.build import build
from parsim.core.escape import printable
from parsim.core.quantities import seconds
from parsim.core.tolerance import CLOSE
from parsim.export import assertions, html
from parsim.export.files import drawn, json_text, write
from parsim.export.report import ledger
from parsim.export.summary import Column, Summary, Table, for_programs
from parsim.metrics.checker import check
from parsim.metrics.closed_forms import bound_formula, forms, lower_bound
from parsim.metrics.form import Form
from parsim.reading import load
from parsim.run import Result, run
from parsim.scenario.scenario import Source

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 4  # broken rules shown in a picture


@dataclass(frozen=True)
class Validation:
    """The comparisons of a run with theory."""

    result: Result
    forms: list[Form]
    lower_bound_s: float
    broken: list[str]  # rules that the timeline breaks

    def agrees(self, form: Form) -> bool:
        """Return whether the simulated makespan equals that of *form*."""
        makespan = self.result.timeline.makespan_s
        return abs(makespan - form.makespan_s) <= CLOSE * max(makespan, form.makespan_s)

    @property
    def respects_bound(self) -> bool:
        """Whether the makespan is at least the lower bound."""
        return self.result.timeline.makespan_s >= self.lower_bound_s * (1 - CLOSE)

    @property
    def good(self) -> bool:
        """Whether nothing contradicts the run."""
        return not self.broken and self.respects_bound and all(map(self.agrees, self.forms))

    @property
    def verdict(self) -> str:
        """The verdict in words."""
        if self.broken:
            return f"the timeline breaks {len(self.broken)} rule{'s' * (len(self.broken) != 1)} of the checker"
        if not self.respects_bound:
            return "the makespan is less than the lower bound"
        if not all(map(self.agrees, self.forms)):
            return "the simulation differs from a closed form"
        return (
            "the simulation agrees with theory"
            if self.forms
            else "no closed form is known; the lower bound and the checker hold"
        )

    def summary(self) -> Summary:
        """Summarise the validation: a row for each closed form and the lower bound, and the tables of the run."""
        run = self.result.summary()
        words = f"Checker: {'; '.join(self.broken) or 'every rule holds'}"
        title = f"{self.result.job.name}: {self.verdict}"
        return run._replace(title=title, tables=[self._table(), *run.tables], words=[words, *run.words])

    def _table(self) -> Table:
        """Return a row for each closed form, and for the lower bound."""
        makespan = self.result.timeline.makespan_s
        verdicts = ["agrees" if self.agrees(form) else "differs" for form in self.forms]
        verdicts.append("holds" if self.respects_bound else "is broken")
        bound = Form("lower bound", bound_formula(self.result.job), self.lower_bound_s)
        names, formulas, foreseen = zip(*self.forms, bound, strict=True)
        columns = [
            Column("form", names, "form", names, left=True),
            Column("formula", formulas, "formula", formulas, left=True),
            Column("foreseen", [seconds(each, 12) for each in foreseen], "foreseen_s", foreseen),
            Column(f"simulated {seconds(makespan, 12)}", verdicts, "verdict", verdicts, left=True),
            for_programs("simulated_s", [makespan] * len(names)),
        ]
        return Table("Theory", columns)

    def _repr_html_(self) -> str:
        """Show the comparison and the run in a notebook."""
        return html.shown(self.summary())

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the run, validation.json and the picture of `plot` into *folder*."""
        pictures = drawn("validation", self._pictures)
        write(
            os.fspath(folder), {"validation.json": lambda: json_text(self.to_dict()), **pictures, **self.result.files()}
        )

    def _pictures(self) -> dict[str, bytes]:
        from parsim.plot.paper import files

        return files("validation", self.plot())

    def plot(self) -> Figure:
        """Draw the closed forms, the lower bound and the verdict, and below them the run."""
        from parsim.plot.validation import Row, validation

        rows = [Row(*form, self._said(form), self.agrees(form)) for form in self.forms]
        holds = "holds" if self.respects_bound else "is broken"
        rows.append(Row("lower bound", bound_formula(self.result.job), self.lower_bound_s, holds, self.respects_bound))
        none = [] if self.forms else ["No closed form is known for this scenario."]
        told = [f"Checker: {sentence}" for sentence in self.broken[:SHOWN]] or ["Checker: every rule holds"]
        more = [f"Checker: {len(self.broken) - SHOWN} more"] if len(self.broken) > SHOWN else []
        title = f"{self.result.job.name}: {self.verdict}"
        return validation(title, self.result.timeline, self.result.theory.t_total_s, rows, [*none, *told, *more])

    def _said(self, form: Form) -> str:
        """Write whether a closed form agrees with the makespan, or the difference."""
        if self.agrees(form):
            return "agrees"
        more = self.result.timeline.makespan_s - form.makespan_s
        return f"{seconds(abs(more), 4)} too {'short' if more > 0 else 'long'}"

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        makespan = self.result.timeline.makespan_s
        return {
            "run": self.result.to_dict(),
            "closed_forms": [
                {**form._asdict(), "difference_s": makespan - form.makespan_s, "agrees": self.agrees(form)}
                for form in self.forms
            ],
            "lower_bound_s": self.lower_bound_s,
            "checker": self.broken,
            "agrees": self.good,
            "verdict": self.verdict,
        }

    def report(self) -> str:
        """Write it for people."""
        facts = self.result.to_dict()
        makespan = facts["makespan_s"]
        lines = [facts["scenario"], "", "Terms", *(f"  {line}" for line in ledger(facts)), "", "Closed forms"]
        for form in self.forms:
            sign = "=" if self.agrees(form) else "differs from"
            lines.append(f"  {form.name}: {form.formula}")
            lines.append(f"    {form.makespan_s:.12g} s {sign} simulated {makespan:.12g} s")
        if not self.forms:
            lines.append("  none is known for this scenario")
        lines += ["", "Lower bound", f"  {bound_formula(self.result.job)} = {seconds(self.lower_bound_s)}"]
        lines += ["", "Checker", *(f"  {sentence}" for sentence in self.broken or ["every rule holds"])]
        if facts["assert"]:
            lines += ["", "Assertions", *(f"  {told}" for told in assertions.lines(facts["assert"]))]
        return "\n".join(map(printable, [*lines, "", f"Verdict: {self.verdict}"])) + "\n"


def validate(source: Source, set: Mapping[str, Any] | None = None) -> Validation:
    """Play a scenario on the simulated clock, and compare it with theory; parameters as for `simulate`."""
    return validation(run(replace(build(load(source, set)), clock="simulated")))


def validation(result: Result) -> Validation:
    """Compare *result* with the theory of its job."""
    job = result.job
    return Validation(result, forms(job), lower_bound(job), check(job, result.timeline))
