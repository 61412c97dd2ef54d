"""Functions of one argument: a kernel takes an element, a merge takes the list of all outputs.

def scale(x, factor=2.0)             x gets the argument, whatever its name; a scenario may set factor
class Scale: __init__(self, factor)  a scenario may set factor; __call__(self, x) gets the argument
def square(): return lambda x: x*x   has no positional parameter, so it returns the function
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from parsim.core.errors import ScenarioError, shown
from parsim.core.kernel import Kernel, is_class
from parsim.core.signatures import first
from parsim.entries.external import Outside

EXAMPLES = {"kernel": "def square(x): return x * x", "merge": "def total(values): return sum(values)"}


def argument(entry: Callable[..., Any]) -> tuple[str, ...]:
    """Return the parameter that gets the argument, which no scenario sets; empty if the entry makes the function.

    >>> def scale(x, factor=2.0): ...
    >>> argument(scale), argument(max)
    (('x',), ())
    """
    found = None if makes(entry) else first(entry)
    return () if found is None else (found.name,)


def makes(entry: Callable[..., Any]) -> bool:
    """Return whether an entry makes the function: a class of callables, or a function without positional parameters."""
    entry = inspect.unwrap(entry)
    if is_class(entry) or (isinstance(entry, type) and any("__call__" in vars(one) for one in entry.__mro__)):
        return True
    return _says(entry) and first(entry) is None


def _says(entry: Callable[..., Any]) -> bool:
    """Return whether Python can read the signature."""
    try:
        inspect.signature(entry)
    except ValueError:
        return False
    return True


def made(entry: Callable[..., Any], arguments: Mapping[str, Any]) -> Callable[[Any], Any]:
    """Return the function of one argument of an entry.

    >>> made(lambda x, factor=2: factor * x, {"factor": 3})(5)
    15
    """
    return _Made(entry, arguments) if makes(entry) else partial(entry, **arguments)


class _Made:
    """The function that an entry makes. It is pickled as the entry, which the worker process finds or loads."""

    def __init__(self, entry: Callable[..., Any], arguments: Mapping[str, Any]) -> None:
        self._made = (entry, dict(arguments))
        found = entry(**arguments)
        self._function = found.forward if isinstance(found, Kernel) else found
        if isinstance(entry, Outside):
            if not callable(self._function):
                raise ScenarioError([entry.who.fault(_no_function(entry.who.kind, found))])
            self._function = partial(_told, entry, self._function)

    def __call__(self, value: Any) -> Any:
        return self._function(value)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return made, self._made


def _no_function(kind: str, found: Any) -> str:
    what = "nothing" if found is None else f"an object of type {type(found).__name__}"
    return f"returns {what} when called without arguments; return a function, for example '{EXAMPLES[kind]}'"


def _told(entry: Outside, function: Callable[[Any], Any], value: Any) -> Any:
    return entry.who.call(function, f"for {shown(value)}", value)
