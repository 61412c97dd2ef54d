"""Annotations of parameters: the values that they accept, for pydantic and in words.

    devices: Count | list[Name]        4          picks Count
                                       [a, b]     picks the list
                                       {a: b}     error: wants a whole number, or a list, not a mapping

Each annotation has the raw types that it `takes`, a phrase for what is `wanted`, and an `example` for messages. `read`
returns a plainly right value without pydantic, whose import takes longer than a small run. A value that raises `Doubt`
is left to pydantic.
"""

from __future__ import annotations

import math
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from parsim.core.units import Unread

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

MOST = 10_000_000  # limit of every count: items, tasks
HUGE = 1e300  # s, beyond which sums of times may overflow
FEW = 1000  # values in a list: for more, pydantic is faster
BRANCH = "\0branch"  # pydantic's names of the members of a union in paths; removed from parsim's paths


class Doubt(ValueError):
    """The value may be wrong: pydantic decides, and its errors say why."""


@dataclass(frozen=True)
class Between:
    """Marks an int parameter between *least* and *most*."""

    least: int
    most: int = MOST
    takes = (int,)
    wanted = "a whole number"

    @property
    def example(self) -> str:
        """What to write, for messages."""
        return str(max(self.least, 4))

    def read(self, raw: Any) -> int:
        """Read what is plainly right."""
        if type(raw) is not int or not self.least <= raw <= self.most:
            raise Doubt
        return raw

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema

        return core_schema.int_schema(strict=True, ge=self.least, le=self.most)


@dataclass(frozen=True)
class Above:
    """Marks a finite float parameter above *least*, and at most *most*; `Unread` passes unchanged."""

    least: float
    most: float = math.inf
    takes = (int, float, Unread)
    wanted = "a number"
    example = "0.5"

    def read(self, raw: Any) -> float | Unread:
        """Read what is plainly right."""
        if isinstance(raw, Unread):
            return raw
        number = _number(raw)
        if not self.least < number <= self.most:
            raise Doubt
        return number

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema

        most = None if self.most == math.inf else self.most
        inner = core_schema.float_schema(strict=True, gt=self.least, le=most, allow_inf_nan=False)
        return core_schema.no_info_wrap_validator_function(_keep_unread, inner)


@dataclass(frozen=True)
class Within:
    """Marks a float parameter from *least* to *most*; `Unread` passes unchanged."""

    least: float
    most: float
    example: str
    takes = (int, float, Unread)
    wanted = "a number"

    def read(self, raw: Any) -> float | Unread:
        """Read what is plainly right."""
        if isinstance(raw, Unread):
            return raw
        number = _number(raw)
        if not self.least <= number <= self.most:
            raise Doubt
        return number

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema

        inner = core_schema.float_schema(strict=True, ge=self.least, le=self.most, allow_inf_nan=False)
        return core_schema.no_info_wrap_validator_function(_keep_unread, inner)


@dataclass(frozen=True)
class Filled:
    """Marks a str parameter that is not empty; *wanted* and *example* are for messages."""

    wanted: str = "text"
    example: str = ""
    takes = (str,)

    def read(self, raw: Any) -> str:
        """Read what is plainly right."""
        if not raw:
            raise Doubt
        return _text(raw)

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema

        return core_schema.str_schema(strict=True, min_length=1)


def _keep_unread(raw: Any, read: Callable[[Any], float]) -> float:
    return raw if isinstance(raw, Unread) else read(raw)


FILE = Filled("the path of a file", "graph.stg")


@dataclass(frozen=True)
class Either:
    """Marks a parameter with several annotations: the first one that takes the type of the value reads it."""

    members: tuple[Any, ...]

    @property
    def takes(self) -> tuple[type, ...]:
        """The raw types that some member reads."""
        return tuple(dict.fromkeys(kind for member in self.members for kind in takes(member)))

    @property
    def explains(self) -> tuple[type, ...]:
        """The raw types for which a member has a better message."""
        return tuple(kind for member in self.members for kind in getattr(mark_of(member), "explains", ()))

    @property
    def wanted(self) -> str:
        """A phrase for messages."""
        return ", or ".join(dict.fromkeys(wanted(member) for member in self.members if member is not type(None)))

    @property
    def example(self) -> str:
        """What to write, for messages."""
        return next(filter(None, map(example, self.members)), "")

    def _picks(self) -> dict[type, int]:
        """Return which member reads each raw type."""
        picks: dict[type, int] = {}
        for kinds in (takes, lambda member: getattr(mark_of(member), "explains", ())):
            for index, member in enumerate(self.members):
                for kind in kinds(member):
                    picks.setdefault(kind, index)
        return picks

    def read(self, raw: Any) -> Any:
        """Read what is plainly right."""
        index = self._picks().get(type(raw))
        if index is None:
            raise Doubt
        return read(self.members[index], raw)

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema

        picks = {kind: f"{BRANCH}{index}" for kind, index in self._picks().items()}
        return core_schema.tagged_union_schema(
            {f"{BRANCH}{index}": handler.generate_schema(member) for index, member in enumerate(self.members)},
            lambda value: picks.get(type(value)),
            custom_error_type="wanted",
            custom_error_message="wants {wanted}",
            custom_error_context={"wanted": self.wanted},
        )


