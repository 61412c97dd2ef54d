"""Rates of arithmetic: FLOP/s by number format.

peak: 42 GFLOP/s                                   of every format
peak: {bf16: 312 TFLOP/s, fp32: 19.5 TFLOP/s}      of these formats; that of all others is not known
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import NamedTuple

from parsim.core.errors import Complaint, Invalid
from parsim.core.units import FlopPerSecond


@dataclass(frozen=True)
class ByFormat:
    """The keys of rates by number format.

    Parameters
    ----------
    fp64 : FLOP a second in double precision, 8 bytes.
    fp32 : FLOP a second in single precision, 4 bytes.
    tf32 : FLOP a second in TensorFloat-32, which multiplies single precision with 10 bits of mantissa.
    bf16 : FLOP a second in bfloat16, 2 bytes.
    fp16 : FLOP a second in half precision, 2 bytes.
    fp8 : FLOP a second in 8 bits, 1 byte.
    """

    fp64: FlopPerSecond | None = None
    fp32: FlopPerSecond | None = None
    tf32: FlopPerSecond | None = None
    bf16: FlopPerSecond | None = None
    fp16: FlopPerSecond | None = None
    fp8: FlopPerSecond | None = None

    def stated(self) -> tuple[tuple[str, float], ...]:
        """Return the formats with their rates."""
        return tuple((field.name, rate) for field in fields(self) if (rate := getattr(self, field.name)) is not None)


class Rates(NamedTuple):
    """FLOP/s by number format: one rate of every format, or one for each of some formats."""

    every: float = math.nan
    by: tuple[tuple[str, float], ...] = ()

    def of(self, format: str) -> float:
        """Return the FLOP/s of a number format; NaN if it is not known.

        >>> Rates(42e9).of("fp64"), Rates(by=(("bf16", 312e12),)).of("fp64")
        (42000000000.0, nan)
        """
        return dict(self.by).get(format, self.every)

    @property
    def known(self) -> bool:
        """Whether any rate is known."""
        return bool(self.by) or not math.isnan(self.every)


def rates_of(form: float | ByFormat) -> Rates:
    """Return the rates that a scenario states. A mapping without formats raises `Invalid`."""
    if not isinstance(form, ByFormat):
        return Rates(form)
    if not form.stated():
        raise Invalid([Complaint((), "is empty; write for example '{bf16: 312 TFLOP/s}'")])
    return Rates(by=form.stated())
