"""Pieces of the JSON Schema that editors complete from: shelves by reference, entries by their kind.

{"anyOf": [{"enum": ["fifo", "lpt"]},                                        a bare name
           {"properties": {"kind": {"const": "window"}, ...}, ...}]}         a mapping with its parameters
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from pydantic import BaseModel

    from parsim.core.schema import OneOf

    Shelves = dict[str, OneOf]


def definitions_of(
    models: list[type[BaseModel]],
) -> tuple[dict[type[BaseModel], str], dict[str, Any], Shelves]:
    """Return where the schema of each model stands, all schemas, and the shelves that they ask."""
    from pydantic.json_schema import GenerateJsonSchema, models_json_schema

    class Writer(GenerateJsonSchema):
        ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012

        def field_title_should_be_set(self, schema: Any) -> bool:
            return False

    pairs: list[tuple[type[BaseModel], Literal["validation"]]] = [(model, "validation") for model in models]
    references: Any
    references, whole = models_json_schema(pairs, schema_generator=Writer)
    found: Shelves = {}
    definitions = _with_shelves(whole["$defs"], found)
    refs: dict[type[BaseModel], str] = {
        model: reference["$ref"].removeprefix("#/$defs/") for (model, _), reference in references.items()
    }
    return refs, definitions, found


def _with_shelves(node: Any, found: Shelves) -> Any:
    """Put references where shelves are asked, and note these in *found*."""
    if isinstance(node, list):
        return [_with_shelves(item, found) for item in node]
    if not isinstance(node, dict):
        return node
    result = {"anyOf" if key == "oneOf" else key: _with_shelves(value, found) for key, value in node.items()}
    ask = result.pop("$shelf", None)
    if ask is not None:
        found[ask.key], result["$ref"] = ask, f"#/$defs/{ask.key}"
    return result


def choices(entries: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Write what may stand where a shelf is asked: a bare name, or a mapping with `kind`."""
    bare = [name for name, schema in entries.items() if not schema.get("required")]
    mappings = [
        schema
        | {
            "title": name,
            "properties": {"kind": {"const": name}, **schema.get("properties", {})},
            "required": ["kind", *schema.get("required", [])],
        }
        for name, schema in entries.items()
    ]
    return {"anyOf": [*([{"enum": bare}] if bare else []), *mappings]}
