"""Search a space for its best plans, so that the answer is that of playing them all.

    rows that conditions leave --outline--> refused, or a bound --play, in order of bounds--> the ten best
                                                                 until no bound is below the tenth

A plan that is not played is cut: by its bound, it cannot be among the best. So the answer is proven.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from parsim.build import outline
from parsim.core.errors import Complaint, ParsimError, ScenarioError
from parsim.core.schema import kind_of
from parsim.export.memory import shortages
from parsim.metrics.held import KINDS
from parsim.scenario.scenario import Scenario
from parsim.sections import plan_class
from parsim.study.merit import DIGITS, Plan, merit, plan_of
from parsim.study.plan.bound import Bound, bound
from parsim.study.refusals import Refusal, reason
from parsim.study.row import Outcome, judged, played
from parsim.study.runner import Runner
from parsim.study.space import Space
from parsim.training.plan import TrainingPlan
from parsim.workloads import workloads

SIZE = 2_000  # tasks of a plan, as far as is known before it is built
AT_ONCE = 16  # plans played between two looks at the bounds, whatever the number of workers
OUTLINES, PLAYS = 16, 2  # rows of a call
BEST = 10  # plans that are judged at least, however few are shown
SLACK = 1 + 10.0 ** (1 - DIGITS)  # of the seconds of a plan: whatever may tie with it is below


class Outlined(NamedTuple):
    """A row before it is played: why it is refused, or its bound."""

    row: int
    code: Refusal | Literal[""] = ""
    message: str = ""
    bound: Bound = Bound()


@dataclass
class Search:
    """What became of the rows of a space."""

    space: Space
    left: int = 0  # rows after the conditions that need no figure
    refused: Counter[Refusal] = field(default_factory=Counter)
    conditions: Counter[str] = field(default_factory=Counter)  # rows that each condition refuses
    reasons: dict[Refusal, str] = field(default_factory=dict)  # of the first row of each code
    failed: Counter[str] = field(default_factory=Counter)  # by message
    cut: Counter[str] = field(default_factory=Counter)  # rows that were not played, by the bound that tells most
    played: int = 0
    proven: bool = True
    plans: list[Plan] = field(default_factory=list)  # best first
    outcomes: dict[int, Outcome | None] = field(default_factory=dict)  # of rows that were looked at; None: cut

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the rows that were looked at, as those of a sweep."""
        for row, one in sorted(self.outcomes.items()):
            status, code, message, figures = one or ("cut", "", "", None)
            told = {"status": status, "code": code or None, "message": message or None}
            yield {"row": row, "set": self.space.set_of(row), **told, **(figures or {})}

    def refuse(self, code: Refusal, message: str, count: int = 1) -> None:
        """Count rows that are refused."""
        self.refused[code] += count
        self.reasons.setdefault(code, message)

    def take(self, row: int, outcome: Outcome, bound_s: float) -> None:
        """Count a row that was played."""
        self.played += 1
        outcome = self.outcomes[row] = judged(self.space, row, outcome)
        if outcome.status == "refused":
            assert outcome.code
            if outcome.code == "require":
                self.conditions[self.space.condition_of(outcome.message)] += 1
            self.refuse(outcome.code, outcome.message)
        elif outcome.figures is None:
            self.failed[outcome.message] += 1
        else:
            self.plans.append(plan_of(self.space, row, outcome.figures, bound_s))


def searched(space: Space, runner: Runner, best: int) -> Search:
    """Return the *best* plans of a space, proven: no other plan is better."""
    found, rows = _conditioned(space)
    waiting = sorted(outlined(found, rows, runner), key=lambda one: (one.bound.iteration_s, one.row))
    while waiting and (len(found.plans) < best or waiting[0].bound.iteration_s <= _last_s(found, best)):
        some = list(_next(waiting, AT_ONCE, found, best))
        waiting = waiting[len(some) :]
        play_all(found, some, runner)
    last_s = _last_s(found, best)
    found.cut.update(_tells(one.bound, last_s) for one in waiting)
    found.outcomes.update((one.row, None) for one in waiting)
    found.plans = found.plans[:best]
    return found


def exhausted(space: Space, runner: Runner, best: int) -> Search:
    """Return the *best* plans of a space after playing all of them."""
    found, rows = _conditioned(space)
    play_all(found, [Outlined(row) for row in rows], runner)
    found.plans = found.plans[:best]
    return found


