"""Exact numbers with units.

    '5 us'  ->  5 * 1/1000000  ->  the float nearest to 0.000005, which is 5e-06

The table contains fractions, so that a number is rounded only once. Bits and bytes differ (`Gbit`, `GB`), and so do
powers of ten and of two (`GB`, `GiB`). `Gb` is ambiguous and refused.
"""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core import CoreSchema

DECIMAL = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15}
BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50}
LONGEST = 400  # characters of a number, and the largest exponent
LARGEST, SMALLEST = 1e100, 1e-100  # in base units, except zero: so that ratios and sums of quantities do not overflow

_BYTES = {f"{prefix}B": Fraction(scale) for prefix, scale in (DECIMAL | BINARY).items()} | {
    f"{prefix}bit": Fraction(scale, 8) for prefix, scale in (DECIMAL | BINARY).items()
}
_FLOP = {f"{prefix}FLOP": Fraction(scale) for prefix, scale in (DECIMAL | {"E": 10**18}).items()}
_SECONDS = {
    "ns": Fraction(1, 10**9),
    "us": Fraction(1, 10**6),
    "ms": Fraction(1, 10**3),
    "s": Fraction(1),
    "min": Fraction(60),
    "h": Fraction(3600),
}


def _per_second(units: Mapping[str, Fraction]) -> dict[str, Fraction]:
    return {f"{unit}/s": scale for unit, scale in units.items()}


@dataclass(frozen=True)
class Dimension:
    """A dimension: a phrase for it, its units, an example, and whether zero is allowed."""

    what: str
    base: str  # parsim's base unit
    example: str
    units: Mapping[str, Fraction]
    zero: bool = True

    def __hash__(self) -> int:
        return hash(self.base)

    def complete(self, number: str) -> str:
        """Write *number* with the unit of the example."""
        return f"{number} {self.example.split()[1]}"

    @property
    def pattern(self) -> str:
        """The regular expression of quantities for the JSON Schema."""
        units = "|".join(re.escape(unit) for unit in self.units)
        start = "^" if self.zero else "^(?=[0.]*[1-9])"
        return rf"{start}((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?[ \t]*({units})$"

    @property
    def schema(self) -> dict[str, str]:
        """The JSON Schema of quantities, with the error message of editors."""
        message = f"Write {self.what} such as '{self.example}'."
        return {"type": "string", "pattern": self.pattern, "patternErrorMessage": message}


SECONDS = Dimension("a time", "s", "5 s", _SECONDS)
BYTES = Dimension("a size", "B", "10 MB", _BYTES)
BYTES_PER_SECOND = Dimension("a bandwidth", "B/s", "400 Gbit/s", _per_second(_BYTES), zero=False)
RATE_OR_ZERO = replace(BYTES_PER_SECOND, zero=True)
FLOP = Dimension("a number of FLOP", "FLOP", "2 TFLOP", _FLOP)
FLOP_PER_SECOND = Dimension("a rate of FLOP", "FLOP/s", "312 TFLOP/s", _per_second(_FLOP), zero=False)
PRICE = Dimension("a price", "USD/h", "4.10 USD/h", {"USD/h": Fraction(1)})
POWER = Dimension("a power", "W", "400 W", {"W": Fraction(1), "kW": Fraction(1000)}, zero=False)
ENERGY = Dimension(
    "an energy",
    "J",
    "5 kWh",
    {"J": Fraction(1), "kJ": Fraction(10**3), "MJ": Fraction(10**6), "kWh": Fraction(3_600_000)},
)
MONEY = Dimension("an amount of money", "USD", "3 USD", {"USD": Fraction(1)})
DIMENSIONS = (SECONDS, BYTES, BYTES_PER_SECOND, FLOP, FLOP_PER_SECOND, PRICE, POWER, ENERGY, MONEY)

_DIMENSION_OF = {unit: dimension for dimension in DIMENSIONS for unit in dimension.units}
_BY_SMALL_LETTERS = {unit.casefold(): unit for unit in _DIMENSION_OF}
_PARTS = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]+))?[ \t]*(.*)", re.DOTALL)
_OTHER_SPELLINGS = {"sec": "s", "second": "s", "seconds": "s", "minutes": "min", "hours": "h", "hour": "h"} | {
    "watt": "W", "watts": "W", "USD/hour": "USD/h", "USD/hr": "USD/h", "$/h": "USD/h", "$/hour": "USD/h"
}  # fmt: skip


class Unread(float):
    """Replaces a wrong quantity while other values are checked; every quantity field accepts it."""

    def __new__(cls) -> Unread:
        """Return an amount that is valid everywhere: above zero, and less than one."""
        return super().__new__(cls, 0.5)


