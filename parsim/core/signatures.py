"""What a function says of its parameters: names, annotations, and what a default implies where there is none.

def scale(x, factor=2.0, tie=None)    x: any      factor: float, as its default      tie: not for scenarios
numpy.sqrt, max, int                  some functions written in C say nothing of their parameters
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
    """Return the parameters of *function* by name; none where it says nothing of them.

    >>> list(signature(max)), list(signature(sum))
    ([], ['iterable', 'start'])
    """
    try:
        return inspect.signature(function).parameters
    except ValueError:
        return {}


def taken(function: Callable[..., Any], names: Iterable[str]) -> list[str]:
    """Return those of *names* that *function* takes by key.

    >>> def order(ranks, microbatches): ...
    >>> taken(order, ["ranks", "chunks"])
    ['ranks']
    """
    known = signature(function)
    anything = any(one.kind is Parameter.VAR_KEYWORD for one in known.values())
    return [name for name in names if anything or (name in known and known[name].kind in BY_KEY)]


def first(function: Callable[..., Any]) -> Parameter | None:
    """Return the parameter that gets the first argument given by position; None: there is none.

    >>> first(lambda x, factor=2: factor * x).name
    'x'
    """
    return next((one for one in signature(function).values() if one.kind in BY_POSITION), None)


def annotated(function: Callable[..., Any]) -> dict[str, tuple[Any, Parameter]]:
    """Return the annotation and the parameter of all that can be given by key.

    Where there is no annotation, the type of the default counts; what has a default of no type that YAML knows is left
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
    """Return the annotations of a function, of what makes an instance of a class, or of what calls an instance."""
    while isinstance(function, functools.partial):
        function = function.func
    if isinstance(function, type):
        function = function if is_record(function) else getattr(function, "__init__")  # noqa: B009
    elif not inspect.isroutine(function):
        function = getattr(type(function), "__call__")  # noqa: B004, B009
    return typing.get_type_hints(function, include_extras=True)


def is_record(annotation: Any) -> bool:
    """Tell whether *annotation* is a dataclass or a NamedTuple."""
    return isinstance(annotation, type) and (dataclasses.is_dataclass(annotation) or hasattr(annotation, "_fields"))
