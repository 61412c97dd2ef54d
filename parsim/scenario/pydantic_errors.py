"""Translate pydantic's errors into plain words, and pass complaints through pydantic.

bandwidth: missing                 ->  bandwidth: is missing; write for example 'bandwidth: 400 Gbit/s'
bandwith: extra_forbidden          ->  bandwith: unknown key 'bandwith'. Did you mean 'bandwidth'?
over[0]: string_type               ->  over[0]: wants text, not 3
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from parsim.core.annotations import BRANCH, example
from parsim.core.errors import Complaint, Invalid
from parsim.core.suggestions import Known
from parsim.core.units import show

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

_WANTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "string_type": "text",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "none_required": "nothing",
}
_LIMITS = {
    "greater_than_equal": ("is too small; it must be at least", "ge"),
    "greater_than": ("is too small; it must be more than", "gt"),
    "less_than_equal": ("is too large; it must be at most", "le"),
    "less_than": ("is too large; it must be less than", "lt"),
}


def complaints(known: Mapping[str, Any], error: ValidationError) -> list[Complaint]:
    """Translate every error of a model; *known* are its keys with their annotations."""
    keys = Known(known)
    return [_complaint(known, keys, found) for found in error.errors(include_url=False)]


def _complaint(known: Mapping[str, Any], keys: Known, found: ErrorDetails) -> Complaint:
    path = tuple(part for part in found["loc"] if not str(part).startswith(BRANCH))
    if found["type"] == "complaint":
        return Complaint(path, found["ctx"]["message"], found["ctx"]["at"])
    if path[-1:] == ("[key]",):  # pydantic's name for a key of a mapping in a path
        return Complaint(path[:-1], _message(found), "key")
    if found["type"] == "extra_forbidden":
        return Complaint(path, keys.did_you_mean(str(path[-1]), "key"), "key")
    if found["type"] == "missing":
        hint = example(known.get(str(path[-1])))
        return Complaint(path, f"is missing; write for example '{path[-1]}: {hint}'" if hint else "is missing")
    return Complaint(path, _message(found))


def _message(found: ErrorDetails) -> str:
    kind, context, here = found["type"], found.get("ctx", {}), show(found["input"])
    if kind == "value_error":
        return str(context["error"])
    if kind in _LIMITS:
        words, limit = _LIMITS[kind]
        bound = context[limit]
        return f"{here} {words} {int(bound) if bound == int(bound) < 1e100 else bound}"
    if kind == "wanted" or kind in _WANTED:
        return f"wants {context.get('wanted') or _WANTED[kind]}, not {here}"
    if kind == "string_too_short":
        return "must not be empty"
    if kind == "literal_error":
        return f"wants one of {context['expected']}, not {here}"
    return f"{found['msg'][:1].lower()}{found['msg'][1:]}, not {here}"


def bridged(read: Callable[[Any], Any], raw: Any) -> Any:
    """Call *read* inside pydantic, so that pydantic prefixes each complaint with its path."""
    try:
        return read(raw)
    except Invalid as invalid:
        from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError

        lines = [
            InitErrorDetails(
                type=PydanticCustomError("complaint", "{message}", {"message": told.message, "at": told.at}),
                loc=told.path,
                input=None,
            )
            for told in invalid.complaints
        ]
        raise ValidationError.from_exception_data("complaints", lines) from None
