"""Check an answer to the exercise of a lesson as its notebook does.

cells      import parsim / scenario = "..." / data = parsim.simulate(scenario) / ...
exercise   answer = ... / lessons.weights(answer, scenario, {"workload.count": 10})

what the exercise needs of the cells, with the answer:
           scenario = "..." / answer = "400 MB" / marked = lessons.weights(answer, scenario, {"workload.count": 10})
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from parsim.exercises.sealed import CODE_S, MEMORY, Limits, Unanswered, sealed
from parsim.page.lesson_page import Lesson
from parsim.page.outputs import MAGIC, WIDGETS

LONGEST = 2000  # characters of an answer


def check(lesson: Lesson, told: str) -> dict[str, Any]:
    """Mark what a reader has answered; the exercise runs in a process of its own, with limits."""
    sources = [MAGIC.sub("", cell.source) for cell in lesson.cells if cell.is_code and WIDGETS not in cell.source]
    asked = {"code": code(sources, value(told[:LONGEST])), "folder": str(lesson.folder)}
    try:
        marked: dict[str, Any] = sealed("lesson", asked, Limits(CODE_S, MEMORY))
    except Unanswered as failed:
        return {"right": False, "words": f"This cannot be checked: {failed}"}
    return marked


def value(told: str) -> object:
    """Return what a reader means: a number, list or mapping of Python, or else the text itself.

    >>> value(" 2.5 s"), value('"2.5 s"'), value("3"), value("{'data': 8}"), value("")
    ('2.5 s', '2.5 s', 3, {'data': 8}, Ellipsis)
    """
    try:
        return ast.literal_eval(told.strip() or "...")
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return told.strip()


def code(sources: Sequence[str], answer: object) -> str:
    r"""Return the code of the last of *sources* with an *answer*, after what it needs of those before it.

    >>> print(code(["a = 1\nb = 2\nprint(a)", "answer = ...\nmark(answer, b)"], "1 s"))
    b = 2
    answer = '1 s'
    marked = mark(answer, b)
    """
    *before, exercise = sources
    last = ast.parse(exercise).body
    needed = {name for statement in last for name in _read(statement)}
    kept: list[ast.stmt] = []
    for statement in reversed([each for source in before for each in ast.parse(source).body]):
        if _made(statement) & needed:
            kept.insert(0, statement)
            needed |= _read(statement)
    lines = [ast.unparse(statement) for statement in (*kept, *last)]
    lines[-1] = f"marked = {lines[-1]}"
    return "\n".join(f"answer = {answer!r}" if line == "answer = ..." else line for line in lines)


def _read(statement: ast.stmt) -> set[str]:
    """Return the names that a statement reads."""
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}


def _made(statement: ast.stmt) -> set[str]:
    """Return the names that a statement defines."""
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).partition(".")[0] for alias in statement.names}
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.Assign | ast.AugAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        return {node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)}
    return set()
