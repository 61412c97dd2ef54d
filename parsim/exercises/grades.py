"""Grade a folder of hand-ins: a folder for each student, named as the student is.

handed_in/ada/first_run.yaml  ...        student  points  first_run  shorter_is_later  ...  remarks
handed_in/bob/beat_fifo.py    ...        ada           2          1                 0       shorter_is_later: ...
"""

from __future__ import annotations

import io
import os
import tokenize
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any

from parsim.core.errors import Fault, ScenarioError
from parsim.core.machine import cores
from parsim.core.progress import counted
from parsim.core.read_file import content
from parsim.exercises import EXERCISES
from parsim.exercises.exercise import Code
from parsim.exercises.outcome import Outcome, outcome
from parsim.exercises.sealed import CODE_S
from parsim.export.formats import table_csv
from parsim.export.summary import Summary, Table, column
from parsim.export.table import table

POINTS = {"right": 1, "not yet": 0, "broken": 0, "untouched": None, "missing": None}
ASIDE = (".", "__")  # folders that no student has, such as __MACOSX
COMPARED = (tokenize.NAME, tokenize.OP, tokenize.NUMBER)


@dataclass(frozen=True)
class Row:
    """What became of the hand-ins of a student, by exercise."""

    student: str
    outcomes: dict[str, Outcome]

    @property
    def points(self) -> int:
        """The number of right answers."""
        return sum(each.kind == "right" for each in self.outcomes.values())


@dataclass(frozen=True)
class Grades:
    """The grades of a course, a row for each student."""

    rows: list[Row]

    def to_dict(self) -> dict[str, Any]:
        """Return the outcomes as plain values."""
        return {
            "students": [
                {
                    "student": row.student,
                    "points": row.points,
                    "outcomes": {
                        name: {"outcome": each.kind, "words": each.words, "same_as": list(each.same_as)}
                        for name, each in row.outcomes.items()
                    },
                }
                for row in self.rows
            ]
        }

    def csv(self) -> str:
        """Return the table of the teacher: 1 is right, 0 is not, and empty is untouched or was not handed in."""
        return table_csv(self.summary())

    def summary(self) -> Summary:
        """Summarise the grades: a row for each student."""
        points = {name: [POINTS[row.outcomes[name].kind] for row in self.rows] for name in EXERCISES}
        columns = [
            column("student", [row.student for row in self.rows]),
            column("points", [row.points for row in self.rows]),
            *(column(name, each, name) for name, each in points.items()),
            column("remarks", [*map(_all_remarks, self.rows)]),
        ]
        return Summary("Grades", [Table("Points", columns)])

    def report(self) -> str:
        """Return the points of all, and who handed in what is broken."""
        shown = [("student", "points"), *((row.student, f"{row.points} of {len(EXERCISES)}") for row in self.rows)]
        notes = [f"  {row.student}: {remark}" for row in self.rows for remark in _remarks(row.outcomes, ("broken",))]
        return "\n".join([*table(shown), *(["", "To look at", *notes] if notes else [])])


def _all_remarks(row: Row) -> str:
    return " | ".join([*_remarks(row.outcomes, ("not yet", "broken")), *_unanswered(row.outcomes)])


def _remarks(outcomes: Mapping[str, Outcome], kinds: Collection[str]) -> Iterator[str]:
    """Yield what is to be said of the outcomes of these kinds, and of code that others handed in, too."""
    for name, each in outcomes.items():
        if each.kind in kinds:
            yield f"{name}: {each.words}"
        if each.same_as:
            yield f"{name}: the same code as of {', '.join(each.same_as)}"


def _unanswered(outcomes: Mapping[str, Outcome]) -> Iterator[str]:
    """Yield which files the student left as they were, or that there are none."""
    untouched = [name for name, each in outcomes.items() if each.kind == "untouched"]
    if untouched:
        yield f"untouched: {', '.join(untouched)}"
    if all(each.kind == "missing" for each in outcomes.values()):
        yield "nothing was handed in"


def grade(folder: str, code_s: float = CODE_S) -> Grades:
    """Mark every hand-in of every student.

    Parameters
    ----------
    folder : holds a folder for each student, whose name is the student's.
    code_s : seconds that a student's code may take.

    Raises `ScenarioError` where the folder cannot be read, or holds no folder of a student.
    """
    students = _students(folder)
    asked = [(student, name) for student in students for name in EXERCISES]
    with ThreadPoolExecutor(cores()) as pool:
        begun = {each: pool.submit(_one, folder, *each, code_s) for each in asked}
        try:
            for _ in zip(counted("hand-ins", asked), as_completed(begun.values()), strict=True):
                pass
            outcomes = {each: one.result() for each, one in begun.items()}
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    outcomes |= _shared(folder, outcomes)
    return Grades([Row(student, {name: outcomes[student, name] for name in EXERCISES}) for student in students])


def _students(folder: str) -> list[str]:
    try:
        folders = [each.name for each in os.scandir(folder) if each.is_dir(follow_symlinks=False)]
        found = sorted(name for name in folders if not name.startswith(ASIDE) and _is_of_student(folder, name))
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise ScenarioError([Fault(folder, 0, 0, "FOLDER", f"cannot be read: {why}")]) from None
    if not found:
        wanted = "holds no folder of a student, such as ada/ with first_run.yaml in it"
        raise ScenarioError([Fault(folder, 0, 0, "FOLDER", wanted)])
    return found


def _is_of_student(folder: str, name: str) -> bool:
    """Return whether a folder holds a file of an exercise; an empty one, or one that cannot be read, counts."""
    try:
        held = set(os.listdir(os.path.join(folder, name)))
    except OSError:
        return True
    return not held or any({each.file, each.scenario_file} & held for each in EXERCISES.values())


def _one(folder: str, student: str, name: str, code_s: float) -> Outcome:
    return outcome(EXERCISES[name], student, os.path.join(folder, student, EXERCISES[name].file), code_s)


def _shared(folder: str, outcomes: dict[tuple[str, str], Outcome]) -> dict[tuple[str, str], Outcome]:
    """Return the outcomes of code that several students handed in, apart from comments and texts."""
    groups: dict[tuple[str, str], list[str]] = {}
    for (student, name), each in outcomes.items():
        if each.kind == "right" and isinstance(EXERCISES[name].form, Code):
            code = _code(os.path.join(folder, student, EXERCISES[name].file)) or student  # unreadable: like no other
            groups.setdefault((name, code), []).append(student)
    return {
        (student, name): outcomes[student, name]._replace(
            same_as=tuple(other for other in students if other != student)
        )
        for (name, _), students in groups.items()
        if len(students) > 1
        for student in students
    }


def _code(file: str) -> str:
    """Return the tokens of a file that compute; none if it cannot be read any more."""
    try:
        tokens = tokenize.generate_tokens(io.StringIO(content(file).decode()).readline)
        return " ".join(token.string for token in tokens if token.type in COMPARED)
    except (ValueError, SyntaxError, tokenize.TokenError):
        return ""
