"""Mark a file in a process of its own, whatever is in it: nothing that a student hands in ends the grading.

ada/crossing.yaml    right                       bob/beat_fifo.py    not yet, with a hint
ada/own_schedule.py  untouched
ada/plan_13b.yaml    missing                     eve/beat_fifo.py    broken: an endless loop
"""

from __future__ import annotations

import os
import stat
from typing import Any, Literal, NamedTuple

from parsim.core.errors import Fault
from parsim.exercises.exercise import Exercise
from parsim.exercises.sealed import CHECK_S, CODE_S, MEMORY, Limits, Unanswered, sealed

BIGGEST = 2**20  # B of a file


class Outcome(NamedTuple):
    """What became of a hand-in, in words too; *faults* have a place in the file, *same_as* handed in the same code."""

    kind: Literal["right", "not yet", "untouched", "missing", "broken"]
    words: str
    faults: tuple[Fault, ...] = ()
    same_as: tuple[str, ...] = ()


def outcome(exercise: Exercise[Any], student: str, file: str, code_s: float = CODE_S) -> Outcome:
    """Mark *file* with the numbers of *student*; its code gets *code_s* seconds.

    >>> from parsim.exercises import EXERCISES
    >>> outcome(EXERCISES["crossing"], "ada", "ada/crossing.yaml").kind
    'missing'
    """
    refused = _refused(file)
    if refused:
        return refused
    place = os.path.abspath(file)
    try:
        asked = {"name": exercise.name, "student": student, "file": place, "code": Limits(code_s, MEMORY)}
        said = sealed("mark", asked, Limits(code_s + CHECK_S, MEMORY))
        return Outcome(said["kind"], str(said["words"]).replace(place, file))
    except Unanswered as broken:
        faults = (fault._replace(file=fault.file.replace(place, file)) for fault in broken.faults)
        return Outcome("broken", str(broken).replace(place, file), tuple(faults))
    except (LookupError, TypeError):
        return Outcome("broken", "its answer cannot be read")


def _refused(file: str) -> Outcome | None:
    """Refuse what is missing, or is no file of its own."""
    try:
        found = os.lstat(file)
    except (OSError, ValueError):
        return Outcome("missing", "it was not handed in")
    if not stat.S_ISREG(found.st_mode):
        return Outcome("broken", "it is no regular file")
    if found.st_size > BIGGEST:
        return Outcome("broken", f"it is larger than {BIGGEST // 2**20} MiB")
    return None
