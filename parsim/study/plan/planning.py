"""The best plans of a space, why the others are not, and how sure that is."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from parsim.core.errors import Complaint
from parsim.core.version import VERSIONS
from parsim.export import html
from parsim.export.files import json_text, ready, write
from parsim.export.summary import Summary
from parsim.scenario.scenario import Source
from parsim.study.comparison import Comparison
from parsim.study.finalists import finalists
from parsim.study.merit import Plan
from parsim.study.plan.crossing import Crossing, crossing
from parsim.study.plan.facts import VARIED, Name
from parsim.study.plan.report import report, summary
from parsim.study.plan.sampled import PLAYS, sampled
from parsim.study.plan.search import BEST, SIZE, Search, about_none, exhausted, searched
from parsim.study.plan.sensitivity import Unknown, Varied, sensitivity, unknown
from parsim.study.runner import Call, Runner
from parsim.study.space import Space, space_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NO_CHOICES = (
    "has no choices, so there is nothing to search; write for example tensor: {in: [1, 2, 4]}, or use parsim run"
)
CROSSED: tuple[Name, ...] = ("bandwidth", "efficiency")  # facts that may let the second plan win
SearchName = Literal["bounds", "all", "tpe"]
SEARCHES: dict[SearchName, Callable[[Space, Runner, int], Search]] = {
    "bounds": searched,
    "all": exhausted,
    "tpe": sampled,
}


@dataclass(frozen=True)
class Planning:
    """The best plans of a space, best first.

    Parameters
    ----------
    search : what became of the rows of the space.
    varied : the best plans under other facts.
    unknown : facts that are not known.
    crossings : what it would take for the second plan to win.
    finalists : the first plans side by side.
    """

    search: Search
    varied: Sequence[Varied]
    unknown: Sequence[Unknown]
    crossings: Sequence[Crossing]
    finalists: Comparison

    def __repr__(self) -> str:
        """Return in one line what was found."""
        return f"Planning({self.search.space.scenario.name}, {len(self.plans)} of {self.search.space.size} plans)"

    @property
    def plans(self) -> list[Plan]:
        """The best plans."""
        return self.search.plans

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as plain values, as in the contract."""
        found = self.search
        return {
            **VERSIONS,
            "scenario": found.space.scenario.name,
            "scenario_sha256": found.space.scenario.sha256,
            "space": found.space.size,
            "refused": dict(sorted(found.refused.items())),
            "reasons": dict(sorted(found.reasons.items())),
            "conditions": dict(found.conditions),
            "failed": dict(found.failed),
            "cut": dict(sorted(found.cut.items())),
            "played": found.played,
            "proven": found.proven,
            "plans": [self._plan(place, plan) for place, plan in enumerate(self.plans)],
            "ledger": self._ledger(),
            "decided": self.finalists.decided,
            "second_wins_at": {one.name: one.factor for one in self.crossings},
        }

    def _plan(self, place: int, plan: Plan) -> dict[str, Any]:
        facts = [one for one in self.unknown if one.plan == place]
        varied = self.varied[place]
        return {
            "row": plan.row,
            "set": plan.set,
            **plan.figures,
            "bound_s": plan.bound_s,
            "robust": varied.robust,
            "under": varied.to_dict(),
            "unknown": [{"fact": one.fact, "unit": one.unit, "break_even": one.break_even} for one in facts],
        }

    def _ledger(self) -> dict[str, Any] | None:
        first = self.finalists.variants[0].run
        return first.facts["ledger"] if first else None

    def report(self) -> str:
        """Write it for people."""
        return report(self.search, self.varied, self.unknown, self.crossings, self.finalists)

    def summary(self) -> Summary:
        """Summarise the answer: a row for each of the best plans."""
        told = summary(self.search, self.varied, self.unknown, self.crossings, self.finalists)
        return told._replace(picture=self._png, meaning="Gantt charts of the first plans")

    def _png(self) -> bytes:
        from parsim.plot.paper import png

        return png(self.finalists.plot())

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield every row that was looked at, as a sweep does; those that bounds cut have the status cut."""
        return self.search.rows()

    def plot(self, kind: str = "choices", axes: Axes | None = None, over: Sequence[str] = ()) -> Axes:
        """Draw the rows that were looked at, and return the axes.

        Parameters
        ----------
        kind, axes, over : as for `Sweep.plot`.
        """
        from parsim.plot.space_kinds import drawn

        return drawn(self.rows(), self.search.space.scenario.name, kind, axes, over)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write plan.json, the rows that were looked at, and pictures of these and of the first plans."""
        from parsim.plot.space_kinds import pictures_of

        name, rows = self.search.space.scenario.name, list(self.rows())
        files = {**ready(pictures_of(rows, name)), **self.finalists.pictures()}
        files["rows.json"] = lambda: json_text({**VERSIONS, "scenario": name, "rows": rows})
        write(os.fspath(folder), {**files, "plan.json": lambda: json_text(self.to_dict())})

    def _repr_html_(self) -> str:
        """Show the plans in a notebook."""
        return html.shown(self.summary())


def plan(
    source: Source,
    set: Mapping[str, Any] | None = None,
    best: int = BEST,
    search: SearchName = "bounds",
    executor: Executor | None = None,
) -> Planning:
    """Find the *best* plans of a scenario with choices, and say how sure that is.

    Parameters
    ----------
    source : a path, or the YAML as Python values.
    set : values that replace the scenario's, by dotted path; they may be choices.
    best : how many plans to return; at least ten are searched, and judged beside each other.
    search : bounds, plays only what may be among the best by its bound; all, plays everything; tpe, plays 200 plans
        that Optuna proposes, for spaces that are too large for bounds: its answer is not proven.
    executor : plays the plans; its workers are processes. Default: the cores of this machine.

    Raises `ScenarioError` where the input is wrong, also where no plan can be played.
    """
    space = space_of(source, set)
    if not space.choices:
        raise space.scenario.error([Complaint(("plan",), NO_CHOICES, "key")])
    with Runner(executor) as runner:
        runner.expect(PLAYS if search == "tpe" else len(space.early().rows), SIZE, ())
        found = SEARCHES[search](space, runner, max(best, BEST))
        if not found.plans:
            raise about_none(found)
        return _judged(found, best, runner)


def _judged(found: Search, best: int, runner: Runner) -> Planning:
    """Ask how sure the answer is. All plans found are judged beside each other, and the *best* ones are shown."""
    space, plans, gaps = found.space, found.plans, unknown(found)
    varied = sensitivity(space, plans, runner)
    names = dict.fromkeys(
        fact.name
        for fact, *some in zip(VARIED, *(one.seconds for one in varied), strict=True)
        if some != [None] * len(some)
    )
    calls: list[Call] = [
        (crossing, space, plans[0].row, plans[1].row, name) for name in CROSSED if name in names and len(plans) > 1
    ]
    crossings = runner.answers("what the second plan needs", calls) if calls else []
    side_by_side = finalists(space, [one.row for one in plans], runner)
    found.plans = plans[:best]
    return Planning(found, varied[:best], [one for one in gaps if one.plan < best], crossings, side_by_side)
