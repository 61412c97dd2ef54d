"""The list of the exercises, in the order of the course.

exercise   lesson  hand in         question
first_run  01      first_run.yaml  where does the time go?
"""

from __future__ import annotations

from typing import Any

from parsim.exercises import EXERCISES
from parsim.export.summary import Summary, Table, column
from parsim.export.table import table

KEYS = ("name", "title", "lesson", "file")
HEADS = {"name": "exercise", "lesson": "lesson", "file": "hand in", "title": "question"}  # in the order of columns


class Course:
    """All exercises."""

    def to_dict(self) -> list[dict[str, Any]]:
        """Return a mapping for each exercise."""
        return [{key: getattr(one, key) for key in KEYS} for one in EXERCISES.values()]

    def report(self) -> str:
        """Write a line for each exercise."""
        return "\n".join(table(self._table().rows, words=range(4)))

    def summary(self) -> Summary:
        """Summarise the course: a row for each exercise."""
        return Summary("Exercises", [self._table()])

    def _table(self) -> Table:
        each = EXERCISES.values()
        return Table("Course", [column(key, [getattr(one, key) for one in each], head) for key, head in HEADS.items()])
