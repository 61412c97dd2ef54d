"""Change the number of workers of a scenario.

devices: 2                P = 3    devices: 3
[a, {name: b, slots: 2}]  P = 2    [a, {name: b, slots: 1}]               the first P workers
                          P = 5    [a, b, {name: b2, slots: 2}]           further devices like the last
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from parsim.core.cluster import HOST
from parsim.core.job import Job
from parsim.folding import COUNTS
from parsim.scenario.scenario import Scenario


def with_workers(scenario: Scenario, job: Job, count: int) -> Scenario:
    """Return *scenario* with *count* workers: its first ones, then copies of the last. *job* was built from it.

    Copies take the seconds that tasks state for the last device. No route of a custom topology leads to a copy.
    """
    cluster = scenario.values["cluster"]
    said = cluster.get("devices", len(job.cluster.devices))
    rows = _rows(said, job, count)
    names = [_name(row) for row in rows]
    whole = isinstance(said, int) and all(isinstance(row, str) for row in rows)
    changed = {**cluster, "devices": len(rows) if whole else rows}
    topology = cluster.get("topology")
    if isinstance(topology, Mapping) and "routes" in topology:
        changed["topology"] = {**topology, "routes": _routes(topology["routes"], {*names, HOST})}
    elif isinstance(topology, Mapping):  # as many nodes, or leaves, as the devices need
        changed["topology"] = {key: held for key, held in topology.items() if key not in COUNTS}
    values = {**scenario.values, "cluster": changed}
    workload = scenario.values["workload"]
    if isinstance(workload, Mapping) and isinstance(workload.get("tasks"), list):
        last = job.cluster.devices[-1].name
        copies = names[len(job.cluster.devices) :]
        values["workload"] = {**workload, "tasks": [_told(task, names, last, copies) for task in workload["tasks"]]}
    return replace(scenario, values=values)


def _rows(said: Any, job: Job, count: int) -> list[Any]:
    """Return rows of `cluster.devices` that have *count* slots in all."""
    devices = job.cluster.devices
    rows = [device.name for device in devices] if isinstance(said, int) else said
    chosen, left = [], count
    for row, device in zip(rows, devices, strict=True):
        if left > 0:
            chosen.append(_with_slots(row, device.slots, left))
            left -= device.slots
    free = _free(devices[-1].name, {*job.cluster.places, *(worker.name for worker in job.cluster.workers)})
    while left > 0:
        name = next(free)
        row = {**rows[-1], "name": name} if isinstance(rows[-1], Mapping) else name
        chosen.append(_with_slots(row, devices[-1].slots, left))
        left -= devices[-1].slots
    return chosen


def _with_slots(row: Any, slots: int, left: int) -> Any:
    if slots <= left:
        return row
    return {**row, "slots": left} if isinstance(row, Mapping) else {"name": row, "slots": left}


def _name(row: Any) -> str:
    return str(row["name"] if isinstance(row, Mapping) else row)


def _free(name: str, taken: set[str]) -> Iterator[str]:
    """Yield unused names that continue the numbering of *name*.

    >>> names = _free("p3", {"p1", "p3", "p4"})
    >>> next(names), next(names), next(_free("gpu", {"gpu"}))
    ('p5', 'p6', 'gpu2')
    """
    digits = re.search(r"[0-9]{1,9}$", name)
    stem, number = (name[: digits.start()], int(digits[0])) if digits else (name, 1)
    while True:
        number += 1
        if f"{stem}{number}" not in taken:
            yield f"{stem}{number}"


def _routes(routes: Sequence[Mapping[str, Any]], places: set[str]) -> list[Mapping[str, Any]]:
    return [route for route in routes if {route["from"], route["to"]} <= places]


def _told(task: Mapping[str, Any], names: Sequence[str], last: str, copies: Sequence[str]) -> Mapping[str, Any]:
    """Return *task* with seconds for the devices *names*; *copies* get those of the last device."""
    compute = task["compute"]
    if not isinstance(compute, Mapping):
        return task
    more = dict.fromkeys(copies, compute[last]) if last in compute else {}
    return {**task, "compute": {name: compute[name] for name in names if name in compute} | more}
