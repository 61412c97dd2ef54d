"""Set values in the text of a scenario, and leave the rest of the text as it is, comments too.

plan: {pipeline: 4, microbatches: 8}     plan.microbatches = 16
plan: {pipeline: 4, microbatches: 16}
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from parsim.core.errors import Complaint, Invalid, Path
from parsim.scenario.document import parse_value
from parsim.scenario.scenario import path_of

PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ./_-]*")


def edited(text: str, values: Mapping[str, Any]) -> str:
    r"""Return the scenario *text* with *values* at their dotted paths.

    A missing key is added to its mapping. A bare name becomes a mapping with `kind` where a value is put below it.
    A path that the text has no place for raises `Invalid`.

    >>> print(edited("plan: {pipeline: 4}  # ranks", {"plan.pipeline": 8, "plan.microbatches": 16}))
    plan: {pipeline: 8, microbatches: 16}  # ranks
    >>> edited("policy: fifo", {"seed": 1, "policy": "heft"})
    'policy: heft\nseed: 1\n'
    """
    for dotted, value in values.items():
        text = _put(text, path_of(dotted), value)
    return text


def written(value: Any) -> str:
    """Write a value as YAML on one line, which may stand within brackets.

    >>> written({"name": "w0", "speed": 0.5}), written(["25 GB/s", "no", None, "a: b"])
    ('{name: w0, speed: 0.5}', '[25 GB/s, no, null, "a: b"]')
    """
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{written(key)}: {written(held)}" for key, held in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(written, value)) + "]"
    if isinstance(value, str) and PLAIN.fullmatch(value) and not value.endswith(" "):
        try:
            return value if parse_value(value) == value else json.dumps(value, ensure_ascii=False)
        except Invalid:
            pass
    return json.dumps(value, ensure_ascii=False)


def _put(text: str, path: Path, value: Any) -> str:
    node, depth = _nearest(text, path)
    if depth == len(path):
        return _replaced(text, node, written(value))
    step, below = path[depth], path[depth + 1 :]
    for further in reversed(below):
        if not isinstance(further, str):
            raise _no_place(path)
        value = {further: value}
    if not isinstance(step, str):
        raise _no_place(path)
    if node.id == "mapping":
        return _added(text, node, f"{written(step)}: {written(value)}", root=depth == 0)
    if node.id == "scalar":
        name = parse_value(text[node.start_mark.index : node.end_mark.index])
        bare = {"kind": name} if isinstance(name, str) else {}
        return _replaced(text, node, written({**bare, step: value}))
    raise _no_place(path)


def _nearest(text: str, path: Path) -> tuple[Any, int]:
    """Return the node of the longest part of *path* that the text has, and the number of its steps."""
    import yaml

    node = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    if node is None:
        raise _no_place(path)
    for depth, step in enumerate(path):
        child = _child(node, step)
        if child is None:
            return node, depth
        node = child
    return node, len(path)


def _child(node: Any, step: str | int) -> Any:
    if node.id == "mapping":
        return next((value for key, value in node.value if key.value == step), None)
    if node.id == "sequence" and isinstance(step, int) and step < len(node.value):
        return node.value[step]
    return None


def _replaced(text: str, node: Any, new: str) -> str:
    start, end = node.start_mark.index, node.end_mark.index
    end = start + len(text[start:end].rstrip())  # a block ends where the next token begins
    gap = " " if start == end and text[start - 1 : start] == ":" else ""  # `policy:` holds nothing
    return text[:start] + gap + new + text[end:]


def _added(text: str, node: Any, pair: str, root: bool) -> str:
    start = node.start_mark.index
    if node.flow_style:
        end = node.value[-1][1].end_mark.index if node.value else start + 1
        return text[:end] + (", " if node.value else "") + pair + text[end:]
    if root:
        return f"{text.rstrip()}\n{pair}\n"
    return f"{text[:start]}{pair}\n{' ' * node.start_mark.column}{text[start:]}"


def _no_place(path: Path) -> Invalid:
    return Invalid([Complaint(path, "has no place in the text of the scenario")])
