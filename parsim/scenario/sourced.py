"""Files of known hardware: each number stands beside its source.

# NVIDIA A100 SXM with 80 GB                                    the first line says what it is
memory: {value: 80 GB, source: "NVIDIA data sheet, 2021"}       checked like the key of a scenario
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from operator import itemgetter
from pathlib import Path as FilePath
from typing import Any, TypeVar

from parsim.core.errors import Invalid, Path, ScenarioError
from parsim.core.suggestions import did_you_mean
from parsim.core.units import DIMENSIONS, measure
from parsim.scenario import document
from parsim.scenario.schema import check

Form = TypeVar("Form")
SOURCED = "wants {value: 312 TFLOP/s, source: 'where that is written'}"


def about(file: FilePath) -> str:
    """Return the description in the first line of a file."""
    return file.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")


def read(file: FilePath, form: Callable[..., Form], keys: Sequence[str], by_name: Set[str] = frozenset()) -> Form:
    """Return the values of a file; a value without source, an unknown key or a wrong value raises `ScenarioError`.

    Keys in *by_name* may hold a mapping, each of whose values has its source.
    """
    said = _document(file)
    rows = said.values if isinstance(said.values, dict) else {}
    faults = list(said.faults)
    for key, row in rows.items():
        if key in keys:
            wrong = _unsourced((key,), row, by_name)
            faults += [document.fault(str(file), said.position(path), path, SOURCED) for path in wrong]
        else:
            faults.append(document.fault(str(file), said.position((key,), "key"), (key,), did_you_mean(key, keys)))
    if faults:
        raise ScenarioError(faults)
    try:
        return form(**check(form, {key: _each(row, itemgetter("value")) for key, row in rows.items()}))
    except Invalid as wrong:
        raise ScenarioError(
            document.fault(str(file), said.position(c.path, c.at), c.path, c.message) for c in wrong.complaints
        ) from None


def numbers(file: FilePath) -> dict[str, Any]:
    """Return the values of a right file in base units, each beside its source."""
    return {key: _each(row, _in_base_units) for key, row in _document(file).values.items()}


def _document(file: FilePath) -> document.Document:
    return document.read(file.read_bytes(), str(file))


def _in_base_units(row: dict[str, Any]) -> dict[str, Any]:
    value = row["value"]
    if isinstance(value, str):
        try:
            value = measure(value, *DIMENSIONS)[1]
        except ValueError:
            return row  # a word, such as the name of a device
    return row | {"value": value}


def _unsourced(path: Path, row: Any, by_name: Set[str]) -> list[Path]:
    """Return the paths of the values without source."""
    if isinstance(row, dict) and row and path[-1] in by_name and not row.keys() & {"value", "source"}:
        return [wrong for key, one in row.items() for wrong in _unsourced((*path, key), one, by_name)]
    return [] if isinstance(row, dict) and row.keys() == {"value", "source"} else [path]


def _each(row: dict[str, Any], answer: Callable[[dict[str, Any]], Any]) -> Any:
    """Return *answer* of a value, or of each of several by name."""
    return answer(row) if "value" in row else {key: answer(one) for key, one in row.items()}
