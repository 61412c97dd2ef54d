"""Rules for policies: each task once, after its inputs, on an allowed worker, with room; the same in every run.

On P equal workers without transfers     max(critical path, work / P) <= makespan <= work
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice, zip_longest
from typing import Any

from parsim.build import build
from parsim.conformance.case import Case, Found, found, who_of
from parsim.conformance.games import OTHER, PIPELINES, QUIET
from parsim.core.job import Job
from parsim.core.timeline import Timeline
from parsim.core.tolerance import CLOSE
from parsim.entries.checked_policy import guarded
from parsim.entries.external import Outside
from parsim.metrics.checker import check
from parsim.metrics.closed_forms import lower_bound
from parsim.policies import policies
from parsim.run import run
from parsim.scenario.scenario import load

FOLLOWS_ORDERS = "in_order"  # plays only pipelines


def cases(entry: str) -> list[Case]:
    """Return the cases of a policy."""
    games = PIPELINES if entry == FOLLOWS_ORDERS else {**QUIET, **OTHER, **PIPELINES}
    return [Case(name, partial(play, entry, scenario, name in QUIET)) for name, scenario in games.items()]


def play(entry: str, scenario: Mapping[str, Any], quiet: bool) -> Found:
    """Play a job twice with a checked policy, and apply the checker, the bounds and a comparison of the runs."""
    job = behind_guard(build(load({**scenario, "policy": entry})))
    first, second = run(job).timeline, run(job).timeline
    return found([*check(job, first), *(about_bounds(job, first) if quiet else ()), *about_change(first, second)])


def behind_guard(job: Job) -> Job:
    """Return *job* with a checked policy. A policy from outside the package is already checked."""
    if isinstance(policies[job.policy_name], Outside):
        return job
    who = who_of("policies", job.policy_name, "policy")
    return replace(job, policy=guarded(who, job.policy, [worker.name for worker in job.cluster.workers]))


def about_bounds(job: Job, timeline: Timeline) -> Iterator[str]:
    """Yield a sentence if the makespan is not in [max(critical path, work / P), work]."""
    makespan, least = timeline.makespan_s, lower_bound(job)
    work = float((timeline.end_s - timeline.start_s)[timeline.computes].sum())
    if makespan < least * (1 - CLOSE):
        yield f"ends after {makespan:g} s, but the critical path and the work need {least:g} s"
    if makespan > work * (1 + CLOSE):
        yield f"ends after {makespan:g} s, but one worker needs only {work:g} s"


def about_change(first: Timeline, second: Timeline) -> Iterator[str]:
    """Yield a sentence about the first difference between two runs of the same job."""
    unlike = (pair for pair in zip_longest(first.rows(), second.rows()) if pair[0] != pair[1])
    for one, other in islice(unlike, 1):
        yield (
            f"decides otherwise when played again: {_span(one)}, then {_span(other)}; "
            "keep no state in the class, and draw no random numbers"
        )


def _span(row: Sequence[Any] | None) -> str:
    """Describe a row of a timeline; None means that the timeline had ended."""
    return f"{row[1]} on {row[3]} at {row[6]:g} s" if row else "nothing"
