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
from parsim.core.graph import Floats, Ints
from parsim.core.timeline import Timeline
from parsim.core.tolerance import CLOSE
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
    number = {name: place for place, name in enumerate(devices)}
    talks, talk = _talks(timeline)
    groups = 1 + 2 * len(talks)
    group = np.where(talk < 0, 0, 1 + 2 * talk + timeline.transfers)
    table = timeline.workers.table
    owners = sorted(range(len(table)), key=lambda code: bool(table[code]))  # the host first
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
        who, between = table[owner] or HOST, talks[(sort - 1) // 2] if sort else ""
        lane = {
            "worker": who,
            "device": number.get(table[owner], number.get(table[owner].rpartition(".")[0], -1)),
            "kind": "communication" if sort else "compute",
        }
        alone = not lanes or lanes[-1]["worker"] != who  # nothing above tells whose it is
        named = timeline.lane_name(owner) or HOST
        names = [f"{named} {between}".rstrip() if alone or not sort else between]
        names += [f"{between or who} ({depth + 1})" for depth in range(1, int(layer.max(initial=0)) + 1)]
        lanes += [{"name": name, **lane} for name in names]
    return Lanes(lanes, of_span, of_worker, talks, talk)


def transfers_alone(timeline: Timeline) -> tuple[Ints, Floats, Floats]:
    """Return worker, start and end of the intervals in which workers neither compute nor idle.

    There are none where nothing computes or nothing travels.
    """
    rows, idle = np.flatnonzero(timeline.computes), timeline.idle
    if not len(rows) or not timeline.transfers.any():
        return np.empty(0, np.int64), np.empty(0), np.empty(0)
    worker = np.concatenate([timeline.workers.code[rows], idle.worker]).astype(np.int64)
    start = np.concatenate([timeline.start_s[rows], idle.start_s])
    end = np.concatenate([timeline.end_s[rows], idle.end_s])
    order = np.lexsort((start, worker))
    worker, start, end = worker[order], start[order], end[order]
    bounds = np.flatnonzero(np.append(True, worker[1:] != worker[:-1]))
    found = []
    for first, after in zip(bounds.tolist(), [*bounds[1:].tolist(), len(worker)], strict=True):
        opened = np.append(0.0, np.maximum.accumulate(end[first:after]))
        closed = np.append(start[first:after], timeline.makespan_s)
        free = closed - opened > CLOSE * timeline.makespan_s
        found.append((np.full(free.sum(), worker[first]), opened[free], closed[free]))
    one, other, last = (np.concatenate(column) for column in zip(*found, strict=True))
    return one, other, last


def _talks(timeline: Timeline) -> tuple[list[str], Ints]:
    """Return the communicators in order, and which of them each span belongs to."""
    code, table = timeline.talks
    moves = timeline.transfers | timeline.members
    names = {lane: communicator(table[lane]) or TRANSFER for lane in np.unique(code[moves]).tolist()}
    shown = [name for name in (*ALWAYS, *sorted({*names.values()} - {*ALWAYS})) if name in names.values()]
    of_lane = np.full(len(table), -1)
    of_lane[[*names]] = [shown.index(name) for name in names.values()]
    return shown, np.where(moves, of_lane[code], -1)
