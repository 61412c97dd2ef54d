"""The best plans again under other facts: which of them stay good where a fact is not what the scenario says.

                 as said   bandwidth -20 %   bandwidth +20 %   memory -20 %
    1  robust      968 ms            979 ms            961 ms   fits
    2             970 ms          1,083 ms            941 ms   does not fit

A plan is robust if it fits into a fifth less memory, and is nowhere more than 5 % slower than the best of the others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from parsim.study.merit import Plan
from parsim.study.plan.facts import BY, VARIED, seconds_under
from parsim.study.plan.search import Search
from parsim.study.runner import Runner
from parsim.study.space import Space

WITHIN = 1.05  # of the best


class Varied(NamedTuple):
    """A plan under other facts."""

    seconds: tuple[float | None, ...]  # in the order of VARIED; None: the cluster does not state the fact
    fits_less: bool | None  # whether it fits into a fifth less memory; None: no device states its memory
    robust: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the seconds under each fact, and whether the plan fits into less memory."""
        both = zip(VARIED, self.seconds, strict=True)
        took = [{"fact": fact.name, "factor": fact.factor, "seconds": seconds} for fact, seconds in both]
        return {"facts": took, "fits_less_memory": self.fits_less}


def sensitivity(space: Space, plans: Sequence[Plan], runner: Runner) -> list[Varied]:
    """Play the *plans* again under other facts."""
    calls = [(seconds_under, space, plan.row, VARIED) for plan in plans]
    seconds = runner.answers("plans under other facts", calls) if calls else []
    columns = [[plan.took_s for plan in plans], *map(list, zip(*seconds, strict=True))]
    least = [min((one for one in column if one is not None), default=math.inf) for column in columns]
    return [_varied(space, plan, [plan.took_s, *some], least) for plan, some in zip(plans, seconds, strict=True)]


def _varied(space: Space, plan: Plan, seconds: Sequence[float | None], least: Sequence[float]) -> Varied:
    memory = space.names.value("memory", space.picks(plan.row))
    fits = plan.figures["peak_memory_bytes"] <= (1 - BY) * memory if isinstance(memory, float) else None
    near = all(one is None or one <= WITHIN * best for one, best in zip(seconds, least, strict=True))
    return Varied(tuple(seconds[1:]), fits, bool(fits) and near)


class Unknown(NamedTuple):
    """A fact that is not known of the devices of a plan, and the value at which the plan is as good as the best."""

    plan: int  # its place among the best, from 0
    fact: str
    even: str  # what holds at the break-even value
    unit: str
    break_even: float | None  # None: nothing to compare with is known


FACTS = (  # what holds at the break-even value, its unit, the figure, and the seconds in its unit of time
    ("price", "it costs as much as the cheapest plan of known price", "USD/h", "cost", 3600.0),
    ("power", "it needs as much energy as the most sparing plan of known power", "W", "energy_j", 1.0),
)


def unknown(search: Search) -> list[Unknown]:
    """Return what is not known of the devices of the best plans, with the value at which each equals the cheapest.

    The cheapest is that of all plans that were played.
    """
    space, plans, found = search.space, search.plans, list[Unknown]()
    played = [one.figures for one in search.outcomes.values() if one is not None and one.figures]
    for fact, even, unit, figure, second in FACTS:
        known = [figures[figure] for figures in played if figures[figure] is not None]
        for place, plan in enumerate(plans):
            if plan.figures[figure] is None and plan.figures["iteration_s"] is not None:
                found.append(Unknown(place, fact, even, unit, _break_even(space, plan, known, second)))
    return found


def _break_even(space: Space, plan: Plan, known: Sequence[Any], second: float) -> float | None:
    devices = space.names.value("devices", space.picks(plan.row))
    if not known or not isinstance(devices, float):
        return None
    return float(min(known)) * second / (plan.took_s * devices)
