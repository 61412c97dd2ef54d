"""The operators of expressions: what they compute, and of which kinds of operands.

    time < time        true or false      time < size     is refused
    time + time        time               time + 3        is refused: 3 has no unit
    time * 3           time               time * time     is refused: no quantity of parsim is one
    time / time        number             3 / time        is refused

Zero needs no unit. What is not known makes the result unknown, unless the other operand of `and` or `or` decides.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, NamedTuple

from parsim.core.units import Dimension


class Sort(Enum):
    """What an expression can be besides a number and a quantity."""

    TEXT = "a text"
    TRUTH = "true or false"
    ANY = "anything"  # zero, and what was complained of already


TEXT, TRUTH, ANY = Sort
Kind = Dimension | Sort | None  # None: a plain number
Value = float | bool | str | None  # None: unknown

_COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
COMPARISONS = tuple(_COMPARED)
_COMPUTED: Mapping[str, Callable[[Any, Any], Any]] = {
    **_COMPARED,
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": operator.mod,
}


class Operand(NamedTuple):
    """An operand whose kind is known; `number` is how a number without a unit is written, else empty."""

    kind: Kind
    number: str = ""


def computed(name: str, *operands: Value) -> Value:
    """Apply the operator of this name; division by zero, overflow, and operands of a wrong kind give None.

    >>> computed("-", 3.0), computed("/", 1.0, 0.0), computed("and", None, False), computed("or", None, False)
    (-3.0, None, False, None)
    """
    if name in ("and", "or"):
        decisive = name == "or"
        return decisive if decisive in operands else None if None in operands else not decisive
    if None in operands:
        return None
    if name == "not":
        return not operands[0]
    try:
        found: Value = operator.neg(*operands) if len(operands) == 1 else _COMPUTED[name](*operands)  # type: ignore[arg-type]
    except (ArithmeticError, TypeError):
        return None
    return None if isinstance(found, float) and not math.isfinite(found) else found


def kind_of(name: str, *operands: Operand) -> Kind:
    """Return the kind of what the operator gives; operands that do not go together raise `ValueError`."""
    kinds = [operand.kind for operand in operands]
    if name in ("and", "or", "not"):
        wrong = next((kind for kind in kinds if kind not in (TRUTH, ANY)), TRUTH)
        if wrong is not TRUTH:
            raise ValueError(f"'{name}' wants comparisons, not {phrase(wrong)}")
        return TRUTH
    if TRUTH in kinds:
        raise ValueError(f"'{name}' wants numbers or quantities, not a comparison; join comparisons with and, or")
    if TEXT in kinds and (name not in ("==", "!=") or {*kinds} - {TEXT, ANY}):
        raise ValueError(f"a text can only be compared with a text, by == or !=, not by '{name}' with {_other(kinds)}")
    if len(kinds) == 1:
        return kinds[0]
    return _scaled(name, *kinds) if name in ("*", "/") else _joined(name, *operands)


def phrase(kind: Kind) -> str:
    """Return what a kind is, for messages."""
    return "a plain number" if kind is None else kind.value if isinstance(kind, Sort) else kind.what


def _other(kinds: list[Kind]) -> str:
    return phrase(next((kind for kind in kinds if kind is not TEXT), TEXT))


def _joined(name: str, left: Operand, right: Operand) -> Kind:
    """Return the kind of `a + b`, `a % b`, `a < b`: both are the same."""
    known = {_base(each.kind): each for each in (left, right) if each.kind is not ANY}
    if len(known) == 2:
        number = known.get("")
        if number is None:
            raise ValueError(f"'{name}' stands between {phrase(left.kind)} and {phrase(right.kind)}")
        [quantity] = [each.kind for base, each in known.items() if base]
        raise ValueError(_without_unit(name, quantity, number.number))
    if name in _COMPARED:
        return TRUTH
    return next((each.kind for each in known.values()), ANY)


def _without_unit(name: str, quantity: Kind, number: str) -> str:
    assert isinstance(quantity, Dimension)
    if number:
        return f"'{number}' has no unit; write for example '{quantity.complete(number)}'"
    return f"'{name}' stands between {quantity.what} and a plain number; multiply it by '{quantity.complete('1')}'"


def _scaled(name: str, left: Kind, right: Kind) -> Kind:
    """Return the kind of `a * b` and `a / b`: at most one has a unit, or both the same in a quotient."""
    if ANY in (left, right):
        return ANY
    if right is None or (name == "*" and left is None):
        return left if right is None else right
    if name == "/" and _base(left) == _base(right):
        return None
    allowed = "a quantity can be multiplied or divided by a plain number, and divided by one of its own kind"
    raise ValueError(f"'{name}' stands between {phrase(left)} and {phrase(right)}; {allowed}")


def _base(kind: Kind) -> str:
    return kind.base if isinstance(kind, Dimension) else "" if kind is None else kind.value
