"""What docstrings and the JSON Schema say, in pieces that a page can show."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from itertools import groupby
from typing import Any

_SECTION = re.compile(r"^[A-Z]\w+\n-{3,}\n.*?(?=\n\n\S|\Z)", re.MULTILINE | re.DOTALL)
_SUCH = re.compile(r"Write (an? .+ such as) '(.+)'\.")
_ENDLESS = 10_000_000  # from here on a limit is that of the machine
_KINDS = {"integer": "a whole number", "number": "a number", "string": "text", "boolean": "`true` or `false`"}


def blocks(docstring: str) -> Iterator[tuple[str, str]]:
    r"""Yield the pieces of a docstring, without its sections such as "Parameters".

    A piece is ("text", a paragraph in one line), ("drawing", indented lines) or ("example", a doctest).

    >>> list(blocks("Add.\n\n    1 + 1\n\nMore\nof it.\n\nParameters\n----------\nx : one.\n\n>>> add()\n2"))
    [('text', 'Add.'), ('drawing', '1 + 1'), ('text', 'More of it.'), ('example', '>>> add()\n2')]
    """
    lines = _SECTION.sub("", inspect.cleandoc(docstring)).splitlines()
    for kind, some in groupby(zip(lines, _kinds(lines), strict=True), lambda line: line[1]):
        text = "\n".join(line for line, _ in some)
        if kind == "text":
            yield kind, " ".join(text.split())
        elif kind:
            yield kind, inspect.cleandoc("\n" + text).rstrip()


def _kinds(lines: list[str]) -> Iterator[str]:
    """Yield what each line belongs to; an empty one belongs to a drawing that goes on after it, or to nothing."""
    kind = ""
    for index, line in enumerate(lines):
        if line.startswith(">>> ") or (kind == "example" and line):
            kind = "example"
        elif line:
            kind = "drawing" if line.startswith("  ") else "text"
        else:
            below = next((one for one in lines[index:] if one), "")
            kind = "drawing" if kind == "drawing" and below.startswith("  ") else ""
        yield kind


def value_of(one: dict[str, Any]) -> str:
    """Say what values a key of the JSON Schema takes; [[Name]] is a link to a mapping or a shelf.

    >>> value_of({"type": "integer", "minimum": 1})
    'a whole number from 1'
    >>> value_of({"type": "string", "patternErrorMessage": "Write a time such as '5 s'."})
    'a time such as `5 s`'
    """
    if "anyOf" in one:
        return ", or ".join(dict.fromkeys(filter(None, map(value_of, one["anyOf"]))))
    if "allOf" in one or "$ref" in one:
        return _named((one["allOf"][-1] if "allOf" in one else one)["$ref"].removeprefix("#/$defs/"))
    if "enum" in one or "const" in one:
        return ", ".join(f"`{name}`" for name in one.get("enum", [one.get("const")]))
    if said := _SUCH.match(one.get("patternErrorMessage", "")):
        return f"{said[1]} `{said[2]}`"
    if one.get("type") == "array":
        return f"a list, each: {value_of(one['items'])}" if "items" in one else "a list"
    if one.get("type") == "object":
        more = one.get("additionalProperties")
        return f"a mapping, each name with: {value_of(more)}" if isinstance(more, dict) and more else "a mapping"
    return _KINDS.get(one.get("type", ""), "") + _limits(one)


def _named(definition: str) -> str:
    """Name a definition, as a link: a shelf's begins with the shelf, a mapping's is a word of its own."""
    shelf, _, _ = definition.partition("-")
    return f"one of the [[{shelf}]]" if shelf.islower() else f"a mapping, [[{shelf}]]"


def _limits(one: dict[str, Any]) -> str:
    least = f" from {one['minimum']:g}" if "minimum" in one else ""
    above = f" above {one['exclusiveMinimum']:g}" if "exclusiveMinimum" in one else ""
    most = f" to {one['maximum']:g}" if one.get("maximum", _ENDLESS) < _ENDLESS else ""
    below = f" below {one['exclusiveMaximum']:g}" if "exclusiveMaximum" in one else ""
    return least + above + most + below
