"""What to change in a pipeline or a training that holds more than its devices have.

more_recompute      backward computes more of forward again
smaller_microbatch  up to eight times as many microbatches
lighter_schedule    one that claims to hold fewer activations, or that is searched within a limit of them that fits
lower_precision     formats of fewer bytes, tried last, since they change the model's numbers
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from parsim.core.annotations import MOST
from parsim.core.errors import ParsimError
from parsim.core.job import Job
from parsim.core.orders import chunks_of, claim_of
from parsim.core.schema import Ask, kind_of
from parsim.metrics.activations import live_activations
from parsim.scenario.scenario import Scenario, changed
from parsim.schedules import schedules
from parsim.study import counterfactual as other
from parsim.study import mixtures
from parsim.study.alternatives import ranks_of
from parsim.study.change import Change, Trial, ends
from parsim.study.every import CHUNKS, SCHEDULE, brought, every_schedule
from parsim.study.limited import LIMIT, limited
from parsim.training.plan import SCHEDULE as OWN
from parsim.training.program import Training
from parsim.training.sharded import ShardedTraining
from parsim.training.stage import RECOMPUTE

LOWER = "lower_precision"
PRECISIONS = ("fp64", "fp32", "bf16-mixed", "fp8-mixed")  # the fewer bytes, the later


def trials(scenario: Scenario, job: Job) -> Iterator[Trial]:
    """Yield changes with which a training, or `stages` with activations, may take less memory."""
    program, plan = job.graph.program, scenario.values.get("plan") or {}
    if isinstance(program, Training):
        yield from _of_training(scenario, plan, program)
    if isinstance(program, ShardedTraining):
        yield from mixtures.smaller_microbatches(scenario, program)
        yield from _lighter(scenario, plan, job, len(program.cut.parts))
        return
    count = int(plan.get("microbatches") or 1)
    most = program.model.rows if isinstance(program, Training) else MOST
    for times in (4, 8) if job.graph.orders else (2, 4, 8):  # twice as many are tried for any pipeline
        if count * times <= most:
            words = f"{count * times} microbatches instead of {count}, each smaller"
            make = partial(other.more_microbatches, scenario, count, count * times)
            yield Trial("smaller_microbatch", words, make, f"plan.microbatches={count * times}")
    if job.graph.orders:
        yield from _lighter(scenario, plan, job, count)


def _of_training(scenario: Scenario, plan: dict[str, Any], training: Training) -> Iterator[Trial]:
    own = plan.get("recompute") or "none"
    for more in RECOMPUTE[RECOMPUTE.index(own) + 1 :] if own in RECOMPUTE else ("full",):
        said = own if isinstance(own, str) else "as stated"
        yield _trial(scenario, "more_recompute", f"recompute: {more} instead of {said}", {"plan.recompute": more})
    formats = str(training.precision).replace("fp16-mixed", "bf16-mixed")
    for lower in PRECISIONS[PRECISIONS.index(formats) + 1 :] if formats in PRECISIONS else ():
        words = f"precision: {lower} instead of {training.precision}"
        yield _trial(scenario, LOWER, words, {"workload.precision": lower})


def _trial(scenario: Scenario, change: str, words: str, set: dict[str, Any]) -> Trial:
    key, value = next(iter(set.items()))
    if isinstance(value, dict):
        value = json.dumps(value)
    return Trial(change, words, partial(other.planned, scenario, set), f"{key}={value}")


def _lighter(scenario: Scenario, plan: dict[str, Any], job: Job, count: int) -> Iterator[Trial]:
    """Yield the schedules that hold fewer activations than the plan's own; one of two chunks is a half."""
    kind, ranks = kind_of(plan.get("schedule") or OWN.name), ranks_of(job.graph)
    own = chunks_of(Ask(kind, schedules[kind]), plan.get("chunks")) or 1
    most = max(live_activations(job.graph)) / own
    for name in every_schedule():
        brings = brought(scenario, {SCHEDULE: name})
        if name != kind and _most(Ask(name, schedules[name]), ranks, count, brings[CHUNKS]) < most:
            yield _trial(scenario, "lighter_schedule", f"schedule {name} instead of {kind}", {SCHEDULE: name, **brings})
    for name in every_schedule():
        brings = brought(scenario, {SCHEDULE: name})
        if chosen := limited(changed(scenario, {SCHEDULE: name, **brings}), name):
            words = f"schedule {name} with limit: {chosen[LIMIT]} instead of {kind}"
            yield _trial(scenario, "lighter_schedule", words, {SCHEDULE: chosen, **brings})


def _most(schedule: Ask, ranks: int, count: int, chunks: int | None) -> float:
    """Return the most activations that a rank claims to hold, in those of a whole rank; infinite without a claim."""
    claims, each = schedules.claims(schedule.name), chunks_of(schedule, chunks) or 1
    if "live" not in claims:
        return float("inf")
    try:
        return max(claim_of(claims["live"], schedule, ranks, count, each), default=0) / each
    except ParsimError:  # a claim from outside the package fails
        return float("inf")


def told(lacks: str, least: Change | None, tried: Iterable[str], own_s: float) -> str:
    """Say what does not fit, and the smallest change with which it does; or which changes were *tried* in vain."""
    if least is None:
        names = "; ".join(sorted(tried)) or "no change was possible"
        return f"Does not fit: {lacks}. None of these changes alone makes it fit: {names}."
    return f"Does not fit: {lacks}. The smallest change that fits: {least.words}; {ends(least, own_s)}."


def smallest(changes: Sequence[Change]) -> Change | None:
    """Return the change that costs least time of those with which all fits; a lower precision only if nothing else."""
    fitting = [one for one in changes if one.change in FITTING and not one.lacks]
    return min(fitting, key=lambda one: (one.change == LOWER, one.compared_s), default=None)


FITTING = (
    "more_recompute",
    "smaller_microbatch",
    "lighter_schedule",
    LOWER,
    "more_microbatches",
    "pipeline_depth",
    "other_degrees",
    "other_sharding",
    "microbatch_size",
)
