"""Rules for schedules: each action once, no deadlock, and true claims of bubble and activations.

@schedules.add("mine", bubble=bubble, live=live)   bubble(ranks, microbatches, chunks)   idle share, F 1, I 1, W 1
                                                   live(ranks, microbatches, chunks)     most activations, per rank
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from parsim.conformance.case import Case, Found, asked, found, who_of
from parsim.core.errors import Invalid
from parsim.core.op import Action, action, ops_of
from parsim.core.orders import GIVEN, claim_of, orders_of
from parsim.core.schema import Ask
from parsim.core.tolerance import CLOSE
from parsim.entries.checks import orders
from parsim.metrics.checker import check
from parsim.run import Result, simulate
from parsim.scenario.schema import check as read
from parsim.schedules import schedules

SHAPES = ((1, 1, 1), (1, 4, 1), (2, 1, 1), (2, 4, 1), (3, 2, 1), (3, 7, 1), (4, 8, 1), (2, 4, 2), (4, 8, 2))
EQUAL = {"forward": "1 s", "input_grad": "1 s", "weight_grad": "1 s"}


def cases(entry: str) -> list[Case]:
    """Return the cases of a schedule: shapes, and whether any shape is possible."""
    shapes = [
        Case(f"{ranks} ranks, {microbatches} microbatches, {chunks} chunks", partial(play, entry, shape))
        for shape in SHAPES
        for ranks, microbatches, chunks in (shape,)
    ]
    return [*shapes, Case("at least one shape is accepted", partial(possible, entry))]


def ordered(entry: str, shape: tuple[int, int, int]) -> list[list[Action]]:
    """Return the checked orders of a shape; an impossible shape raises `Invalid`."""
    given = dict(zip(GIVEN, shape, strict=False))
    return orders(who_of("schedules", entry, "schedule"), given, orders_of(_ask(entry), *shape))


def _ask(entry: str) -> Ask:
    made = schedules[entry]
    return Ask(entry, made, read(made, asked(made, GIVEN, {}), GIVEN))


def possible(entry: str) -> Found:
    """Check that the schedule does not refuse every shape."""
    reasons = [reason for shape in SHAPES if (reason := _refusal(entry, shape))]
    return found([f"refuses every shape; the first: {reasons[0]}"] if len(reasons) == len(SHAPES) else [])


def _refusal(entry: str, shape: tuple[int, int, int]) -> str:
    try:
        ordered(entry, shape)
    except Invalid as invalid:
        return str(invalid)
    return ""


def play(entry: str, shape: tuple[int, int, int]) -> Found:
    """Play a shape with equal and with unequal stages, and compare with its claims."""
    try:
        rows = ordered(entry, shape)
    except Invalid as invalid:
        return Found(told=f"refused: {invalid}")
    strange = [str(one) for row in rows for one in row if action(str(one)) != one]
    equal, unequal = _played(entry, shape, EQUAL), _played(entry, shape, _unequal(shape))
    most = [_most_live(row) for row in rows]
    broken = [f"{one} does not read back as the same action" for one in strange]
    broken += [*check(equal.job, equal.timeline), *check(unequal.job, unequal.timeline)]
    return found([*broken, *_about_claims(entry, shape, equal, most)], f"live activations {' '.join(map(str, most))}")


def _played(entry: str, shape: tuple[int, int, int], times: dict[str, Any]) -> Result:
    ranks, microbatches, chunks = shape
    kind = {"kind": entry, **asked(schedules[entry], GIVEN, {})}
    plan = {"schedule": kind, "microbatches": microbatches, "chunks": chunks}
    return simulate({"cluster": {"devices": ranks}, "workload": {"kind": "stages", **times}, "plan": plan})


def _unequal(shape: tuple[int, int, int]) -> dict[str, Any]:
    stages = range(shape[0] * shape[2])
    forward, backward = ([f"{(factor * stage) % 5 + 1} s" for stage in stages] for factor in (3, 2))
    return {"forward": forward, "input_grad": backward, "weight_grad": "1 s", "send": "500 ms"}


def _most_live(row: Sequence[Action]) -> int:
    """Return the most activations held at once: a forward adds one, its last half of backward frees it."""
    ops = ops_of(row)
    halves = {(op.stage, op.microbatch) for op in ops if op.kind == "W"}
    live = most = 0
    for op in ops:
        freed = op.kind == "W" or (op.kind == "B" and (op.stage, op.microbatch) not in halves)
        live += (op.kind == "F") - freed
        most = max(most, live)
    return most


def _about_claims(entry: str, shape: tuple[int, int, int], equal: Result, most: list[int]) -> Iterator[str]:
    claims = {name: claim_of(claim, _ask(entry), *shape) for name, claim in schedules.claims(entry).items()}
    if claims.get("bubble") is not None:
        spans, makespan = equal.timeline, equal.timeline.makespan_s
        busy = float((spans.end_s - spans.start_s)[spans.computes].sum())
        claimed, played = claims["bubble"], 1 - busy / (shape[0] * makespan)
        if not math.isclose(claimed, played, rel_tol=CLOSE, abs_tol=CLOSE):
            yield f"claims a bubble of {claimed:g} of the makespan, but has {played:g} with equal stages"
    if "live" in claims:
        for rank, (claimed, held) in enumerate(zip(claims["live"], most, strict=True)):
            if held > claimed:
                yield f"claims at most {claimed} activations on rank {rank}, but it holds {held}"
