"""Find the smallest change with which a training fits into the memory of its devices.

more_recompute      backward computes more of forward again
smaller_microbatch  up to eight times as many microbatches
lighter_schedule    one that claims to hold fewer activations
lower_precision     formats of fewer bytes, tried last, since they change the model's numbers
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from parsim.core.job import Job
from parsim.core.orders import chunks_of, claim_of
from parsim.core.schema import Ask
from parsim.scenario.scenario import Scenario
from parsim.schedules import schedules
from parsim.study import counterfactual as other
from parsim.study.change import Change, Trial
from parsim.training.plan import SCHEDULE
from parsim.training.program import Training

RECOMPUTE = ("none", "selective", "full")  # the less is kept, the later
PRECISIONS = ("fp64", "fp32", "bf16-mixed", "fp8-mixed")  # the fewer bytes, the later


def trials(scenario: Scenario, job: Job, training: Training) -> Iterator[Trial]:
    """Yield changes with which a training may take less memory."""
    plan = scenario.values["plan"]
    own, count = plan.get("recompute") or "none", int(plan.get("microbatches") or 1)
    for more in RECOMPUTE[RECOMPUTE.index(own) + 1 :] if own in RECOMPUTE else ("full",):
        said = own if isinstance(own, str) else "as stated"
        yield _trial(scenario, "more_recompute", f"recompute: {more} instead of {said}", {"plan.recompute": more})
    for times in (4, 8) if job.graph.orders else (2, 4, 8):  # twice as many are tried for any pipeline
        if count * times <= training.model.rows:
            words = f"{count * times} microbatches instead of {count}, each smaller"
            yield _trial(scenario, "smaller_microbatch", words, {"plan.microbatches": count * times})
    if job.graph.orders:
        yield from _lighter(scenario, plan, len(job.graph.orders), count)
    formats = str(training.precision).replace("fp16-mixed", "bf16-mixed")
    for lower in PRECISIONS[PRECISIONS.index(formats) + 1 :] if formats in PRECISIONS else ():
        words = f"precision: {lower} instead of {training.precision}"
        yield _trial(scenario, "lower_precision", words, {"workload.precision": lower})


def _trial(scenario: Scenario, change: str, words: str, set: dict[str, Any]) -> Trial:
    key, value = next(iter(set.items()))
    return Trial(change, words, partial(other.planned, scenario, set), f"{key}={value}")


def _lighter(scenario: Scenario, plan: dict[str, Any], ranks: int, count: int) -> Iterator[Trial]:
    """Yield the schedules that claim to hold fewer activations than the plan's own; one of two chunks is a half."""
    said = plan.get("schedule") or SCHEDULE.name
    kind, arguments = (said, {}) if isinstance(said, str) else (said["kind"], {**said})
    most = _most(Ask(kind, schedules[kind], arguments), ranks, count, plan.get("chunks"))
    for name, entry in schedules.entries().items():
        chunks = chunks_of(Ask(name, entry), None)
        if name != kind and _most(Ask(name, entry), ranks, count, chunks) < most < float("inf"):
            words = f"schedule {name} instead of {kind}"
            yield _trial(scenario, "lighter_schedule", words, {"plan.schedule": name, "plan.chunks": chunks})


def _most(schedule: Ask, ranks: int, count: int, chunks: int | None) -> float:
    """Return the most activations that a rank claims to hold, in those of a whole rank; infinite without a claim."""
    claims, each = schedules.claims(schedule.name), chunks_of(schedule, chunks) or 1
    if "live" not in claims:
        return float("inf")
    return max(claim_of(claims["live"], schedule, ranks, count, each), default=0) / each


def smallest(changes: Sequence[Change]) -> Change | None:
    """Return the change that costs least time of those with which all fits; a lower precision only if nothing else."""
    fitting = [one for one in changes if one.change in FITTING and not one.lacks]
    return min(fitting, key=lambda one: (one.change == "lower_precision", one.makespan_s), default=None)


FITTING = (
    "more_recompute",
    "smaller_microbatch",
    "lighter_schedule",
    "lower_precision",
    "more_microbatches",
    "pipeline_depth",
)
