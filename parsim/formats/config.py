"""Configurations in JSON, read with the place of each value.

{"hidden_size": 4096}    ->    config.count("hidden_size") is 4096, said as "hidden_size 4096" at (1, 17)
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from parsim.core.errors import Fault, ScenarioError
from parsim.core.units import show
from parsim.formats.found import UNPLACED, Input, Said, lines
from parsim.scenario import document
from parsim.scenario.document import Position

MOST = 10**9


def mapping_of(source: Input) -> document.Document:
    """Read a file of JSON; what is no mapping raises `ScenarioError`."""
    read = document.read_text(source.text.replace("\t", " "), source.file)
    if read.faults:
        raise ScenarioError(read.faults)
    if not isinstance(read.values, dict):
        raise ScenarioError([source.fault(UNPLACED, "json", f"wants a mapping, not {show(read.values)}")])
    return read


def config_of(source: Input) -> Config:
    """Read a mapping in JSON."""
    read = mapping_of(source)
    return Config(source, read.values, lambda key: read.position((key,)))


class Config:
    """A mapping that a reader asks key by key. It collects faults, and knows the keys that were not asked for.

    Parameters
    ----------
    source : the file.
    values : the mapping.
    position : returns the place of the value of a key.
    section : name of the mapping in the file; empty: it is the whole file.
    """

    def __init__(
        self, source: Input, values: Mapping[str, Any], position: Callable[[str], Position], section: str = ""
    ) -> None:
        self.source, self.values, self._position = source, values, position
        self._before = f"{section}." if section else ""
        self.faults: list[Fault] = []
        self._asked: set[str] = set()

    def __contains__(self, key: str) -> bool:
        return self.values.get(key) is not None

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a key; null counts as left out."""
        self._asked.add(key)
        found = self.values.get(key)
        return default if found is None else found

    def fault(self, key: str, message: str) -> Fault:
        """Return a fault at a key, or at the start of the file where it is missing."""
        at = self._position(key) if key in self.values else UNPLACED
        return self.source.fault(at, f"{self._before}{key}", message)

    def _told(self, key: str) -> str:
        """Return a key and its value as one reads them."""
        text = json.dumps(self.values.get(key), default=str)
        return f"{self._before}{key} {text if len(text) <= 60 else f'{text[:57]}...'}"

    def refuse(self, key: str, message: str) -> None:
        """Add a fault at a key."""
        self.faults.append(self.fault(key, message))

    def refused(self, *keys: str) -> bool:
        """Return whether one of these keys has a fault."""
        return any(fault.path.removeprefix(self._before) in keys for fault in self.faults)

    def said(self, key: str, value: Any) -> Said:
        """Return a value that a key gives."""
        self._asked.add(key)
        return Said(value, self._told(key), self._position(key))

    def part(self, key: str, value: Any) -> Said:
        """Return what follows from a key, or from its default."""
        return self.said(key, value) if key in self else Said(value, f"the default of {self._before}{key}")

    def text(self, key: str, default: str = "") -> str:
        """Return the text of a key."""
        found = self.get(key, default)
        if not isinstance(found, str):
            self.refuse(key, f"wants text, not {show(found)}")
            return default
        return found

    def on(self, key: str, default: bool) -> bool:
        """Return whether a key is true."""
        found = self.get(key, default)
        if not isinstance(found, bool):
            self.refuse(key, f"wants true or false, not {show(found)}")
            return default
        return found

    def count(self, *keys: str, default: int = 0) -> Said:
        """Return the whole number of the first of *keys* that is there; without a default, one must be."""
        for key in keys:
            found = self.get(key)
            if found is None:
                continue
            if not isinstance(found, int) or isinstance(found, bool) or not 0 < found <= MOST:
                self.refuse(key, f"wants a whole number above 0, not {show(found)}")
                return Said(1, "")
            return self.said(key, found)
        if not default:
            self.refuse(keys[0], "is missing; write for example 32")
            return Said(1, "")
        return Said(default, f"the default of {self._before}{keys[0]}")

    def number(self, key: str, default: float) -> Said:
        """Return the number of a key."""
        found = self.get(key, default)
        if not isinstance(found, int | float) or isinstance(found, bool):
            self.refuse(key, f"wants a number, not {show(found)}")
            return Said(default, "")
        return self.part(key, found)

    def left(self, quiet: re.Pattern[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return what nobody asked for, and the names of keys that are *quiet*."""
        unread, silent = [], []
        for key, value in self.values.items():
            if key in self._asked:
                continue
            if quiet.fullmatch(f"{self._before}{key}"):
                silent.append(f"{self._before}{key}")
            elif value not in (None, False, "", []):
                line, column = self._position(key)
                unread.append(f"{line}:{column}: {self._told(key)}: not simulated")
        return lines(unread), lines(silent)
