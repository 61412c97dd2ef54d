"""`timeline.csv`: a header and one line a span, read by people, spreadsheets and `parsim ledger`.

    number,task,kind,worker,lane,ready_s,start_s,end_s,nominal_s,waited_for
    0,host>part0,transfer,w0,host>w0,0.0,0.0,0.3,0.3,
    0,part0,compute,w0,compute,0.0,0.3,3.3,3.0,host>part0

Written and read a column at a time: a million lines take seconds. Numbers are unrounded. What is read may have
been measured elsewhere: its lines stand in any order, other columns are passed over.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from parsim.core.cluster import HOST
from parsim.core.errors import Fault, ScenarioError, dotted
from parsim.core.graph import Floats
from parsim.core.timeline import CAUSES, COLUMNS, Idle, Timeline, Words

HEADER = ",".join(COLUMNS)
NUMBERS = ("ready_s", "start_s", "end_s", "nominal_s")
FILL, DRAIN, DEPENDENCY = (CAUSES.index(cause) for cause in ("fill", "drain", "dependency"))


def write_csv(timeline: Timeline) -> str:
    """Write *timeline* in the contract's columns, floats as Python repeats them."""
    columns = [
        map(str, timeline.number.tolist()),
        *map(_quoted, (timeline.tasks, timeline.kinds, timeline.workers, timeline.lanes)),
        *(map(repr, getattr(timeline, name).tolist()) for name in NUMBERS),
        _quoted(timeline.waits),
    ]
    return "\n".join([HEADER, *map(",".join, zip(*columns, strict=True)), ""])


def read_csv(path: str | Path, workers: int = 0) -> Timeline:
    """Read any trace with the contract's columns; every fault of the file is raised at once.

    *workers* is how many there were, where some never had a span; 0: those that the file names.
    """
    sheet = _sheet(path)
    columns, faults = _checked(sheet)
    if faults:
        raise ScenarioError(faults)
    columns["worker"] = ["" if name == HOST else name for name in columns["worker"]]  # the host is no worker
    named = sorted({name for name in columns["worker"] if name}, key=_natural)
    if 0 < workers < len(named):
        message = f"{workers} is too few: the file names {len(named)} workers"
        raise ScenarioError([Fault("--workers", 0, 0, "workers", message)])
    nameless = (f"(no name {number})" for number in range(workers - len(named)))
    return _timeline(columns, [*named, *nameless])


def from_rows(rows: Iterable[Sequence[Any]], workers: Sequence[str]) -> Timeline:
    """Build a timeline from spans as tuples in the order of `COLUMNS`; idleness is what `gaps` finds.

    >>> made = from_rows([(0, "t", "compute", "w0", "compute", 0.0, 1.0, 3.0, 2.0, "start")], ["w0"])
    >>> made.makespan_s, made.idle.end_s.tolist()
    (3.0, [1.0])
    """
    columns: dict[str, Any] = dict.fromkeys(COLUMNS, ())
    columns.update(zip(COLUMNS, zip(*rows, strict=True), strict=False))
    return _timeline(columns, workers)


def gaps(timeline: Timeline) -> Idle:
    """Find when each worker had no span of its own: fill before its first, drain after its last, else dependency."""
    pieces = []
    owner, end_of_all = timeline.workers.code, timeline.makespan_s
    by_worker = np.lexsort((timeline.start_s, owner))
    bounds = np.searchsorted(owner[by_worker], np.arange(len(timeline.workers.table) + 1))
    for worker, name in enumerate(timeline.workers.table):
        if name:
            spans = by_worker[bounds[worker] : bounds[worker + 1]]
            opened = np.concatenate(([0.0], np.maximum.accumulate(timeline.end_s[spans])))
            closed = np.concatenate((timeline.start_s[spans], [end_of_all]))
            cause = np.full(len(opened), DEPENDENCY)
            cause[0], cause[-1] = FILL, DRAIN
            idle = closed > opened
            pieces.append((np.full(idle.sum(), worker), opened[idle], closed[idle], cause[idle]))
    if not pieces:
        return Idle(np.empty(0, np.int64), np.empty(0), np.empty(0), np.empty(0, np.int64))
    return Idle(*(np.concatenate(parts) for parts in zip(*pieces, strict=True)))


class _Sheet(NamedTuple):
    """A file as cells: `line[i]` is where row i begins."""

    file: str
    header: list[str]
    rows: list[list[str]]
    line: list[int]
    text: list[str]  # the file's lines, to find columns of faults in

    def fault(self, row: int, name: str, message: str) -> Fault:
        """Complain about one cell."""
        line = self.line[row]
        column = _column(self.text[line - 1], self.header.index(name))
        return Fault(self.file, line, column, dotted((row, name)), message)


def _sheet(path: str | Path) -> _Sheet:
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except OSError as error:
        message = f"cannot be read: {error.strerror or error}"
        raise ScenarioError([Fault(str(path), 0, 0, "TIMELINE", message)]) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ScenarioError([Fault(str(path), line, 1, "csv", "is not text in UTF-8")]) from None
    lines = list(io.StringIO(text, newline=""))  # cut where the csv reader counts lines
    reader = csv.reader(lines, strict=True)
    rows, begins, begin = [], [], 1
    try:
        for cells in reader:
            if cells:
                rows.append(cells)
                begins.append(begin)
            begin = reader.line_num + 1
    except csv.Error as error:
        raise ScenarioError([Fault(str(path), begin, 1, "csv", str(error))]) from None
    if not rows:
        raise ScenarioError([Fault(str(path), 1, 1, "csv", "the file is empty")])
    return _Sheet(str(path), rows[0], rows[1:], begins[1:], lines)


