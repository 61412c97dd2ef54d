"""The bars of a timeline: a lane per worker, with idleness in the background and computing above communication.

w0        [ compute ][.......][ compute ]////      .......  transfers alone: the worker waits for its own
data            [transfer]                         ////     idle, by cause
pipeline        [=]        [=]                     the transfers of each communicator have a part of the lane

Many workers without a task have no lane. Of more than 20 workers, those that do the same at the same times share one,
named w0 +63. If there are still too many, only those on the critical path and the first others are shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from parsim.core.graph import Floats, Ints
from parsim.core.timeline import CAUSES, Timeline
from parsim.core.tolerance import CLOSE
from parsim.export.trace import layers
from parsim.metrics.communication import ALWAYS, communicator
from parsim.metrics.critical_path import critical_path
from parsim.plot import style
from parsim.plot.alike import firsts

MOST = 128  # lanes
FEW = 20  # workers up to which each has a lane
IDLERS = 4  # workers without a task, from which none of them has a lane


class Band(NamedTuple):
    """The part of a lane, from -0.5 (top) to 0.5, that bars of one sort take."""

    top: float
    bottom: float


class Bars(NamedTuple):
    """Bars with one look."""

    label: str
    look: style.Look
    start: Floats
    end: Floats
    top: Floats
    bottom: Floats


def lanes_of(timeline: Timeline) -> dict[int, int]:
    """Return the codes of workers with a lane, from top to bottom, each with the number of others that share it.

    The host comes first if it has steps.
    """
    table = timeline.workers.table
    host = [code for code, name in enumerate(table) if not name and not timeline.owned.all()]
    first = _firsts(timeline)
    count = Counter[int]()
    for code, lane in first.items():
        count[lane] += int(timeline.stands_for[code])
    chosen = [*count]
    if len(chosen) > MOST - len(host):
        critical = [first[code] for code in critical_workers(timeline)]
        chosen = sorted([*dict.fromkeys([*critical, *chosen])][: MOST - len(host)])
    return dict.fromkeys(host, 0) | {code: count[code] - 1 for code in chosen}


def _firsts(timeline: Timeline) -> dict[int, int]:
    """Return the worker whose lane shows each worker: itself, or of many workers the first that does the same."""
    workers = _workers(timeline)
    return firsts(timeline, exchanges(timeline)[1], workers) if len(workers) > FEW else {code: code for code in workers}


def critical_workers(timeline: Timeline) -> list[int]:
    """Return the codes of the workers on the critical path, each once."""
    rows = [step.row for step in critical_path(timeline)]
    return [code for code in dict.fromkeys(timeline.workers.code[rows].tolist()) if timeline.workers.table[code]]


def count_lanes(timeline: Timeline) -> int:
    """Return how many lanes there are."""
    return min(len({*_firsts(timeline).values()}) + (not timeline.owned.all()), MOST)


def _workers(timeline: Timeline) -> list[int]:
    """Return the codes of workers that may have a lane: all, or those with spans where many workers have none."""
    workers = [code for code, name in enumerate(timeline.workers.table) if name]
    busy = set(np.unique(timeline.workers.code).tolist())
    some = [code for code in workers if code in busy]
    return some if some and len(workers) - len(some) >= IDLERS else workers


def left_out(timeline: Timeline, shown: Mapping[int, int]) -> str:
    """Write how many workers are not *shown*: those without a task, and others with those on the critical path."""
    workers = _workers(timeline)
    idlers = int(timeline.stands_for[[bool(name) for name in timeline.workers.table]].sum()) - _count(timeline, workers)
    words = [f"{idlers} more workers have no task"] if idlers else []
    if hidden := _count(timeline, workers) - sum(
        1 + more for code, more in shown.items() if timeline.workers.table[code]
    ):
        first = _firsts(timeline)
        critical = _count(timeline, [one for one in critical_workers(timeline) if first[one] not in shown]) or "none"
        more = f"{hidden} more worker{'s are' if hidden > 1 else ' is'} not shown, {critical} on the critical path"
        words.append(more)
    return "; ".join(words)


def _count(timeline: Timeline, workers: Sequence[int]) -> int:
    """Return how many workers there are, with those that they stand for."""
    return int(timeline.stands_for[workers].sum())


def places(timeline: Timeline, lanes: Iterable[int]) -> Floats:
    """Return the position of the lane of each worker code; NaN if it is not drawn."""
    place = np.full(len(timeline.workers.table), np.nan)
    for position, code in enumerate(lanes):
        place[code] = position
    return place


def bands(timeline: Timeline) -> tuple[Band, Band]:
    """Return the bands of computing and of communication; one of them takes the whole lane if the other is absent.

    The more communicators there are, the more room communication has.
    """
    talks = timeline.transfers | timeline.members
    if not talks.any():
        return Band(-0.4, 0.4), Band(0.0, 0.0)
    if talks.all():
        return Band(0.0, 0.0), Band(-0.4, 0.4)
    middle = 0.25 - 0.08 * min(len(exchanges(timeline)[0]), 4)
    return Band(-0.42, middle - 0.01), Band(middle + 0.01, 0.42)


def exchanges(timeline: Timeline) -> tuple[list[str], Ints]:
    """Return the communicators of transfers in order, and the place of each span's among them; -1: no transfer.

    A lane that belongs to no communicator counts by its name, transfers without a lane as `transfer`.
    """
    lanes, moves = timeline.talks, timeline.transfers & (timeline.end_s > timeline.start_s)
    codes = np.flatnonzero(np.bincount(lanes.code[moves])).tolist()
    names = {code: communicator(lanes.table[code]) or "transfer" for code in codes}
    order = [*ALWAYS, *sorted({*names.values()} - {*ALWAYS})]
    shown = [name for name in order if name in names.values()]
    place = np.full(len(lanes.table), -1)
    place[codes] = [shown.index(names[code]) for code in codes]
    return shown, np.where(moves, place[lanes.code], -1)


def parts(timeline: Timeline) -> list[Band]:
    """Return the part of a lane of each communicator."""
    names, (_, all_) = exchanges(timeline)[0], bands(timeline)
    edges = np.linspace(all_.top, all_.bottom, len(names) + 1).tolist()
    return [Band(top, bottom) for top, bottom in pairwise(edges)]


def bars_of(timeline: Timeline, lanes: Iterable[int]) -> Iterator[Bars]:
    """Yield all bars: idleness first, then every kind in the order of the table of styles."""
    place = places(timeline, lanes)
    idle = timeline.idle
    for cause, name in enumerate(CAUSES):
        rows = np.flatnonzero((idle.cause == cause) & ~np.isnan(place[idle.worker]))
        if len(rows):
            lane = place[idle.worker[rows]]
            yield Bars(
                f"idle: {name}", style.CAUSES[name], idle.start_s[rows], idle.end_s[rows], lane - 0.42, lane + 0.42
            )
    if timeline.computes.any() and timeline.transfers.any():
        yield from _waiting(timeline, place)
    drawn = ~np.isnan(place[timeline.workers.code])
    for name in _known_first(timeline):
        code = [number for number, kind in enumerate(timeline.kinds.table) if kind == name]
        rows = np.flatnonzero(np.isin(timeline.kinds.code, code) & drawn)
        for label, some in _by_communicator(timeline, rows) if name == "transfer" else [(name, rows)]:
            if len(some):
                top, bottom = heights(timeline, some, place)
                look = style.EXCHANGES.get(label) or style.KINDS.get(name, style.OTHER)
                yield Bars(label, look, timeline.start_s[some], timeline.end_s[some], top, bottom)


def _by_communicator(timeline: Timeline, rows: Ints) -> Iterator[tuple[str, Ints]]:
    """Yield the transfers of each communicator; where all belong to none, they are just transfers."""
    names, of = exchanges(timeline)
    for number, name in enumerate(names):
        yield name, rows[of[rows] == number]


def blank(timeline: Timeline) -> str:
    """Explain white in a lane; empty if there is none."""
    under = ["transfer"] if timeline.computes.any() and timeline.transfers.any() else []
    between = [] if timeline.owned.all() else ["step"]
    return f"no {' or '.join([*under, *between])}" if under or between else ""


def _waiting(timeline: Timeline, place: Floats) -> Iterator[Bars]:
    """Yield the intervals in which a worker has transfers, and neither computes nor idles."""
    idle, rows = timeline.idle, np.flatnonzero(timeline.computes)
    worker = np.concatenate([timeline.workers.code[rows], idle.worker])
    start = np.concatenate([timeline.start_s[rows], idle.start_s])
    end = np.concatenate([timeline.end_s[rows], idle.end_s])
    parts = []
    for code in np.flatnonzero(~np.isnan(place)).tolist():
        if timeline.workers.table[code]:
            mine = np.flatnonzero(worker == code)
            mine = mine[np.argsort(start[mine], kind="stable")]
            opened = np.concatenate([[0.0], np.maximum.accumulate(end[mine])])
            closed = np.append(start[mine], timeline.makespan_s)
            white = closed - opened > CLOSE * timeline.makespan_s
            parts.append((opened[white], closed[white], np.full(white.sum(), place[code])))
    starts, ends, lane = (np.concatenate(column) for column in zip(*parts, strict=True))
    if len(lane):
        band = bands(timeline)[0]
        yield Bars("transfers alone", style.WAITING, starts, ends, lane + band.top, lane + band.bottom)


def boxes(timeline: Timeline, rows: Ints) -> tuple[Floats, Floats]:
    """Return the top and bottom of the bars of any *rows*; NaN if they are not drawn."""
    place = places(timeline, lanes_of(timeline))
    for code, first in _firsts(timeline).items():
        place[code] = place[first]
    top, bottom = np.full((2, len(timeline)), np.nan)
    drawn = ~np.isnan(place[timeline.workers.code])
    moves = np.flatnonzero(timeline.transfers & drawn)  # heights depend on all transfers
    alone = rows[~timeline.transfers[rows]]
    members, owned = timeline.members[alone], timeline.owned[alone]
    for one in (moves, alone[members], alone[owned & ~members], alone[~owned]):
        if len(one):
            top[one], bottom[one] = heights(timeline, one, place)
    return top[rows], bottom[rows]


def _known_first(timeline: Timeline) -> list[str]:
    long = timeline.kinds.code[(timeline.end_s > timeline.start_s) & ~timeline.members]  # what members get is drawn
    there = {timeline.kinds.table[code] for code in np.unique(long).tolist()}
    return [*(kind for kind in style.KINDS if kind in there), *sorted(there - set(style.KINDS))]


def heights(timeline: Timeline, rows: Ints, place: Floats) -> tuple[Floats, Floats]:
    """Return where the bars of *rows*, all of one kind, begin and end in height; transfers at once share their band."""
    worker = timeline.workers.code[rows]
    lane = place[worker]
    computing, sending = bands(timeline)
    if timeline.members[rows[0]]:
        return lane + sending.top, lane + sending.bottom
    if not timeline.transfers[rows[0]]:
        band = Band(-0.4, 0.4) if not timeline.owned[rows].any() else computing
        return lane + band.top, lane + band.bottom
    top, bottom = np.full((2, len(rows)), np.nan)
    (names, of), each = exchanges(timeline), parts(timeline)
    key = worker.astype(np.int64) * len(names) + of[rows]
    for one in np.unique(key[of[rows] >= 0]).tolist():
        mine, part = np.flatnonzero((key == one) & (of[rows] >= 0)), each[one % len(names)]
        layer = layers(timeline.start_s[rows[mine]], timeline.end_s[rows[mine]])
        thin = (part.bottom - part.top) / (layer.max() + 1)
        top[mine] = lane[mine] + part.top + layer * thin
        bottom[mine] = top[mine] + thin
    return top, bottom
