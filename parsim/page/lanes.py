"""The lanes of a page: of the host, then of each worker, its computing above what it sends and receives.

host     |split|                          |merge|
w0       [  0F0  ][  0F1  ]  [  0B0  ]
  data          [ transfer ]                          a lane for each communicator,
  data (2)          [ transfer ]                      and more where transfers overlap, up to eight
w1       ...
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from parsim.core.cluster import HOST
from parsim.core.graph import Ints
from parsim.core.timeline import Timeline
from parsim.export.tracks import layers
from parsim.metrics.communication import ALWAYS, communicator

DEEPEST = 8  # lanes for transfers of one communicator at once; further ones lie on the last
TRANSFER = "transfer"  # the name of a lane of transfers that belong to no communicator


class Lanes(NamedTuple):
    """Lanes, and what lies on each."""

    lanes: list[dict[str, Any]]  # name, device (its number; -1: the host), kind: compute, communication
    of_span: Ints  # (spans,)
    of_worker: Ints  # (workers,) the lane of the worker's idleness
    talks: list[str]  # the communicators
    talk: Ints  # (spans,) index into talks; -1: neither a transfer nor a member of a collective


def lay(timeline: Timeline, devices: Sequence[str]) -> Lanes:
    """Lay the spans of *timeline* on lanes; *devices* are the names of the devices in order."""
    talks, talk = _talks(timeline)
    groups = 1 + 2 * len(talks)
    group = np.where(talk < 0, 0, 1 + 2 * talk + timeline.transfers)
    table = timeline.workers.table
    owners = [
        *(code for code, name in enumerate(table) if not name),
        *(code for code, name in enumerate(table) if name),
    ]
    place = np.argsort(np.array(owners))
    key = place[timeline.workers.code] * groups + group
    workers = place[np.unique(timeline.idle.worker)] * groups
    order = np.lexsort((timeline.start_s, key))
    keys = np.union1d(key, workers)
    bounds = np.searchsorted(key[order], np.append(keys, np.iinfo(np.int64).max)).tolist()
    lanes: list[dict[str, Any]] = []
    of_span, of_worker = np.zeros(len(timeline), np.int64), np.full(len(table), -1)
    for one, first, after in zip(keys.tolist(), bounds, bounds[1:], strict=False):
        owner, sort = owners[one // groups], one % groups
        rows = order[first:after]
        layer = np.minimum(layers(timeline.start_s[rows], timeline.end_s[rows]), DEEPEST - 1)
        of_span[rows] = len(lanes) + layer
        if not sort:
            of_worker[owner] = len(lanes)
        name = talks[(sort - 1) // 2] if sort else table[owner] or HOST
        kind = "communication" if sort else "compute"
        device = _device(table[owner], devices)
        for depth in range(int(layer.max(initial=0)) + 1):
            more = f" ({depth + 1})" if depth else ""
            lanes.append({"name": name + more, "worker": table[owner] or HOST, "device": device, "kind": kind})
    return Lanes(lanes, of_span, of_worker, talks, talk)


def _talks(timeline: Timeline) -> tuple[list[str], Ints]:
    """Return the communicators in order, and which of them each span belongs to."""
    code, table = timeline.talks
    moves = timeline.transfers | timeline.members
    names = {lane: communicator(table[lane]) or TRANSFER for lane in np.unique(code[moves]).tolist()}
    shown = [name for name in (*ALWAYS, *sorted({*names.values()} - {*ALWAYS})) if name in names.values()]
    of_lane = np.full(len(table), -1)
    of_lane[[*names]] = [shown.index(name) for name in names.values()]
    return shown, np.where(moves, of_lane[code], -1)


def _device(worker: str, devices: Sequence[str]) -> int:
    """Return the device of a worker: of the same name, or without the number of its slot."""
    for name in (worker, worker.rpartition(".")[0]):
        if name in devices:
            return devices.index(name)
    return -1
