"""Expressions: conditions on names, such as the assertions of a scenario.

    peak_memory < 0.95 * memory and (tensor == 1 or mfu > 0.4)

The text is parsed, its names and units are checked, and then it is computed for any values; Python never evaluates it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from parsim.core.errors import Complaint, Invalid
from parsim.core.suggestions import Known
from parsim.core.units import show
from parsim.scenario.expression_parser import Step, steps_of
from parsim.scenario.operators import ANY, TRUTH, Kind, Operand, Value, computed, kind_of, phrase

Found = TypeVar("Found")


@dataclass(frozen=True)
class Expression:
    """A parsed expression.

    >>> parse("2 * iteration < 12 s").value({"iteration": 5.0})
    True
    """

    text: str
    steps: tuple[Step, ...]

    def __str__(self) -> str:
        return self.text

    @cached_property
    def names(self) -> frozenset[str]:
        """The names that it asks for."""
        return frozenset(step.text for step in self.steps if step.does == "name")

    def check(self, kinds: Mapping[str, Kind]) -> Kind:
        """Return the kind of its value, with names of these *kinds* (None: plain numbers).

        Unknown names, and operands that do not go together, raise `Invalid`.
        """
        known, complaints = Known(kinds), list[Complaint]()

        def leaf(step: Step) -> Operand:
            if step.does == "value":
                return Operand(ANY if step.value == 0 else step.kind, step.text if step.kind is None else "")
            if step.text not in kinds:
                complaints.append(step.complaint(known.did_you_mean(step.text)))
            return Operand(kinds.get(step.text, ANY))

        def apply(step: Step, *operands: Operand) -> Operand:
            try:
                return Operand(kind_of(step.text, *operands))
            except ValueError as wrong:
                complaints.append(step.complaint(str(wrong)))
                return Operand(ANY)

        found = self._folded(leaf, apply).kind
        if complaints:
            raise Invalid(complaints)
        return found

    def value(self, values: Mapping[str, Any]) -> Value:
        """Return its value with these *values* of its names, in base units; None if it is not known.

        A value that is None, infinite or missing is unknown, and so is what is divided by zero.
        """
        return self._folded(
            lambda step: step.value if step.does == "value" else _known(values.get(step.text)),
            lambda step, *operands: computed(step.text, *operands),
        )

    def _folded(self, leaf: Callable[[Step], Found], apply: Callable[..., Found]) -> Found:
        """Run the stack machine: *leaf* gives operands, *apply* what an operator makes of them."""
        stack: list[Found] = []
        for step in self.steps:
            if step.does in ("value", "name"):
                stack.append(leaf(step))
            else:
                count = 1 if step.does == "prefix" else 2
                operands = stack[-count:]
                stack[-count:] = [apply(step, *operands)]
        return stack[0]


def parse(text: str) -> Expression:
    """Read an expression; a text that is none raises `Invalid`, whose complaints say where."""
    return Expression(text, steps_of(text))


def condition(text: object, kinds: Mapping[str, Kind]) -> Expression:
    """Read an expression that is true or false, with names of these *kinds*; anything else raises `Invalid`.

    >>> from parsim.core.units import SECONDS
    >>> condition("iteration < 12 s", {"iteration": SECONDS}).names
    frozenset({'iteration'})
    """
    if not isinstance(text, str):
        raise Invalid([Complaint((), f"wants a condition such as 'iteration < 12 s', not {show(text)}")])
    found = parse(text)
    kind = found.check(kinds)
    if kind is not TRUTH:
        raise Invalid([Complaint((), f"is {phrase(kind)}, not a condition; write for example 'iteration < 12 s'")])
    return found


def _known(value: Any) -> Value:
    if isinstance(value, bool | str) or value is None:
        return value
    try:
        number = float(value)
    except (OverflowError, TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
