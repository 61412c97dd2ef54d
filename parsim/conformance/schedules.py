"""Rules for schedules: each action once, no deadlock, and true claims of bubble and activations.

A broken rule names rank and action, and the table of the orders marks them.

@schedules.add("mine", bubble=bubble, live=live)   bubble(ranks, microbatches, chunks)   idle share, F 1, I 1, W 1
                                                   live(ranks, microbatches, chunks)     most activations, per rank
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from parsim.conformance.case import Case, Found, asked, found, who_of
from parsim.core.errors import Invalid, RunError
from parsim.core.op import Action
from parsim.core.orders import GIVEN, bubble_of, claim_of, orders_of
from parsim.core.schema import Ask
from parsim.core.tolerance import CLOSE
from parsim.core.wrong_orders import Wrong, WrongOrders, drawn, shape_words
from parsim.entries.checks import orders
from parsim.metrics.activations import held, live_activations
from parsim.metrics.checker import check
from parsim.run import Result
from parsim.scenario.schema import check as read
from parsim.schedules import schedules
from parsim.study.single import simulate

SHAPES = ((1, 1, 1), (1, 4, 1), (2, 1, 1), (2, 4, 1), (3, 2, 1), (3, 7, 1), (4, 8, 1), (2, 4, 2), (4, 8, 2))
SAMPLES = {"custom": {"orders": ["0F0 0F1 0I0 0W0 0F2 0B1 0B2 0F3 0B3", "1F0 1B0 1F1 1B1 1F2 1I2 1F3 1I3 1W2 1W3"]}}
NOWHERE = -1  # no action is to be marked
EQUAL = {"forward": "1 s", "input_grad": "1 s", "weight_grad": "1 s"}


def cases(entry: str) -> list[Case]:
    """Return the cases of a schedule: shapes, and whether any shape is possible."""
    shapes = [Case(", ".join(shape_words(*shape)), partial(play, entry, shape)) for shape in SHAPES]
    return [*shapes, Case("at least one shape is accepted", partial(possible, entry))]


def ordered(entry: str, shape: tuple[int, int, int]) -> list[list[Action]]:
    """Return the checked orders of a shape; an impossible shape raises `Invalid`."""
    given = dict(zip(GIVEN, shape, strict=False))
    return orders(who_of("schedules", entry, "schedule"), given, orders_of(_ask(entry), *shape))


def _ask(entry: str) -> Ask:
    made = schedules[entry]
    return Ask(entry, made, read(made, _arguments(entry), GIVEN))


def _arguments(entry: str) -> dict[str, Any]:
    return asked(schedules[entry], GIVEN, SAMPLES.get(entry, {}))


def possible(entry: str) -> Found:
    """Check that the schedule does not refuse every shape."""
    reasons = [reason for shape in SHAPES if (reason := _refusal(entry, shape))]
    return found([f"refuses every shape; the first: {reasons[0]}"] if len(reasons) == len(SHAPES) else [])


def _refusal(entry: str, shape: tuple[int, int, int]) -> str:
    try:
        ordered(entry, shape)
    except Invalid as invalid:
        return str(invalid)
    except RunError:
        pass  # another case says so
    return ""


def play(entry: str, shape: tuple[int, int, int]) -> Found:
    """Play a shape with equal and with unequal stages, and compare with its claims."""
    try:
        rows = ordered(entry, shape)
    except Invalid as invalid:
        return Found(told=f"refused: {invalid}")
    except WrongOrders as error:
        who = who_of("schedules", entry, "schedule")
        return found((f"{who}: {one.message}" for one in error.found), drawn=error.drawn)
    equal, unequal = _played(entry, shape, EQUAL), _played(entry, shape, _unequal(shape))
    broken = [*check(equal.job, equal.timeline), *check(unequal.job, unequal.timeline)]
    wrong = [*_about_claims(entry, shape, rows, equal)]
    most = " ".join(map(str, live_activations(equal.job.graph)))
    told = f"live activations {most}{'' if wrong else _claimed(entry, shape)}"
    return found([*broken, *(one.message for one in wrong)], told, drawn(rows, wrong))


def _claimed(entry: str, shape: tuple[int, int, int]) -> str:
    """Say which claims of a shape were compared."""
    claims = schedules.claims(entry)
    compared = ["bubble"] * (bubble_of(claims, _ask(entry), *shape) is not None) + ["live"] * ("live" in claims)
    return f"; as claimed: {' and '.join(compared)}" if compared else ""


def _played(entry: str, shape: tuple[int, int, int], times: dict[str, Any]) -> Result:
    ranks, microbatches, chunks = shape
    kind = {"kind": entry, **_arguments(entry)}
    plan = {"schedule": kind, "microbatches": microbatches, "chunks": chunks}
    return simulate({"cluster": {"devices": ranks}, "workload": {"kind": "stages", **times}, "plan": plan})


def _unequal(shape: tuple[int, int, int]) -> dict[str, Any]:
    stages = range(shape[0] * shape[2])
    forward, backward = ([f"{(factor * stage) % 5 + 1} s" for stage in stages] for factor in (3, 2))
    return {"forward": forward, "input_grad": backward, "weight_grad": "1 s", "send": "500 ms"}


def _about_claims(entry: str, shape: tuple[int, int, int], rows: list[list[Action]], equal: Result) -> Iterator[Wrong]:
    claims, ask = schedules.claims(entry), _ask(entry)
    bubble = bubble_of(claims, ask, *shape)
    if bubble is not None:
        yield from _about_bubble(bubble, rows, equal)
    if "live" in claims:
        yield from _about_live(claim_of(claims["live"], ask, *shape), rows, equal)


def _about_live(most: list[int], rows: list[list[Action]], equal: Result) -> Iterator[Wrong]:
    for rank, (claimed, row, live) in enumerate(zip(most, rows, held(equal.job.graph), strict=True)):
        if live.max() > claimed:
            at = int(np.flatnonzero(live > claimed)[0])
            words = f"claims at most {claimed} activations on rank {rank}, but it holds {live.max()}"
            yield Wrong(rank, at, str(row[at]), f"{words}; {row[at]} is one too many")


def _about_bubble(claimed: float, rows: list[list[Action]], equal: Result) -> Iterator[Wrong]:
    spans = equal.timeline
    order = np.flatnonzero(spans.computes)[np.argsort(spans.number[spans.computes])]  # rank by rank, as in *rows*
    starts, ends = spans.start_s[order], spans.end_s[order]
    played = 1 - float((ends - starts).sum()) / (len(rows) * spans.makespan_s)
    if not math.isclose(claimed, played, rel_tol=CLOSE, abs_tol=CLOSE):
        firsts = np.cumsum([0, *map(len, rows)])[:-1]
        waits = starts - np.where(np.isin(np.arange(len(order)), firsts), 0.0, np.roll(ends, 1))
        task = int(waits.argmax())
        rank = int(np.searchsorted(firsts, task, "right")) - 1
        at = task - int(firsts[rank])
        words = f"claims a bubble of {claimed:g} of the makespan, but has {played:g} with equal stages"
        if waits[task] > 0:
            longest = f"rank {rank} waits longest, {waits[task]:g} s before {rows[rank][at]}"
            yield Wrong(rank, at, str(rows[rank][at]), f"{words}; {longest}")
        else:
            yield Wrong(0, NOWHERE, "", f"{words}; no rank waits between its actions")
