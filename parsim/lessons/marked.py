"""A checked answer, with a comment."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from parsim.core.escape import printable
from parsim.core.units import Dimension, parse

FOUND = 1e-3  # relative, of a time computed on paper
NEAR = 1e-2  # relative, of a crossing


@dataclass(frozen=True)
class Marked:
    """A checked answer with a comment, which is also its representation."""

    right: bool
    words: str

    def __repr__(self) -> str:
        return printable(self.words)


def unanswered(answer: object) -> bool:
    """Return whether there is no answer yet."""
    return answer is None or answer is ...


def quantity(answer: object, dimension: Dimension, question: str = "") -> float | Marked:
    """Read an answer with its unit; where there is none yet, *question* is the hint."""
    if unanswered(answer):
        return hint(question)
    try:
        return parse(answer, dimension)
    except ValueError as wrong:
        return hint(f"This cannot be read: {wrong}.")


def overlooked(told: float, found: float, mistakes: Iterable[tuple[float, str]], tolerance: float, advice: str) -> str:
    """Say which of the *mistakes* gives the time *told*; if none does, whether it is too short or long, and *advice*.

    >>> overlooked(3.0, 2.0, [(4.0, "is twice as long.")], FOUND, "Think of the latency.")
    'is too long. Think of the latency.'
    """
    general = f"is too {'short' if told < found else 'long'}. {advice}"
    return next((words for mistake, words in mistakes if close(told, mistake, tolerance)), general)


def hint(words: str) -> Marked:
    """Mark a wrong answer."""
    return Marked(False, f"Not yet. {words}")


def close(one: float, other: float, tolerance: float) -> bool:
    """Return whether two numbers agree, relative to the larger."""
    return math.isclose(one, other, rel_tol=tolerance)
