"""Columns of numbers and words as one short text, which `static/unpack.js` reads.

start  f8   0.0  0.2  0.3    the first bytes of all rows, then the second ones, ...   --+
lane   up1  0    0    1      differences of neighbours, 0 2 1 3 for 0 +1 -1 -2          +--  zlib  --  base64
kind   int1 2    0    1      in one, two or four bytes; in none if all are 0            |
names  text                  JSON in UTF-8                                            --+
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from parsim.core.graph import Floats

Column = npt.NDArray[Any] | Sequence[str]
EFFORT = 6  # of zlib: more takes longer and saves little
FINE = 38  # bits of a time: a makespan of a day is told to a third of a microsecond


def packed(columns: Mapping[str, Column], rising: Iterable[str] = ()) -> dict[str, Any]:
    """Return *columns* as plain values; whole numbers of the columns *rising* are written as differences.

    Whole numbers are below 2^31, floats of four or eight bytes stay what they are, and words become JSON.

    >>> packed({"lane": np.array([0, 0, 1])}, rising=["lane"])["layout"]
    [['lane', 'up1', 3]]
    """
    rising = set(rising)
    layout, parts = [], []
    for name, column in columns.items():
        form, count, content = _written(column, name in rising)
        layout.append([name, form, count])
        parts.append(content)
    return {"layout": layout, "data": base64.b64encode(zlib.compress(b"".join(parts), EFFORT)).decode()}


def rounded(times: Floats, makespan_s: float) -> Floats:
    """Round times to a power of two far below the makespan, so that their last bytes are zero and take no room.

    >>> rounded(np.array([0.1]), 1.0).item() - 0.1 < 1e-11
    True
    """
    if not makespan_s:
        return times
    step = 2.0 ** (np.floor(np.log2(makespan_s)) - FINE)
    found: Floats = np.rint(times / step) * step
    return found


def _written(column: Column, rises: bool) -> tuple[str, int, bytes]:
    """Return form, number of values (of words: of bytes), and bytes."""
    if not isinstance(column, np.ndarray):
        text = json.dumps(list(column), ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        return "text", len(text), text
    if column.dtype.kind == "f":
        form = f"f{column.dtype.itemsize if column.any() else 0}"
        return form, len(column), _apart(column.astype(f"<{form}")) if column.any() else b""
    whole = column.astype(np.int64)
    steps = np.diff(whole, prepend=0) if rises else whole
    unsigned = np.where(steps < 0, -2 * steps - 1, 2 * steps)
    most = int(unsigned.max(initial=0))
    width = 0 if not most else 1 if most < 2**8 else 2 if most < 2**16 else 4
    return f"{'up' if rises else 'int'}{width}", len(column), _apart(unsigned.astype(f"<u{width}")) if width else b""


def _apart(column: npt.NDArray[Any]) -> bytes:
    """Return the first bytes of all values, then the second bytes of all, and so on."""
    return column.view(np.uint8).reshape(len(column), column.itemsize).T.tobytes()
