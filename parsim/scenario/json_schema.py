"""The JSON Schema with which editors complete: shelves by reference, entries by their kind.

{"allOf": [{"properties": {"kind": {"enum": ["fifo", "lpt", "window"]}}}],   the values of `kind`
 "anyOf": [{"enum": ["fifo", "lpt"]},                                        a bare name
           {"properties": {"kind": {"const": "window"}, ...}, ...}]}         a mapping with its parameters

Descriptions come from docstrings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from parsim.core.choice import one_of
from parsim.scenario.schema import OneOf, model_of

if TYPE_CHECKING:
    from pydantic import BaseModel

NOTHING: Mapping[str, Callable[..., Any]] = MappingProxyType({})
Shelves = dict[str, OneOf]
Schema = dict[str, Any]


def json_schema(function: Callable[..., Any], forms: Mapping[str, Callable[..., Any]] = NOTHING) -> Schema:
    """Return the JSON Schema (draft 2020-12) of the arguments of *function*, for editors.

    The definitions contain everything it refers to, and the *forms* under their names.

    >>> from parsim.core.units import Seconds
    >>> def wait(time: Seconds = 0.0) -> None: ...
    >>> json_schema(wait)["properties"]["time"]["default"]
    '0 s'
    """
    root, named = model_of(function), {name: model_of(form) for name, form in forms.items()}
    asks: Shelves = {}
    entries: dict[str, dict[str, type[BaseModel]]] = {}
    while True:  # until no entry refers to a further shelf
        of_shelves = [model for shelf in entries.values() for model in shelf.values()]
        refs, definitions, found = definitions_of([root, *named.values(), *of_shelves])
        if found.keys() <= asks.keys():
            break
        asks |= found
        entries = {key: ask.models() for key, ask in asks.items()}
    shelves = {
        key: choices({name: definitions[refs[model]] for name, model in shelf.items()}, asks[key].shelf.question)
        for key, shelf in entries.items()
    }
    written = {refs[model] for model in (root, *named.values(), *of_shelves)}
    records = {name: _bare(schema) for name, schema in definitions.items() if name not in written}
    records |= {name: _bare(definitions[refs[model]]) for name, model in named.items()}
    dialect: Schema = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    whole = {key: value for key, value in definitions[refs[root]].items() if key != "title"}
    return {**dialect, **whole, "$defs": records | shelves}


def _bare(schema: Schema) -> Schema:
    """Remove the name and purpose of a record: editors would show them instead of the key's description."""
    return {key: value for key, value in schema.items() if key not in ("title", "description")}


def definitions_of(models: list[type[BaseModel]]) -> tuple[dict[type[BaseModel], str], Schema, Shelves]:
    """Return the reference of each model's schema, all schemas, and the shelves that they refer to."""
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
    """Replace shelves by references, and add them to *found*."""
    if isinstance(node, list):
        return [_with_shelves(item, found) for item in node]
    if not isinstance(node, dict):
        return node
    result = {"anyOf" if key == "oneOf" else key: _with_shelves(value, found) for key, value in node.items()}
    ask = result.pop("$shelf", None)
    if ask is not None:
        found[ask.key] = ask
        # Editors show the first description they find: the key's, then the entry's.
        result["allOf"] = [*_description(result.get("description", "")), {"$ref": f"#/$defs/{ask.key}"}]
    return result


def _description(text: str) -> list[Schema]:
    return [{"description": text}] if text else []


def choices(entries: dict[str, Schema], question: str) -> Schema:
    """Return the schema of an entry of a shelf: a bare name, or a mapping with `kind`."""
    bare = {name: schema for name, schema in entries.items() if not schema.get("required")}
    about = question[:1].upper() + question[1:]
    mappings = [
        schema
        | {
            "title": name,
            "properties": {"kind": _kind(name, schema), **schema.get("properties", {})},
            "required": ["kind", *schema.get("required", [])],
        }
        for name, schema in entries.items()
    ]
    kind = {"description": about, **one_of({name: _purpose(schema) for name, schema in entries.items()})}
    names = [one_of({name: _purpose(schema) for name, schema in bare.items()})] if bare else []
    return {"allOf": [{"properties": {"kind": kind}}], "anyOf": [*names, *mappings]}


def _kind(name: str, schema: Schema) -> Schema:
    return {"const": name} | ({"description": _purpose(schema)} if _purpose(schema) else {})


def _purpose(schema: Schema) -> str:
    return str(schema.get("description", ""))
