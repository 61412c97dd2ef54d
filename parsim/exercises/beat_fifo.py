"""Beat fifo: a policy for a graph with one long chain, which begins as the last of many tasks.

w0 |c0 .|c1 .|c2 .|c3 .|c4 .|       a run that begins the chain late ends late; its tasks are neither the longest
w1 |large ...|large ...|s|s|s|      nor the shortest, and stand anywhere in the list
"""

from __future__ import annotations

from typing import Any, NamedTuple

from parsim.core.quantities import seconds
from parsim.exercises.by_code import Script, broken_rule, claimed, spans
from parsim.exercises.exercise import Code, Exercise, paragraphs
from parsim.exercises.lot import Lot
from parsim.lessons.marked import Marked, hint
from parsim.study.single import simulate

SHARE = 0.85  # of what the best rank here gains over fifo: so much must be gained

START = '''import numpy as np

from parsim.policies import policies
from parsim.policies.by_rank import ByRank

MAKESPAN = ""  # how long the run takes with your policy, such as "25 s"


@policies.add("mine")
class Mine(ByRank):
    """The ready task with the lowest rank comes first."""

    def rank(self, graph, estimate):
        # estimate.mean_compute(): seconds of each task; graph.edges.parent, graph.edges.child: who waits for whom
        return np.arange(len(graph))
'''


class Task(NamedTuple):
    """Tenths of a second that a task takes, and the name of the task for which it waits, or ""."""

    name: str
    tenths: int
    after: str


class Numbers(NamedTuple):
    """Workers, and the tasks in the order of their numbers."""

    workers: int
    tasks: list[Task]


def draw(lot: Lot) -> Numbers:
    """Draw a chain that is as long as what each other worker has to do, and begins in the middle of the list."""
    workers = lot.whole(3, 5)
    chain = lot.whole(7, 9)
    lengths = [lot.whole(35, 50) for _ in range(chain)]
    lengths += [lot.whole(60, 90) for _ in range(2 * (workers - 1))]
    lengths += [lot.whole(8, 20) for _ in range(10 * (workers - 1))]
    head = lot.whole(len(lengths) // 3, 2 * len(lengths) // 3)
    rest = lot.shuffled([number for number in range(len(lengths)) if number != head])
    names = [f"t{number}" for number in (head, *rest)]
    tasks = [
        Task(name, tenths, names[place - 1] if 0 < place < chain else "")
        for place, (name, tenths) in enumerate(zip(names, lengths, strict=True))
    ]
    return Numbers(workers, sorted(tasks, key=lambda task: int(task.name[1:])))


def scenario(numbers: Numbers) -> dict[str, Any]:
    """Return the run under fifo."""
    tasks = [
        {"name": task.name, "compute": f"{task.tenths / 10:g} s"} | ({"after": [task.after]} if task.after else {})
        for task in numbers.tasks
    ]
    return {"cluster": {"devices": numbers.workers}, "workload": {"kind": "tasks", "tasks": tasks}, "policy": "fifo"}


def target_s(numbers: Numbers) -> float:
    """Return the seconds that are enough."""
    fifo, best = (
        simulate(scenario(numbers), {"policy": policy}).timeline.makespan_s for policy in ("fifo", "critical_path")
    )
    return fifo - SHARE * (fifo - best)


def ask(numbers: Numbers) -> str:
    """Write the question."""
    return paragraphs(
        f"{len(numbers.tasks)} tasks run on {numbers.workers} workers; the scenario beside this file lists them. Under "
        "fifo an idle worker takes the task that became ready first. Write a policy with which the run takes at most "
        f"{seconds(target_s(numbers))}, and write at MAKESPAN how long it takes.",
        "  parsim run beat_fifo.scenario.yaml --with beat_fifo.py --set policy=mine",
    )


def mark(numbers: Numbers, script: Script) -> Marked:
    """Mark the policy."""
    target = target_s(numbers)
    timeline = spans(scenario(numbers), script, "policies", "policy")
    broken = broken_rule(scenario(numbers), timeline)
    if broken:
        return hint(f"The run breaks a rule: {broken}.")
    took = timeline.makespan_s
    if took > target:
        last = int(timeline.end_s.argmax())
        return hint(
            f"The policy takes {seconds(took)}, and at most {seconds(target)} is wanted. {timeline.task[last]} ends "
            f"last and began at {seconds(timeline.start_s[last])}: what had to end before it, and when did that begin?"
        )
    wrong = claimed(script, took)
    return wrong or Marked(True, f"Right: {seconds(took)}; at most {seconds(target)} was wanted.")


EXERCISE = Exercise(
    name="beat_fifo",
    title="which policy beats fifo here?",
    lesson="02",
    draw=draw,
    ask=ask,
    form=Code(START),
    mark=mark,
    scenario=scenario,
)
