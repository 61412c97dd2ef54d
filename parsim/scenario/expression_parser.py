"""The parser of expressions: a text becomes the steps of a stack machine.

    a < 2 * b        a  2  b  *  <

    or  and  not     < <= > >= == !=     + -     * / %     -        each binds more than those before it

Operands are names, numbers, quantities (`12 s`, `400 Gbit/s`), and texts in quotes. Comparisons do not chain.
"""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Literal, NamedTuple, NoReturn

from parsim.core.errors import Complaint, Invalid
from parsim.core.units import DIMENSIONS, measure
from parsim.scenario.operators import COMPARISONS, TEXT, Kind

LONGEST, DEEPEST = 1000, 60  # characters; operators, signs and parentheses within each other
_LEVELS = (("or",), ("and",), ("not",), COMPARISONS, ("+", "-"), ("*", "/", "%"))
_BINDING = {operator: level for level, operators in enumerate(_LEVELS, 1) for operator in operators}
_SIGN = len(_LEVELS) + 1  # how tightly a minus sign before an operand binds
_WORDS = ("and", "or", "not")
_SPELLINGS = {"=": "==", "&&": "and", "||": "or", "&": "and", "|": "or", "!": "not", "≤": "<=", "≥": ">=", "≠": "!="}
_FREE = tuple(replace(dimension, zero=True) for dimension in DIMENSIONS)

_NUMBER = r"(?>(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"  # 1e5 is never 1 with a unit
_UNIT = "|".join(sorted((re.escape(unit) for one in DIMENSIONS for unit in one.units), key=len, reverse=True))
_TOKENS = re.compile(
    rf"(?P<quantity>{_NUMBER}[ \t]*(?!(?:and|or|not)\b)(?:(?:{_UNIT})(?!\w)|[A-Za-z_$µμ][\w/]*))"
    rf"|(?P<number>{_NUMBER})"
    r"|(?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)"
    r"|(?P<text>'[^']*'|\"[^\"]*\")"
    r"|(?P<operator><=|>=|==|!=|&&|\|\||\*\*|//|\S)"
    r"|(?P<space>\s+)",
    re.ASCII,
)
_OPERANDS = ("quantity", "number", "name", "text")


class Step(NamedTuple):
    """A step of the stack machine: push a value or a name, or apply an operator to what was pushed last."""

    does: Literal["value", "name", "prefix", "infix"]
    text: str  # as it is written
    at: int  # the number of its first character; the first of all is 1
    value: float | str = 0.0
    kind: Kind = None  # of a value

    def complaint(self, message: str) -> Complaint:
        """Return a complaint about this place of the text."""
        return _about(self.at, message)


class _Token(NamedTuple):
    sort: str
    text: str
    at: int


def steps_of(text: str) -> tuple[Step, ...]:
    """Return the steps that compute an expression; a text that is none raises `Invalid`.

    >>> [step.text for step in steps_of("a < 2 * b")]
    ['a', '2', 'b', '*', '<']
    """
    if len(text) > LONGEST:
        raise Invalid([Complaint((), f"has {len(text)} characters; at most {LONGEST} are allowed")])
    reader = _Reader(text)
    reader.expression(0, DEEPEST)
    if reader.here.sort != "end":
        _wrong(reader.here, f"wants an operator such as < or and, not '{reader.here.text}'")
    return tuple(reader.steps)


def _tokens(text: str) -> list[_Token]:
    found = [
        _Token(match.lastgroup or "", match[0], match.start() + 1)
        for match in _TOKENS.finditer(text)
        if match.lastgroup != "space"
    ]
    known = (_Token("operator", one.text, one.at) if one.text in _WORDS else one for one in found)
    return [*known, _Token("end", "the end", len(text) + 1)]


def _about(at: int, message: str) -> Complaint:
    return Complaint((), f"at character {at}: {message}")


def _wrong(token: _Token, message: str) -> NoReturn:
    meant = _SPELLINGS.get(token.text) if token.sort == "operator" else None
    raise Invalid([_about(token.at, f"write {meant} instead of {token.text}" if meant else message)])


class _Reader:
    """Reads tokens from left to right; `steps` grow as operands are complete."""

    def __init__(self, text: str) -> None:
        self.steps: list[Step] = []
        self._tokens = _tokens(text)
        self._next = 0

    @property
    def here(self) -> _Token:
        """The token to read next."""
        return self._tokens[self._next]

    def expression(self, binding: int, depth: int) -> None:
        """Read operands and the operators between them that bind more than *binding*."""
        if not depth:
            _wrong(self.here, f"is nested deeper than {DEEPEST} levels")
        self._operand(depth)
        before = ""
        while _infix(self.here) > binding:
            operator = self._take()
            if {operator.text, before} <= {*COMPARISONS}:
                _wrong(operator, "comparisons do not chain; write for example 'a < b and b < c'")
            self.expression(_BINDING[operator.text], depth - 1)
            self.steps.append(Step("infix", operator.text, operator.at))
            before = operator.text

    def _take(self) -> _Token:
        self._next += 1
        return self._tokens[self._next - 1]

    def _operand(self, depth: int) -> None:
        token = self._take()
        if token.sort in _OPERANDS:
            self.steps.append(_leaf(token))
        elif token.text in ("-", "not"):
            self.expression(_SIGN if token.text == "-" else _BINDING["not"], depth - 1)
            self.steps.append(Step("prefix", token.text, token.at))
        elif token.text == "(":
            self.expression(0, depth - 1)
            if self.here.text != ")":
                _wrong(self.here, f"wants an operator, or ) for the ( at character {token.at}, not {_shown(self.here)}")
            self._take()
        else:
            _wrong(token, f"wants a name or a number, not {_shown(token)}")


def _infix(token: _Token) -> int:
    infix = token.sort == "operator" and token.text != "not"
    return _BINDING.get(token.text, 0) if infix else 0


def _shown(token: _Token) -> str:
    return token.text if token.sort == "end" else f"'{token.text}'"


def _leaf(token: _Token) -> Step:
    if token.sort == "name":
        return Step("name", token.text, token.at)
    if token.sort == "text":
        return Step("value", token.text, token.at, token.text[1:-1], TEXT)
    if token.sort == "quantity":
        try:
            dimension, amount = measure(token.text, *_FREE)
        except ValueError as wrong:
            _wrong(token, str(wrong))
        return Step("value", token.text, token.at, amount, dimension)
    amount = float(token.text)
    if not math.isfinite(amount):
        _wrong(token, f"'{token.text[:60]}' is out of range")
    return Step("value", token.text, token.at, amount)