_PHRASES = {int: "a whole number", float: "a number", str: "text", bool: "true or false", type(None): "nothing"}
_PHRASES |= {list: "a list", tuple: "a list", dict: "a mapping"}
_TAKES: dict[Any, tuple[type, ...]] = {float: (int, float), tuple: (list,), None: (type(None),)}
_EXAMPLES = {int: "4", float: "1.5", bool: "true"}


def mark_of(annotation: Any) -> Any:
    """Return the mark of *annotation*, or None."""
    return next((mark for mark in getattr(annotation, "__metadata__", ()) if hasattr(mark, "takes")), None)


def takes(annotation: Any) -> tuple[type, ...]:
    """Return the raw types that *annotation* reads."""
    mark = mark_of(annotation)
    if mark is not None:
        return tuple(mark.takes)
    base = _base(annotation)
    if base is Literal:
        return tuple({type(choice) for choice in typing.get_args(annotation)})
    return _TAKES.get(base, (base,))


def wanted(annotation: Any) -> str:
    """Return a phrase for the values that *annotation* reads."""
    mark = mark_of(annotation)
    if mark is not None:
        return str(mark.wanted)
    if _base(annotation) is Literal:
        return "one of " + ", ".join(map(str, typing.get_args(annotation)))
    return _PHRASES.get(_base(annotation), "something else")


def example(annotation: Any) -> str:
    """Return an example of a value for *annotation*, or an empty text if there is none."""
    mark = mark_of(annotation)
    if mark is not None:
        return str(getattr(mark, "example", ""))
    base = _base(annotation)
    if base in (list, tuple):
        first = example(typing.get_args(annotation)[0]) if typing.get_args(annotation) else ""
        return f"[{first}]" if first else ""
    if base is Literal:
        return str(typing.get_args(annotation)[0])
    return _EXAMPLES.get(base, "")


def _base(annotation: Any) -> Any:
    while typing.get_origin(annotation) is Annotated:
        annotation = annotation.__origin__
    return typing.get_origin(annotation) or annotation


class Strict:
    """Marks an int, float, str or bool without coercion."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return {**handler(source), "strict": True}


def read(annotation: Any, raw: Any) -> Any:
    """Return *raw* as a value of *annotation*, if it is plainly right; else raise `Doubt`, or another `ValueError`.

    >>> read(list[int], [1, 2]), read(tuple[str, ...], ["a"]), read(Annotated[float, Strict()], 3)
    ([1, 2], ('a',), 3.0)
    """
    mark = mark_of(annotation)
    if mark is not None:
        return mark.read(raw)
    while typing.get_origin(annotation) is Annotated:
        annotation = annotation.__origin__
    base, members = _base(annotation), typing.get_args(annotation)
    if base is Any or (base in (int, bool) and type(raw) is base):
        return raw
    if base is str or (base is Literal and raw in members):
        return _text(raw)
    if base is float:
        return _number(raw)
    if base in (list, tuple) and members and type(raw) is list and len(raw) <= FEW:
        return _items(base, members, raw)
    if base is dict and members and type(raw) is dict and len(raw) <= FEW:
        return {read(members[0], key): read(members[1], value) for key, value in raw.items()}
    raise Doubt


def _items(base: Any, members: tuple[Any, ...], raw: list[Any]) -> Any:
    if base is list or members[-1] is ...:
        return base(read(members[0], value) for value in raw)
    if len(members) != len(raw):
        raise Doubt
    return tuple(map(read, members, raw))


def _text(raw: Any) -> str:
    if type(raw) is not str or not raw.isprintable():  # a lone surrogate is left to pydantic, which refuses it
        raise Doubt
    return raw


def _number(raw: Any) -> float:
    if type(raw) is not float and (type(raw) is not int or abs(raw) > 2**53):
        raise Doubt
    if not math.isfinite(raw):
        raise Doubt
    return float(raw)