def _checked(sheet: _Sheet) -> tuple[dict[str, Any], list[Fault]]:
    """Return the columns as numbers and words, and all that is wrong with them."""
    faults = [Fault(sheet.file, 1, 1, name, "the column is missing") for name in COLUMNS if name not in sheet.header]
    for name in COLUMNS:
        if sheet.header.count(name) > 1:
            faults.append(Fault(sheet.file, 1, 1, name, "the column stands there twice"))
    width = len(sheet.header)
    for row, cells in enumerate(sheet.rows):
        if len(cells) != width:
            message = f"the line has {len(cells)} fields, the header {width}"
            faults.append(Fault(sheet.file, sheet.line[row], 1, dotted((row,)), message))
    if faults:
        return {}, faults
    cells_of: dict[str, Any] = dict.fromkeys(COLUMNS, ())
    cells_of.update(zip(sheet.header, zip(*sheet.rows, strict=True), strict=False))
    columns: dict[str, Any] = {name: cells_of[name] for name in COLUMNS}
    columns["number"] = _numbers(sheet, "number", cells_of["number"], _whole, faults)
    for name in NUMBERS:
        columns[name] = _numbers(sheet, name, cells_of[name], _seconds, faults)
    faults += [sheet.fault(row, "kind", "is empty") for row, kind in enumerate(columns["kind"]) if not kind]
    backwards = np.flatnonzero(np.array(columns["end_s"]) < np.array(columns["start_s"]))
    for row in backwards.tolist():
        message = f"{columns['end_s'][row]!r} is before its start, {columns['start_s'][row]!r}"
        faults.append(sheet.fault(row, "end_s", message))
    faults.sort(key=lambda fault: (fault.line, fault.column))
    return columns, faults


def _numbers(
    sheet: _Sheet, name: str, cells: Sequence[str], convert: Callable[[str], float], faults: list[Fault]
) -> Sequence[float]:
    """Convert a column at once; only where that fails, cell by cell."""
    of, kind = (int, np.int64) if convert is _whole else (float, np.float64)
    if not any("_" in cell for cell in cells):
        with suppress(ValueError, OverflowError):
            column = np.array(list(map(of, cells)), kind)
            if np.isfinite(column).all() and (column >= 0).all():
                whole: list[float] = column.tolist()
                return whole
    numbers = []
    for row, cell in enumerate(cells):
        try:
            numbers.append(convert(cell))
        except ValueError as error:
            numbers.append(math.nan)
            message = str(error) if cell.strip() else "is empty"
            faults.append(sheet.fault(row, name, message))
    return numbers


def _whole(cell: str) -> int:
    if not re.fullmatch(r"\s*\d{1,18}\s*", cell, re.ASCII):
        raise ValueError(f"{cell!r} is not a whole number of 0 or more")
    return int(cell)


def _seconds(cell: str) -> float:
    try:
        seconds = float(cell)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf or "_" in cell:
        raise ValueError(f"{cell!r} is not a number of seconds, 0 or more")
    return seconds


def _column(line: str, field: int) -> int:
    """Return where in *line* the field begins, counted from 1.

    >>> _column('7,"a,b",x', 2)
    9
    """
    begins, quoted = [0], False
    for place, letter in enumerate(line):
        quoted ^= letter == '"'
        if letter == "," and not quoted:
            begins.append(place + 1)
    return begins[field] + 1 if field < len(begins) else 1


def _natural(name: str) -> list[tuple[int, str]]:
    """Order w2 before w10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]


def _timeline(columns: dict[str, Any], workers: Sequence[str]) -> Timeline:
    number = np.array(columns["number"], np.int64)
    seconds: dict[str, Floats] = {name: np.array(columns[name], np.float64) for name in NUMBERS}
    tables = {name: sorted(set(columns[name])) for name in ("task", "kind", "lane", "waited_for")}
    tables["worker"] = [*workers, ""]
    words = {name: Words(_codes(columns[name], table), table) for name, table in tables.items()}
    # The tables are sorted, so that codes compare as the words do.
    order = np.lexsort((words["task"].code, words["lane"].code, number, seconds["start_s"]))
    sort = {name: Words(column.code[order], column.table) for name, column in words.items()}
    made = Timeline(
        number=number[order],
        tasks=sort["task"],
        kinds=sort["kind"],
        workers=sort["worker"],
        lanes=sort["lane"],
        **{name: column[order] for name, column in seconds.items()},
        waits=sort["waited_for"],
        thing=np.full(len(number), -1),
        idle=Idle(np.empty(0, np.int64), np.empty(0), np.empty(0), np.empty(0, np.int64)),
    )
    return replace(made, idle=gaps(made))


def _codes(words: Sequence[str], table: Sequence[str]) -> Any:
    code = {word: place for place, word in enumerate(table)}
    return np.array([code[word] for word in words], np.int64)


def _quoted(column: Words) -> list[str]:
    """Write the words out, those quoted that need it."""
    used, where = np.unique(column.code, return_inverse=True)
    words = [_cell(column.table[code]) for code in used.tolist()]
    return [words[place] for place in where.tolist()]


def _cell(word: str) -> str:
    return '"' + word.replace('"', '""') + '"' if any(letter in word for letter in ',"\r\n') else word
