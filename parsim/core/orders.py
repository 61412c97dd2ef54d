"""Call a schedule for the orders of its ranks, with what its signature asks for.

def mine(ranks, microbatches)                    one stage per rank: more chunks are refused without a call
def mine(ranks, microbatches, chunks)            called for any number of chunks, 1 if left out
def mine(ranks, microbatches, chunks=2)          2 if left out
def mine(ranks, microbatches, times)             sees the seconds of stages and sends
def mine(ranks, microbatches, limit: Count = 8)  every other parameter is a key of the scenario beside `kind`
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from inspect import Parameter
from typing import Any, NamedTuple

from parsim.core.errors import Complaint, Invalid
from parsim.core.garbage import uncollected
from parsim.core.op import Action
from parsim.core.schema import Ask
from parsim.core.signatures import signature, taken

GIVEN = ("ranks", "microbatches", "chunks", "times")  # parameters of a schedule that are no keys of the scenario


class StageTimes(NamedTuple):
    """Seconds of one microbatch on each stage, in model order, and of a send between stages on different ranks.

    B lasts input_grad + weight_grad.
    """

    forward: tuple[float, ...]  # (stages,)
    input_grad: tuple[float, ...]  # (stages,)
    weight_grad: tuple[float, ...]  # (stages,)
    send: float


class Idle(NamedTuple):
    """A published closed form of the idle seconds of each rank with equal stages."""

    name: str  # of the schedule in its paper
    formula: str
    seconds: float


def unit_times(stages: int) -> StageTimes:
    """Return 1 s for F, I and W, and no send.

    >>> unit_times(2)
    StageTimes(forward=(1.0, 1.0), input_grad=(1.0, 1.0), weight_grad=(1.0, 1.0), send=0.0)
    """
    return StageTimes(*(3 * ((1.0,) * stages,)), send=0.0)


def orders_of(
    schedule: Ask,
    ranks: int,
    microbatches: int,
    chunks: int | None = None,
    times: Callable[[int], StageTimes] = unit_times,
) -> list[list[Action]]:
    """Return the orders, one list for each rank; unsupported arguments raise `Invalid`.

    Without *chunks* the schedule's own default holds. *times* gives the seconds of a number of stages.
    """
    given: dict[str, Any] = {"ranks": ranks, "microbatches": microbatches}
    if len(taken(schedule.entry, given)) < len(given):
        why = f"{schedule.name} does not take its shape; write its function as {schedule.name}(ranks, microbatches)"
        raise Invalid([Complaint(("schedule",), why)])
    chunks = chunks_of(schedule, chunks)
    if taken(schedule.entry, ["chunks"]):
        given["chunks"] = chunks
    else:
        refuse_chunks(schedule.name, chunks)
    if taken(schedule.entry, ["times"]):
        given["times"] = times(ranks * (chunks or 1))
    try:
        with uncollected():
            orders: list[list[Action]] = schedule.make(**given)
    except Invalid as invalid:
        own = schedule.arguments
        raise Invalid(c.below("schedule") if c.path and c.path[0] in own else c for c in invalid.complaints) from None
    return orders


@contextmanager
def checked_in_plan() -> Iterator[None]:
    """Turn complaints about the arguments of a schedule into complaints about the plan."""
    try:
        yield
    except Invalid as invalid:
        renamed = [c._replace(path=("pipeline",)) if c.path == ("ranks",) else c for c in invalid.complaints]
        raise Invalid(complaint.below("plan").of("schedule") for complaint in renamed) from None


def chunks_of(schedule: Ask, chunks: int | None) -> int | None:
    """Return *chunks*, or else the default of the schedule: 1, unless its signature has another.

    >>> def v_shape(ranks, microbatches, chunks=2): ...
    >>> chunks_of(Ask("v", v_shape), None), chunks_of(Ask("v", v_shape), 4)
    (2, 4)
    """
    known = signature(schedule.entry).get("chunks")
    if chunks is not None or known is None:
        return 1 if chunks is None else chunks
    default: int | None = 1 if known.default is Parameter.empty else known.default
    return default


def claim_of(
    claim: Callable[..., Any], schedule: Ask, ranks: int, microbatches: int, chunks: int, **times: float
) -> Any:
    """Return what a schedule claims of a shape; a claim may also ask for the schedule's own arguments, and for *times*.

    >>> claim_of(lambda ranks, microbatches: (ranks - 1) / (microbatches + ranks - 1), Ask("1f1b"), 4, 12, 1)
    0.2
    """
    known = {**schedule.arguments, "ranks": ranks, "microbatches": microbatches, "chunks": chunks, **times}
    return claim(**{name: known[name] for name in taken(claim, known)})


def bubble_of(
    claims: Mapping[str, Callable[..., Any]], schedule: Ask, ranks: int, microbatches: int, chunks: int
) -> float | None:
    """Return the claimed idle share of the whole in unit times, also where only the idle seconds are claimed."""
    shape = ranks, microbatches, chunks
    if "idle" not in claims:
        share: float | None = claim_of(claims["bubble"], schedule, *shape) if "bubble" in claims else None
        return share
    idle = claim_of(claims["idle"], schedule, *shape, forward=1.0, input_grad=1.0, weight_grad=1.0, send=0.0)
    return None if idle is None else idle.seconds / (3 * microbatches * chunks + idle.seconds)


def refuse_chunks(name: str, chunks: int | None) -> None:
    """Refuse more than one chunk.

    >>> refuse_chunks("gpipe", 2)
    Traceback (most recent call last):
    parsim.core.errors.Invalid: chunks: gpipe gives each rank one stage; use chunks: 1
    """
    if chunks != 1:
        why = f"{name} gives each rank one stage; use chunks: 1"
        raise Invalid([Complaint(("chunks",), why)])


def refuse_other_chunks(name: str, chunks: int, number: int) -> None:
    """Refuse any other *number* of chunks.

    >>> refuse_other_chunks("zb-v", 3, 2)
    Traceback (most recent call last):
    parsim.core.errors.Invalid: chunks: zb-v gives each rank 2 stages; use chunks: 2
    """
    if chunks != number:
        raise Invalid([Complaint(("chunks",), f"{name} gives each rank {number} stages; use chunks: {number}")])
