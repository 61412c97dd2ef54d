"""Timelines as plain text: a Gantt chart of letters, and the golden form that tests compare.

host |s                              m|
w0   |.---0000000000000000000000000---.|
w1   |.--11111111111111111111..........|
      +---------+---------+---------+--
   s  0         1         2         3
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from parsim.core.cluster import HOST
from parsim.core.graph import Floats, Ints
from parsim.core.timeline import CAUSES, COLUMNS, STEPS, Strings, Timeline

WIDEST = 100  # columns
MOST = 16  # rows of workers
NAME = 14  # columns of a worker's name
APART = 9  # columns between two ticks, at the least

UNITS = (
    ("ns", 1e-9, 1.0),
    ("us", 1e-6, 1.0),
    ("ms", 1e-3, 1.0),
    ("s", 1.0, 1.0),
    ("min", 60.0, 10.0),
    ("h", 3600.0, 2.0),
)
NUMBERED = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
ALPHABETS = {
    "forward": "0123456789",
    "backward": "abcdefghij",
    "input_grad": "abcdefghij",
    "weight_grad": "ABCDEFGHIJ",
    "optimizer": "#",
}
CROWDED = {"forward": "f", "backward": "b", "input_grad": "i", "weight_grad": "w", "optimizer": "o"}

Brush = Callable[[Timeline, Ints, Floats], Strings]  # (timeline, spans, edges of cells) -> a letter for each cell


class Unit(NamedTuple):
    """A unit of time."""

    name: str
    seconds: float


def unit_of(seconds: float) -> Unit:
    """Choose the unit in which *seconds* reads best; nobody counts minutes below ten of them.

    >>> unit_of(3.3).name, unit_of(0.25).name, unit_of(90).name, unit_of(900).name, unit_of(0).name
    ('s', 'ms', 's', 'min', 's')
    """
    fitting = [Unit(name, size) for name, size, least in UNITS if abs(seconds) >= size * least]
    return fitting[-1] if fitting else Unit("ns", 1e-9) if seconds else Unit("s", 1.0)


def ticks(span_s: float, most: float) -> Floats:
    """Return at most *most* + 1 round places in [0, span_s], in seconds.

    >>> ticks(3.3, 4).tolist()
    [0.0, 1.0, 2.0, 3.0]
    """
    unit = unit_of(span_s)
    span = span_s / unit.seconds
    power = 10.0 ** math.floor(math.log10(span / max(most, 1.0)))
    step = next(size * power for size in (1, 2, 5, 10, 20) if size * power * max(most, 1.0) >= span * (1 - 1e-9))
    count = math.floor(span / step * (1 + 1e-9)) + 1
    return np.arange(count, dtype=np.float64) * (step * unit.seconds)


def gantt(timeline: Timeline, width: int = WIDEST) -> str:
    """Draw a row per worker, and the host's where it has steps, at most *width* columns wide."""
    if timeline.makespan_s == 0:
        return "(no time passed)"
    everyone = [code for code, name in enumerate(timeline.workers.table) if name]
    shown = everyone[:MOST]
    heads = {code: _short(timeline.workers.table[code], NAME) for code in shown}
    margin = max(map(len, [HOST, *heads.values()]))
    cells = max(width - margin - 3, APART)
    busiest = int(np.bincount(timeline.workers.code[timeline.computes], minlength=1).max())
    brush = _crowds if busiest > cells else _singles
    rows = [(heads[code], _lane(timeline, code, cells, brush)) for code in shown]
    if not timeline.owned.all():
        rows.insert(0, (HOST, _host(timeline, cells)))
    lines = [f"{head:<{margin}} |{row}|" for head, row in rows]
    lines += _axis(timeline.makespan_s, cells, margin)
    if len(everyone) > MOST:
        lines.append(f"{len(everyone) - MOST} more workers are not shown")
    return "\n".join([*lines, *_legend(timeline, "".join(row for _, row in rows), brush is _crowds, width)])


def golden(timeline: Timeline) -> str:
    """Write every span and every idle interval on a line of its own, exactly and always alike."""
    spans = [[_exact(cell) for cell in row] for row in timeline.rows()]
    idle = timeline.idle
    intervals = sorted(zip(*(column.tolist() for column in idle), strict=True))
    causes = [
        [timeline.workers.table[worker], repr(start), repr(end), CAUSES[cause]]
        for worker, start, end, cause in intervals
    ]
    return "\n".join([*_table([COLUMNS, *spans]), "", *_table([("idle", "start_s", "end_s", "cause"), *causes]), ""])


def _exact(cell: object) -> str:
    return repr(cell) if isinstance(cell, float) else str(cell) or "-"


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Align the columns; nothing is written behind the last."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()


def _short(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 2] + ".."


class _Intervals(NamedTuple):
    """Disjoint intervals in order: where spans overlap, the earlier keeps the time."""

    start: Floats
    end: Floats

    def share(self, edges: Floats) -> Floats:
        """Return which share of each cell between *edges* is covered."""
        if not len(self.start):
            return np.zeros(len(edges) - 1)
        places = np.stack((self.start, self.end), axis=1).ravel()
        covered = np.cumsum(self.end - self.start)
        sums = np.stack((np.concatenate(([0.0], covered[:-1])), covered), axis=1).ravel()
        return np.asarray(np.diff(np.interp(edges, places, sums)) / np.diff(edges))


def _disjoint(start: Floats, end: Floats) -> _Intervals:
    """Cut overlaps away; *start* is sorted."""
    reached = np.maximum.accumulate(np.concatenate(([0.0], end)))[:-1] if len(end) else end
    begin = np.maximum(start, reached)
    return _Intervals(begin, np.maximum(begin, end))


