"""What lies under the timeline of a page on the same axis: the memory of devices, and the load of links.

w0    80 GB  - - - - - - -          steps from a moment on, by kind; where there are very many, the fullest of each
             ####%%%%####           thousandth of the run
w0>w1 100 %     ##   ##             the share of its bandwidth in each thousandth of the run
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from parsim.core.errors import RunError
from parsim.core.graph import Floats
from parsim.core.job import Job
from parsim.core.timeline import Timeline, shared_name
from parsim.metrics.held import KINDS
from parsim.metrics.memory import usage
from parsim.metrics.training_memory import uses
from parsim.plot.load_rows import rows
from parsim.plot.style import MEMORY, USED

FULLEST = 32  # devices with a curve
STEPS = 1_000  # of a curve
Columns = dict[str, Any]


class Held(NamedTuple):
    """What a device holds: bytes of each kind, from each moment on."""

    name: str
    limit: float  # B, infinite: none
    moments: Floats  # (moments,) s
    bytes: Floats  # (kinds, moments)


def memory(job: Job, timeline: Timeline) -> tuple[dict[str, Any], Columns]:
    """Return the curves of the fullest devices that hold anything, as plain values and columns."""
    held = [one for one in _held(job, timeline) if one.bytes.any()]
    fullest = sorted(range(len(held)), key=lambda place: -held[place].bytes.sum(axis=0).max())[:FULLEST]
    shown = [_thinned(held[place], timeline.makespan_s) for place in sorted(fullest)]
    kinds = [(name, MEMORY[name].face) for name in KINDS] if job.memories else [("used", USED.face)]
    there = [kind for kind in range(len(kinds)) if any(one.bytes[kind].any() for one in shown)]
    devices = [
        {"name": one.name, "limit": one.limit if math.isfinite(one.limit) else None, "steps": len(one.moments)}
        for one in shown
    ]
    words = {
        "known": True,
        "kinds": [dict(zip(("name", "face"), kinds[kind], strict=True)) for kind in there],
        "devices": devices,
    }
    return words | {"more": len(held) - len(shown)}, {
        "memory_at": np.concatenate([np.empty(0), *(one.moments for one in shown)]),
        **{
            f"memory_{number}": np.concatenate([np.empty(0), *(one.bytes[kind] for one in shown)]).astype(np.float32)
            for number, kind in enumerate(there)
        },
    }


def _held(job: Job, timeline: Timeline) -> list[Held]:
    devices = job.cluster.devices
    if job.memories:
        found = zip(devices, uses(job, timeline), job.memories, strict=True)
        return [
            Held(shared_name(device.name, device.stands_for - 1), limit, *use.by_kind()) for device, use, limit in found
        ]
    steps = zip(devices, usage(job, timeline), strict=True)
    return [Held(device.name, device.memory, moments, used.reshape(1, -1)) for device, (moments, used) in steps]


def _thinned(held: Held, makespan_s: float) -> Held:
    """Keep of many steps, for each part of the run, the fullest moment and the last one."""
    there = held.moments <= makespan_s
    moments, bytes_ = held.moments[there], held.bytes[:, there]
    if len(moments) > 2 * STEPS:
        part = np.minimum(moments / makespan_s * STEPS, STEPS - 1).astype(np.int64)
        order = np.lexsort((bytes_.sum(axis=0), part))
        last = np.append(part[1:] != part[:-1], True)
        keep = np.union1d(order[np.append(part[order][1:] != part[order][:-1], True)], np.flatnonzero(last))
        moments, bytes_ = moments[keep], bytes_[:, keep]
    return held._replace(moments=moments, bytes=bytes_)


def load(job: Job, timeline: Timeline) -> tuple[dict[str, Any], Columns]:
    """Return the load of links by rows, as plain values and columns; `why` says why there is none."""
    try:
        found = rows(job, timeline)
    except RunError as error:
        return {"known": True, "rows": [], "why": str(error)}, {}
    none = np.empty(0)
    told = [{"name": row.name, "words": list(row.words)} for row in found]
    return {"known": True, "rows": told, "why": ""}, {
        "load_mean": np.concatenate([none, *(row.mean for row in found)]).astype(np.float32),
        "load_most": np.concatenate([none, *(row.most for row in found)]).astype(np.float32),
    }
