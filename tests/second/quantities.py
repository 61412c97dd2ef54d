"""Quantities as exact fractions (contract, section 3): a number and a unit, read from the text and never as a float."""

from fractions import Fraction

SECONDS = {
    "ns": Fraction(1, 10**9),
    "us": Fraction(1, 10**6),
    "ms": Fraction(1, 1000),
    "s": Fraction(1),
    "min": Fraction(60),
    "h": Fraction(3600),
}
PREFIXES = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15}
PREFIXES |= {f"{letter}i": 1024**power for power, letter in enumerate("KMGTP", start=1)}
BYTES = {f"{prefix}B": Fraction(factor) for prefix, factor in PREFIXES.items()}
BYTES |= {f"{prefix}bit": Fraction(factor, 8) for prefix, factor in PREFIXES.items()}


def exact(number):
    """Read a plain number, such as a speed, as it is written."""
    return Fraction(str(number))


def seconds(text):
    number, unit = text.split()
    return Fraction(number) * SECONDS[unit]


def size(text):
    number, unit = text.split()
    return Fraction(number) * BYTES[unit]


def rate(text):
    assert text.endswith("/s")
    return size(text.removesuffix("/s"))
