"""Which of two plans is better: the one rule of plans and of sweeps."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from parsim.scenario.scenario import Scenario
from parsim.study.space import Space
from parsim.training.stage import RECOMPUTE

DIGITS = 9  # seconds that agree in so many digits are a tie


class Plan(NamedTuple):
    """A plan that was played."""

    row: int
    set: dict[str, Any]
    figures: dict[str, Any]
    bound_s: float = 0.0
    free: float = math.inf  # B of the device with the least memory, beside the peak
    again: int = 0  # how much is computed again, by its place in RECOMPUTE

    @property
    def took_s(self) -> float:
        """The seconds by which plans are compared: of an iteration, or of the whole run of work that is not trained."""
        return seconds_of(self.figures)


def seconds_of(figures: Mapping[str, Any]) -> float:
    """Return the seconds of an iteration; where nothing trains, the makespan.

    >>> seconds_of({"iteration_s": None, "makespan_s": 2.0})
    2.0
    """
    iteration_s = figures["iteration_s"]
    return float(figures["makespan_s"] if iteration_s is None else iteration_s)


def plan_of(space: Space, row: int, figures: dict[str, Any], bound_s: float = 0.0) -> Plan:
    """Return the plan of a row that was played."""
    memory = space.names.value("memory", space.picks(row))
    free = memory - figures["peak_memory_bytes"] if isinstance(memory, float) else math.inf
    return Plan(row, space.set_of(row), figures, bound_s, free, _again(space.scenario_of(row)))


def merit(plan: Plan) -> tuple[Any, ...]:
    """Return what plans are sorted by: seconds; then exposed communication, memory, recomputation, the plan's text."""
    figures, text = plan.figures, json.dumps(plan.set, sort_keys=True)
    free = plan.free if plan.free < math.inf else -figures["peak_memory_bytes"]
    return float(f"{plan.took_s:.{DIGITS}g}"), figures["exposed_s"], -free, plan.again, text


def _again(scenario: Scenario) -> int:
    """Return how much a plan computes again; a list of layers counts as most."""
    plan = scenario.values.get("plan")
    recompute = plan.get("recompute", RECOMPUTE[0]) if isinstance(plan, dict) else RECOMPUTE[0]
    return RECOMPUTE.index(recompute) if recompute in RECOMPUTE else len(RECOMPUTE)
