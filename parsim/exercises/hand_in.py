"""Mark a file that was handed in.

ada/crossing.yaml  --read-->  {"t_total": "151 MB", "runs": "202 MB"}  --mark-->  right, or not yet and why
ada/plan_13b.yaml  --read-->  {"plan": None, "step": None}                 ----->  untouched
"""

from __future__ import annotations

import ast
import os
from collections.abc import Mapping
from typing import Any

from parsim.core.errors import Fault, RunError, ScenarioError
from parsim.core.read_file import content
from parsim.core.suggestions import did_you_mean
from parsim.exercises import EXERCISES
from parsim.exercises.by_code import Script
from parsim.exercises.exercise import Blanks, Exercise, empty
from parsim.exercises.sealed import Limits
from parsim.lessons.marked import Marked, hint, unanswered
from parsim.scenario import document


class Untouched(Marked):
    """No answer yet: the file says what the student began with."""


def mark_file(name: str, student: str, file: str, limits: Limits) -> Marked:
    """Mark *file*, which a student handed in for an exercise; *limits* are those of its code.

    Raises `ScenarioError` where the file cannot be read, `Unanswered` where its code gives no run.
    """
    exercise = EXERCISES[name]
    form = exercise.form
    answer: Any
    if isinstance(form, Blanks):
        answer = values(exercise, form, file)
        if all(map(unanswered, answer.values())):
            return Untouched(False, empty(*answer).words)
    else:
        answer = Script(file, limits)
        if _code(file) == _dumped(form.start):
            return Untouched(False, "Not yet. The code is still as you began with it.")
    try:
        return exercise.mark(exercise.numbers(student), answer)
    except ScenarioError as wrong:  # of the scenario that the answer makes
        return hint(f"This cannot be played: {wrong.faults[0].path}: {wrong.faults[0].message}.")
    except RunError as failed:
        return hint(f"This cannot be played: {failed}.")


def values(exercise: Exercise[Any], form: Blanks, file: str) -> Mapping[str, Any]:
    """Return the value at each key of the form; faults of the file have their place."""
    try:
        data = content(file)
    except ValueError as error:
        raise ScenarioError([Fault(file, 0, 0, exercise.name, str(error))]) from None
    read = document.read(data, file)
    faults = list(read.faults)
    said = read.values if isinstance(read.values, dict) else {}
    if not isinstance(read.values, dict):
        faults.append(document.fault(file, read.position(()), (), f"write the keys {', '.join(form.keys)}"))
    for key in said:
        if key not in form.keys:
            faults.append(document.fault(file, read.position((key,), "key"), (key,), did_you_mean(key, form.keys)))
    if faults:
        raise ScenarioError(faults)
    return {key: said.get(key) for key in form.keys}


def _code(file: str) -> str | None:
    """Return what the code of a file does; None where it cannot be read."""
    try:
        return _dumped(content(file))
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None


def _dumped(text: bytes | str) -> str:
    """Return what code does, apart from its comments and the text at its head."""
    tree = ast.parse(text)
    if ast.get_docstring(tree) is not None:
        del tree.body[0]
    return ast.dump(tree)


def student_of(file: str) -> str:
    """Return the student whose file it is: the name of its folder."""
    return os.path.basename(os.path.dirname(os.path.abspath(file)))
