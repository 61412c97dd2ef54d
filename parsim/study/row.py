"""Play one row of a space, and say what became of it.

done       it was played, and fits
refused    it cannot be built, or needs more memory than there is: a code, and why
failed     it was played, and the run failed: why
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from parsim.build import build
from parsim.core.errors import RunError, ScenarioError, told
from parsim.core.job import Job
from parsim.export.memory import shortages
from parsim.metrics.figures import figures_of
from parsim.run import brief
from parsim.scenario.scenario import Scenario
from parsim.study.refusals import Refusal, reason
from parsim.study.space import Space

FOLD = "--fold"  # the place of the fault that a scenario cannot be folded


class Outcome(NamedTuple):
    """What became of a row."""

    status: Literal["done", "refused", "failed"]
    code: Refusal | Literal[""] = ""  # why it was refused
    message: str = ""  # why it was refused, or failed
    figures: dict[str, Any] | None = None


def played(scenario: Scenario) -> Outcome:
    """Build and play a scenario without choices; devices that do the same are played once where that is possible.

    >>> from parsim.reading import load
    >>> items = {"kind": "items", "count": 4}
    >>> whole = {"cluster": {"devices": 2}, "workload": items, "plan": {"split": "data"}, "cost": {"compute": "1 s"}}
    >>> played(load({**whole, "cost": {"kind": "constant", "compute": "1 s"}})).figures["makespan_s"]
    2.0
    >>> played(load({**whole, "plan": {"split": "layers", "depth": 3}})).code
    'invalid'
    """
    try:
        found = brief(job_of(scenario))
        lacks = shortages(found.devices) if found.job.memories else []
        return Outcome("refused", "memory", lacks[0]) if lacks else Outcome("done", figures=figures_of(found))
    except ScenarioError as wrong:
        return Outcome("refused", wrong.code, reason(wrong))
    except RunError as failed:
        return Outcome("failed", message=str(failed).partition("\n")[0])
    except Exception as unexpected:  # a row must not end a sweep of thousands
        return Outcome("failed", message=told(unexpected))


def judged(space: Space, row: int, outcome: Outcome) -> Outcome:
    """Refuse a row that was played and does not meet a condition on its figures."""
    if outcome.figures is None or space.decided == space.require:
        return outcome
    why = space.refusal(row, outcome.figures)
    return outcome._replace(status="refused", code="require", message=why) if why else outcome


def job_of(scenario: Scenario) -> Job:
    """Build a scenario, folded if that is possible."""
    try:
        return build(scenario, "on")
    except ScenarioError as wrong:
        if {fault.file for fault in wrong.faults} != {FOLD}:
            raise
    return build(scenario, "off")
