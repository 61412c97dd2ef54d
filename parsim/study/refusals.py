"""Why a row of a space is not played, or not counted: stable codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from parsim.core.errors import Code, ScenarioError

Refusal = Code | Literal["require"]
MEANINGS: Mapping[Refusal, str] = {
    "require": "a condition of the space does not hold",
    "not_divisible": "degrees, batch, heads or layers do not divide",
    "memory": "a device has too little memory",
    "schedule": "the schedule cannot do it",
    "unreachable": "the topology lacks a route",
    "invalid": "its values do not go together",
}


def reason(error: ScenarioError) -> str:
    """Return in one line why a scenario cannot be built.

    >>> from parsim.core.errors import Fault
    >>> reason(ScenarioError([Fault("a.yaml", 1, 1, "plan.data", "a batch of 8 is not divisible by 3 replicas")]))
    'plan.data: a batch of 8 is not divisible by 3 replicas'
    """
    first, *more = error.faults
    return f"{first.path}: {first.message}" + (f" (and {len(more)} more)" if more else "")
