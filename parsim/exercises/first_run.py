"""First run: T_total, the makespan, and the idle time that lies between them.

makespan = ceil(N/P) (T_s + T_c)      T_total = N/P (T_s + T_c)      drain, a mean = makespan - T_total
"""

from __future__ import annotations

from typing import Any, NamedTuple

from parsim.core.quantities import seconds
from parsim.core.units import SECONDS
from parsim.exercises.exercise import Answer, Blanks, Exercise, Wanted, first_wrong, paragraphs
from parsim.exercises.lot import Lot
from parsim.lessons.marked import Marked
from parsim.study.single import simulate


class Numbers(NamedTuple):
    """Items and workers, tenths of a second that an item computes, MB of an item, and MB/s of a link."""

    items: int
    workers: int
    tenths: int
    size: int
    rate: int


def draw(lot: Lot) -> Numbers:
    """Draw items that workers cannot share equally."""
    workers = lot.whole(3, 8)
    items = workers * lot.whole(2, 6) + lot.whole(1, workers - 1)
    return Numbers(items, workers, lot.whole(5, 39), lot.whole(2, 9), lot.one_of((5, 10, 20, 25, 40)))


def ask(numbers: Numbers) -> str:
    """Write the question."""
    items, workers, tenths, size, rate = numbers
    return paragraphs(
        f"{items} items of {size} MB lie at the host. {workers} workers get as equal a number of them as whole items "
        f"allow, each worker all of its items in one transfer over a link of {rate} MB/s of its own, without latency. "
        f"When the transfer has arrived, the worker computes its items, {tenths / 10:g} s each.",
        "How long does that take in theory, T_total? How long does the run take? And how long do the workers idle "
        "because their work has run out (drain), as the mean of all workers? Find it on paper; then write a scenario, "
        "and see whether `parsim run` agrees.",
    )


def scenario(numbers: Numbers) -> dict[str, Any]:
    """Return the run in question."""
    items, workers, tenths, size, rate = numbers
    return {
        "cluster": {"devices": workers, "topology": {"kind": "star", "bandwidth": f"{rate} MB/s"}},
        "workload": {"kind": "items", "count": items, "item": f"{size} MB"},
        "plan": {"split": "data"},
        "cost": {"kind": "constant", "compute": f"{tenths / 10:g} s"},
    }


def mark(numbers: Numbers, answer: Answer) -> Marked:
    """Mark the three times."""
    run = simulate(scenario(numbers))
    t_total, makespan, drain = run.theory.t_total_s, run.timeline.makespan_s, run.ledger.idle["drain"]
    computing = numbers.items / numbers.workers * numbers.tenths / 10
    longest = max(device["idle_s"] for device in run.metrics["devices"])
    wrong = first_wrong(
        answer,
        (
            Wanted(
                "t_total",
                SECONDS,
                t_total,
                (
                    (makespan, "is the makespan, which has whole items. T_total divides items, too."),
                    (computing, "is the computing alone. What else does each item cost?"),
                    (t_total * numbers.workers, "is the work of all. How many share it?"),
                ),
                "N/P (T_s + T_c): T_c is the time in which an item travels.",
            ),
            Wanted(
                "makespan",
                SECONDS,
                makespan,
                (
                    (t_total, "is T_total, which cuts items. How many whole items has the busiest worker?"),
                    (run.metrics["devices"][0]["compute_s"], "is the computing alone. How do the items get there?"),
                ),
                "The worker with most items is done last: it receives all of them, then computes all of them.",
            ),
            Wanted(
                "drain",
                SECONDS,
                drain,
                (
                    (longest, "is the idle time of one worker. The ledger has the mean of all."),
                    (drain * numbers.workers, "is the sum over all workers. The ledger has the mean."),
                    (0.0, "would mean that all workers end at once. Do they?"),
                ),
                "Each worker with an item less idles as long as an item takes, transfer and computing.",
            ),
        ),
    )
    explained = f"{seconds(t_total)} + drain {seconds(drain)} = makespan {seconds(makespan)}"
    return wrong or Marked(True, f"Right: T_total {explained}.")


EXERCISE = Exercise(
    name="first_run",
    title="where does the time go?",
    lesson="01",
    draw=draw,
    ask=ask,
    form=Blanks(dict.fromkeys(("t_total", "makespan", "drain"), "a time with its unit, such as 2.5 s")),
    mark=mark,
)