def parse(value: object, dimension: Dimension) -> float:
    """Read *value* as a quantity of *dimension*, in its base unit; a wrong value raises `ValueError`.

    >>> parse("5 us", SECONDS)
    5e-06
    >>> parse("400 Gbit/s", BYTES_PER_SECOND)
    50000000000.0
    >>> parse("400", BYTES_PER_SECOND)
    Traceback (most recent call last):
    ValueError: '400' has no unit; write for example '400 Gbit/s'
    """
    return measure(value, dimension)[1]


def measure(value: object, *wanted: Dimension) -> tuple[Dimension, float]:
    """Read *value* as a quantity of one of the *wanted* dimensions; return the dimension and the amount."""
    if isinstance(value, str):
        return _measure(value, wanted)
    if isinstance(value, Unread):
        return wanted[0], value
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not 0 <= value <= sys.float_info.max:
            raise ValueError(f"{show(value)} is not a quantity; write for example {_examples(wanted)}")
        raise ValueError(f"'{show(value)}' has no unit; write for example '{wanted[0].complete(show(value))}'")
    raise ValueError(f"wants {_wants(wanted)} such as {_examples(wanted)}, not {show(value)}")


def show(value: object) -> str:
    """Describe a value in a few words.

    >>> show("fifo"), show([1, 2]), show(True), show(None)
    ("the text 'fifo'", 'a list', 'true', 'nothing')
    """
    if isinstance(value, str):
        return f"the text {_quote(value)}"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and value.bit_length() > 256:
        return f"a whole number of {value.bit_length()} bits"
    if isinstance(value, int | float):
        return str(value)
    if value is None:
        return "nothing"
    return "a list" if isinstance(value, list) else "a mapping" if isinstance(value, dict) else type(value).__name__


@functools.lru_cache(maxsize=1 << 14)
def _measure(text: str, wanted: tuple[Dimension, ...]) -> tuple[Dimension, float]:
    sign, whole, decimals, exponent, unit = _parts(text, wanted)
    dimension = _dimension(text, unit, wanted)
    if sign == "-":
        raise ValueError(f"'{text}' is negative; write for example {_examples(wanted)}")
    if sign or (len(whole) > 1 and whole[0] == "0"):
        raise ValueError(f"'{text}' starts with '{sign or 0}'; write '{_without_start(text)}'")
    amount = _amount(text, int(whole + decimals or "0"), exponent - len(decimals), dimension.units[unit])
    if amount == 0 and not dimension.zero:
        raise ValueError(f"'{text}' is zero; {dimension.what} must be above 0, for example '{dimension.example}'")
    return dimension, amount


def _without_start(text: str) -> str:
    return re.sub(r"^\+?0*(?=[0-9])", "", text)


def _parts(text: str, wanted: tuple[Dimension, ...]) -> tuple[str, str, str, int, str]:
    """Split *text* into sign, digits before and after the point, exponent, and the unit's letters."""
    match = _PARTS.fullmatch(text)
    assert match is not None  # every group may be empty
    sign, whole, decimals, exponent, unit = match.groups(default="")
    number = text[: match.start(5)].rstrip()
    if not whole + decimals:
        raise ValueError(f"{_quote(text)} is not a number with a unit; write for example {_examples(wanted)}")
    if len(number) > LONGEST or len(exponent) > 5 or abs(int(exponent or 0)) > LONGEST:
        raise ValueError(f"{_quote(text)} is out of range; write for example {_examples(wanted)}")
    if not unit:
        raise ValueError(f"'{text}' has no unit; write for example '{wanted[0].complete(number.lstrip('+-'))}'")
    return sign, whole, decimals, int(exponent or 0), unit


def _amount(text: str, digits: int, exponent: int, scale: Fraction) -> float:
    """Return digits * 10^exponent * scale, rounded once, since Python divides integers exactly."""
    over, under = digits * scale.numerator, scale.denominator
    if exponent > 0:
        over *= 10**exponent
    else:
        under *= 10**-exponent
    if over > int(LARGEST) * under:
        raise ValueError(f"{_quote(text)} is out of range; the largest number is {LARGEST:g}")
    amount = over / under
    if over and amount < SMALLEST:
        raise ValueError(f"{_quote(text)} is out of range; the smallest number is {SMALLEST:g}")
    return amount


def _dimension(text: str, unit: str, wanted: tuple[Dimension, ...]) -> Dimension:
    dimension = _DIMENSION_OF.get(unit)
    if dimension is None:
        raise ValueError(f"{_quote(text)} has the unknown unit {_quote(unit)}; {_remedy(unit, wanted)}")
    found = next((one for one in wanted if one.base == dimension.base), None)
    if found is None:
        raise ValueError(f"'{text}' is {dimension.what}; write {_wants(wanted)}, for example {_examples(wanted)}")
    return found


