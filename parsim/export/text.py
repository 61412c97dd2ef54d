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
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from parsim.core.cluster import HOST
from parsim.core.columns import distinct
from parsim.core.graph import Floats
from parsim.core.op import KINDS as OF_OPS
from parsim.core.quantities import number, unit_of
from parsim.core.timeline import CAUSES, COLUMNS, STEPS, Timeline
from parsim.export.cells import Brush, crowds, disjoint, singles, touched
from parsim.export.table import left, right, short, table, width

WIDEST = 100  # cells
MOST = 16  # rows of workers or devices; of more, the first ones and the last ones
NAME = 14  # cells of a worker's name
APART = 9  # least number of cells between two ticks

NUMBERED = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
ALPHABETS = {
    "forward": "0123456789",
    "backward": "abcdefghij",
    "input_grad": "abcdefghij",
    "weight_grad": "ABCDEFGHIJ",
    "overlap": "KLMNOPQRST",
    "optimizer": "#",
    "receive": "<",
}
WHOLE = "klmnopqrst"  # backward where input_grad, its first half, runs too
SAID = {"overlap": "forward and backward at once"}
CROWDED = {kind.name: kind.letter.lower() for kind in OF_OPS} | {"overlap": "x", "optimizer": "o", "receive": "<"}

Item = TypeVar("Item")


def ticks(span_s: float, most: float) -> Floats:
    """Return at most *most* + 1 round numbers in [0, span_s], in seconds.

    >>> ticks(3.3, 4).tolist()
    [0.0, 1.0, 2.0, 3.0]
    """
    unit = unit_of(span_s)
    span = span_s / unit.seconds
    power = 10.0 ** math.floor(math.log10(span / max(most, 1.0)))
    step = next(size * power for size in (1, 2, 5, 10, 20) if size * power * max(most, 1.0) >= span * (1 - 1e-9))
    count = math.floor(span / step * (1 + 1e-9)) + 1
    return np.arange(count, dtype=np.float64) * (step * unit.seconds)


