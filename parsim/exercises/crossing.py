"""Crossing: the size of a model at which its split by layers becomes faster than the split by data.

by data    latency + (W + k item) / B          k = ceil(N/P) items, or sub-tasks, of the busiest worker
by layers  k (latency + (W/N + N item) / B)    in theory k is N/P
"""

from __future__ import annotations

from typing import Any, NamedTuple

from parsim.core.quantities import seconds, size
from parsim.core.units import BYTES
from parsim.exercises.exercise import Answer, Blanks, Exercise, empty, paragraphs
from parsim.exercises.lot import Lot
from parsim.lessons.marked import NEAR, Marked, hint, quantity, unanswered
from parsim.run import Result
from parsim.study.single import simulate


class Numbers(NamedTuple):
    """Items, workers, MB of an item, ms of latency, and tenths of GB/s of a link."""

    items: int
    workers: int
    item: int
    latency: int
    rate: int


def draw(lot: Lot) -> Numbers:
    """Draw items that workers cannot share equally."""
    workers = lot.whole(3, 5)
    items = workers * lot.whole(2, 3) + lot.whole(1, workers - 1)
    return Numbers(items, workers, lot.whole(8, 30), lot.whole(5, 60), lot.whole(8, 40))


def ask(numbers: Numbers) -> str:
    """Write the question."""
    items, workers, item, latency, rate = numbers
    return paragraphs(
        f"{items} items of {item} MB and a model lie at the host. {workers} workers are each on a link of "
        f"{rate / 10:g} GB/s with {latency} ms of latency. Split by data, a worker gets the whole model and its items "
        f"in one transfer. Split by layers, there are {items} sub-tasks, each with 1/{items} of the model and with all "
        "items, in a transfer of its own. Computing takes 100 ms for each item or sub-task, whichever way it is split.",
        "Small models are faster by data, large ones by layers. From which size of the model on are the runs by layers "
        "faster? And from which size on does T_total say so? Write both sizes, to 1 %.",
    )


def played(numbers: Numbers, weights: float, split: str) -> Result:
    """Play one of the splits with a model of *weights* bytes."""
    items, workers, item, latency, rate = numbers
    star = {"kind": "star", "bandwidth": f"{rate / 10:g} GB/s", "latency": f"{latency} ms"}
    return simulate(
        {
            "cluster": {"devices": workers, "topology": star},
            "workload": {
                "kind": "items",
                "count": items,
                "item": f"{item} MB",
                "weights": f"{weights!r} B",
                "weights_at": "host",
            },
            "plan": {"split": split},
            "cost": {"kind": "constant", "compute": "100 ms"},
        }
    )


def gain(numbers: Numbers, weights: float, theory: bool) -> float:
    """Return by how many seconds layers are faster, in theory or in the run."""
    data, layers = (played(numbers, weights, split) for split in ("data", "layers"))
    if theory:
        return data.theory.t_total_s - layers.theory.t_total_s
    return data.timeline.makespan_s - layers.timeline.makespan_s


def crosses(numbers: Numbers, weights: float, theory: bool) -> bool:
    """Return whether layers become faster within 1 % of *weights*."""
    return gain(numbers, weights * (1 - NEAR), theory) <= 0 <= gain(numbers, weights * (1 + NEAR), theory)


def mark(numbers: Numbers, answer: Answer) -> Marked:
    """Mark the two sizes."""
    for key, theory in (("t_total", True), ("runs", False)):
        if unanswered(answer[key]):
            return empty(key)
        told = quantity(answer[key], BYTES)
        if isinstance(told, Marked):
            return told
        if not crosses(numbers, told, theory):
            return hint(f"{key}: {_elsewhere(numbers, told, theory)}")
    return Marked(
        True, f"Right: from {answer['runs']} on; T_total says {answer['t_total']}, as it knows no whole rounds."
    )


def _elsewhere(numbers: Numbers, weights: float, theory: bool) -> str:
    """Say which split is faster at *weights*, and where to look."""
    if crosses(numbers, weights, not theory):
        other = "runs cross, in whole rounds" if theory else "T_total crosses. Runs have whole rounds: how many"
        return f"{size(weights)} is where {other}{'.' if theory else '?'}"
    times = [
        run.theory.t_total_s if theory else run.timeline.makespan_s
        for run in (played(numbers, weights, split) for split in ("data", "layers"))
    ]
    where = "higher" if times[0] < times[1] else "lower"
    return f"At {size(weights)} data takes {seconds(times[0])}, layers {seconds(times[1])}. Look {where}."


EXERCISE: Exercise[Any] = Exercise(
    name="crossing",
    title="from which size of the model on is the split by layers faster?",
    lesson="03",
    draw=draw,
    ask=ask,
    form=Blanks(dict.fromkeys(("t_total", "runs"), "a size with its unit, such as 340 MB")),
    mark=mark,
)
