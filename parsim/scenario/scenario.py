"""A scenario: the values of a file or a mapping, with the place of each value.

    01.yaml  --read-->  values + places  --set-->  Scenario       a complaint about ("cluster", "devices")
    {...}    --copy-->  values           --set-->                 becomes the fault 01.yaml:1:20: cluster.devices: ...

Values from `set` have the file `--set`; those of a mapping have the file `scenario`, at line and column 0.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any

from parsim.core.errors import Code, Complaint, Fault, Invalid, Path, ScenarioError, dotted
from parsim.core.escape import printable
from parsim.core.read_file import content
from parsim.core.units import show
from parsim.scenario import document
from parsim.scenario.choices import is_choice
from parsim.scenario.document import Branch, Document, Position

MOST_VALUES = 10_000_000  # in a mapping, so that shared parts cannot grow without limit
NOWHERE: Position = (0, 0)
OPTION = "--set"

Source = str | os.PathLike[str] | Mapping[str, Any]


@dataclass(frozen=True)
class Scenario:
    """The values of a scenario and their places.

    `faults` were found while reading; `error` merges them with faults found later.
    """

    file: str
    name: str
    sha256: str
    values: dict[str, Any]
    places: Branch | Position = NOWHERE
    faults: tuple[Fault, ...] = ()
    overridden: frozenset[Path] = frozenset()

    def fault(self, complaint: Complaint) -> Fault:
        """Turn *complaint* into a fault with its place."""
        path = complaint.path
        if self._is_set(path):
            return document.fault(OPTION, NOWHERE, path, complaint.message)
        position = Document(self.values, self.places).position(path, complaint.at)
        return document.fault(self.file, position, path, complaint.message)

    def near(self, path: Path, file: str) -> str:
        """Return the file that the value at *path* names, relative to the folder of the scenario's file.

        A value from `set` or from a mapping is relative to the current folder.
        """
        at_home = isinstance(self.places, Branch) and not self._is_set(path)
        return os.path.normpath(os.path.join(os.path.dirname(self.file), file)) if at_home else file

    def _is_set(self, path: Path) -> bool:
        """Return whether the value at *path* comes from `set`."""
        return bool(self.overridden) and any(path[:end] in self.overridden for end in range(1, len(path) + 1))

    def error(self, complaints: Iterable[Complaint], elsewhere: Iterable[Fault] = ()) -> ScenarioError:
        """Merge *complaints* with the faults of reading, sorted by place, each once.

        Faults of other files, *elsewhere*, come last. If there are very many, only the first are kept.
        """
        complaints = list(complaints)
        more = len(complaints) - document.MANY
        complaints = complaints[: document.MANY]
        # A value that could not be read is also wrong for later checks: one fault per place is enough then.
        unread = {(fault.file, fault.line, fault.column) for fault in self.faults if fault.line}
        found = [fault for fault in map(self.fault, complaints) if fault[:3] not in unread]
        faults = _sorted([*self.faults, *found])
        if more > 0:
            faults[-1] = faults[-1]._replace(message=f"{faults[-1].message}; {more} more faults are not shown")
        elsewhere = list(dict.fromkeys(elsewhere))
        return ScenarioError([*faults, *elsewhere], "invalid" if self.faults or elsewhere else _code(complaints))


def load(
    source: Source, set: Mapping[str, Any] | None = None, about: document.About = document.unquestioned
) -> Scenario:
    """Read a scenario, and put the values of *set* at their dotted paths. Faults raise `ScenarioError`.

    *about* checks a large file while it is read.

    >>> scenario = load({"policy": "fifo"}, set={"cluster.devices": 4})
    >>> scenario.values
    {'policy': 'fifo', 'cluster': {'devices': 4}}
    >>> print(scenario.fault(Complaint(("policy",), "unknown name 'fifo'")))
    scenario:0:0: policy: unknown name 'fifo'
    """
    if isinstance(source, Mapping):
        scenario = _from_mapping(source)
    elif isinstance(source, str | os.PathLike):
        file = os.fsdecode(source)
        scenario = from_bytes(_bytes(file), file, about)
    else:
        message = f"wants a path or a mapping, not {show(source)}"
        raise ScenarioError([document.fault("scenario", NOWHERE, ("SCENARIO",), message)])
    return _overridden(scenario, set or {})


def changed(scenario: Scenario, set: Mapping[str, Any]) -> Scenario:
    """Return a copy of the scenario with the values of *set* at their dotted paths.

    >>> scenario = load({"policy": "fifo"})
    >>> changed(scenario, {"policy": "heft"}).values, scenario.values
    ({'policy': 'heft'}, {'policy': 'fifo'})
    """
    return _overridden(replace(scenario, values=deepcopy(scenario.values)), set)


def settings(pairs: Iterable[str]) -> dict[str, Any]:
    """Read the `PATH=VALUE` of the command line. Faults raise `ScenarioError`.

    >>> settings(["cluster.devices=4", "policy=heft"])
    {'cluster.devices': 4, 'policy': 'heft'}
    """
    values: dict[str, Any] = {}
    faults: list[Fault] = []
    for pair in pairs:
        path, equals, text = pair.partition("=")
        try:
            if not equals or not path:
                raise Invalid([Complaint((), f"'{pair}' is not PATH=VALUE; write for example cluster.devices=4")])
            values[path] = document.parse_value(text)
        except Invalid as invalid:
            faults += [document.fault(OPTION, NOWHERE, (path,), told.message) for told in invalid.complaints]
    if faults:
        raise ScenarioError(faults)
    return values


def from_bytes(data: bytes, file: str, about: document.About = document.unquestioned) -> Scenario:
    """Read a scenario from *data*, the content of *file*, which need not exist. Faults raise `ScenarioError`.

    >>> from_bytes(b"policy: fifo", "a.yaml").values
    {'policy': 'fifo'}
    """
    read = document.read(data, file, about)
    if not isinstance(read.values, dict):
        message = "is empty" if read.values is None else no_mapping(read.values)
        raise ScenarioError(_sorted([*read.faults, document.fault(file, read.position(()), (), message)]))
    sha256 = hashlib.sha256(data).hexdigest()
    return Scenario(file, printable(PurePath(file).stem), sha256, read.values, read.places, read.faults)


def no_mapping(values: Any) -> str:
    """Return the message that *values* are not a scenario."""
    return f"a scenario is a mapping of key: value, not {show(values)}"


def _bytes(file: str) -> bytes:
    try:
        return content(file)
    except ValueError as error:  # ValueError: the path contains NUL
        raise ScenarioError([document.fault(file, NOWHERE, ("SCENARIO",), str(error))]) from None


def _from_mapping(source: Mapping[str, Any]) -> Scenario:
    copier = _Copier()
    values = copier.copy(source, ())
    if copier.complaints:
        faults = [document.fault("scenario", NOWHERE, told.path, told.message) for told in copier.complaints]
        raise ScenarioError(_sorted(faults))
    sha256 = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
    return Scenario("scenario", "scenario", sha256, values)


class _Copier:
    """Copies values that YAML can express, and collects complaints about all others."""

    def __init__(self) -> None:
        self.complaints: list[Complaint] = []
        self.left = MOST_VALUES
        self.open: set[int] = set()  # the containers of the value being copied

    def copy(self, value: Any, path: Path) -> Any:
        """Return a copy of *value* in plain dicts and lists."""
        self.left -= 1
        if type(value) is str:
            return (
                value
                if _is_text(value)
                else self._complain(path, f"{value!r} contains half a surrogate pair, which is not a character")
            )
        if value is None or type(value) is bool:
            return value
        if type(value) in (int, float):
            return self._number(value, path)
        if not isinstance(value, Mapping | list | tuple):
            known = f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
            return self._complain(path, f"YAML cannot express a {known}; give text, a number, a list or a mapping")
        if self.left < 0:
            raise ScenarioError(
                [document.fault("scenario", NOWHERE, path[:1], f"contains more than {MOST_VALUES} values")]
            )
        if len(path) >= document.DEEPEST or id(value) in self.open:
            return self._complain(path, f"is nested deeper than {document.DEEPEST} levels")
        self.open.add(id(value))
        held = self._mapping(value, path) if isinstance(value, Mapping) else self._list(value, path)
        self.open.discard(id(value))
        return held

    def _list(self, value: Iterable[Any], path: Path) -> list[Any]:
        return [self.copy(held, (*path, index)) for index, held in enumerate(value)]

    def _mapping(self, value: Mapping[Any, Any], path: Path) -> dict[str, Any]:
        copy = {}
        for key, held in value.items():
            if type(key) is str and _is_text(key):
                copy[key] = self.copy(held, (*path, key))
            else:
                self._complain(path, f"the key {show(key)} is not text")
        return copy

    def _number(self, value: float, path: Path) -> Any:
        if isinstance(value, int) and abs(value) >= 10**document.LONGEST:
            return self._complain(path, f"{show(value)} has too many digits")
        if not math.isfinite(value):
            return self._complain(path, f"{value} is not a finite number")
        return value

    def _complain(self, path: Path, message: str) -> None:
        self.complaints.append(Complaint(path, message))


def _is_text(text: str) -> bool:
    """Return whether *text* can be written to a file: a lone surrogate cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _overridden(scenario: Scenario, values: Mapping[str, Any]) -> Scenario:
    """Return *scenario* with *values* at their paths; values that do not fit there become faults."""
    if not isinstance(values, Mapping):
        raise ScenarioError([document.fault(OPTION, NOWHERE, (), f"wants a mapping of paths, not {show(values)}")])
    new: set[Path] = set()
    faults: list[Fault] = []
    for text, value in values.items():
        try:
            path = path_of(text)
            copier = _Copier()
            copy = copier.copy(value, path)
            if copier.complaints:
                raise Invalid(copier.complaints)
            new.add(_put(scenario.values, path, copy))
        except Invalid as invalid:
            faults += [document.fault(OPTION, NOWHERE, told.path, told.message) for told in invalid.complaints]
    return Scenario(
        scenario.file,
        scenario.name,
        scenario.sha256,
        scenario.values,
        scenario.places,
        (*scenario.faults, *faults),
        scenario.overridden | new,
    )


