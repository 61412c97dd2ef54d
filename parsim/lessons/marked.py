"""A checked answer, with a comment."""

from __future__ import annotations

import math
from dataclasses import dataclass

from parsim.core.escape import printable

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


def unread(wrong: ValueError) -> Marked:
    """Mark an answer that is no quantity."""
    return hint(f"This cannot be read: {wrong}.")


def hint(words: str) -> Marked:
    """Mark a wrong answer."""
    return Marked(False, f"Not yet. {words}")


def close(one: float, other: float, tolerance: float) -> bool:
    """Return whether two numbers agree, relative to the larger."""
    return math.isclose(one, other, rel_tol=tolerance)
