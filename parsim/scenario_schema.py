"""The JSON Schema of scenarios, for editors; the keys of a plan depend on the workload."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from parsim.scenario.choice_schema import with_choices
from parsim.scenario.docstrings import purpose
from parsim.scenario.json_schema import json_schema
from parsim.sections import Form, plan_class, required
from parsim.workloads import workloads


def scenario_schema() -> dict[str, Any]:
    """Return the JSON Schema of scenarios; the keys of a plan depend on the workload."""
    kinds: dict[Callable[..., Any], list[str]] = {}
    for kind, entry in workloads.entries().items():
        kinds.setdefault(plan_class(entry), []).append(kind)
    forms = {f"plan-{some[0]}": form for form, some in kinds.items()}
    whole = json_schema(Form, forms)
    plan = whole["properties"]["plan"]
    whole["properties"]["plan"] = {"description": plan["description"]}  # the rest depends on the workload's kind
    whole["allOf"] = [_if_kind(kinds[form], whole) | {"then": _plan(name, form)} for name, form in forms.items()]
    return whole


def space_schema() -> dict[str, Any]:
    """Return the JSON Schema of scenarios and of spaces, in which any value may be a choice."""
    return with_choices(scenario_schema())


def _if_kind(kinds: list[str], whole: dict[str, Any]) -> dict[str, Any]:
    """Return the condition that the workload is one of *kinds*. Editors also show its descriptions."""
    workload = whole["properties"]["workload"]
    shelf = whole["$defs"][workload["allOf"][-1]["$ref"].rpartition("/")[2]]
    kind = {"description": shelf["allOf"][0]["properties"]["kind"]["description"], "enum": kinds}
    asked = [{"enum": kinds}, {"type": "object", "properties": {"kind": kind}, "required": ["kind"]}]
    named = {"workload": {"description": workload["description"], "anyOf": asked}}
    return {"if": {"properties": named, "required": ["workload"]}}


def _plan(name: str, form: Callable[..., Any]) -> dict[str, Any]:
    """Return the schema of a plan of this form, which is optional if it has no required keys."""
    plan = {"$ref": f"#/$defs/{name}"}
    choices = [plan] if required(form) else [plan, {"type": "null"}]
    needed = {"required": ["plan"]} if required(form) else {}
    return {"properties": {"plan": {"description": purpose(form), "anyOf": choices}}} | needed
