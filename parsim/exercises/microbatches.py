"""Microbatches: enough for a small bubble under GPipe, and few enough for the memory.

bubble of the ideal time  (p - 1)/m          held by each rank    gpipe: m activations    1f1b, rank r: p - r
"""

from __future__ import annotations

from numbers import Integral
from typing import Any, NamedTuple

from parsim.core.quantities import seconds, size
from parsim.core.units import BYTES, SECONDS
from parsim.exercises.exercise import Answer, Blanks, Exercise, Wanted, empty, first_wrong, paragraphs
from parsim.exercises.lot import Lot
from parsim.lessons.marked import Marked, hint, unanswered
from parsim.run import Result
from parsim.study.single import simulate

MOST = 10_000


class Numbers(NamedTuple):
    """Stages, ms of a forward, of I and of W, MB of an activation, % of the bubble, and how many more fit."""

    stages: int
    forward: int
    input_grad: int
    weight_grad: int
    activation: int
    percent: int
    spare: int

    @property
    def least(self) -> int:
        """The fewest microbatches with a bubble below the percentage."""
        return 100 * (self.stages - 1) // self.percent + 1


def draw(lot: Lot) -> Numbers:
    """Draw a pipeline whose memory holds the fewest microbatches, and up to two more."""
    return Numbers(
        lot.whole(3, 8), lot.whole(2, 9), lot.whole(2, 9), lot.whole(2, 9), lot.whole(200, 1900), lot.whole(3, 8),
        lot.whole(0, 2),
    )  # fmt: skip


def scenario(numbers: Numbers) -> dict[str, Any]:
    """Return the pipeline with too few microbatches."""
    capacity = (numbers.least + numbers.spare) * numbers.activation + numbers.activation // 2
    return {
        "cluster": {
            "devices": [{"name": f"w{rank}", "memory": f"{capacity} MB"} for rank in range(numbers.stages)],
        },
        "workload": {
            "kind": "stages",
            "forward": f"{numbers.forward} ms",
            "input_grad": f"{numbers.input_grad} ms",
            "weight_grad": f"{numbers.weight_grad} ms",
            "activation": f"{numbers.activation} MB",
        },
        "plan": {"schedule": "gpipe", "microbatches": numbers.stages},
    }


def ask(numbers: Numbers) -> str:
    """Write the question."""
    built = scenario(numbers)
    return paragraphs(
        f"A pipeline of {numbers.stages} equal stages runs under GPipe. For each microbatch a stage takes "
        f"{numbers.forward} ms forward and {numbers.input_grad + numbers.weight_grad} ms backward, and keeps "
        f"{numbers.activation} MB from its forward to its backward. Sends are free. A device has "
        f"{built['cluster']['devices'][0]['memory']} of memory. More microbatches of the same size make a larger "
        "batch.",
        f"With how many microbatches is the bubble less than {numbers.percent} % of the ideal time, while the memory "
        "still suffices? How long does a step take then? And how much would the first rank hold under 1F1B?",
    )


def played(numbers: Numbers, microbatches: int, schedule: str) -> Result:
    """Play the pipeline."""
    return simulate(scenario(numbers), {"plan.microbatches": microbatches, "plan.schedule": schedule})


def mark(numbers: Numbers, answer: Answer) -> Marked:
    """Mark the number of microbatches, the time of a step, and what 1F1B holds."""
    count = answer["microbatches"]
    if unanswered(count):
        return empty("microbatches")
    if not isinstance(count, Integral) or not 1 <= int(count) <= MOST:
        return hint(f"microbatches: Write a whole number from 1 to {MOST}.")
    run = played(numbers, int(count), "gpipe")
    bubble = 1e2 * sum(device["idle_s"] for device in run.devices) / sum(device["compute_s"] for device in run.devices)
    if bubble >= numbers.percent:
        whole = 1e2 * (numbers.stages - 1) / (int(count) + numbers.stages - 1)
        other = " That is the share of the whole; of the ideal time it is more." if whole < numbers.percent else ""
        return hint(f"microbatches: With {count} the bubble is {bubble:.3g} % of the ideal time.{other} Use more.")
    if run.warnings:
        held = size(run.devices[0]["peak_memory_bytes"])
        return hint(f"microbatches: With {count} a rank holds {held}, all microbatches of the step. Use fewer.")
    other = played(numbers, int(count), "1f1b").devices[0]["peak_memory_bytes"]
    computing = run.devices[0]["compute_s"]
    wrong = first_wrong(
        answer,
        (
            Wanted(
                "step",
                SECONDS,
                run.timeline.makespan_s,
                ((computing, "is the computing of a rank, without the bubble."),),
                "A rank computes all microbatches, and waits for p - 1 forwards and p - 1 backwards.",
            ),
            Wanted(
                "held_1f1b",
                BYTES,
                other,
                (
                    (run.devices[0]["peak_memory_bytes"], "is what it holds under GPipe."),
                    (numbers.activation * 1e6, "is one activation. How many forwards run before its first backward?"),
                ),
                "Rank r of 1F1B runs p - r forwards, and then frees one activation for each that it takes.",
            ),
        ),
    )
    told = f"{count} microbatches take {seconds(run.timeline.makespan_s)}, with a bubble of {bubble:.3g} %"
    return wrong or Marked(
        True, f"Right: {told}; under 1F1B the first rank holds {size(other)}, and the bubble is the same."
    )


EXERCISE = Exercise(
    name="microbatches",
    title="how many microbatches make the bubble small, and still fit?",
    lesson="05",
    draw=draw,
    ask=ask,
    form=Blanks(
        {
            "microbatches": "a whole number",
            "step": "time of a step with that many, such as 250 ms",
            "held_1f1b": "what the first rank would hold under 1F1B, such as 4.5 GB",
        }
    ),
    mark=mark,
    scenario=scenario,
)
