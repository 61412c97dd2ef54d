"""Whole numbers of a shell's arithmetic: `GPUS * NODES`, `(a + b) / 2`.

Only numbers, variables, brackets and + - * / % are known; division cuts towards zero, as in C.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_TOKEN = re.compile(r"\s*(?:(\d+)|\$?\{?([A-Za-z_]\w*)\}?|([-+*/%()]))")
DEEPEST = 20  # variables that hold sums
MOST = 2**63  # numbers of a shell have 64 bits


class Unknown(Exception):
    """The value is not known, or the text is no sum of this kind."""


def whole(text: str, value: Callable[[str], str], depth: int = 0) -> int:
    """Return the value of an arithmetic expression; *value* says what a variable holds.

    >>> whole("$A * (2 + ${B})", {"A": "3", "B": "7 % 4"}.__getitem__)
    15
    """
    if depth > DEEPEST:
        raise Unknown(text)
    tokens: list[int | str] = []
    here, end = 0, len(text.rstrip())
    while here < end:
        found = _TOKEN.match(text, here)
        if found is None:
            raise Unknown(text)
        here = found.end()
        number, name, sign = found.groups()
        tokens.append(int(number[:20]) if number else whole(value(name), value, depth + 1) if name else sign)
    result = _sum(tokens)
    if tokens or abs(result) >= MOST:
        raise Unknown(text)
    return result


def _sum(tokens: list[int | str]) -> int:
    found = _product(tokens)
    while tokens and tokens[0] in ("+", "-"):
        sign = tokens.pop(0)
        found += _product(tokens) * (1 if sign == "+" else -1)
    return found


def _product(tokens: list[int | str]) -> int:
    found = _number(tokens)
    while tokens and tokens[0] in ("*", "/", "%"):
        sign, by = tokens.pop(0), _number(tokens)
        if sign == "*":
            found *= by
        elif not by:
            raise Unknown("a division by zero")
        else:
            quotient = abs(found) // abs(by) * (1 if (found < 0) == (by < 0) else -1)
            found = quotient if sign == "/" else found - quotient * by
    return found


def _number(tokens: list[int | str]) -> int:
    token = tokens.pop(0) if tokens else ""
    if isinstance(token, int):
        return token
    if token == "-":
        return -_number(tokens)
    if token == "+":
        return _number(tokens)
    if token != "(":
        raise Unknown(token)
    found = _sum(tokens)
    if not tokens or tokens.pop(0) != ")":
        raise Unknown(")")
    return found
