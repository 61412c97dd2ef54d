"""Hidden gradients: the least bandwidth of links with which nearly nobody waits for gradients.

backward   |block 3 ....|block 2 ....|block 1 ....|
rings                   |3 ....|     |2 ....|     |1 ....|      the last one shows, however fast the links are
"""

from __future__ import annotations

from typing import Any, NamedTuple

from parsim.core.quantities import seconds, size
from parsim.core.units import BYTES_PER_SECOND
from parsim.exercises.exercise import Answer, Blanks, Exercise, paragraphs, told
from parsim.exercises.lot import Lot
from parsim.lessons.marked import NEAR, Marked, hint
from parsim.study.single import simulate


class Numbers(NamedTuple):
    """Model, replicas, and tenths of a millisecond that may show."""

    preset: str
    replicas: int
    tenths: int


def draw(lot: Lot) -> Numbers:
    """Draw a model that a device holds, and a time."""
    return Numbers(lot.one_of(("gpt2-1.5b", "gpt3-1.3b", "gpt3-2.7b")), lot.one_of((4, 8)), lot.whole(20, 250))


def scenario(numbers: Numbers) -> dict[str, Any]:
    """Return the training on links of 25 GB/s."""
    star = {"kind": "star", "bandwidth": "25 GB/s", "latency": "5 us"}
    return {
        "cluster": {"devices": numbers.replicas, "device": "a100-80g", "topology": star},
        "workload": {"kind": "transformer", "preset": numbers.preset, "batch": numbers.replicas},
        "plan": {"data": numbers.replicas, "bucket": "25 MB"},
    }


def ask(numbers: Numbers) -> str:
    """Write the question."""
    return paragraphs(
        f"{numbers.replicas} replicas train {numbers.preset}, a sequence each, at one switch. Gradients travel in "
        "buckets of a layer, under backward of the layers before it. Of the last ring a part always shows, and of the "
        "others "
        "where links are slow.",
        "Which is the least bandwidth of all links with which devices wait at most "
        f"{numbers.tenths / 10:g} ms of a step for gradients? Write it to 1 %; `parsim run` tells what data ranks "
        "expose, and --set cluster.topology.bandwidth=... changes the links.",
    )


def shown(numbers: Numbers, bandwidth: float) -> float:
    """Return the seconds of a step in which devices wait for gradients."""
    run = simulate(scenario(numbers), {"cluster.topology.bandwidth": f"{bandwidth!r} B/s"})
    return float(run.communication["data"]["exposed_s"])


def mark(numbers: Numbers, answer: Answer) -> Marked:
    """Mark the bandwidth."""
    found = told(answer, "bandwidth", BYTES_PER_SECOND)
    if isinstance(found, Marked):
        return found
    least, allowed = shown(numbers, found * (1 + NEAR)), numbers.tenths / 1e4
    if least > allowed:
        return hint(
            f"bandwidth: With {size(found)}/s devices wait {seconds(shown(numbers, found))}. Look for faster links."
        )
    if shown(numbers, found * (1 - NEAR)) <= allowed:
        return hint(
            f"bandwidth: With {size(found)}/s devices wait only {seconds(shown(numbers, found))}. Slower links do, "
            "too: only what is left when backward has ended shows."
        )
    return Marked(True, f"Right: with {size(found)}/s devices wait {seconds(shown(numbers, found))}.")


EXERCISE = Exercise(
    name="hidden_gradients",
    title="how fast must links be, so that nearly nobody waits for gradients?",
    lesson="07",
    draw=draw,
    ask=ask,
    form=Blanks({"bandwidth": "of each link, such as 25 GB/s"}),
    mark=mark,
    scenario=scenario,
)
