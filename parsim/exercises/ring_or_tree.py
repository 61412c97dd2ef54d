"""Ring or tree: the size of a buffer at which both all-reduces take the same time.

ring    2 (p-1) (alpha + S/p / B)                many rounds, few bytes in each
tree    2 (d + 2) (alpha + S/2 / B)              d = 2 lg p - 2: few rounds, half the buffer in each
"""

from __future__ import annotations

from typing import NamedTuple

from parsim.core.quantities import seconds, size
from parsim.core.units import BYTES, SECONDS
from parsim.exercises.exercise import Answer, Blanks, Exercise, Wanted, first_wrong, paragraphs, told
from parsim.exercises.lot import Lot
from parsim.lessons.marked import NEAR, Marked, hint
from parsim.study.single import simulate


class Numbers(NamedTuple):
    """Ranks, GB/s of a link, and tenths of a microsecond of its latency."""

    ranks: int
    rate: int
    tenths: int


def draw(lot: Lot) -> Numbers:
    """Draw a power of two of ranks, and links."""
    return Numbers(lot.one_of((8, 16, 32)), lot.whole(10, 120), lot.whole(5, 99))


def ask(numbers: Numbers) -> str:
    """Write the question."""
    ranks, rate, tenths = numbers
    return paragraphs(
        f"{ranks} ranks stand at one switch (a star), each on a link of {rate} GB/s with {tenths / 10:g} us of "
        "latency; a send passes two links. An all-reduce by double-binary-tree takes less time for small buffers, and "
        "one by "
        "ring for large ones. For which size of the buffer do both take the same time, and which time is that? Write "
        "both, to 1 %.",
        "The shelf tells the rounds of each algorithm: `parsim list collectives` names the files.",
    )


def took(numbers: Numbers, algorithm: str, buffer: float) -> float:
    """Return the seconds of an all-reduce."""
    ranks, rate, tenths = numbers
    star = {"kind": "star", "bandwidth": f"{rate} GB/s", "latency": f"{tenths / 10:g} us"}
    work = {"kind": "collective", "operation": "all-reduce", "algorithm": algorithm, "size": f"{buffer!r} B"}
    return simulate({"cluster": {"devices": ranks, "topology": star}, "workload": work}).timeline.makespan_s


def mark(numbers: Numbers, answer: Answer) -> Marked:
    """Mark the size and the time."""
    found = told(answer, "size", BYTES)
    if isinstance(found, Marked):
        return found
    if not found:
        return hint("size: Nothing is sent then.")
    ring, tree = (
        [took(numbers, algorithm, found * factor) for factor in (1 - NEAR, 1 + NEAR)]
        for algorithm in ("ring", "double-binary-tree")
    )
    if not (tree[0] <= ring[0] and ring[1] <= tree[1]):
        faster, where = ("tree", "larger") if tree[0] < ring[0] else ("ring", "smaller")
        return hint(
            f"size: For {size(found)} the {faster} is faster, so look for a {where} one. A send passes two links, and "
            "pays both latencies; a tree sends half of the buffer in each of its rounds."
        )
    time = took(numbers, "ring", found)
    advice = "Put the size into the closed form of the ring."
    wrong = first_wrong(answer, [Wanted("time", SECONDS, time, [(time / 2, "is half of it: first add, then hand out.")],
                                        advice, 2 * NEAR)])  # fmt: skip
    return wrong or Marked(True, f"Right: with {size(found)} both take {seconds(time)}.")


EXERCISE = Exercise(
    name="ring_or_tree",
    title="for which size do a ring and a tree take the same time?",
    lesson="08",
    draw=draw,
    ask=ask,
    form=Blanks({"size": "of the buffer, such as 340 kB", "time": "of both at that size, such as 25 us"}),
    mark=mark,
)
