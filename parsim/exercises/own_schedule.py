"""Own schedule: orders of a pipeline that hold fewer activations than 1F1B, and idle little.

rank 0 |F0 F1 .. .. I0 F2 W0 I1 F3 W1       1F1B would run p forwards first; with room for fewer, W fills what
rank 1 |.. F0 F1 I0 F2 I1 W0 F3 I2 W1       rank 0 waits, since nobody waits for a W
"""

from __future__ import annotations

from typing import Any, NamedTuple

from parsim.core.quantities import seconds
from parsim.exercises.by_code import Script, claimed, orders, spans
from parsim.exercises.exercise import Code, Exercise, paragraphs
from parsim.exercises.lot import Lot
from parsim.lessons.marked import Marked, hint
from parsim.run import Result
from parsim.study.single import simulate

SLACK = 1.04  # of the time that the search of zb-auto finds

START = '''from parsim.core.op import Op
from parsim.schedules import schedules

MAKESPAN = ""  # how long a step takes with your schedule, such as "250 ms"


@schedules.add("mine")
def mine(ranks, microbatches):
    """GPipe: all forwards, then all backwards. Op(stage, kind, microbatch); B is an I and a W in one piece."""
    return [
        [Op(rank, "F", m) for m in range(microbatches)] + [Op(rank, "B", m) for m in range(microbatches)]
        for rank in range(ranks)
    ]
'''


class Numbers(NamedTuple):
    """Stages, microbatches, ms of F, I and W, and how many activations a rank may hold."""

    stages: int
    microbatches: int
    forward: int
    input_grad: int
    weight_grad: int
    room: int


def draw(lot: Lot) -> Numbers:
    """Draw a pipeline with room for fewer activations than stages."""
    stages = lot.whole(4, 6)
    forward, input_grad, weight_grad = (lot.whole(10, 30) for _ in range(3))
    return Numbers(stages, lot.whole(2 * stages, 4 * stages), forward, input_grad, weight_grad, stages - 1)


def scenario(numbers: Numbers) -> dict[str, Any]:
    """Return the pipeline under GPipe; an activation has 1 GB."""
    return {
        "cluster": {"devices": numbers.stages},
        "workload": {
            "kind": "stages",
            "forward": f"{numbers.forward} ms",
            "input_grad": f"{numbers.input_grad} ms",
            "weight_grad": f"{numbers.weight_grad} ms",
            "activation": "1 GB",
        },
        "plan": {"schedule": "gpipe", "microbatches": numbers.microbatches},
    }


def target_s(numbers: Numbers) -> float:
    """Return the seconds that are enough."""
    found = simulate(scenario(numbers), {"plan.schedule": {"kind": "zb-auto", "limit": numbers.room}})
    return SLACK * found.timeline.makespan_s


def ask(numbers: Numbers) -> str:
    """Write the question."""
    return paragraphs(
        f"A pipeline has {numbers.stages} equal stages, a rank each, and {numbers.microbatches} microbatches. For each "
        f"a stage takes {numbers.forward} ms forward (F), {numbers.input_grad} ms for the gradient of its input (I), "
        f"and {numbers.weight_grad} ms for that of its weights (W). From F to W it keeps an activation of 1 GB, and a "
        "rank "
        f"has room for {numbers.room} of them; 1F1B would need {numbers.stages} on the first rank.",
        f"Write a schedule that never holds more, and whose step takes at most {seconds(target_s(numbers))}. Write at "
        "MAKESPAN how long it takes.",
        "  parsim run own_schedule.scenario.yaml --with own_schedule.py --set plan.schedule=mine",
    )


def mark(numbers: Numbers, script: Script) -> Marked:
    """Mark the schedule: its orders are played again, and count."""
    workers = [f"w{rank}" for rank in range(numbers.stages)]
    ran = spans(scenario(numbers), script, "schedules", "plan.schedule")
    run = simulate(scenario(numbers), {"plan.schedule": {"kind": "custom", "orders": orders(ran, workers)}})
    wrong = _wanted(numbers, run) or claimed(script, run.timeline.makespan_s)
    return wrong or Marked(True, f"Right: a step takes {seconds(run.timeline.makespan_s)}, within the room.")


def _wanted(numbers: Numbers, run: Result) -> Marked | None:
    """Return a hint where the schedule holds too much, or takes too long."""
    held = [round(device["peak_memory_bytes"] / 1e9) for device in run.devices]
    if max(held) > numbers.room:
        return hint(
            f"Rank {held.index(max(held))} holds {max(held)} activations at its fullest, and has room for "
            f"{numbers.room}. How many forwards does it run before its first W or B?"
        )
    took, target = run.timeline.makespan_s, target_s(numbers)
    if took > target:
        idle = [device["idle_s"] for device in run.devices]
        return hint(
            f"A step takes {seconds(took)}, and at most {seconds(target)} is wanted. Rank {idle.index(max(idle))} "
            f"idles for {seconds(max(idle))}. Who waits for an I, and who for a W? Which of them can fill a gap?"
        )
    return None


EXERCISE = Exercise(
    name="own_schedule",
    title="which order of a pipeline idles little, with room for few activations?",
    lesson="05",
    draw=draw,
    ask=ask,
    form=Code(START),
    mark=mark,
    scenario=scenario,
)
