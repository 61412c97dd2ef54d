"""`idle.csv`: the idle intervals of each worker, with one cause each.

    worker,start_s,end_s,cause
    w1,2.2,3.3,drain

Sorted by worker, in the cluster's order, then by start. Together with `timeline.csv` it determines a Gantt chart. A run
in which workers stand for others has one more column, `stands_for`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from parsim.core.columns import Ints
from parsim.core.errors import ScenarioError
from parsim.core.suggestions import did_you_mean
from parsim.core.timeline import CAUSES, Idle, Timeline, Words
from parsim.export.columns import integers, number_texts, pieces, word_texts
from parsim.export.csv import STANDS_FOR, cell, names
from parsim.export.sheet import about_order, cells_of, numbers, read_sheet, seconds

COLUMNS = ("worker", "start_s", "end_s", "cause")


def write_idle(timeline: Timeline, stands_for: Ints | None = None) -> Iterator[str]:
    """Write the idle intervals of *timeline*, some lines at a time, with floats as `repr` writes them.

    *stands_for* says how many workers each one stands for, (workers,); None: for itself alone.
    """
    yield ",".join((*COLUMNS, *(() if stands_for is None else STANDS_FOR))) + "\n"
    idle, names = timeline.idle, timeline.workers.table
    for rows in pieces(len(idle.cause)):
        worker, cause = word_texts(cell, Words(idle.worker[rows], names), Words(idle.cause[rows], CAUSES))
        columns = [worker, *number_texts(repr, idle.start_s[rows], idle.end_s[rows]), cause]
        if stands_for is not None:
            columns.append(integers(stands_for[idle.worker[rows]]))
        yield "\n".join([*map(",".join, zip(*columns, strict=True)), ""])


def read_idle(path: str | Path, argument: str) -> dict[str, Any]:
    """Return the columns of *path*, with causes as indices into CAUSES. All faults of the file are raised at once."""
    sheet = read_sheet(path, argument)
    columns, faults = cells_of(sheet, COLUMNS)
    if columns:
        for row, cause in enumerate(columns["cause"]):
            if cause not in CAUSES:
                faults.append(sheet.fault(row, "cause", did_you_mean(cause, CAUSES)))
        for name in ("start_s", "end_s"):
            columns[name] = numbers(sheet, name, columns[name], seconds, faults)
        faults += about_order(sheet, columns)
    if faults:
        raise ScenarioError(sorted(faults, key=lambda fault: (fault.line, fault.column)))
    columns["worker"] = names(columns["worker"])
    columns["cause"] = [CAUSES.index(cause) for cause in columns["cause"]]
    return columns


def idle_of(columns: dict[str, Any], workers: Sequence[str]) -> Idle:
    """Return columns as a table whose workers are indices into *workers*."""
    index = {name: place for place, name in enumerate(workers)}
    return Idle(
        np.array([index[name] for name in columns["worker"]], np.int64),
        np.array(columns["start_s"], np.float64),
        np.array(columns["end_s"], np.float64),
        np.array(columns["cause"], np.int64),
    )
