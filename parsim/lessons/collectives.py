"""An exercise on collectives: how long does an all-reduce take?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parsim.core.quantities import seconds
from parsim.core.units import SECONDS
from parsim.lessons.marked import FOUND, Marked, close, hint, overlooked, quantity
from parsim.scenario.scenario import Source
from parsim.study.single import simulate


def all_reduce(answer: object, source: Source, set: Mapping[str, Any] | None = None) -> Marked:
    """Mark the time that an all-reduce takes, alone on its network.

    Parameters
    ----------
    answer : a time with its unit, as in a scenario.
    source, set : as for `simulate`; the workload is a collective.

    >>> scenario = {"cluster": {"devices": 4, "topology": {"kind": "star", "bandwidth": "1 GB/s"}},
    ...             "workload": {"kind": "collective", "operation": "all-reduce", "algorithm": "ring", "size": "1 GB"}}
    >>> all_reduce("750 ms", scenario)
    Not yet. 750 ms is the sum alone, of which each rank then has a part. How do all of them get the whole?
    >>> all_reduce("1.5 s", scenario)
    Right: 1.5 s, and the bus bandwidth is 1 GB/s.
    """
    question = "How many rounds are there within nodes and between them, and what does a rank send in each?"
    told = quantity(answer, SECONDS, question)
    if isinstance(told, Marked):
        return told
    run = simulate(source, set)
    found = run.timeline.makespan_s
    if close(told, found, FOUND):
        carried = run.to_dict()["result"]["bus_bandwidth_bytes_per_s"]
        return Marked(True, f"Right: {seconds(found)}, and the bus bandwidth is {carried / 1e9:g} GB/s.")
    ring = simulate(source, {**(set or {}), "workload.algorithm": "ring"}).timeline.makespan_s
    mistakes = (
        (found / 2, "is the sum alone, of which each rank then has a part. How do all of them get the whole?"),
        (
            ring,
            "is the time of one ring through all ranks. What does this algorithm do within nodes, and between them?",
        ),
    )
    advice = "Every round takes the latency, and the bytes of one send divided by the bandwidth."
    return hint(f"{seconds(told)} {overlooked(told, found, mistakes, FOUND, advice)}")
