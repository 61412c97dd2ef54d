"""Subtract an origin from stamps exactly, before anything is rounded.

start_s             1732000000.123456      floats near 1.7e9 are 2.4e-7 apart;
--origin first   -> 0.0                    the difference of the texts is exact, and is rounded once
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, InvalidOperation

from parsim.core.errors import Fault
from parsim.export.sheet import Sheet

FIRST = "first"
STAMPS = ("ready_s", "start_s", "end_s")  # the columns that an origin shifts
EXACT = Context(prec=1000, Emax=MAX_EMAX, Emin=MIN_EMIN)  # digits, far more than any stamp has


def stamp(text: str) -> Decimal:
    """Read an origin in seconds, 0 or more; anything else raises `ValueError`.

    >>> stamp("1732000000.5"), stamp("1e9")
    (Decimal('1732000000.5'), Decimal('1E+9'))
    """
    try:
        origin = EXACT.create_decimal(text.strip())
    except InvalidOperation:
        origin = Decimal(-1)
    if origin.is_nan() or not 0 <= origin <= Decimal("1e100") or "_" in text:
        raise ValueError(f"'{text}' is not an origin; write {FIRST}, or a number of seconds, 0 or more")
    return origin


def moved(sheet: Sheet, cells: dict[str, Sequence[str]], origin: str, faults: list[Fault]) -> dict[str, list[float]]:
    """Return the stamps of *cells*, which are numbers, minus *origin*: the first start, or a number of seconds.

    Spans that are ready before the origin become ready at the origin. A start before it is a fault.
    """
    exact = {name: [EXACT.create_decimal(cell.strip()) for cell in cells[name]] for name in STAMPS}
    begin = min(exact["start_s"], default=Decimal(0)) if origin == FIRST else stamp(origin)
    for row, start in enumerate(exact["start_s"]):
        if start < begin:
            faults.append(sheet.fault(row, "start_s", f"{start} is before the origin, {begin}"))
    return {name: [max(0.0, float(EXACT.subtract(time, begin))) for time in exact[name]] for name in STAMPS}
