"""Read signatures: names of parameters, and their annotations, inferred from defaults if missing.

def scale(x, factor=2.0, tie=None)    x: any      factor: float, like its default      tie: not for scenarios
numpy.sqrt, max, int                  some functions written in C have no signature
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import typing
from collections.abc import Callable, Iterable, Mapping
from inspect import Parameter
from typing import Any

BY_KEY = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
BY_POSITION = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD, Parameter.VAR_POSITIONAL)
IMPLIED: dict[type, Any] = {bool: bool, int: int | float, float: float, str: str}  # by the type of the default


def signature(function: Callable[..., Any]) -> Mapping[str, Parameter]:
    """Return the parameters of *function* by name; empty if it has no signature.

    >>> list(signature(max)), list(signature(sum))
    ([], ['iterable', 'start'])
    """
    return (_remembered if inspect.isfunction(function) else _signature)(function)  # other callables may have no hash


def _signature(function: Callable[..., Any]) -> Mapping[str, Parameter]:
    try:
        return inspect.signature(function).parameters
    except ValueError:
        return {}


_remembered = functools.lru_cache(256)(_signature)


def taken(function: Callable[..., Any], names: Iterable[str]) -> list[str]:
    """Return the *names* that *function* accepts as keywords.

    >>> def order(ranks, microbatches): ...
    >>> taken(order, ["ranks", "chunks"])
    ['ranks']
    """
    known = signature(function)
    anything = any(one.kind is Parameter.VAR_KEYWORD for one in known.values())
    return [name for name in names if anything or (name in known and known[name].kind in BY_KEY)]


def first(function: Callable[..., Any]) -> Parameter | None:
    """Return the first positional parameter, or None if there is none.

    >>> first(lambda x, factor=2: factor * x).name
    'x'
    """
    return next((one for one in signature(function).values() if one.kind in BY_POSITION), None)


def annotated(function: Callable[..., Any]) -> dict[str, tuple[Any, Parameter]]:
    """Return the annotation and the parameter of all keyword parameters.

    Without an annotation, the type of the default is used. A parameter whose default has a type unknown to YAML is left
    out.

    >>> def scale(x, factor=2.0, tie=None): ...
    >>> {name: annotation for name, (annotation, _) in annotated(scale).items()}
    {'x': typing.Any, 'factor': <class 'float'>}
    """
    function = inspect.unwrap(function)
    hints = _hints(function)
    found = {}
    for name, parameter in signature(function).items():
        annotation = hints.get(name, Any if parameter.default is parameter.empty else _implied(parameter))
        if parameter.kind in BY_KEY and annotation is not None:
            found[name] = (annotation, parameter)
    return found


def _implied(parameter: Parameter) -> Any:
    return IMPLIED.get(type(parameter.default))


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the annotations of a function, of the constructor of a class, or of `__call__` of an instance."""
    while isinstance(function, functools.partial):
        function = function.func
    if isinstance(function, type):
        function = function if is_record(function) else getattr(function, "__init__")  # noqa: B009
    elif not inspect.isroutine(function):
        function = getattr(type(function), "__call__")  # noqa: B004, B009
    return typing.get_type_hints(function, include_extras=True)


def is_record(annotation: Any) -> bool:
    """Return whether *annotation* is a dataclass or a NamedTuple."""
    return isinstance(annotation, type) and (dataclasses.is_dataclass(annotation) or hasattr(annotation, "_fields"))
