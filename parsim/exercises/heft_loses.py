"""HEFT loses: a graph on which a simpler policy ends earlier.

HEFT takes the most urgent task and puts it where that task ends first. It does not look at the children: a place
that is best for a task may be far from where its child must run, and then the delay on the edge is paid.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from parsim.core.errors import shown
from parsim.core.quantities import seconds
from parsim.core.units import SECONDS
from parsim.exercises.exercise import Answer, Blanks, Exercise, Wanted, empty, first_wrong, paragraphs
from parsim.exercises.lot import Lot
from parsim.lessons.marked import Marked, hint, quantity, unanswered
from parsim.study.single import simulate

SIMPLER = ("fifo", "list_order", "spt", "lpt", "critical_path", "round_robin")
MARGIN = 1.05
LONGEST_S = 30.0  # of a delay
DEVICES = ("p1", "p2", "p3")
TASKS = 7


class Numbers(NamedTuple):
    """Seconds of each task on each device, [task][device]."""

    seconds: list[list[int]]


def draw(lot: Lot) -> Numbers:
    """Draw the seconds of the tasks."""
    return Numbers([[lot.whole(4, 20) for _ in DEVICES] for _ in range(TASKS)])


def scenario(numbers: Numbers) -> dict[str, Any]:
    """Return the tasks without any edge."""
    tasks = [
        {"name": f"t{task}", "compute": {device: f"{time} s" for device, time in zip(DEVICES, row, strict=True)}}
        for task, row in enumerate(numbers.seconds, 1)
    ]
    return {"cluster": {"devices": list(DEVICES)}, "workload": {"kind": "tasks", "tasks": tasks}, "policy": "heft"}


def ask(numbers: Numbers) -> str:
    """Write the question."""
    rows = [f"  {'':4}{''.join(f'{device:>6}' for device in DEVICES)}"]
    rows += [f"  t{task}  {''.join(f'{time:>4} s' for time in row)}" for task, row in enumerate(numbers.seconds, 1)]
    return paragraphs(
        "These tasks run on three unlike devices:",
        "\n".join(rows),
        f"Say which task waits for which, and what each edge costs (0 s to {LONGEST_S:g} s, paid where parent and "
        "child run on different devices), so that HEFT takes at least 5 % longer than a simpler policy: "
        f"{', '.join(SIMPLER)}. Write the edges, the policy, and how long the run takes under heft and under that "
        "policy. So t3 waits for t1 "
        "and t2:",
        "  after: {t3: {t1: 9 s, t2: 0 s}}",
    )


def mark(numbers: Numbers, answer: Answer) -> Marked:
    """Mark the edges and the two makespans."""
    after, policy = answer["after"], answer["policy"]
    if unanswered(after):
        return empty("after")
    if unanswered(policy):
        return empty("policy")
    if policy not in SIMPLER:
        return hint(f"policy: {shown(policy)} is not one of {', '.join(SIMPLER)}.")
    edges = _edges(after)
    if isinstance(edges, Marked):
        return edges
    built = scenario(numbers)
    for task in built["workload"]["tasks"]:
        task["after"] = edges.get(task["name"], {})
    heft, simpler = (simulate(built, {"policy": name}).timeline.makespan_s for name in ("heft", policy))
    if heft < MARGIN * simpler:
        return hint(
            f"after: heft takes {seconds(heft)}, {policy} {seconds(simpler)}; 5 % more are wanted. Let a task end "
            "first on a device on which its child takes long, and let their edge cost much."
        )
    advice = "Play the graph with this policy."
    wanted = (
        Wanted("heft", SECONDS, heft, ((simpler, f"is what {policy} takes."),), advice),
        Wanted("simpler", SECONDS, simpler, ((heft, "is what heft takes."),), advice),
    )
    wrong = first_wrong(answer, wanted)
    return wrong or Marked(
        True, f"Right: heft takes {seconds(heft)}, {policy} {seconds(simpler)}. Nobody is always best."
    )


def _edges(after: object) -> dict[str, dict[str, str]] | Marked:
    """Read the edges: parents with delays, by child."""
    example = "such as {t3: {t1: 9 s}}"
    if not isinstance(after, Mapping):
        return hint(f"after: Write a mapping, {example}.")
    edges: dict[str, dict[str, str]] = {}
    for child, parents in after.items():
        if not isinstance(parents, Mapping):
            return hint(f"after: {shown(child)} needs a mapping of its parents, {example}.")
        for parent, delay in parents.items():
            edge = f"after: The edge from {shown(parent)} to {shown(child)}"
            told = quantity(delay, SECONDS, f"{edge} has no delay; write 0 s.")
            if isinstance(told, Marked):
                return told
            if told > LONGEST_S:
                return hint(f"{edge} costs more than {LONGEST_S:g} s.")
        edges[child] = dict(parents)
    known = {f"t{task}" for task in range(1, TASKS + 1)}
    for name in sorted({*edges, *(parent for parents in edges.values() for parent in parents)} - known):
        return hint(f"after: There is no task {shown(name)}; the tasks are t1 to t{TASKS}.")
    return edges


EXERCISE = Exercise(
    name="heft_loses",
    title="on which graph does HEFT lose to a simpler policy?",
    lesson="02",
    draw=draw,
    ask=ask,
    form=Blanks(
        {
            "after": "parents and delays by task, such as {t3: {t1: 9 s}}",
            "policy": "the simpler one",
            "heft": "how long heft takes, such as 50 s",
            "simpler": "how long the simpler policy takes",
        }
    ),
    mark=mark,
    scenario=scenario,
)
