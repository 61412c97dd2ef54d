"""Read docstrings: the purpose of a function or class, and the meaning of each of its parameters.

    Return factor x.                    purpose   Return factor x.
    factor : what x is multiplied by.   meanings  factor: What x is multiplied by.

In the section "Parameters", a meaning follows the parameter's name and a colon, and continues in indented lines. A type
after the colon, as numpydoc has it above an indented text, is ignored: the annotation gives the type.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

_SECTION = re.compile(r"^Parameters\n-{3,}\n(.*?)(?=^\S[^\n]*\n-{3,}$|\Z)", re.MULTILINE | re.DOTALL)
_PARAMETER = re.compile(r"(\w+(?:, ?\w+)*)(?:[ \t]*:(?:[ \t]+(.*))?)?")


def purpose(function: Callable[..., Any]) -> str:
    """Return the first paragraph of the docstring, as one line; nothing where there is none.

    >>> purpose(purpose)
    'Return the first paragraph of the docstring, as one line; nothing where there is none.'
    """
    found = _bare(function)
    own = found if inspect.isroutine(found) or isinstance(found, type) else type(found)
    first, _, rest = _text(own).partition("\n\n")
    if first.startswith(f"{getattr(found, '__name__', '')}("):  # the signature that C functions put first
        first = rest.partition("\n\n")[0]
    return " ".join(first.split())


def meanings(function: Callable[..., Any]) -> dict[str, str]:
    """Return the meaning of each parameter from the docstring; a class inherits missing ones.

    >>> def scale(x, factor=2.0, offset=0.0):
    ...     '''Return factor x + offset.
    ...
    ...     Parameters
    ...     ----------
    ...     factor : what x is multiplied by,
    ...         left out: 2.
    ...     offset : float
    ...         What is added.
    ...     '''
    >>> meanings(scale)
    {'factor': 'What x is multiplied by, left out: 2.', 'offset': 'What is added.'}
    """
    found: dict[str, str] = {}
    for text in _texts(_bare(function)):
        for section in _SECTION.findall(text + "\n"):
            found = dict(_parameters(section)) | found
    return found


def _bare(function: Callable[..., Any]) -> Any:
    """Return the function inside decorators and partials."""
    while isinstance(function, functools.partial) or hasattr(function, "__wrapped__"):
        function = function.func if isinstance(function, functools.partial) else inspect.unwrap(function)
    return function


def _texts(found: Any) -> Iterator[str]:
    """Yield the docstrings that may describe parameters, the nearest first."""
    if inspect.isroutine(found):
        yield _text(found)
        return
    for one in (found if isinstance(found, type) else type(found)).__mro__:
        yield _text(one)
        yield _text(vars(one).get("__init__" if isinstance(found, type) else "__call__"))


def _text(found: Any) -> str:
    """Return the docstring of *found*, but not an inherited one."""
    text = vars(found).get("__doc__") if isinstance(found, type) else getattr(found, "__doc__", None)
    return inspect.cleandoc(text) if isinstance(text, str) else ""


def _parameters(section: str) -> Iterator[tuple[str, str]]:
    for block in re.split(r"\n(?=\S)", section):
        head, _, below = block.partition("\n")
        said = _PARAMETER.fullmatch(head.rstrip())
        if said is None:
            return
        text = _meaning(said[2] or "", " ".join(below.split()))
        yield from ((name.strip(), text) for name in said[1].split(",") if text)


def _meaning(first: str, below: str) -> str:
    """Join the two parts of a description, and capitalise it."""
    is_type = below[:1].isupper() and not first.endswith((".", ",", ";", ":"))
    text = below if is_type else f"{first} {below}".strip()
    return text[:1].upper() + text[1:]