def ends(items: Sequence[Item]) -> list[Item]:
    """Return the first and the last *items*, half of `MOST` each, or all if at most one would be left out."""
    return [*items] if len(items) <= MOST + 1 else [*items[: MOST // 2], *items[-(MOST // 2) :]]


def folded(lines: Sequence[str], hidden: int) -> list[str]:
    """Insert in the middle of the *lines* of `ends` a line with the number of hidden ones."""
    return [*lines[: MOST // 2], f"... {hidden} more", *lines[MOST // 2 :]] if hidden else [*lines]


def gantt(timeline: Timeline, widest: int = WIDEST) -> str:
    """Draw a row per worker, and one for the host if it has steps, at most *widest* cells wide."""
    if timeline.makespan_s == 0:
        return "(no time passed)"
    everyone = [code for code, name in enumerate(timeline.workers.table) if name]
    shown = ends(everyone)
    heads = {code: short(timeline.lane_name(code), NAME) for code in shown}
    margin = max(map(width, [HOST, *heads.values()]))
    cells = max(widest - margin - 3, APART)
    busiest = int(np.bincount(timeline.workers.code[timeline.computes], minlength=1).max())
    letters = _letters(timeline, busiest > cells)
    lanes = [_lane(timeline, code, cells, letters) for code in shown]
    lines = folded(
        [f"{left(heads[code], margin)} |{lane.row}|" for code, lane in zip(shown, lanes, strict=True)],
        len(everyone) - len(shown),
    )
    if not timeline.owned.all():
        lanes.append(_host(timeline, cells))
        lines.insert(0, f"{left(HOST, margin)} |{lanes[-1].row}|")
    return "\n".join([*lines, *_axis(timeline.makespan_s, cells, margin), *_legend(lanes, letters, widest)])


def golden(timeline: Timeline) -> str:
    """Write every span and every idle interval on its own line, exactly and reproducibly."""
    spans = [[_exact(cell) for cell in row] for row in timeline.rows()]
    idle = timeline.idle
    intervals = sorted(zip(*(column.tolist() for column in idle), strict=True))
    causes = [
        [timeline.workers.table[worker], repr(start), repr(end), CAUSES[cause]]
        for worker, start, end, cause in intervals
    ]
    heads: tuple[Sequence[str], ...] = (COLUMNS, ("idle", "start_s", "end_s", "cause"))
    parts = [table([head, *rows], words=range(len(head))) for head, rows in zip(heads, (spans, causes), strict=True)]
    return "\n".join([*parts[0], "", *parts[1], ""])


def _exact(cell: object) -> str:
    return repr(cell) if isinstance(cell, float) else str(cell) or "-"


class _Letters(NamedTuple):
    """The letters of each kind of task: one, or one for each last digit of a microbatch."""

    of: Mapping[str, str]
    crowded: bool  # whether a cell may hold several tasks


def _letters(timeline: Timeline, crowded: bool) -> _Letters:
    if crowded:
        return _Letters(CROWDED, crowded)
    kinds = {timeline.kinds.table[code] for code in distinct(timeline.kinds.code[timeline.computes]).tolist()}
    return _Letters(ALPHABETS | ({"backward": WHOLE} if "input_grad" in kinds else {}), crowded)


class _Lane(NamedTuple):
    """A row of cells, and the kinds of the spans in it."""

    row: str
    kinds: set[str]


def _lane(timeline: Timeline, worker: int, cells: int, letters: _Letters) -> _Lane:
    """Draw one worker. Each cell shows what fills most of it; computing wins over transfers, transfers over idleness.

    A task that would be invisible gets the cell in which it starts.
    """
    edges = np.linspace(0.0, timeline.makespan_s, cells + 1)
    mine = timeline.workers.code == worker
    tasks = np.flatnonzero(mine & timeline.computes)
    sent = np.flatnonzero(mine & timeline.transfers)
    idle = np.flatnonzero(timeline.idle.worker == worker)
    idle = idle[np.argsort(timeline.idle.start_s[idle])]
    shares = [
        disjoint(timeline.start_s[tasks], timeline.end_s[tasks]).share(edges),
        disjoint(timeline.start_s[sent], timeline.end_s[sent]).share(edges),
        disjoint(timeline.idle.start_s[idle], timeline.idle.end_s[idle]).share(edges),
        np.full(cells, 1e-9),
    ]
    winner = np.argmax(np.round(shares, 9), axis=0)
    brush: Brush = crowds if letters.crowded else singles
    span = brush(timeline, tasks, edges, winner == 0) if len(tasks) else np.full(cells, -1)
    drawn = {number: _letter(timeline, number, letters) for number in distinct(span[span >= 0]).tolist()}
    others = np.array([" ", "-", ".", " "])[winner].tolist()
    row = "".join(drawn.get(number, other) for number, other in zip(span.tolist(), others, strict=True))
    return _Lane(row, {timeline.kinds.table[timeline.kinds.code[number]] for number in drawn})


def _host(timeline: Timeline, cells: int) -> _Lane:
    """Draw the steps by their first letters, each at least one cell wide."""
    edges = np.linspace(0.0, timeline.makespan_s, cells + 1)
    row, kinds = [" "] * cells, [""] * cells
    for span in np.flatnonzero(~timeline.owned)[:1000].tolist():
        first, last = touched(timeline, span, edges)
        kind = str(timeline.kind[span])
        row[first : last + 1] = kind[0] * (last + 1 - first)
        kinds[first : last + 1] = [kind] * (last + 1 - first)
    return _Lane("".join(row), set(kinds))


def _letter(timeline: Timeline, span: int, letters: _Letters) -> str:
    """Return the letter of a task: by microbatch in a pipeline, else by number; by kind if there are too many."""
    kind, number = timeline.kinds.table[timeline.kinds.code[span]], int(timeline.number[span])
    if kind in letters.of:
        own = letters.of[kind]
        microbatch = re.search(r"(\d+)(?:;.*|@\d+)?$", timeline.tasks.table[timeline.tasks.code[span]])
        return own[int(microbatch[1] if microbatch else number) % len(own)]
    return "#" if letters.crowded else NUMBERED[number % len(NUMBERED)]


def _axis(makespan_s: float, cells: int, margin: int) -> list[str]:
    unit = unit_of(makespan_s)
    rule, labels = ["-"] * cells, [" "] * cells
    for tick in ticks(makespan_s, cells / APART).tolist():
        label = number(tick / unit.seconds)
        place = min(round(tick / makespan_s * cells), cells - 1)
        rule[place] = "+"
        if place + len(label) <= cells:
            labels[place : place + len(label)] = label
    return [f"{left('', margin)}  {''.join(rule)}", f"{right(unit.name, margin)}  {''.join(labels)}".rstrip()]


def _legend(lanes: Sequence[_Lane], letters: _Letters, widest: int) -> Iterator[str]:
    """Explain the letters that occur."""
    used: set[str] = set().union(*(lane.kinds for lane in lanes)) - {""}
    drawn = "".join(lane.row for lane in lanes)
    tasks = used - set(STEPS)
    meanings = [f"{own} {SAID.get(kind, kind)}" for kind, own in letters.of.items() if kind in used]
    if used & set(ALPHABETS) and not letters.crowded:
        meanings.append(f"(by the last digit of the microbatch{', of both the forward' * ('overlap' in used)})")
    if tasks - set(ALPHABETS):
        meanings.insert(0, "# tasks" if letters.crowded else "0-9 a-z A-Z task by number")
    meanings += [f"{step[0]} {step}" for step in STEPS if step in used]
    meanings += [meaning for letter, meaning in (("-", "- transfer"), (".", ". idle")) if letter in drawn]
    line = ""
    for meaning in meanings:
        if line and len(line) + len(meaning) + 3 > widest:
            yield line
            line = ""
        line = f"{line}   {meaning}" if line else meaning
    yield line
