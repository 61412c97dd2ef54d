"""Rules for schedules: each action once, no deadlock, and true claims of bubble and activations.

claims stand beside the schedule, in its file:   bubble(ranks, microbatches, chunks)   idle share, F 1, I 1, W 1
                                                 live(ranks, microbatches, chunks)     most activations, per rank
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from parsim.conformance.case import Case, Found, asked, found, who_of
from parsim.core.errors import Invalid
from parsim.core.op import Op
from parsim.core.orders import orders_of
from parsim.core.schema import Ask
from parsim.core.tolerance import CLOSE
from parsim.entries.checks import orders
from parsim.metrics.checker import check
from parsim.run import Result, simulate
from parsim.scenario.schema import check as read
from parsim.schedules import schedules

GIVEN = ("ranks", "microbatches", "chunks")
SHAPES = ((1, 1, 1), (1, 4, 1), (2, 1, 1), (2, 4, 1), (3, 2, 1), (3, 7, 1), (4, 8, 1), (2, 4, 2), (4, 8, 2))
EQUAL = {"forward": "1 s", "input_grad": "1 s", "weight_grad": "1 s"}


def cases(entry: str) -> list[Case]:
    """Return the cases of a schedule: shapes, and whether any shape is possible."""
    shapes = [
        Case(f"{ranks} ranks, {microbatches} microbatches, {chunks} chunks", partial(play, entry, shape))
        for shape in SHAPES
        for ranks, microbatches, chunks in (shape,)
    ]
    return [*shapes, Case("some shape is possible", partial(possible, entry))]


def ordered(entry: str, shape: tuple[int, int, int]) -> list[list[Op]]:
    """Return the checked orders of a shape; an impossible shape raises `Invalid`."""
    made = schedules[entry]
    answer = orders_of(Ask(entry, made, read(made, asked(made, GIVEN, {}), GIVEN)), *shape)
    return orders(who_of("schedules", entry, "schedule"), dict(zip(GIVEN, shape, strict=True)), answer)


def possible(entry: str) -> Found:
    """Check that the schedule does not refuse every shape."""
    reasons = [reason for shape in SHAPES if (reason := _refusal(entry, shape))]
    return found([f"refuses every shape, the first because: {reasons[0]}"] if len(reasons) == len(SHAPES) else [])


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
    strange = [str(op) for row in rows for op in row if Op.parse(str(op)) != op]
    equal, unequal = _played(entry, shape, EQUAL), _played(entry, shape, _unequal(shape))
    most = [_most_live(row) for row in rows]
    broken = [f"{one} does not read as it is written" for one in strange]
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


def _most_live(row: Sequence[Op]) -> int:
    """Return the most activations held at once: a forward adds one, its last half of backward frees it."""
    halves = {(op.stage, op.microbatch) for op in row if op.kind == "W"}
    live = most = 0
    for op in row:
        freed = op.kind == "W" or (op.kind == "B" and (op.stage, op.microbatch) not in halves)
        live += (op.kind == "F") - freed
        most = max(most, live)
    return most


def _about_claims(entry: str, shape: tuple[int, int, int], equal: Result, most: list[int]) -> Iterator[str]:
    module = sys.modules[schedules[entry].__module__]
    if hasattr(module, "bubble"):
        spans, makespan = equal.timeline, equal.timeline.makespan_s
        busy = float((spans.end_s - spans.start_s)[spans.computes].sum())
        claimed, played = module.bubble(*shape), 1 - busy / (shape[0] * makespan)
        if not math.isclose(claimed, played, rel_tol=CLOSE, abs_tol=CLOSE):
            yield f"claims a bubble of {claimed:g} of the whole, and has {played:g} with equal stages"
    if hasattr(module, "live"):
        for rank, (claimed, held) in enumerate(zip(module.live(*shape), most, strict=True)):
            if held > claimed:
                yield f"claims that rank {rank} holds {claimed} activations at most, and it holds {held}"
