"""The rows of a sweep as a table: a column for each choice and for each figure.

row,plan.tensor,plan.data,status,code,message,iteration_s,...
0,1,64,refused,memory,w0 needs 208 GB...,
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from parsim.core.errors import Fault, ScenarioError
from parsim.export.files import ready, write
from parsim.export.formats import columns_csv
from parsim.export.summary import Column, for_programs

FORMATS = {"--csv": ".csv", "--parquet": ".parquet"}
UNITS = {"cost": "cost_usd"}  # names of columns that say the unit, where those of JSON do not
NEEDED = "needs pyarrow, which is not installed; write pip install 'parsim[table]'"


def csv_text(rows: Iterable[Mapping[str, Any]]) -> str:
    r"""Return rows as CSV, with line ends of Unix.

    >>> csv_text([{"row": 0, "set": {"plan.data": 2}, "status": "done", "makespan_s": 1.5}])
    'row,plan.data,status,makespan_s\n0,2,done,1.5\n'
    """
    return columns_csv(columns_of(rows))


def columns_of(rows: Iterable[Mapping[str, Any]]) -> list[Column]:
    """Return a column for programs for each key of rows, each choice, and each figure."""
    flat = [dict(_flat(row)) for row in rows]
    names = dict.fromkeys(key for row in flat for key in row)
    return [for_programs(name, [row.get(name) for row in flat]) for name in names]


def write_csv(file: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows as CSV, all or none."""
    _written(file, csv_text(rows).encode())


def write_parquet(file: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows as Parquet, all or none; a column of several types is text."""
    import pyarrow
    from pyarrow import parquet

    held = io.BytesIO()
    parquet.write_table(pyarrow.table({one.name: _column(one.values) for one in columns_of(rows)}), held)
    _written(file, held.getvalue())


def checked(option: str, file: str) -> str:
    """Return the name of a table that can be written; anything else raises `ScenarioError`."""
    ending = FORMATS[option]
    folder = os.path.dirname(file) or "."
    why = ""
    if not file.lower().endswith(ending):
        why = f"'{file[:60]}' does not end in {ending}; write for example {option} rows{ending}"
    elif os.path.isdir(file) or not os.path.isdir(folder) or not os.access(folder, os.W_OK):
        why = f"'{file[:200]}' cannot be written; name a file in a folder that is there"
    elif option == "--parquet" and find_spec("pyarrow") is None:
        why = NEEDED
    if why:
        raise ScenarioError([Fault(option, 0, 0, option.lstrip("-"), why)])
    return file


def _flat(row: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the cells of a row; its values come in the place of `set`."""
    for key, held in row.items():
        if key == "set":
            yield from ((path, json.dumps(one) if isinstance(one, dict | list) else one) for path, one in held.items())
        elif isinstance(held, Mapping):
            yield from ((f"{key}.{name}", one) for name, one in held.items())
        else:
            yield UNITS.get(key, key), held


def _column(cells: Sequence[Any]) -> Sequence[Any]:
    """Return cells of one type."""
    kinds = {type(cell) for cell in cells if cell is not None}
    if len(kinds) <= 1:
        return cells
    if kinds <= {int, float}:
        return [None if cell is None else float(cell) for cell in cells]
    return [None if cell is None else cell if isinstance(cell, str) else json.dumps(cell) for cell in cells]


def _written(file: str, data: bytes) -> None:
    folder, name = os.path.split(file)
    write(folder or os.curdir, ready({name: data}))
