"""Plan for 13B: 64 devices, a plan that wastes them, and a better one to find.

data x tensor x pipeline = 64         data: gradients once a step       tensor: each layer, four times a microbatch
                                      pipeline: a bubble of (p - 1)/m
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from parsim.core.errors import shown
from parsim.core.quantities import seconds
from parsim.core.units import SECONDS
from parsim.exercises.exercise import Answer, Blanks, Exercise, Wanted, empty, first_wrong, paragraphs
from parsim.exercises.lot import Lot
from parsim.lessons.marked import Marked, hint, unanswered
from parsim.lessons.plans import too_much, waits
from parsim.study.single import simulate

FASTER = 0.8  # of the time of the given plan
GIVEN = ({"tensor": 4, "pipeline": 16}, {"data": 2, "tensor": 2, "pipeline": 16}, {"data": 4, "pipeline": 16})
KEPT = {"microbatch_size": 1, "sharding": "zero1", "recompute": "selective", "bucket": "2 GB"}
KEYS = (
    *("data", "tensor", "pipeline", "schedule", "chunks", "microbatch_size", "microbatches"),
    *("sharding", "recompute", "bucket", "order"),
)


class Numbers(NamedTuple):
    """Place of the given plan, sequences of a step, and GB/s of a network card."""

    given: int
    batch: int
    card: int


def draw(lot: Lot) -> Numbers:
    """Draw a plan, a batch that 64 replicas can share, and network cards."""
    return Numbers(lot.whole(0, len(GIVEN) - 1), lot.one_of((64, 128)), lot.whole(15, 60))


def scenario(numbers: Numbers) -> dict[str, Any]:
    """Return the training by the given plan."""
    islands = {"kind": "islands", "nodes": 8, "node": "dgx-a100", "nic": f"{numbers.card} GB/s"}
    return {
        "cluster": {"topology": islands},
        "workload": {"kind": "transformer", "preset": "gpt3-13b", "batch": numbers.batch},
        "plan": GIVEN[numbers.given] | KEPT,
    }


def ask(numbers: Numbers) -> str:
    """Write the question."""
    given = ", ".join(f"{name}: {value}" for name, value in (GIVEN[numbers.given] | KEPT).items())
    return paragraphs(
        f"GPT-3 13B is trained on 64 A100 of 80 GB in eight nodes, {numbers.batch} sequences a step. A network card "
        f"between nodes has {numbers.card} GB/s. This is the given plan:",
        f"  {{{given}}}",
        "Write a plan that fits into memory and takes at least 20 % less time for a step, and how long its step takes. "
        f"A plan may have the keys {', '.join(KEYS)}; nothing else of the scenario changes. `parsim explain` tells "
        "what the given plan loses, and `parsim compare` tries several.",
    )


def mark(numbers: Numbers, answer: Answer) -> Marked:
    """Mark the plan and the time of its step."""
    plan = answer["plan"]
    if unanswered(plan):
        return empty("plan")
    if not isinstance(plan, Mapping):
        return hint("plan: Write a mapping, such as {data: 8, tensor: 8, microbatch_size: 1}.")
    for key in plan:
        if key not in KEYS:
            return hint(f"plan: {shown(key)} is not among the keys that may change: {', '.join(KEYS)}.")
    run = simulate(scenario(numbers), {"plan": dict(plan)})
    if run.warnings:
        return hint(f"plan: It does not fit: {too_much(run)} What divides weights, and what activations?")
    given = simulate(scenario(numbers)).timeline.makespan_s
    took = run.timeline.makespan_s
    if took > FASTER * given:
        return hint(
            f"plan: Its step takes {seconds(took)}, and at most {seconds(FASTER * given)} is wanted. {waits(run)}"
        )
    advice = "How long does your plan take here? `parsim run` with --set 'plan={...}' tells it."
    wrong = first_wrong(answer, [Wanted("step", SECONDS, took, [(given, "is the time of the given plan.")], advice)])
    return wrong or Marked(True, f"Right: {seconds(took)} in place of {seconds(given)}, {1 - took / given:.1%} less.")


EXERCISE = Exercise(
    name="plan_13b",
    title="which plan trains 13 billion weights on 64 devices 20 % faster?",
    lesson="10",
    draw=draw,
    ask=ask,
    form=Blanks({"plan": "degrees of parallelism, and more: {data: 8, ...}", "step": "its time, such as 1.5 s"}),
    mark=mark,
    scenario=scenario,
)
