"""An exercise on spaces: which row meets all conditions, and costs least?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parsim.core.quantities import seconds, size
from parsim.lessons.marked import FOUND, Marked, hint, unanswered
from parsim.scenario.scenario import Source
from parsim.study.merit import seconds_of
from parsim.study.plan.search import exhausted
from parsim.study.row import judged, played
from parsim.study.runner import Runner
from parsim.study.space import Space, space_of


def cheapest(answer: object, source: Source, set: Mapping[str, Any] | None = None) -> Marked:
    """Mark a row of a space: it must meet the conditions, and no other row that does may cost less.

    Parameters
    ----------
    answer : the values of all choices, by dotted path.
    source, set : as for `parsim.plan`.
    """
    if unanswered(answer):
        return hint("Which rows cannot meet the conditions, even at the peak of a device? Which of the others wait?")
    space = space_of(source, set)
    row = _row(answer, space)
    if row is None:
        paths = ", ".join(choice.path for choice in space.choices)
        return hint(f"Write one of its values for each choice, as a mapping: {paths}.")
    if why := space.refusal(row):
        return hint(f"This row is refused: {why}.")
    outcome = judged(space, row, played(space.scenario_of(row)))
    figures = outcome.figures
    if figures is None:
        return hint(f"This row is refused: {outcome.message}.")
    told = f"a step takes {seconds(seconds_of(figures))}"
    if outcome.status != "done":
        held = size(figures["peak_memory_bytes"])
        return hint(f"This row is refused: {outcome.message}; {told}, and a device needs {held}.")
    return _priced(figures["cost"], told, space)


def _row(answer: object, space: Space) -> int | None:
    """Return the number of the row that an answer names; None: it names none."""
    if not isinstance(answer, Mapping) or answer.keys() != {choice.path for choice in space.choices}:
        return None
    values = [(choice.values, answer[choice.path]) for choice in space.choices]
    if not all(value in some for some, value in values):
        return None
    return space.row_of(some.index(value) for some, value in values)


def _priced(cost: float | None, told: str, space: Space) -> Marked:
    """Compare the cost of a row with that of all others."""
    costs = [plan.figures["cost"] for plan in exhausted(space, Runner(), space.size).plans]
    least = min((one for one in costs if one is not None), default=None)
    if cost is None or least is None:
        return hint("The price of its devices is not known, so nobody can say that it costs least.")
    words = f"{told} and costs {100 * cost:.3g} cents"
    if cost > least * (1 + FOUND):
        return hint(f"It meets the conditions, {words}; another row that meets them costs less. Where do devices wait?")
    return Marked(True, f"Right: {words}.")
