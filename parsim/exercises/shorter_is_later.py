"""Shorter is later: a task of Graham's list whose shortening makes the whole later.

    w0 |head|T1 ...|T9 ................|        T2 shorter: w1 is free earlier, takes what came next in the list,
    w1 |head|T2|T4|T5 ...|T7 ...|               and T9, the longest, starts later
    w2 |head|T3|..|T6 ...|T8 ...|

Graham, Bounds on Multiprocessing Timing Anomalies, SIAM J. Appl. Math. 17(2), 1969, as in scenario 08; here behind
three tasks of one length, with times of any scale, and under other names.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from parsim.core.errors import shown
from parsim.core.quantities import seconds
from parsim.core.units import SECONDS
from parsim.exercises.exercise import Answer, Blanks, Exercise, Wanted, empty, first_wrong, paragraphs
from parsim.exercises.lot import Lot
from parsim.lessons.marked import Marked, hint, unanswered
from parsim.study.single import simulate

TIMES = (3, 2, 2, 2, 4, 4, 4, 4, 9)  # of Graham's nine tasks, in the order of the list
PARENT = {5: 3, 6: 3, 7: 3, 8: 0}
WORKERS = 3
LETTERS = "ABCDEFGHJKLM"


class Numbers(NamedTuple):
    """Names in the order of the list, tenths of a second of Graham's unit, and tenths of the three tasks before."""

    names: list[str]
    unit: int
    head: int


def draw(lot: Lot) -> Numbers:
    """Draw names, a scale, and a delay."""
    return Numbers(lot.shuffled(LETTERS), lot.whole(3, 49), lot.whole(5, 60))


def tasks(numbers: Numbers) -> list[dict[str, Any]]:
    """Return the tasks in the order of the list."""
    head, rest = numbers.names[:WORKERS], numbers.names[WORKERS:]
    first = [{"name": name, "compute": f"{numbers.head / 10:g} s"} for name in head]
    after = [[rest[PARENT[place]]] if place in PARENT else head for place in range(len(rest))]
    nine = [
        {"name": name, "compute": f"{time * numbers.unit / 10:g} s", "after": parents}
        for name, time, parents in zip(rest, TIMES, after, strict=True)
    ]
    return first + nine


def scenario(numbers: Numbers) -> dict[str, Any]:
    """Return the run as it is."""
    return {
        "cluster": {"devices": WORKERS},
        "workload": {"kind": "tasks", "tasks": tasks(numbers)},
        "policy": "list_order",
    }


def ask(numbers: Numbers) -> str:
    """Write the question."""
    rows = [
        f"  {task['name']}  {task['compute']:>6}" + (f"  after {', '.join(task['after'])}" if "after" in task else "")
        for task in tasks(numbers)
    ]
    return paragraphs(
        f"{WORKERS} workers take tasks from a list: an idle worker takes the first task of the list whose parents "
        "have ended.",
        "\n".join(rows),
        f"Make one task {numbers.unit / 10:g} s shorter, so that the run ends later. Which task, and how long does the "
        "run take then?",
    )


def mark(numbers: Numbers, answer: Answer) -> Marked:
    """Mark the task and the new makespan."""
    name = answer["task"]
    if unanswered(name):
        return empty("task")
    if name not in numbers.names:
        return hint(f"task: {shown(name)} is not in the list; write one of {', '.join(numbers.names)}.")
    place = numbers.names.index(name)
    listed = tasks(numbers)
    tenths = numbers.head if place < WORKERS else TIMES[place - WORKERS] * numbers.unit
    if tenths <= numbers.unit:
        return hint(f"task: {name} takes {tenths / 10:g} s, and cannot be {numbers.unit / 10:g} s shorter.")
    listed[place]["compute"] = f"{(tenths - numbers.unit) / 10:g} s"
    before = simulate(scenario(numbers)).timeline.makespan_s
    later = simulate(scenario(numbers), {"workload.tasks": listed}).timeline.makespan_s
    if later <= before:
        return hint(
            f"task: With {name} shorter the run takes {seconds(later)}, and {seconds(before)} as it is, so it is not "
            "later. Look for a short task: its worker is free earlier, and takes what should have waited."
        )
    advice = "Play the list again with the shorter task: whoever is idle takes the first that may start."
    mistakes = ((before, "is the makespan before the change."),)
    wrong = first_wrong(answer, [Wanted("makespan", SECONDS, later, mistakes, advice)])
    return wrong or Marked(True, f"Right: with {name} shorter it takes {seconds(later)} in place of {seconds(before)}.")


EXERCISE = Exercise(
    name="shorter_is_later",
    title="which task must get shorter, so that the run ends later?",
    lesson="02",
    draw=draw,
    ask=ask,
    form=Blanks({"task": "the name of a task", "makespan": "of the run with the shorter task, such as 2.5 s"}),
    mark=mark,
    scenario=scenario,
)
