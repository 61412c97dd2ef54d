"""Read the rows of a space from a file.

sweep.json   what `parsim sweep --json` prints: {"scenario", "rows": [{"row", "set", "status", ...}], ...}
rows.json    the rows that `parsim plan` looked at, in the same form
NAME.db      the store of a sweep, which parsim/study/sweep/store.py reads
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from parsim.core.errors import Path as Way
from parsim.core.errors import ScenarioError
from parsim.core.units import show
from parsim.export.folder import json_object
from parsim.scenario import document

FILES = ("sweep.json", "rows.json")
STORE = ".db"
NUMBERS = ("iteration_s", "makespan_s", "peak_memory_bytes", "exposed_s", "mfu", "cost", "energy_j")


class Rows(NamedTuple):
    """Rows, and the name of their scenario."""

    name: str
    rows: list[dict[str, Any]]


def file_of_rows(path: str | Path) -> Path | None:
    """Return the file of rows at *path* or in the folder *path*; None if there is none."""
    found = [Path(path) / name for name in FILES] if Path(path).is_dir() else [Path(path)]
    return next((file for file in found if file.is_file() and (file.name in FILES or _has_rows(file))), None)


def read_rows(file: Path) -> Rows:
    """Read rows. All faults are raised at once."""
    held = json_object(file)
    wrong = dict(_wrong(held.get("rows")))
    if wrong:
        places = document.read(file.read_bytes(), str(file))  # JSON is YAML
        raise ScenarioError([document.fault(str(file), places.position(way), way, why) for way, why in wrong.items()])
    name = held.get("scenario")
    return Rows(name if isinstance(name, str) else file.stem, held["rows"])


def _has_rows(file: Path) -> bool:
    if file.suffix == STORE:
        return True
    try:
        held = json.loads(file.read_bytes()) if file.suffix == ".json" else None
    except (OSError, ValueError, RecursionError):  # it is read as a scenario, which says what is wrong
        return False
    return isinstance(held, dict) and isinstance(held.get("rows"), list)


def _wrong(rows: Any) -> Iterator[tuple[Way, str]]:
    """Yield what is wrong with rows, each with its path."""
    if not isinstance(rows, list):
        yield ("rows",), "is missing or is not a list; name what parsim sweep wrote"
        return
    for place, row in enumerate(rows):
        if not isinstance(row, dict) or not isinstance(row.get("set"), dict):
            yield ("rows", place), "is not a row with the values of its choices as set; name what parsim sweep wrote"
            continue
        if not isinstance(row.get("row", 0), int):
            yield (
                ("rows", place, "row"),
                f"is {show(row['row'])}, not the number of a row; name what parsim sweep wrote",
            )
        for name in NUMBERS:
            value = row.get(name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
                yield ("rows", place, name), f"is {show(value)}, not a number or null; name what parsim sweep wrote"
