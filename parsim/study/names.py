"""The names that the conditions of a space know besides figures: the keys of its plan, `devices` and `memory`.

plan: {tensor: {in: [2, 4]}, schedule: {kind: 1f1b}, bucket: 1 GB}

tensor 2 or 4, as the choice says      schedule '1f1b'      bucket 1e9 B      data 1, since it is left out
"""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite, prod
from typing import Any, Literal

from parsim.core.annotations import Either, mark_of
from parsim.core.cluster import Device
from parsim.core.errors import Invalid, ParsimError
from parsim.core.schema import kind_of
from parsim.core.units import Quantity, measure
from parsim.hardware import ClusterForm, devices_of
from parsim.metrics.figures import SURROUNDINGS
from parsim.scenario.choices import Choice, replaced
from parsim.scenario.operators import TEXT, TRUTH, Kind, Value
from parsim.scenario.schema import OneOf, check, key_of, parameters
from parsim.sections import plan_class
from parsim.training.degrees import ORDER
from parsim.training.plan import SCHEDULE
from parsim.workloads import workloads

COUNTED = ("data", "tensor", "pipeline", "context")  # degrees whose product is the number of devices
_LEFT_OUT: Mapping[str, Value] = {
    **dict.fromkeys(ORDER, 1.0),
    "schedule": SCHEDULE.name,
    "sharding": "none",
    "recompute": "none",
}
_PLAIN: Mapping[Any, Kind] = {bool: TRUTH, int: None, float: None, str: TEXT}


def kinds_of(workload: Any) -> dict[str, Kind]:
    """Return the kinds of the keys of a plan that can be compared, for a workload as it stands in YAML.

    >>> kinds = kinds_of({"kind": "transformer"})
    >>> kinds["tensor"], kinds["schedule"], kinds["bucket"].what
    (None, <Sort.TEXT: 'a text'>, 'a size')
    """
    kind = kind_of(workload)
    if not isinstance(kind, str) or kind not in workloads.entries():
        return {}
    known = parameters(plan_class(workloads[kind]))
    found = {key_of(name): list(_kinds(annotation)) for name, (annotation, _) in known.items()}
    return {name: kinds[0] for name, kinds in found.items() if kinds}


def _kinds(annotation: Any) -> Iterator[Kind]:
    mark = mark_of(annotation)
    if isinstance(mark, Either):
        for member in mark.members:
            yield from _kinds(member)
    elif isinstance(mark, Quantity):
        yield mark.dimension
    elif isinstance(mark, OneOf) or typing.get_origin(annotation) is Literal:
        yield TEXT
    elif getattr(annotation, "__origin__", None) in _PLAIN:
        yield _PLAIN[annotation.__origin__]


def value_of(plan: Any, name: str, kind: Kind) -> Value:
    """Return the value of a key of a plan as it stands in YAML; None: it is not known.

    >>> value_of({"schedule": {"kind": "zb-h1"}}, "schedule", TEXT), value_of({}, "tensor", None)
    ('zb-h1', 1.0)
    """
    raw = plan.get(name) if isinstance(plan, dict) else None
    if raw is None:
        return _LEFT_OUT.get(name)
    if kind is TEXT:
        return said if isinstance(said := kind_of(raw), str) else None
    if kind is TRUTH:
        return raw if isinstance(raw, bool) else None
    if kind is None:
        return float(raw) if isinstance(raw, int | float) else None
    try:
        return measure(raw, kind)[1]  # type: ignore[arg-type]
    except ValueError:
        return None


class Names:
    """The values of names in the rows of a space.

    Parameters
    ----------
    values : the scenario's, with its choices.
    choices : the choices.
    kinds : of the keys of the plan that may be named.
    """

    def __init__(self, values: dict[str, Any], choices: Sequence[Choice], kinds: Mapping[str, Kind]) -> None:
        self.kinds: dict[str, Kind] = {**kinds, **SURROUNDINGS}
        self._values, self._choices = values, choices
        self._known: dict[tuple[Any, ...], Value] = {}
        self._on = {name: self._choices_of(name) for name in self.kinds}

    def choices_of(self, names: frozenset[str]) -> frozenset[int]:
        """Return the numbers of the choices on which these names depend."""
        return frozenset(choice for name in names for choice in self._on[name])

    def value(self, name: str, picks: Sequence[int]) -> Value:
        """Return the value of a name; *picks* has the number of the value of each choice on which it depends."""
        key = (name, *(picks[choice] for choice in self._on[name]))
        if key not in self._known:
            self._known[key] = self._found(name, picks)
        return self._known[key]

    def _choices_of(self, name: str) -> tuple[int, ...]:
        places = enumerate(choice.at for choice in self._choices)
        if name not in SURROUNDINGS:
            return tuple(number for number, at in places if at[:2] in (("plan",), ("plan", name)))
        own = tuple(number for number, at in places if at[0] == "cluster")
        if name == "memory" or (not own and self._of(own, ())):
            return own
        return tuple(sorted({*own, *(one for degree in COUNTED for one in self._choices_of(degree))}))

    def _found(self, name: str, picks: Sequence[int]) -> Value:
        if name not in SURROUNDINGS:
            return value_of(self._with(self._on[name], picks).get("plan"), name, self.kinds[name])
        devices = self._of(self._on["memory"], picks)
        if name == "memory":
            least = min((device.memory for device in devices or self._one(picks)), default=float("inf"))
            return least if isfinite(least) else None
        return float(len(devices)) if devices else prod(float(self.value(one, picks) or 1) for one in COUNTED)

    def _with(self, choices: Sequence[int], picks: Sequence[int]) -> dict[str, Any]:
        """Return the scenario's values with those of some choices in their places."""
        values = self._values
        for number in choices:
            choice = self._choices[number]
            values = replaced(values, choice.at, choice.values[picks[number]])
        return values

    def _of(self, choices: tuple[int, ...], picks: Sequence[int], workers: int = 0) -> tuple[Device, ...]:
        """Return the devices of the cluster; none: it leaves their number to the plan."""
        try:
            return devices_of(ClusterForm(**check(ClusterForm, self._with(choices, picks).get("cluster"))), workers)
        except (Invalid, ParsimError):
            return ()

    def _one(self, picks: Sequence[int]) -> tuple[Device, ...]:
        return self._of(self._on["memory"], picks, 1)