def _lane(timeline: Timeline, worker: int, cells: int, brush: Brush) -> str:
    """Draw one worker: each cell shows what filled most of it, computing before transfers before idleness."""
    edges = np.linspace(0.0, timeline.makespan_s, cells + 1)
    mine = timeline.workers.code == worker
    tasks = np.flatnonzero(mine & timeline.computes)
    sent = np.flatnonzero(mine & timeline.transfers)
    idle = np.flatnonzero(timeline.idle.worker == worker)
    idle = idle[np.argsort(timeline.idle.start_s[idle])]
    busy = _disjoint(timeline.start_s[tasks], timeline.end_s[tasks])
    shares = [
        busy.share(edges),
        _disjoint(timeline.start_s[sent], timeline.end_s[sent]).share(edges),
        _disjoint(timeline.idle.start_s[idle], timeline.idle.end_s[idle]).share(edges),
        np.full(cells, 1e-9),
    ]
    winner = np.argmax(np.round(shares, 9), axis=0)
    row = np.array([" ", "-", ".", " "])[winner]
    row[winner == 0] = brush(timeline, tasks, edges)[winner == 0]
    return "".join(row.tolist())


def _host(timeline: Timeline, cells: int) -> str:
    """Draw the steps by their first letters, each at least a cell wide."""
    edges = np.linspace(0.0, timeline.makespan_s, cells + 1)
    row = [" "] * cells
    for span in np.flatnonzero(~timeline.owned)[:1000].tolist():
        first = int(np.searchsorted(edges, timeline.start_s[span], "right")) - 1
        last = int(np.searchsorted(edges, timeline.end_s[span], "left"))
        first = min(first, cells - 1)
        for cell in range(first, max(last, first + 1)):
            row[cell] = timeline.kind[span][0]
    return "".join(row)


def _singles(timeline: Timeline, tasks: Ints, edges: Floats) -> Strings:
    """Return the letter of the task that stands in the middle of each cell, or begins behind it."""
    if not len(tasks):
        return np.full(len(edges) - 1, " ")
    busy = _disjoint(timeline.start_s[tasks], timeline.end_s[tasks])
    middle = (edges[1:] + edges[:-1]) / 2
    at = np.clip(np.searchsorted(busy.start, middle, "right") - 1, 0, len(tasks) - 1)
    after = np.minimum(at + 1, len(tasks) - 1)
    behind = (busy.end[at] <= middle) & (busy.start[after] < edges[1:])
    used, where = np.unique(tasks[np.where(behind, after, at)], return_inverse=True)
    return np.array([_letter(timeline, span) for span in used.tolist()])[where]


def _crowds(timeline: Timeline, tasks: Ints, edges: Floats) -> Strings:
    """Return the letter of the kind that fills most of each cell, where there are more tasks than cells."""
    kind = timeline.kinds.code[tasks]
    shares, letters = [np.zeros(len(edges) - 1)], [" "]
    for code in np.unique(kind).tolist():
        spans = tasks[kind == code]
        shares.append(_disjoint(timeline.start_s[spans], timeline.end_s[spans]).share(edges))
        letters.append(CROWDED.get(timeline.kinds.table[code], "#"))
    drawn: Strings = np.array(letters)[np.argmax(np.round(shares, 9), axis=0)]
    return drawn


def _letter(timeline: Timeline, span: int) -> str:
    """Write the tasks of a pipeline by microbatch, others by number."""
    kind, number = timeline.kinds.table[timeline.kinds.code[span]], int(timeline.number[span])
    if kind in ALPHABETS:
        microbatch = re.search(r"(\d+)$", timeline.tasks.table[timeline.tasks.code[span]])
        return ALPHABETS[kind][int(microbatch[1] if microbatch else number) % len(ALPHABETS[kind])]
    return NUMBERED[number % len(NUMBERED)]


def _axis(makespan_s: float, cells: int, margin: int) -> list[str]:
    unit = unit_of(makespan_s)
    rule, labels = ["-"] * cells, [" "] * cells
    for tick in ticks(makespan_s, cells / APART).tolist():
        label = f"{tick / unit.seconds:.6g}"
        place = min(round(tick / makespan_s * cells), cells - 1)
        rule[place] = "+"
        if place + len(label) <= cells:
            labels[place : place + len(label)] = label
    head = f"{unit.name:>{margin}}"
    return [f"{'':<{margin}}  {''.join(rule)}", f"{head}  {''.join(labels)}".rstrip()]


def _legend(timeline: Timeline, drawn: str, crowded: bool, width: int) -> Iterator[str]:
    """Say what the letters mean, only those that are there."""
    used = {timeline.kinds.table[code] for code in np.unique(timeline.kinds.code[timeline.computes]).tolist()}
    steps = {timeline.kinds.table[code] for code in np.unique(timeline.kinds.code[~timeline.owned]).tolist()}
    alphabets = CROWDED if crowded else ALPHABETS
    meanings = [f"{alphabets[kind]} {kind}" for kind in alphabets if kind in used]
    if used & set(ALPHABETS) and not crowded:
        meanings.append("(by the last digit of the microbatch)")
    if used - set(ALPHABETS):
        meanings.insert(0, "# tasks" if crowded else "0-9 a-z A-Z task by number")
    meanings += [f"{step[0]} {step}" for step in STEPS if step in steps]
    meanings += [meaning for letter, meaning in (("-", "- transfer"), (".", ". idle")) if letter in drawn]
    line = ""
    for meaning in meanings:
        if line and len(line) + len(meaning) + 3 > width:
            yield line
            line = ""
        line = f"{line}   {meaning}" if line else meaning
    yield line
