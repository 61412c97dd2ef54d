"""A space: a scenario with choices, whose rows are scenarios without them.

    plan: {tensor: {in: [1, 2]}, data: {in: [4, 8]}}      row  0       1       2       3
                                                               1, 4    1, 8    2, 4    2, 8

The number of a row is that of its values in mixed radix: the last choice in the file varies fastest. `require` has
conditions. Those on the plan and the cluster alone are decided early, before anything is played.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from math import prod
from typing import Any

from parsim.core.errors import Complaint, Invalid
from parsim.export.figures import figure
from parsim.metrics.figures import KINDS, values_of
from parsim.scenario.choices import CONDITIONS, Choice, choices_of, replaced
from parsim.scenario.expression import Expression, condition
from parsim.scenario.operators import Kind
from parsim.scenario.scenario import Scenario, Source, load
from parsim.sections import sections
from parsim.study import early
from parsim.study.early import Condition, Early, TooMany
from parsim.study.names import Names, kinds_of

REQUIRE = "require"
KEPT = 4  # spaces that a worker process keeps


@dataclass(frozen=True)
class Space:
    """The rows of a scenario with choices.

    Parameters
    ----------
    scenario : as it was read.
    choices : in the order of the file.
    require : the conditions.
    kinds : of the keys of the plan that conditions may name.
    """

    scenario: Scenario
    choices: tuple[Choice, ...]
    require: tuple[Expression, ...]
    kinds: Mapping[str, Kind]

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """The number of values of each choice."""
        return tuple(len(choice.values) for choice in self.choices)

    @cached_property
    def size(self) -> int:
        """The number of rows."""
        return prod(self.sizes)

    @property
    def rows(self) -> str:
        """The number of rows, in words."""
        return "1 row" if self.size == 1 else f"{self.size:,} rows"

    def picks(self, row: int) -> tuple[int, ...]:
        """Return the number of the value of each choice in a row."""
        found = []
        for size in reversed(self.sizes):
            row, pick = divmod(row, size)
            found.append(pick)
        return tuple(reversed(found))

    def row_of(self, picks: Iterable[int]) -> int:
        """Return the number of the row with these numbers of values."""
        row = 0
        for size, pick in zip(self.sizes, picks, strict=True):
            row = row * size + pick
        return row

    def set_of(self, row: int) -> dict[str, Any]:
        """Return the values of a row by the dotted paths of the choices."""
        picked = zip(self.choices, self.picks(row), strict=True)
        return {choice.path: choice.values[pick] for choice, pick in picked}

    def scenario_of(self, row: int) -> Scenario:
        """Return a row as a scenario, without choices and conditions."""
        values = self._plain.values
        for choice, pick in zip(self.choices, self.picks(row), strict=True):
            values = replaced(values, choice.at, choice.values[pick])
        return replace(self._plain, values=values)

    def early(self) -> Early:
        """Return the rows that are left by the conditions that need no figure, and how many rows each refuses."""
        return self._early

    @cached_property
    def _early(self) -> Early:
        conditions = [
            Condition(one.text, self.names.choices_of(one.names), partial(self._meets, one)) for one in self.decided
        ]
        try:
            return early.early(self.sizes, conditions)
        except TooMany:
            why = f"leaves more than {early.MOST} rows of {self.size}; add conditions, or use parsim plan --search tpe"
            raise self.scenario.error([Complaint((REQUIRE,), why, "key")]) from None

    def refusal(self, row: int, figures: Mapping[str, Any] | None = None) -> str:
        """Return in words which condition a row does not meet; empty: it meets all.

        Without *figures*, conditions on figures are left out.
        """
        known = None if figures is None else values_of(figures, {})
        conditions = self.decided if known is None else self.require
        picks = self.picks(row)
        return next((why for one in conditions if (why := self._unmet(one, picks, known))), "")

    def condition_of(self, message: str) -> str:
        """Return the condition that a refusal is about."""
        return next((str(one) for one in self.require if message.startswith(f"'{one}' ")), message)

    @cached_property
    def decided(self) -> tuple[Expression, ...]:
        """The conditions that need no figure."""
        return tuple(one for one in self.require if one.names <= self.names.kinds.keys())

    @cached_property
    def names(self) -> Names:
        """The values of names besides figures."""
        return Names(self._plain.values, self.choices, self.kinds)

    def _meets(self, one: Expression, picks: Sequence[int]) -> bool:
        return not self._unmet(one, picks)

    def _unmet(self, one: Expression, picks: Sequence[int], figures: Mapping[str, Any] | None = None) -> str:
        """Return why a row does not meet a condition; empty: it does."""
        own = self.names.kinds
        values = {
            name: self.names.value(name, picks) if name in own else (figures or {}).get(name) for name in one.names
        }
        holds = one.value(values)
        if holds is True:
            return ""
        unknown = sorted(name for name, value in values.items() if value is None)
        if holds is None and unknown:
            return (
                f"'{one}' cannot be decided: {' and '.join(unknown)} {'is' if len(unknown) == 1 else 'are'} not known"
            )
        known = {
            name: value for name, value in sorted(values.items()) if name not in own and isinstance(value, int | float)
        }
        told = [f"{name} = {figure(name, value)}" for name, value in known.items()]
        return f"'{one}' does not hold{': ' if told else ''}{', '.join(told)}"

    def __reduce__(self) -> tuple[Callable[[bytes], Space], tuple[bytes]]:
        """Pickle what it was read from, once for all processes; each of them keeps what it finds out."""
        return _unpacked, (self._packed,)

    @cached_property
    def _packed(self) -> bytes:
        return pickle.dumps((self.scenario, self.choices, self.require, self.kinds))

    @cached_property
    def _plain(self) -> Scenario:
        values = {key: held for key, held in self.scenario.values.items() if key not in CONDITIONS}
        return replace(self.scenario, values=values)


@lru_cache(maxsize=KEPT)
def _unpacked(packed: bytes) -> Space:
    return Space(*pickle.loads(packed))


def space_of(source: Source, set: Mapping[str, Any] | None = None) -> Space:
    """Read a scenario with choices. All faults are raised in one `ScenarioError`.

    >>> items = {"kind": "items", "count": 4}
    >>> space = space_of({"cluster": {"devices": {"in": [1, 2, 4]}}, "workload": items, "plan": {"split": "data"}})
    >>> space.size, space.set_of(2)
    (3, {'cluster.devices': 4})
    """
    return space_in(load(source, set))


def space_in(scenario: Scenario) -> Space:
    """Return the space of a scenario with choices."""
    choices, complaints = choices_of(scenario.values)
    if not complaints:
        complaints = list(_about_values(scenario.values, choices))
    kinds = {key: kind for work in _workloads(scenario.values, choices) for key, kind in kinds_of(work).items()}
    require = _conditions(scenario.values.get(REQUIRE), {**KINDS, **kinds}, complaints)
    if complaints or scenario.faults:
        raise scenario.error(complaints)
    return Space(scenario, tuple(choices), tuple(require), kinds)


def _workloads(values: Mapping[str, Any], choices: Sequence[Choice]) -> list[Any]:
    """Return the workloads of a space, as far as their kinds differ."""
    work, own = values.get("workload"), [choice for choice in choices if choice.at[0] == "workload"]
    if own and own[0].at == ("workload",):
        return list(own[0].values)
    kinds = [value for choice in own if choice.at[1:] == ("kind",) for value in choice.values]
    return kinds or [work]


def _conditions(raw: Any, kinds: Mapping[str, Kind], complaints: list[Complaint]) -> list[Expression]:
    """Read the conditions; collect complaints."""
    found = []
    texts = [
        (number, text) for number, text in enumerate(raw if isinstance(raw, list) else ()) if isinstance(text, str)
    ]
    for number, text in texts:
        try:
            found.append(condition(text, kinds))
        except Invalid as invalid:
            complaints += [complaint.below(REQUIRE, number) for complaint in invalid.complaints]
    return found


def _about_values(values: dict[str, Any], choices: Sequence[Choice]) -> Iterator[Complaint]:
    """Yield what is wrong with single values: each value of a choice is looked at beside the first ones of the others.

    What is wrong elsewhere counts if it is wrong with all of them; else some rows are right.
    """
    for choice in choices:
        values = replaced(values, choice.at, choice.values[0])
    always = sections(values)[1]
    yield from (_placed(told, choices) for told in always if _of(told, choices) is not None)
    elsewhere = [told for told in always if _of(told, choices) is None]
    for choice in choices:
        for number in _looked_at(choice):
            found = sections(replaced(values, choice.at, choice.values[number]))[1]
            elsewhere = [told for told in elsewhere if told in found]
            own = (told for told in found if told.path[: len(choice.at)] == choice.at)
            yield from (told._replace(path=_path(told, choice, number)) for told in own)
    yield from elsewhere


def _looked_at(choice: Choice) -> Sequence[int]:
    """Return the numbers of values to look at besides the first; of a range the last is enough."""
    is_range = choice.places[-1] == choice.at
    return range(len(choice.values) - 1 if is_range else 1, len(choice.values))


def _of(told: Complaint, choices: Sequence[Choice]) -> Choice | None:
    return next((choice for choice in choices if told.path[: len(choice.at)] == choice.at), None)


def _placed(told: Complaint, choices: Sequence[Choice]) -> Complaint:
    choice = _of(told, choices)
    return told if choice is None else told._replace(path=_path(told, choice, 0))


def _path(told: Complaint, choice: Choice, number: int) -> tuple[str | int, ...]:
    return (*choice.places[number], *told.path[len(choice.at) :])
