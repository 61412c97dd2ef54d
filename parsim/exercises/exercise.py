"""What an exercise is: numbers drawn for a student, a question about them, and a check that knows no stored answer.

student --draw--> numbers --ask--> question          the file that the student begins with:
                     |                               the question, then an empty place for each answer
                     `----mark(numbers, answer)----> right or not yet, and why
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from parsim.core.units import Dimension
from parsim.exercises.lot import Lot
from parsim.lessons.marked import FOUND, Marked, close, hint, overlooked, quantity, unanswered

Numbers = TypeVar("Numbers")
Answer = Mapping[str, Any]
WIDTH = 96  # of a line of the question


@dataclass(frozen=True)
class Blanks:
    """A hand-in of some values: a YAML file with a key for each.

    Parameters
    ----------
    keys : what to write at each key.
    """

    keys: Mapping[str, str]
    suffix = ".yaml"

    def text(self, question: str) -> str:
        """Return the file to begin with."""
        told = "".join(f"# {line}".rstrip() + "\n" for line in question.splitlines())
        return told + "\n" + "".join(f"{key}:  # {what}\n" for key, what in self.keys.items())


@dataclass(frozen=True)
class Code:
    """A hand-in of Python code.

    Parameters
    ----------
    start : the code to begin with.
    """

    start: str
    suffix = ".py"

    def text(self, question: str) -> str:
        """Return the file to begin with."""
        return f'"""{question}\n"""\n\n{self.start}'


@dataclass(frozen=True)
class Exercise(Generic[Numbers]):
    """An exercise.

    Parameters
    ----------
    name : name of the exercise, and of the file that is handed in.
    title : the question in a few words.
    lesson : number of the lesson before it.
    draw : draws the student's numbers.
    ask : writes the question with these numbers.
    form : what is handed in.
    mark : marks an answer: values by key, or a `Script`.
    scenario : the scenario to try things with; left out: the student writes one.
    """

    name: str
    title: str
    lesson: str
    draw: Callable[[Lot], Numbers]
    ask: Callable[[Numbers], str]
    form: Blanks | Code
    mark: Callable[[Numbers, Any], Marked]
    scenario: Callable[[Numbers], dict[str, Any]] | None = None

    @property
    def file(self) -> str:
        """Name of the file that is handed in."""
        return f"{self.name}{self.form.suffix}"

    @property
    def scenario_file(self) -> str:
        """Name of the file with the scenario."""
        return f"{self.name}.scenario.yaml"

    def numbers(self, student: str) -> Numbers:
        """Return the numbers of a student."""
        return self.draw(Lot(self.name, student))

    def question(self, student: str) -> str:
        """Return the whole question for a student."""
        return f"{self.name}: {self.title}\n\n{self.ask(self.numbers(student))}"


class Wanted(NamedTuple):
    """A quantity to find: its key, dimension and value, the mistakes that give others, and advice for the rest."""

    key: str
    dimension: Dimension
    found: float
    mistakes: Iterable[tuple[float, str]]
    advice: str
    tolerance: float = FOUND


def first_wrong(answer: Answer, wanted: Iterable[Wanted]) -> Marked | None:
    """Return a hint about the first quantity that is wrong or missing; None if all are right.

    >>> from parsim.core.units import SECONDS
    >>> idle = Wanted("idle", SECONDS, 2.0, [(4.0, "is the sum, not the mean.")], "Who waits?")
    >>> first_wrong({"idle": "4 s"}, [idle]), first_wrong({"idle": "2 s"}, [idle])
    (Not yet. idle: 4 s is the sum, not the mean., None)
    """
    for each in wanted:
        said = told(answer, each.key, each.dimension)
        if isinstance(said, Marked):
            return said
        if not close(said, each.found, each.tolerance):
            why = overlooked(said, each.found, each.mistakes, each.tolerance, each.advice)
            return hint(f"{each.key}: {answer[each.key]} {why}")
    return None


def told(answer: Answer, key: str, dimension: Dimension) -> float | Marked:
    """Return the quantity that an answer gives; a hint where it gives none, or one that cannot be read."""
    return empty(key) if unanswered(answer[key]) else quantity(answer[key], dimension)


def empty(*keys: str) -> Marked:
    """Mark an answer that leaves these keys empty.

    >>> empty("t_total"), empty("step", "held", "idle")
    (Not yet. t_total is still empty., Not yet. step, held and idle are still empty.)
    """
    *others, last = keys
    return hint(f"{', '.join(others)} and {last} are still empty." if others else f"{last} is still empty.")


def paragraphs(*texts: str) -> str:
    """Join paragraphs, each wrapped; lines that begin with two spaces stay.

    >>> print(paragraphs("One.", "  a  1"))
    One.
    <BLANKLINE>
      a  1
    """
    return "\n\n".join(text if text.startswith("  ") else textwrap.fill(text, WIDTH) for text in texts)
