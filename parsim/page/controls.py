"""The controls of a scenario, made from its JSON Schema: a slider, a list or a box for each value.

plan.microbatches: 8                                              the value
{"type": "integer", "minimum": 1, "description": "Number ..."}    its schema
stops 1 2 3 4 ... 32                                              the values that the slider can take
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from parsim.core.units import DIMENSIONS
from parsim.page.stops import amounts, counts, numbers

Schema = Mapping[str, Any]
RANKS, DEVICES = "plan.pipeline", "cluster.devices"
OTHER_DEGREES = ("plan.data", "plan.tensor", "plan.context", "plan.expert")
DEGREES = (*OTHER_DEGREES, RANKS)
FIRST = (
    *(DEVICES, "plan.microbatches", "plan.schedule", "policy"),
    *("cluster.topology.bandwidth", "cluster.topology.latency", "plan.sharding"),
    *DEGREES,
)
UNSHOWN = (
    *("seed", "clock"),
    *("workload", "cluster.topology", "cost"),  # another kind needs other keys
    *("workload.kernel", "workload.merge", "workload.optimizer"),
)
SECTIONS = (("cluster",), ("plan",))  # whose keys are shown although the scenario does not state the section


class Control(NamedTuple):
    """A value of the scenario that a reader may change.

    Attributes
    ----------
    path : where it stands, with dots.
    also : a further path whose value moves with it; empty: none. A pipeline on all devices keeps both numbers equal.
    words : what it is, from the schema.
    value : what the scenario says now; where it says nothing, the default; None: neither.
    stops : the values to choose from, in order.
    words_of_stops : what each stop means; empty where the stop says it.
    form : range (a slider), or choice (a list of names).
    stated : whether the text states it, its controls not moved.
    first : whether it is shown at once, and not among the further ones.
    """

    path: str
    also: str
    words: str
    value: Any
    stops: Sequence[Any]
    words_of_stops: Sequence[str]
    form: str
    stated: bool
    first: bool


def controls(schema: Schema, values: Mapping[str, Any], own: Mapping[str, Any]) -> list[Control]:
    """Return the controls of a scenario.

    Parameters
    ----------
    schema : the JSON Schema of scenarios.
    values : the scenario as it is now.
    own : the scenario before its controls were moved; places and stops of the controls come from it, so they stay.
    """
    hidden = _hidden(values, own)
    found = [
        control
        for path, prop in _properties(schema, values)
        if ".".join(path) not in hidden and (control := _control(schema, path, prop, values, own)) is not None
    ]
    place = {path: number for number, path in enumerate(FIRST)}
    return sorted(found, key=lambda one: (not one.first, not one.stated, place.get(one.path, len(FIRST))))


def _hidden(values: Mapping[str, Any], own: Mapping[str, Any]) -> set[str]:
    """Return the paths of values that are not shown, since something else decides them."""
    hidden = {*UNSHOWN}
    if _kind(values.get("workload")) == "stages":
        hidden.add("policy")  # always in_order
    if _joined(own):
        hidden.add(DEVICES)
    if _at(values, ("plan", "split")) is not None:  # which goes with no degree but pipeline
        hidden |= {*OTHER_DEGREES}
    return hidden


def _joined(own: Mapping[str, Any]) -> bool:
    """Return whether a pipeline runs on all devices, whose number is stated, too."""
    devices = _at(own, ("cluster", "devices"))
    return devices is not None and devices == _at(own, ("plan", "pipeline"))


def _properties(schema: Schema, values: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Schema]]:
    """Yield path and schema of each key that the scenario has, or may have."""
    for name, prop in schema["properties"].items():
        found = _plan(schema, values) if name == "plan" else prop
        yield from _below(schema, (name,), found, values.get(name))


def _below(schema: Schema, path: tuple[str, ...], prop: Schema, held: Any) -> Iterator[tuple[tuple[str, ...], Schema]]:
    yield path, prop
    whole = held if isinstance(held, Mapping) else {}
    for form in _forms(schema, prop):
        keys = form.get("properties", {})
        kind = keys.get("kind", {}).get("const")
        if (kind is not None and kind != _kind(held)) or (kind is None and path not in SECTIONS and not whole):
            continue
        for key, inner in keys.items():
            if key != "kind":
                yield from _below(schema, (*path, key), inner, whole.get(key))


def _plan(schema: Schema, values: Mapping[str, Any]) -> Schema:
    """Return the schema of the plan, which depends on the kind of the workload."""
    for case in schema["allOf"]:
        if _kind(values.get("workload")) in case["if"]["properties"]["workload"]["anyOf"][0]["enum"]:
            found: Schema = case["then"]["properties"]["plan"]
            return found
    return {}


def _forms(schema: Schema, prop: Schema) -> Iterator[Schema]:
    """Yield the alternatives of a property, references followed."""
    if "$ref" in prop:
        yield from _forms(schema, schema["$defs"][prop["$ref"].rpartition("/")[2]])
    for part in prop.get("anyOf", ()):
        yield from _forms(schema, part)
    for part in prop.get("allOf", ()):
        if "$ref" in part:
            yield from _forms(schema, part)
    if "type" in prop or "enum" in prop:
        yield prop


def _kind(held: Any) -> Any:
    return held.get("kind") if isinstance(held, Mapping) else held


def _at(values: Any, path: Sequence[str]) -> Any:
    for step in path:
        values = values.get(step) if isinstance(values, Mapping) else None
    return values


def _control(
    schema: Schema, path: Sequence[str], prop: Schema, values: Mapping[str, Any], own: Mapping[str, Any]
) -> Control | None:
    now, before = _at(values, path), _at(own, path)
    name, default = ".".join(path), prop.get("default")
    degree = name in DEGREES and not _joined(own)
    for form in _forms(schema, prop):
        stops = _stops(form, before, default if before is None else before, degree)
        if stops is None:
            continue
        meanings = form.get("enumDescriptions", ()) if "enum" in form else ()
        shown = default if now is None else _kind(now)
        shape = "choice" if "enum" in form or form["type"] == "boolean" else "range"
        also = DEVICES if name == RANKS and _joined(own) else ""
        stated = before is not None
        first = stated or name in FIRST
        return Control(name, also, prop.get("description", ""), shown, stops, meanings, shape, stated, first)
    return None


def _stops(form: Schema, own: Any, around: Any, degree: bool) -> list[Any] | None:
    """Return the values that a control offers for one form of a value; None: it is no form of the *own* value."""
    try:
        return _around(form, own, around, degree)
    except (ValueError, OverflowError):  # the own value is wrong, such as `5 parsecs` or a negative number
        return None


def _around(form: Schema, own: Any, around: Any, degree: bool) -> list[Any] | None:
    if "enum" in form:
        return list(form["enum"]) if isinstance(_kind(own), str | None) else None
    kind = form["type"]
    if kind == "boolean":
        return [False, True] if own is None or isinstance(own, bool) else None
    if kind == "integer":
        return counts(form, around, degree) if own is None or _is_number(own) else None
    if kind == "number":
        return numbers(form, around) if own is None or _is_number(own) else None
    if kind == "string" and "pattern" in form and (own is None or isinstance(own, str)):
        dimension = next((one for one in DIMENSIONS if one.pattern == form["pattern"]), None)
        return amounts(dimension, around) if dimension is not None else None
    return None


def _is_number(held: Any) -> bool:
    return isinstance(held, int | float) and not isinstance(held, bool)
