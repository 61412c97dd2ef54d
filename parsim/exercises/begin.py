"""Begin an exercise: files with the question and the student's numbers.

ada/crossing.yaml               the question, and an empty place for each answer
ada/beat_fifo.py                the question, and code to begin with
ada/beat_fifo.scenario.yaml     the scenario to try it with
"""

from __future__ import annotations

import json
import shlex
from typing import Any

import yaml

from parsim.core.escape import printable
from parsim.exercises.exercise import Exercise

LONGEST = 100  # characters of a student's name, which names a folder


def about_name(student: str) -> str:
    r"""Say what keeps a student's name from being the name of a folder; empty if nothing does.

    >>> about_name("ada"), about_name("a/b")
    ('', "'a/b' cannot name a folder; leave out / and \\")
    """
    if not student.strip() or student in (".", ".."):
        return f"'{student}' names nobody; write for example ada"
    if len(student) > LONGEST:
        return f"'{student[:20]}...' has more than {LONGEST} characters"
    if any(letter in student for letter in "/\\"):
        return f"'{student}' cannot name a folder; leave out / and \\"
    if printable(student) != student:
        return f"'{printable(student)}' has letters that nobody sees; leave them out"
    return ""


def files(exercise: Exercise[Any], student: str) -> dict[str, str]:
    """Return the files to begin with, by name."""
    command = f"parsim exercise check {shlex.quote(f'{student}/{exercise.file}')}"
    foot = f"The numbers are those of {student}. Check, from the folder above this one: {command}"
    question = f"{exercise.question(student)}\n\n{foot}"
    made = {exercise.file: exercise.form.text(question)}
    if exercise.scenario is not None:
        head = f"# {exercise.name}, numbers of {student}: the scenario to try things with\n"
        made[exercise.scenario_file] = head + _yaml(exercise.scenario(exercise.numbers(student)))
    return made


def _yaml(scenario: dict[str, Any]) -> str:
    own = json.loads(json.dumps(scenario))  # what is there twice would get an anchor
    return yaml.safe_dump(own, sort_keys=False, default_flow_style=None, width=110, allow_unicode=True)
