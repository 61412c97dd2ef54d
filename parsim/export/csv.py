"""`timeline.csv`: a header and one line per span, for people, spreadsheets and `parsim ledger`.

    number,task,kind,worker,lane,ready_s,start_s,end_s,nominal_s,waited_for
    0,host>part0,transfer,w0,host>w0,0.0,0.0,0.3,0.3,
    0,part0,compute,w0,compute,0.0,0.3,3.3,3.0,host>part0

A run with collectives has two more columns, `rounds` and `bytes`, and one in which workers stand for others a last one,
`stands_for`. It is written and read column by column: a million
lines take seconds. Numbers are not rounded. In words, a backslash, a control character and the first character of a
formula (= + - @) are written as Python escapes. A file from elsewhere may have its lines in any order; other columns
are ignored.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import count, filterfalse, islice
from pathlib import Path
from typing import Any

import numpy as np

from parsim.core.cluster import HOST
from parsim.core.columns import Ints
from parsim.core.errors import Fault, ScenarioError
from parsim.core.escape import escaped, unescaped
from parsim.core.graph import Floats
from parsim.core.timeline import CAUSES, COLUMNS, MORE, Idle, Timeline, Words
from parsim.export.columns import integers, number_texts, pieces, word_texts
from parsim.export.origin import moved
from parsim.export.sheet import about_order, cells_of, numbers, read_sheet, seconds, whole

HEADER = ",".join(COLUMNS)
STANDS_FOR = ("stands_for",)
WORDS = ("task", "kind", "worker", "lane", "waited_for")
NUMBERS = ("ready_s", "start_s", "end_s", "nominal_s")
FORMULA = re.compile("(^|(?<=;))[=+@\uff1d\uff0b\uff20\uff0d-]")  # also after ; and as wide signs
FILL, DRAIN, DEPENDENCY = (CAUSES.index(cause) for cause in ("fill", "drain", "dependency"))


def write_csv(timeline: Timeline, stands_for: Ints | None = None) -> Iterator[str]:
    """Write *timeline* in the contract's columns, some lines at a time, with floats as `repr` writes them.

    *stands_for* says how many workers each one stands for, (workers,); None: for itself alone.
    """
    collective = timeline.members.any()
    yield ",".join((HEADER, *(MORE if collective else ()), *(() if stands_for is None else STANDS_FOR))) + "\n"
    named = (timeline.tasks, timeline.kinds, timeline.workers, timeline.lanes, timeline.waits)
    for rows in pieces(len(timeline)):
        *first, waited_for = word_texts(cell, *(column.at(rows) for column in named))
        times = number_texts(repr, *(getattr(timeline, name)[rows] for name in NUMBERS))
        columns = [integers(timeline.number[rows]), *first, *times, waited_for]
        if collective:
            columns += [integers(timeline.rounds[rows]), *number_texts(repr, timeline.size[rows])]
        if stands_for is not None:
            columns.append(integers(np.append(stands_for, 1)[timeline.workers.code[rows]]))  # 1: no worker
        yield "\n".join([*map(",".join, zip(*columns, strict=True)), ""])


def read_csv(path: str | Path, workers: int = 0, origin: str = "0") -> Timeline:
    """Read any trace with the contract's columns. All faults of the file are raised at once.

    *workers* is the number of workers, where some had no span; 0: only those that the file names. Times count from
    *origin* (see `origin.moved`).
    """
    columns = read_columns(path, "TIMELINE", origin)
    named = sorted({name for name in columns["worker"] if name}, key=natural)
    if 0 < workers < len(named):
        message = f"{workers} is too few: the file names {len(named)} workers; write at least that number"
        raise ScenarioError([Fault("--workers", 0, 0, "workers", message)])
    nameless = filterfalse(set(named).__contains__, map("(no name {})".format, count()))
    return timeline_of(columns, [*named, *islice(nameless, max(0, workers - len(named)))])


def from_rows(rows: Iterable[Sequence[Any]], workers: Sequence[str]) -> Timeline:
    """Build a timeline from spans as tuples in the order of `COLUMNS`; `gaps` finds the idleness.

    >>> made = from_rows([(0, "t", "compute", "w0", "compute", 0.0, 1.0, 3.0, 2.0, "start")], ["w0"])
    >>> made.makespan_s, made.idle.end_s.tolist()
    (3.0, [1.0])
    """
    columns: dict[str, Any] = dict.fromkeys(COLUMNS, ())
    columns.update(zip(COLUMNS, zip(*rows, strict=True), strict=False))
    return timeline_of(columns, workers)


def gaps(timeline: Timeline) -> Idle:
    """Find the gaps between the spans of each worker: fill before its first, drain after its last, else dependency."""
    owner, end_of_all = timeline.workers.code, timeline.makespan_s
    by_worker = np.lexsort((timeline.start_s, owner))
    bounds = np.searchsorted(owner[by_worker], np.arange(len(timeline.workers.table) + 1))
    named = np.array([bool(name) for name in timeline.workers.table], dtype=bool)
    idlers = np.flatnonzero(named & (np.diff(bounds) == 0) & (end_of_all > 0))
    begin, end = np.zeros(len(idlers)), np.full(len(idlers), end_of_all)
    pieces = [(idlers, begin, end, np.full(len(idlers), DRAIN))]
    busy = ~timeline.members
    for worker in np.flatnonzero(named & (np.diff(bounds) > 0)).tolist():
        spans = by_worker[bounds[worker] : bounds[worker + 1]]
        first, last = timeline.start_s[spans[0]], timeline.end_s[spans].max()
        spans = spans[busy[spans]]
        opened = np.concatenate(([0.0, first], np.maximum.accumulate(np.append(first, timeline.end_s[spans])), [last]))
        closed = np.concatenate(([first, first], timeline.start_s[spans], [last, end_of_all]))
        cause = np.full(len(opened), DEPENDENCY)
        cause[0], cause[-1] = FILL, DRAIN
        idle = closed > opened
        pieces.append((np.full(idle.sum(), worker), opened[idle], closed[idle], cause[idle]))
    columns = [np.concatenate(parts) for parts in zip(*pieces, strict=True)]
    order = np.argsort(columns[0], kind="stable")
    return Idle(*(column[order] for column in columns))


def read_columns(path: str | Path, argument: str, origin: str = "0") -> dict[str, Any]:
    """Return the columns of *path* as numbers and words. All faults of the file are raised at once."""
    sheet = read_sheet(path, argument)
    columns, faults = cells_of(sheet, COLUMNS)
    if columns:
        cells = columns.copy()
        faults += [sheet.fault(row, "kind", "is empty") for row, kind in enumerate(columns["kind"]) if not kind]
        columns["number"] = numbers(sheet, "number", columns["number"], whole, faults)
        for name in NUMBERS:
            columns[name] = numbers(sheet, name, columns[name], seconds, faults)
        if origin != "0" and not faults:
            columns |= moved(sheet, cells, origin, faults)
        faults += about_order(sheet, columns)
        columns |= {name: names(columns[name]) for name in WORDS}
    if faults:
        raise ScenarioError(sorted(faults, key=lambda fault: (fault.line, fault.column)))
    columns["worker"] = ["" if name == HOST else name for name in columns["worker"]]  # the host is not a worker
    return columns


def natural(name: str) -> list[tuple[int, str]]:
    """Order w2 before w10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]