_STEP = re.compile(r"(?:^|(?<=.)\.)([^.\[\]]+)|\[([0-9]{1,9})\]", re.DOTALL)


def path_of(text: Any) -> Path:
    """Read a path such as `workload.tasks[2].compute`; another text raises `Invalid`."""
    if not isinstance(text, str):
        raise Invalid([Complaint((show(text),), "a path is text, for example cluster.devices")])
    steps, end = [], 0
    for match in _STEP.finditer(text):
        if match.start() != end:
            break
        steps.append(match[1] if match[1] is not None else int(match[2]))
        end = match.end()
    if end != len(text) or not steps or isinstance(steps[0], int):
        raise Invalid([Complaint((text,), "is not a path; write for example workload.tasks[2].compute")])
    if len(steps) > document.DEEPEST:
        raise Invalid([Complaint(tuple(steps[:3]), f"has {len(steps)} levels; at most {document.DEEPEST} are allowed")])
    return tuple(steps)


def _put(values: Any, path: Path, value: Any) -> Path:
    """Put *value* at *path* and make missing mappings; return the path of the first new value."""
    new = path
    for depth, (step, further) in enumerate(zip(path, (*path[1:], None), strict=True), 1):
        _refuse_step(values, path, depth)
        if further is None:
            values[step] = value
            break
        held = values[step] if isinstance(step, int) else values.get(step)
        if held is None and isinstance(further, str):
            held = values[step] = {}
            new = min(new, path[:depth], key=len)
        elif isinstance(held, str) and isinstance(further, str):
            held = values[step] = {"kind": held}  # expand a bare name, so that parameters can be set
        values = held
    return new


def _refuse_step(values: Any, path: Path, depth: int) -> None:
    step, here = path[depth - 1], path[: depth - 1]
    if isinstance(step, int):
        if not isinstance(values, list):
            raise Invalid([Complaint(path, f"{dotted(here)} is not a list")])
        if step >= len(values):
            raise Invalid([Complaint(path, f"{dotted(here)} has {len(values)} elements; the first is number 0")])
    elif not isinstance(values, dict):
        raise Invalid([Complaint(path, f"{dotted(here)} is {show(values)}, not a mapping")])
    elif is_choice(values) and step not in values:
        raise Invalid([Complaint(path, f"{dotted(here)} is a choice; set {dotted(here)} as a whole")])


def _code(complaints: Sequence[Complaint]) -> Code:
    """Return the code of the first of *complaints*, or invalid if one of them is."""
    codes: list[Code] = [complaint.code for complaint in complaints]
    return "invalid" if "invalid" in codes or not codes else codes[0]


def _sorted(faults: Iterable[Fault]) -> list[Fault]:
    return sorted(dict.fromkeys(faults), key=lambda fault: (fault.line, fault.column, fault.path))
