"""Conditions of a shell, as far as their words are known.

[ $A -eq 8 ]      [[ $TYPE == fp8 ]]      case $TYPE in fp8|fp16)
"""

from __future__ import annotations

import operator
import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

from parsim.formats.shell.variables import Field

NUMBERS = {
    "-eq": operator.eq,
    "-ne": operator.ne,
    "-gt": operator.gt,
    "-ge": operator.ge,
    "-lt": operator.lt,
    "-le": operator.le,
}
CLOSING = {"[": "]", "[[": "]]"}
_WHOLE = re.compile(r"[+-]?\d{1,18}")


def decided(words: Sequence[str | None]) -> bool | None:
    """Return whether the condition of these words holds; None: that is not known. A word that is None is not known.

    >>> decided(["[", "8", "-gt", "4", "]"]), decided(["[", "-n", None, "]"])
    (True, None)
    """
    if words and words[0] == "!":
        return _not(decided(words[1:]))
    if words in (["true"], ["false"]):
        return words == ["true"]
    if len(words) < 2 or words[0] not in ("[", "[[", "test"):
        return None
    closing = CLOSING.get(words[0] or "")
    if closing and words[-1] != closing:
        return None
    return _expression(words[1:-1] if closing else words[1:], pattern=words[0] == "[[")


def _expression(words: Sequence[str | None], pattern: bool) -> bool | None:
    if words and words[0] == "!":
        return _not(_expression(words[1:], pattern))
    match words:
        case [None] | []:
            return None
        case [word]:
            return bool(word)
        case ["-z" | "-n" as sign, word]:
            return None if word is None else bool(word) == (sign == "-n")
        case [left, "=" | "==" | "!=" as sign, right]:
            if left is None or right is None:
                return None
            equal = fnmatchcase(left, right) if pattern else left == right
            return equal == (sign != "!=")
        case [left, sign, right] if sign in NUMBERS:
            if not all(word is not None and _WHOLE.fullmatch(word) for word in (left, right)):
                return None
            return bool(NUMBERS[sign](int(left or 0), int(right or 0)))
    return None


def _not(found: bool | None) -> bool | None:
    return None if found is None else not found


def matches(word: Field, patterns: Sequence[Field]) -> bool | None:
    """Return whether a word matches one of the patterns of a `case`; None: that is not known."""
    if any(pattern.text == "*" for pattern in patterns):
        return True
    if not word.known or not all(pattern.known for pattern in patterns):
        return None
    return any(fnmatchcase(word.text, pattern.text) for pattern in patterns)
