"""Call a schedule for the orders of its ranks; refuse several chunks if it has one stage per rank.

def mine(ranks, microbatches, chunks)    called for any number of chunks
def mine(ranks, microbatches)            one stage per rank: more chunks are refused without a call
"""

from __future__ import annotations

from parsim.core.errors import Complaint, Invalid
from parsim.core.op import Op
from parsim.core.schema import Ask
from parsim.core.signatures import taken


def orders_of(schedule: Ask, ranks: int, microbatches: int, chunks: int) -> list[list[Op]]:
    """Return the orders, one list for each rank; unsupported arguments raise `Invalid`."""
    given = {"ranks": ranks, "microbatches": microbatches}
    if taken(schedule.entry, ["chunks"]):
        given["chunks"] = chunks
    else:
        refuse_chunks(schedule.name, chunks)
    orders: list[list[Op]] = schedule.make(**given)
    return orders


def refuse_chunks(name: str, chunks: int) -> None:
    """Refuse more than one chunk.

    >>> refuse_chunks("gpipe", 2)
    Traceback (most recent call last):
    parsim.core.errors.Invalid: chunks: gpipe gives each rank one stage, so it has no use for more chunks; use chunks: 1
    """
    if chunks != 1:
        why = f"{name} gives each rank one stage, so it has no use for more chunks; use chunks: 1"
        raise Invalid([Complaint(("chunks",), why)])