def _remedy(unit: str, wanted: tuple[Dimension, ...]) -> str:
    bare = re.sub(r"[ \t]", "", unit).removesuffix("/s").removesuffix("ps")
    rate = "/s" if re.search(r"ps$|/s?\s*s?$", unit) else ""
    if re.fullmatch(r"(|[kKmMGgTtPp]|[KMGTP]i)b", bare):
        prefix = {"K": "k", "m": "M", "g": "G", "t": "T", "p": "P"}.get(bare[:-1], bare[:-1])
        return f"write {prefix}bit{rate} or {prefix}B{rate}"
    if bare in ("KB", "K"):
        return f"write kB{rate} (1000) or KiB{rate} (1024)"
    if re.fullmatch(r"[kMGTPE]?FLOP[sS]", bare):
        return f"write {bare[:-1]} or {bare[:-1]}/s"
    tidy = re.sub(r"[ \t]", "", unit).replace("µ", "u").replace("μ", "u")
    known = _OTHER_SPELLINGS.get(tidy) or _BY_SMALL_LETTERS.get(tidy.casefold())
    if known is not None and _DIMENSION_OF[known] in wanted:
        return f"write {known}"
    return f"known are: {', '.join(name for dimension in wanted for name in dimension.units)}"


def _quote(text: str) -> str:
    return f"'{text}'" if len(text) <= 60 else f"'{text[:60]}...'"


def _examples(wanted: tuple[Dimension, ...]) -> str:
    return " or ".join(f"'{dimension.example}'" for dimension in wanted)


def _wants(wanted: tuple[Dimension, ...]) -> str:
    return " or ".join(dimension.what for dimension in wanted)


def write(amount: float, dimension: Dimension) -> str:
    """Write *amount* in the base unit of *dimension*, so that `parse` reads the same float.

    >>> write(0.0, SECONDS), write(5e-06, SECONDS)
    ('0 s', '5e-06 s')
    """
    return f"{int(amount) if amount == int(amount) else amount} {dimension.base}"


@dataclass(frozen=True)
class Quantity:
    """Marks a float parameter that is written as text with a unit of *dimension*."""

    dimension: Dimension
    takes = (str, Unread)  # the raw types that it reads, and those that its messages explain
    explains = (int, float)

    @property
    def wanted(self) -> str:
        """A phrase for messages."""
        return f"{self.dimension.what} such as '{self.dimension.example}'"

    @property
    def example(self) -> str:
        """What to write, for messages."""
        return self.dimension.example

    def write(self, amount: float) -> str:
        """Write a default as in YAML."""
        return write(amount, self.dimension)

    def read(self, value: object) -> float:
        """Read a quantity."""
        return parse(value, self.dimension)

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return self.dimension.schema | {"examples": [self.dimension.example]}


Seconds = Annotated[float, Quantity(SECONDS)]
Bytes = Annotated[float, Quantity(BYTES)]
BytesPerSecond = Annotated[float, Quantity(BYTES_PER_SECOND)]
BandwidthOverTime = Annotated[float, Quantity(RATE_OR_ZERO)]  # it may be 0 B/s for a while
Flop = Annotated[float, Quantity(FLOP)]
FlopPerSecond = Annotated[float, Quantity(FLOP_PER_SECOND)]
DollarsPerHour = Annotated[float, Quantity(PRICE)]
Watts = Annotated[float, Quantity(POWER)]


class Travel(NamedTuple):
    """The amount on an edge of a task graph: bytes to transfer, or seconds of delay."""

    size: float = 0.0
    delay: float = 0.0


@dataclass(frozen=True)
class TimeOrSize:
    """Marks a `Travel` parameter: text with a unit of time or of size."""

    takes = (str, Unread)
    explains = (int, float)
    wanted = f"a time or a size such as '{SECONDS.example}' or '{BYTES.example}'"
    example = BYTES.example

    def read(self, value: object) -> Travel:
        """Read a time or a size.

        >>> TimeOrSize().read("18 s"), TimeOrSize().read("1 kB")
        (Travel(size=0.0, delay=18.0), Travel(size=1000.0, delay=0.0))
        """
        dimension, amount = measure(value, SECONDS, BYTES)
        return Travel(size=amount) if dimension is BYTES else Travel(delay=amount)

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {
            "anyOf": [dimension.schema for dimension in (SECONDS, BYTES)],
            "examples": [SECONDS.example, BYTES.example],
        }
