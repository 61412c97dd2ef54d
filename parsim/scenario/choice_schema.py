"""The JSON Schema of spaces: as that of scenarios, but a choice may stand wherever a value may.

{"type": "integer", "description": "..."}   ->   {"anyOf": [{"type": "integer"}, {"$ref": "#/$defs/choice"}],
                                                  "description": "..."}
"""

from __future__ import annotations

from typing import Any

from parsim.scenario.choices import CONDITIONS, LIST, RANGES

Schema = dict[str, Any]

CHOICE = "choice"
_REF: Schema = {"$ref": f"#/$defs/{CHOICE}"}
_KEPT = ("description", "default", "title")  # keywords that say something, and refuse nothing
_MEANINGS = {
    "in": "The values, one after the other.",
    "from": "The first number or quantity.",
    "to": "What no value exceeds.",
    "factor": "How many times as large the next value is.",
    "step": "By how much the next value is larger.",
}


def with_choices(schema: Schema) -> Schema:
    """Return the schema of scenarios in which any value may be a choice."""
    definitions = {name: _within(held) for name, held in schema["$defs"].items()}
    sections = {
        key: held if key in CONDITIONS else _or_choice(_within(held)) for key, held in schema["properties"].items()
    }
    cases = [{**case, "then": _within(case["then"])} for case in schema["allOf"]]
    return {**schema, "properties": sections, "allOf": cases, "$defs": {CHOICE: _choice(), **definitions}}


def _choice() -> Schema:
    return {"anyOf": [_mapping(keys) for keys in (LIST, *RANGES)]}


def _mapping(keys: frozenset[str]) -> Schema:
    properties: Schema = {key: {"description": _MEANINGS[key]} for key in _MEANINGS if key in keys}
    if "in" in keys:
        properties["in"] |= {"type": "array", "minItems": 1}
    return {"type": "object", "properties": properties, "required": sorted(keys), "additionalProperties": False}


def _within(node: Any) -> Any:
    """Let a choice stand in place of every value within a value of this schema."""
    if isinstance(node, list):
        return [_within(item) for item in node]
    if not isinstance(node, dict):
        return node
    found = {key: _within(held) for key, held in node.items() if key not in ("properties", "items")}
    if "properties" in node:
        found["properties"] = {key: _or_choice(_within(held)) for key, held in node["properties"].items()}
    for key in ("items", "additionalProperties"):
        if isinstance(node.get(key), dict):
            found[key] = _or_choice(_within(node[key]))
    return found


def _or_choice(schema: Schema) -> Schema:
    """Return a schema that also accepts a choice."""
    said = {key: held for key, held in schema.items() if key in _KEPT}
    rest = {key: held for key, held in schema.items() if key not in _KEPT}
    named = {"description": said.get("description", "")} if "enum" in rest else {}  # which editors show of each name
    options = rest["anyOf"] if rest.keys() == {"anyOf"} else [{**rest, **named}]
    return {"anyOf": [*options, _REF], **said} if rest else said