def timeline_of(columns: dict[str, Any], workers: Sequence[str]) -> Timeline:
    """Sort columns into a timeline; `gaps` finds the idleness."""
    number = np.array(columns["number"], np.int64)
    seconds: dict[str, Floats] = {name: np.array(columns[name], np.float64) for name in NUMBERS}
    tables = {name: sorted(set(columns[name])) for name in ("task", "kind", "lane", "waited_for")}
    tables["worker"] = [*workers, ""]
    words = {name: Words(_codes(columns[name], table), table) for name, table in tables.items()}
    # The tables are sorted, so that codes compare as the words do.
    order = np.lexsort((words["task"].code, words["lane"].code, number, seconds["start_s"]))
    sort = {name: column.at(order) for name, column in words.items()}
    made = Timeline(
        number=number[order],
        tasks=sort["task"],
        kinds=sort["kind"],
        workers=sort["worker"],
        lanes=sort["lane"],
        ready_s=seconds["ready_s"][order],
        start_s=seconds["start_s"][order],
        end_s=seconds["end_s"][order],
        nominal_s=seconds["nominal_s"][order],
        waits=sort["waited_for"],
        transfer=np.full(len(number), -1),
        idle=Idle(np.empty(0, np.int64), np.empty(0), np.empty(0), np.empty(0, np.int64)),
    )
    return replace(made, idle=gaps(made))


def _codes(words: Sequence[str], table: Sequence[str]) -> Any:
    code = {word: place for place, word in enumerate(table)}
    return np.array([code[word] for word in words], np.int64)


def names(cells: Sequence[str]) -> Sequence[str]:
    """Return the words behind *cells*."""
    return [*map(unescaped, cells)] if "\\" in "".join(cells) else cells


def cell(word: str) -> str:
    r'''Write a word as a cell: in quotes if needed, and never as a formula of a spreadsheet.

    >>> print(cell("w0>w1"), cell('a "b"'), cell("=1+1"))
    w0>w1 "a ""b""" \x3d1+1
    '''
    if word.isalnum() and word.isascii():  # the fast path: most names need nothing
        return word
    written = harmless(word)
    return '"' + written.replace('"', '""') + '"' if "," in written or '"' in written else written


def harmless(word: str) -> str:
    """Escape what ends a line, and what makes a formula of a cell."""
    return FORMULA.sub(lambda first: _code(ord(first[0])), escaped(word))


def _code(letter: int) -> str:
    return f"\\x{letter:02x}" if letter < 256 else f"\\u{letter:04x}"