def about_none(found: Search) -> ScenarioError:
    """Return the error that no plan can be played: how many rows are refused for which reason."""
    told = [f"{count} {code}, {_reason(found, code)}" for code, count in found.refused.most_common()]
    told += [f"{count} failed, {why}" for why, count in found.failed.most_common()]
    why = f"none of the {found.space.size} rows is a plan that can be played: {'; '.join(told)}"
    return found.space.scenario.error([Complaint(("require" if found.space.require else "plan",), why, "key")])


def _reason(found: Search, code: Refusal) -> str:
    if code == "require":
        return ", ".join(f"{text}: {count}" for text, count in found.conditions.most_common())
    return f"for example {found.reasons[code]}"


def outlined(found: Search, rows: Sequence[int], runner: Runner) -> list[Outlined]:
    """Return the *rows* that outlines do not refuse, with their bounds."""
    waiting = []
    for one in _answers(runner, "plans outlined", outlines_of, found.space, rows, OUTLINES):
        if one.code:
            found.outcomes[one.row] = Outcome("refused", one.code, one.message)
            found.refuse(one.code, one.message)
        else:
            waiting.append(one)
    return waiting


def _conditioned(space: Space) -> tuple[Search, list[int]]:
    """Return the rows that conditions leave that need no figure."""
    early = space.early()
    found = Search(space, left=len(early.rows))
    for text, count in early.refused.items():
        if count:
            found.conditions[text] += count
            found.refuse("require", f"'{text}' does not hold", count)
    return found, early.rows.tolist()


def _next(waiting: Sequence[Outlined], most: int, found: Search, best: int) -> Iterator[Outlined]:
    """Yield the next plans to play: those that may be among the best."""
    last_s = _last_s(found, best)
    for one in waiting[:most]:
        if one.bound.iteration_s > last_s:
            return
        yield one


def play_all(found: Search, some: Sequence[Outlined], runner: Runner) -> None:
    """Play plans, and put them into their order."""
    outcomes = _answers(runner, "plans played", outcomes_of, found.space, [one.row for one in some], PLAYS)
    for one, outcome in zip(some, outcomes, strict=True):
        found.take(one.row, outcome, one.bound.iteration_s)
    found.plans.sort(key=merit)


def _answers(
    runner: Runner,
    what: str,
    ask: Callable[[Space, Sequence[int]], list[Any]],
    space: Space,
    rows: Sequence[int],
    size: int,
) -> Iterator[Any]:
    """Yield the answers for *rows*, asked in calls of a few rows."""
    calls = [(ask, space, rows[first : first + size]) for first in range(0, len(rows), size)]
    for answer in runner.answers(what, calls) if calls else ():
        yield from answer


def _last_s(found: Search, best: int) -> float:
    """Return the seconds above which a plan cannot be among the best: those of the last of them."""
    return found.plans[best - 1].took_s * SLACK if len(found.plans) >= best else float("inf")


def _tells(one: Bound, last_s: float) -> str:
    """Return which bound tells that a plan is not among the best: the simplest one that does."""
    if one.compute_s > last_s:
        return "compute"
    return "network" if one.network_s > last_s else "path"


# -- in worker processes


def outlines_of(space: Space, rows: Iterable[int]) -> list[Outlined]:
    """Outline some rows, without playing them."""
    return [_outlined(space.scenario_of(row), row) for row in rows]


def outcomes_of(space: Space, rows: Iterable[int]) -> list[Outcome]:
    """Play some rows."""
    return [played(space.scenario_of(row)) for row in rows]


def _outlined(scenario: Scenario, row: int) -> Outlined:
    if not _by_degrees(scenario):
        return Outlined(row)
    try:
        found = bound(outline(scenario))
    except ScenarioError as wrong:
        return Outlined(row, wrong.code, reason(wrong))
    except ParsimError:  # playing it tells
        return Outlined(row)
    if sum(found.memory) > found.capacity:
        return Outlined(row, "memory", _short(found), found)
    return Outlined(row, bound=found)


def _by_degrees(scenario: Scenario) -> bool:
    """Return whether a scenario trains by degrees of parallelism, so that bounds are known."""
    kind, plan = kind_of(scenario.values.get("workload")), scenario.values.get("plan")
    known = isinstance(kind, str) and kind in workloads.entries() and plan_class(workloads[kind]) is TrainingPlan
    return known and not (isinstance(plan, dict) and plan.get("split"))


def _short(one: Bound) -> str:
    """Say by how much memory a device lacks, and what takes it."""
    by_kind = dict(zip(KINDS, one.memory, strict=True))
    memory = {"fits": False, "peak_bytes": sum(one.memory), "capacity_bytes": one.capacity, "by_kind": by_kind}
    return f"{shortages([{'name': one.device, 'memory': memory}])[0]}, and more while it sends and receives"
