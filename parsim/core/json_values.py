"""Convert the result of a run to JSON: null, true, false, finite numbers, text, lists, mappings from text.

np.int64(3)  ->  3        (1, {"a": np.ones(2)})  ->  [1, {"a": [1.0, 1.0]}]
1j, {2, 3}, b"x", nan, {1: 2}, a list that holds itself, half a surrogate pair  ->  Unwritable, with the place
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from parsim.core.errors import shown, told

DEEPEST = 100  # levels of lists and mappings; programs that read JSON have limits
MOST = 10_000_000  # values
LONGEST = 14_000  # bits of a whole number that Python writes in digits
LARGE = 1e300  # beyond it, numbers are checked one by one
STEPS = 4  # characters of a place in a message
FOREIGN = ", which JSON cannot represent; return numbers, text, lists, or mappings with text keys"


class Unwritable(ValueError):
    """JSON cannot hold a value; *steps* lead to the wrong part."""

    def __init__(self, what: str, why: str, steps: tuple[Any, ...] = ()) -> None:
        self.what, self.why, self.steps = what, why, steps
        super().__init__(what, why, steps)

    def within(self, step: Any) -> Unwritable:
        """Return the same error for a container that has this value at *step*."""
        return Unwritable(self.what, self.why, (step, *self.steps))

    def __str__(self) -> str:
        if not self.steps:
            return f"the result is {self.what}{self.why}"
        place = "".join(f"[{shown(step)}]" for step in self.steps[:STEPS])
        more = "..." * (len(self.steps) > STEPS)
        return f"the result holds {self.what} at {place}{more}{self.why}"


def plain(value: Any) -> Any:
    """Return *value* for JSON; a value that JSON cannot hold raises `Unwritable`.

    >>> plain((np.int64(3), {"a": np.ones(2)}))
    [3, {'a': [1.0, 1.0]}]
    >>> plain([1, 2j])
    Traceback (most recent call last):
    parsim.core.json_values.Unwritable: the result holds 2j of type complex at [1], ...
    """
    try:
        return _Copy().of(value)
    except Unwritable:
        raise
    except Exception as error:  # an object may do anything when it is read
        raise Unwritable("a value", f", which cannot be read: {told(error)}") from None


class _Made(NamedTuple):
    """A list, mapping or array that has been copied."""

    value: Any  # kept, so that its id is not reused
    copy: Any
    values: int  # number of values in it


class _Copy:
    """A walk through a value, with its open containers and the number of values left."""

    def __init__(self) -> None:
        self._open: set[int] = set()
        self._left = MOST
        self._made: dict[int, _Made] = {}  # a shared part counts again, but is not visited again

    def of(self, value: Any) -> Any:
        """Return a plain copy of *value*."""
        self._count(1)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, np.generic | np.ndarray):
            return self._inside(value, self._array)
        if isinstance(value, int):
            return _whole(value)
        if isinstance(value, float):
            return _finite(value)
        if isinstance(value, str):
            return _text(value)
        if isinstance(value, list | tuple):
            return self._inside(value, self._list)
        if isinstance(value, dict):
            return self._inside(value, self._mapping)
        raise _foreign(value)

    def _count(self, values: int) -> None:
        self._left -= values
        if self._left < 0:
            raise Unwritable(f"more than {MOST:,} values", ", too many to write")

    def _inside(self, value: Any, copy: Any) -> Any:
        """Copy a container, unless it contains itself."""
        if id(value) in self._open:
            raise Unwritable("itself", ", which is endless")
        if len(self._open) == DEEPEST:
            raise Unwritable(f"lists or mappings nested deeper than {DEEPEST} levels", "")
        made = self._made.get(id(value))
        if made is not None:
            self._count(made.values)
            return made.copy
        left = self._left
        self._open.add(id(value))
        try:
            found = copy(value)
        except Unwritable:
            raise
        except Exception as error:  # an object may do anything when it is read
            raise Unwritable("a value", f", which cannot be read: {told(error)}") from None
        finally:
            self._open.discard(id(value))
        self._made[id(value)] = _Made(value, found, left - self._left)
        return found

    def _list(self, values: Sequence[Any]) -> list[Any]:
        if set(map(type, values)) <= {int, float} and all(-LARGE < value < LARGE for value in values):
            self._count(len(values))
            return list(values)
        found = []
        for index, value in enumerate(values):
            try:
                found.append(self.of(value))
            except Unwritable as wrong:
                raise wrong.within(index) from None
        return found

    def _mapping(self, values: dict[Any, Any]) -> dict[str, Any]:
        found = {}
        for key, value in values.items():
            if not isinstance(key, str):
                raise Unwritable(f"a mapping with the key {shown(key)} of type {type(key).__name__}", FOREIGN)
            try:
                found[_text(key)] = self.of(value)
            except Unwritable as wrong:
                raise wrong.within(key) from None
        return found

    def _array(self, value: Any) -> Any:
        """Copy a NumPy array or scalar; a scalar is an array without axes."""
        array = np.asanyarray(value)
        if array.dtype.kind not in "biufUO" or isinstance(array, np.ma.MaskedArray):
            raise _foreign(value)
        if array.dtype.kind in "UO":
            return self.of(array.tolist())
        self._count(array.size)
        if array.dtype.kind != "f":
            return array.tolist()
        with np.errstate(over="ignore"):  # a long double may overflow Python's float
            array = array.astype(np.float64)
        return array.tolist() if np.isfinite(array).all() else self.of(array.tolist())


def _whole(value: int) -> int:
    if value.bit_length() > LONGEST:
        raise Unwritable(f"a whole number of {value.bit_length()} bits", ", too long to write")
    return int.__int__(value)


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise Unwritable(str(float.__float__(value)), ", which is not a finite number")
    return float.__float__(value)


def _text(value: str) -> str:
    text = str.__str__(value)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            half = ascii(text[error.start])
            raise Unwritable(f"text with {half}", ", half of a surrogate pair") from None
    return text


def _foreign(value: Any) -> Unwritable:
    return Unwritable(f"{shown(value)} of type {type(value).__name__}", FOREIGN)
