"""Read CSV files, with the place of every fault.

    worker,start_s,end_s,cause            each cell knows its line and column;
    w0,0.0,0.3s,fill             ->       FILE:2:8: [0].end_s: '0.3s' is not a number of seconds, 0 or more

They are read column by column: a million lines take seconds.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from parsim.core.errors import Fault, ScenarioError, dotted
from parsim.core.read_file import opened
from parsim.core.units import LARGEST


class Sheet(NamedTuple):
    """A file as cells: row i begins in line `line[i]`."""

    file: str
    header: list[str]
    rows: list[list[str]]
    line: list[int]
    text: list[str]  # the file's lines, to find the columns of faults

    def fault(self, row: int, name: str, message: str) -> Fault:
        """Return a fault of one cell."""
        line = self.line[row]
        column = _column(self.text[line - 1], self.header.index(name))
        return Fault(self.file, line, column, dotted((row, name)), message)


def read_sheet(path: str | Path, argument: str) -> Sheet:
    """Read *path*. If it cannot be read, the fault is that of the command's *argument*."""
    try:
        with opened(path) as held:
            text = held.read().decode("utf-8-sig")
    except OSError as error:
        message = f"cannot be read: {error.strerror or error}"
        raise ScenarioError([Fault(str(path), 0, 0, argument, message)]) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ScenarioError([Fault(str(path), line, 1, "csv", "is not text in UTF-8")]) from None
    lines = list(io.StringIO(text, newline=""))  # the csv reader counts lines in the same way
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
    return Sheet(str(path), rows[0], rows[1:], begins[1:], lines)


def cells_of(sheet: Sheet, columns: Sequence[str]) -> tuple[dict[str, Any], list[Fault]]:
    """Return the cells of each of *columns*, and the faults of the table; other columns are ignored."""
    faults = [Fault(sheet.file, 1, 1, name, "the column is missing") for name in columns if name not in sheet.header]
    for name in columns:
        if sheet.header.count(name) > 1:
            faults.append(Fault(sheet.file, 1, 1, name, "the column occurs twice"))
    width = len(sheet.header)
    for row, cells in enumerate(sheet.rows):
        if len(cells) != width:
            message = f"the line has {len(cells)} fields, the header {width}"
            faults.append(Fault(sheet.file, sheet.line[row], 1, dotted((row,)), message))
    if faults:
        return {}, faults
    found: dict[str, Any] = dict.fromkeys(columns, ())
    found.update(zip(sheet.header, zip(*sheet.rows, strict=True), strict=False))
    return {name: found[name] for name in columns}, []


def about_order(sheet: Sheet, columns: dict[str, Any]) -> list[Fault]:
    """Yield a fault for each row that ends before it starts."""
    start, end = columns["start_s"], columns["end_s"]
    return [
        sheet.fault(row, "end_s", f"{end[row]!r} is before its start, {start[row]!r}")
        for row in np.flatnonzero(np.array(end) < np.array(start)).tolist()
    ]


def numbers(
    sheet: Sheet, name: str, cells: Sequence[str], convert: Callable[[str], float], faults: list[Fault]
) -> Sequence[float]:
    """Convert a column at once, or cell by cell if that fails."""
    of, kind = (int, np.int64) if convert is whole else (float, np.float64)
    if not any("_" in cell for cell in cells):
        with suppress(ValueError, OverflowError):
            column = np.array(list(map(of, cells)), kind)
            if (column >= 0).all() and (convert is whole or (column <= LARGEST).all()):
                converted: list[float] = column.tolist()
                return converted
    found = []
    for row, cell in enumerate(cells):
        try:
            found.append(convert(cell))
        except ValueError as error:
            found.append(math.nan)
            message = str(error) if cell.strip() else "is empty"
            faults.append(sheet.fault(row, name, message))
    return found


def whole(cell: str) -> int:
    """Read a non-negative whole number."""
    if not re.fullmatch(r"\s*\d{1,18}\s*", cell, re.ASCII):
        raise ValueError(f"{cell!r} is not a whole number of 0 or more")
    return int(cell)


def seconds(cell: str) -> float:
    """Read seconds, from 0 to the largest that a scenario may state."""
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf or "_" in cell:
        raise ValueError(f"{cell!r} is not a number of seconds, 0 or more")
    if value > LARGEST:
        raise ValueError(f"{cell!r} is out of range; the largest number is {LARGEST:g}")
    return value


def _column(line: str, field: int) -> int:
    """Return the column in *line* at which the field begins, counted from 1.

    >>> _column('7,"a,b",x', 2)
    9
    """
    if '"' not in line:
        before = line.split(",", field)[:field]
        return sum(map(len, before)) + field + 1 if len(before) == field else 1
    begins, quoted = [0], False
    for place, letter in enumerate(line):
        quoted ^= letter == '"'
        if letter == "," and not quoted:
            begins.append(place + 1)
    return begins[field] + 1 if field < len(begins) else 1
