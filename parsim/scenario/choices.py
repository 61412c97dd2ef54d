"""Choices: values of a scenario that stand for several, so that the scenario is a space of scenarios.

    tensor: {in: [1, 2, 4]}                                        1, 2, 4
    microbatch_size: {from: 1, to: 8, factor: 2}                   1, 2, 4, 8
    bandwidth: {from: 100 GB/s, to: 300 GB/s, step: 100 GB/s}      100 GB/s, 200 GB/s, 300 GB/s
    plan: {in: [{data: 8}, {tensor: {in: [2, 4]}}]}                {data: 8}, {tensor: 2}, {tensor: 4}

A mapping is a choice if its keys are exactly those of a list or of a range.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import wraps
from itertools import product
from typing import Any, NamedTuple

from parsim.core.errors import Complaint, Invalid, Path, checked_below, dotted
from parsim.core.units import show
from parsim.scenario.ranges import GROWTHS, values_of

LIST = frozenset({"in"})
RANGES = tuple(frozenset({"from", "to", growth}) for growth in GROWTHS)
CONDITIONS = ("require", "assert")  # sections of conditions, in which no choice may stand
Check = Callable[[dict[str, Any]], tuple[dict[str, Any], list[Complaint]]]  # values -> what is right, what is wrong
MOST = 10_000  # values of a choice
PLAYED = "parsim sweep and parsim plan play it"


class Choice(NamedTuple):
    """A choice: its path, the values that it stands for, and the place of each in the scenario."""

    at: Path
    values: tuple[Any, ...]
    places: tuple[Path, ...]

    @property
    def path(self) -> str:
        """The dotted path, as in `--set`."""
        return dotted(self.at)


def is_choice(value: Any) -> bool:
    """Return whether *value* is written as a choice.

    >>> is_choice({"in": [1, 2]}), is_choice({"from": "w0", "to": "w1", "bandwidth": "1 GB/s"}), is_choice([1, 2])
    (True, False, False)
    """
    return isinstance(value, dict) and value.keys() in (LIST, *RANGES)


def choices_of(values: dict[str, Any]) -> tuple[list[Choice], list[Complaint]]:
    """Return the choices of a scenario in the order of its text, and what is wrong with them.

    >>> [choice], _ = choices_of({"plan": {"tensor": {"in": [1, 2]}}})
    >>> choice.path, choice.values
    ('plan.tensor', (1, 2))
    """
    found: list[Choice] = []
    complaints: list[Complaint] = []
    for at, raw in _outermost(values):
        if at[0] in CONDITIONS:
            complaints.append(Complaint(at, f"is a choice, which cannot stand in {at[0]}; write a condition"))
            continue
        try:
            found.append(_read(at, raw))
        except Invalid as invalid:
            complaints += invalid.complaints
    return found, complaints


def replaced(values: Any, at: Path, value: Any) -> Any:
    """Return *values* with *value* at the path *at*; whatever is not on the path is shared.

    >>> replaced({"plan": {"data": 1}, "seed": 0}, ("plan", "data"), 2)
    {'plan': {'data': 2}, 'seed': 0}
    """
    if not at:
        return value
    copy = values.copy()
    copy[at[0]] = replaced(copy[at[0]], at[1:], value)
    return copy


def without_choices(check: Check) -> Check:
    """Make a *check* of values complain of choices, which a single run cannot have.

    Choices are looked for only where something is wrong, since they never pass a check.
    """

    @wraps(check)
    def complaining(values: dict[str, Any]) -> tuple[dict[str, Any], list[Complaint]]:
        said, complaints = check(values)
        about = _about_choices(values) if complaints else []
        if not about:
            return said, complaints
        for at, raw in list(_outermost(values)):
            values = replaced(values, at, _first(at, raw))
        said, complaints = check(values)
        inside = {told.path[:depth] for told in about for depth in range(len(told.path) + 1)}
        return said, [*about, *(told for told in complaints if told.path not in inside)]

    return complaining


def _about_choices(values: dict[str, Any]) -> list[Complaint]:
    found, complaints = choices_of(values)
    for choice in found:
        first, many = choice.values[0], len(choice.values)
        pick = (
            f", or choose one, for example --set {choice.path}={first}" if isinstance(first, str | int | float) else ""
        )
        complaints.append(Complaint(choice.at, f"is a choice of {many} value{'s' * (many > 1)}; {PLAYED}{pick}"))
    return complaints


def _first(at: Path, raw: dict[str, Any]) -> Any:
    try:
        return _read(at, raw).values[0]
    except Invalid:
        return None


def _outermost(values: dict[str, Any]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the path of each outermost choice of a scenario, which is none itself, and its mapping."""
    for key, held in values.items():
        yield from _choices_in(held, (key,))


def _choices_in(value: Any, at: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the path of each outermost choice in *value*, which stands at *at*, and its mapping."""
    if is_choice(value):
        yield at, value
    elif isinstance(value, dict):
        for key, held in value.items():
            yield from _choices_in(held, (*at, key))
    elif isinstance(value, list):
        for index, held in enumerate(value):
            yield from _choices_in(held, (*at, index))


def _read(at: Path, raw: dict[str, Any]) -> Choice:
    """Return a choice, with the choices inside its values multiplied out; raise `Invalid` if it is wrong."""
    if "in" not in raw:
        grown = tuple(values_of(raw, at, MOST))
        return Choice(at, grown, (at,) * len(grown))
    listed, where = raw["in"], (*at, "in")
    if not isinstance(listed, list):
        raise Invalid([Complaint(where, f"wants a list of values such as [1, 2, 4], not {show(listed)}")])
    if not listed:
        raise Invalid([Complaint(where, "is empty; write at least one value")])
    values: dict[str, Any] = {}  # by their JSON
    places: list[Path] = []
    for index, option in enumerate(listed):
        place = (*where, index)
        for one in _concrete(option, place):
            text = json.dumps(one)
            if text in values:
                raise Invalid([Complaint(place, "occurs twice in the choice; write each value once")])
            if len(values) == MOST:
                raise Invalid([Complaint(where, f"makes more than {MOST} values; write fewer")])
            values[text] = one
            places.append(place)
    return Choice(at, tuple(values.values()), tuple(places))


def _concrete(option: Any, place: Path) -> Iterator[Any]:
    """Yield the values of an option in which further choices may stand."""
    with checked_below(*place):
        inner = [_read(at, raw) for at, raw in _choices_in(option, ())]
    for values in product(*(choice.values for choice in inner)):
        found = option
        for choice, value in zip(inner, values, strict=True):
            found = replaced(found, choice.at, value)
        yield found
