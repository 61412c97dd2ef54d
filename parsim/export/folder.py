"""Read a folder that `--out` wrote.

result.json     the figures        --+
timeline.csv    the spans            +-->  a Kept run, for a Gantt chart and a waterfall
idle.csv        the idleness       --+
scenario.json   the scenario       ----->  to play it again
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from parsim.core.columns import Ints
from parsim.core.errors import Fault, ScenarioError
from parsim.core.errors import Path as Way
from parsim.core.read_file import opened
from parsim.core.timeline import CAUSES, Timeline
from parsim.core.tolerance import CLOSE
from parsim.core.version import VERSIONS
from parsim.export.csv import natural, read_columns, timeline_of
from parsim.export.idle import idle_of, read_idle
from parsim.metrics.checker import idleness
from parsim.metrics.ledger import Ledger, ledger
from parsim.scenario import document

ARGUMENT = "RESULT"
MIXED = "the folder holds files of two runs, so let --out write it again"
RESULT, TIMELINE, IDLE, SCENARIO = "result.json", "timeline.csv", "idle.csv", "scenario.json"
_TERMS = ("t_total_s", "deviation_s", "idle_s", "contention_s", "hidden_s")
_FACTS: tuple[tuple[Way, type], ...] = (
    (("scenario",), str),
    (("clock",), str),
    (("makespan_s",), float),
    (("devices",), list),
    *((("ledger", term), float) for term in _TERMS),
    *((("ledger", "idle", cause), float) for cause in CAUSES),
)
_WORDS = {str: "text", float: "a number", list: "a list"}


class Kept(NamedTuple):
    """A run read from a folder."""

    folder: Path
    name: str
    clock: str
    ledger: Ledger
    timeline: Timeline
    pipeline: Mapping[str, Any] | None  # the terms of its makespan, where it is one
    facts: Mapping[str, Any]  # result.json


def folder_of_run(path: str | Path) -> Path | None:
    """Return the folder at *path*, or of the result.json at *path*; None if it is neither."""
    if Path(path).is_dir():
        return Path(path)
    return Path(path).parent if Path(path).name == RESULT else None


def read_folder(folder: Path) -> Kept:
    """Read the run in *folder*. All faults are raised at once."""
    facts, spans, idle = _parts(folder)
    workers = _workers(facts, {*spans["worker"], *idle["worker"]} - {""})
    timeline = timeline_of(spans, workers)
    counts = np.append(_stands_for(facts, timeline), 1)
    timeline = replace(timeline, idle=idle_of(idle, workers), stands_for=counts)
    if timeline.makespan_s != facts["makespan_s"]:
        message = f"ends at {timeline.makespan_s!r} s, but {RESULT} ends at {facts['makespan_s']!r} s; {MIXED}"
        raise ScenarioError([Fault(str(folder / TIMELINE), 0, 0, "end_s", message)])
    _refuse_foreign_idle(folder, facts, timeline, {*idle["worker"]} - {*spans["worker"]})
    return Kept(folder, facts["scenario"], facts["clock"], _ledger(facts), timeline, _pipeline(facts), facts)


def _parts(folder: Path) -> list[dict[str, Any]]:
    """Return the figures, the spans and the idleness, each checked separately."""
    faults: list[Fault] = []
    parts: list[dict[str, Any]] = []
    readers: dict[str, Callable[[Path], dict[str, Any]]] = {
        RESULT: _facts,
        TIMELINE: lambda file: read_columns(file, ARGUMENT),
        IDLE: lambda file: read_idle(file, ARGUMENT),
    }
    for name, read in readers.items():
        try:
            parts.append(read(folder / name))
        except ScenarioError as wrong:
            faults += wrong.faults
            if wrong.faults[0].path == ARGUMENT:
                break  # not the folder of a run: further faults would say nothing more
    if faults:
        raise ScenarioError(faults)
    return parts


def _pipeline(facts: dict[str, Any]) -> dict[str, Any] | None:
    """Return the terms of a pipeline; None where the file has none."""
    found = facts.get("pipeline")
    if not isinstance(found, dict):
        return None
    terms = {key: value for key, value in found.items() if isinstance(value, float | int)}
    return terms if "ideal_s" in terms else None


def _ledger(facts: dict[str, Any]) -> Ledger:
    terms = facts["ledger"]
    return Ledger(
        makespan_s=facts["makespan_s"],
        t_total_s=terms["t_total_s"],
        busy_nominal_s=terms["t_total_s"] + terms["deviation_s"],
        idle_s=terms["idle_s"],
        contention_s=terms["contention_s"],
        hidden_s=terms["hidden_s"],
        idle=terms["idle"],
    )


def _refuse_foreign_idle(folder: Path, facts: dict[str, Any], timeline: Timeline, quiet: set[str]) -> None:
    """Refuse idleness that does not match *timeline*; *quiet* are workers that only idle.csv names."""
    devices = {str(device.get("name")) for device in facts["devices"] if isinstance(device, dict)}
    strange = sorted(name for name in quiet if name not in devices and name.rpartition(".")[0] not in devices)
    tolerance = CLOSE * timeline.makespan_s
    late = timeline.idle.end_s.max(initial=0.0) > timeline.makespan_s + tolerance
    wrong = [
        *(("worker", f"'{name}' is not a worker of {RESULT}") for name in strange),
        *([("end_s", f"is later than {timeline.makespan_s!r} s, the makespan in {RESULT}")] if late else []),
        *(("start_s", f"{clash} in {TIMELINE}") for clash in idleness(timeline, tolerance)),
    ]
    if not wrong:
        found = ledger(timeline, _stands_for(facts, timeline), 0.0).idle
        said = facts["ledger"]["idle"]
        wrong = [
            ("cause", f"{cause} adds up to {found[cause]!r} s per worker, but is {said[cause]!r} s in {RESULT}")
            for cause in CAUSES
            if abs(found[cause] - said[cause]) > tolerance
        ]
    if wrong:
        path, message = wrong[0]
        raise ScenarioError(
            [
                Fault(
                    str(folder / IDLE),
                    0,
                    0,
                    path,
                    f"{message}; {MIXED}",
                )
            ]
        )


def _stands_for(facts: dict[str, Any], timeline: Timeline) -> Ints:
    """Return how many workers each worker of *timeline* stands for; 1 where the figures do not state it."""
    said = {str(one.get("name")): one.get("stands_for") for one in facts["devices"] if isinstance(one, dict)}
    names = [name for name in timeline.workers.table if name] or [""]
    counts = [said.get(name, said.get(name.rpartition(".")[0])) for name in names]
    return np.array([count if isinstance(count, int) and count > 0 else 1 for count in counts])


def read_scenario(folder: Path) -> dict[str, Any]:
    """Return the scenario of the run."""
    return json_object(folder / SCENARIO)


def _facts(file: Path) -> dict[str, Any]:
    """Read the figures of a run, and check those that pictures use."""
    facts = json_object(file)
    if {"predicted", "measured"} <= facts.keys():
        message = "is the result of a replay; name its folder predicted or measured"
        raise ScenarioError([Fault(str(file), 1, 1, ARGUMENT, message)])
    schema = facts.get("schema", VERSIONS["schema"])
    if schema != VERSIONS["schema"]:
        message = f"is {json.dumps(schema)[:40]}, and this version of parsim reads {VERSIONS['schema']}"
        raise ScenarioError([_fault(file, ("schema",), f"{message}; let --out write the folder again")])
    faults = [_misses(file, way, kind) for way, kind in _FACTS if not _is(_at(facts, way), kind)]
    if faults:
        raise ScenarioError(faults)
    return facts


def _misses(file: Path, way: Way, kind: type) -> Fault:
    return _fault(file, way, f"is missing or is not {_WORDS[kind]}; let --out write the folder again")


def _fault(file: Path, way: Way, message: str) -> Fault:
    """Return the fault of a figure at its place. JSON is read as YAML."""
    try:
        position = document.read(file.read_bytes(), str(file)).position(way)
    except ScenarioError:
        position = (1, 1)
    return document.fault(str(file), position, way, message)


def json_object(file: Path) -> dict[str, Any]:
    """Read a JSON object that `--out` wrote."""
    try:
        with opened(file) as held:
            found = json.loads(held.read().decode())
    except OSError as error:
        message = f"cannot be read: {error.strerror or error}; name a folder that --out wrote"
        raise ScenarioError([Fault(str(file), 0, 0, ARGUMENT, message)]) from None
    except json.JSONDecodeError as error:
        raise ScenarioError([Fault(str(file), error.lineno, error.colno, "json", error.msg)]) from None
    except (UnicodeDecodeError, RecursionError) as error:
        raise ScenarioError([Fault(str(file), 1, 1, "json", f"cannot be read: {error}")]) from None
    if not isinstance(found, dict):
        raise ScenarioError([Fault(str(file), 1, 1, "json", "is not a JSON object")])
    return found


def _at(facts: Any, way: Way) -> Any:
    for step in way:
        facts = facts.get(step) if isinstance(facts, dict) else None
    return facts


def _is(value: Any, kind: type) -> bool:
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return isinstance(value, kind)


def _workers(facts: dict[str, Any], named: set[str]) -> list[str]:
    """Sort the workers in the cluster's order: by device, then by slot."""
    devices = [str(device.get("name")) for device in facts["devices"] if isinstance(device, dict)]
    place = {name: index for index, name in enumerate(devices)}
    slotted = {name.rpartition(".")[0] for name in named}
    found = named | {name for name in devices if name not in slotted}
    return sorted(
        found, key=lambda worker: (place.get(worker, place.get(worker.rpartition(".")[0], len(place))), natural(worker))
    )
