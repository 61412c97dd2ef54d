"""Play code that was handed in, and believe only what can be checked: its spans.

mine.py  --in a process of its own-->  spans: which task ran where, from when to when
                                         |
here     the checker proves the spans, which are what counts; the code never runs here
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from parsim.build import build
from parsim.core.quantities import seconds
from parsim.core.read_file import content
from parsim.core.timeline import Timeline
from parsim.core.units import SECONDS
from parsim.exercises.sealed import Limits, Unanswered, sealed
from parsim.export.csv import from_rows
from parsim.lessons.marked import FOUND, Marked, close, hint, quantity
from parsim.metrics.checker import check
from parsim.reading import load

CLAIM = "MAKESPAN"


class Script(NamedTuple):
    """Code that was handed in, and what it may use."""

    file: str
    limits: Limits


def constant(file: str, name: str) -> object:
    """Return the value that a module gives to *name* as a plain constant, or None."""
    try:
        tree = ast.parse(content(file))
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None
    for node in tree.body:
        if isinstance(node, ast.Assign) and [getattr(one, "id", "") for one in node.targets] == [name]:
            return getattr(node.value, "value", None)
    return None


def claimed(script: Script, found: float) -> Marked | None:
    """Return a hint unless the module says how long its run takes."""
    told = quantity(constant(script.file, CLAIM), SECONDS, f"{CLAIM}: Play your own run, and write how long it takes.")
    if isinstance(told, Marked):
        return told
    if not close(told, found, FOUND):
        return hint(f"{CLAIM}: {seconds(told)} is not what this code takes with your numbers. Play your own scenario.")
    return None


def spans(scenario: Mapping[str, Any], script: Script, shelf: str, key: str) -> Timeline:
    """Play *scenario* with the entry that *script* adds to *shelf*, at *key*; return what it says that ran.

    Raises `Unanswered` where there is no run. Nothing of it is checked yet.
    """
    asked = {"scenario": scenario, "file": script.file, "shelf": shelf, "key": key}
    answer = sealed("play", asked, script.limits)
    workers = [worker.name for worker in build(load(scenario)).cluster.workers]
    try:
        return from_rows([tuple(row) for row in answer["spans"]], workers)
    except (LookupError, TypeError, ValueError):
        raise Unanswered("its spans cannot be read") from None


def broken_rule(scenario: Mapping[str, Any], timeline: Timeline) -> str:
    """Return the first rule that a timeline of *scenario* breaks, in words; empty proves it."""
    try:
        return next(iter(check(build(load(scenario)), timeline)), "")
    except (LookupError, TypeError, ValueError):
        return "its spans are no timeline"


def orders(timeline: Timeline, workers: Sequence[str]) -> list[str]:
    """Return the tasks of each worker in the order in which they ran, separated by spaces."""
    ran: dict[str, list[str]] = {worker: [] for worker in workers}
    for worker, task in zip(timeline.worker.tolist(), timeline.task.tolist(), strict=True):
        if worker in ran:
            ran[worker].append(task)
    return [" ".join(tasks) for tasks in ran.values()]
