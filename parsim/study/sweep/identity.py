"""The identity of a sweep: everything on which its rows depend, and its digest.

{"parsim": "0.2.0", "values": {"workload.batch": 64, ...}, "files": {"robot.stg": "9f8e..."}}   ->   "b1c2..."

Rows of two sweeps are the same exactly if their digests are.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from typing import Any, NamedTuple

from parsim.core.errors import dotted
from parsim.core.read_file import content
from parsim.core.version import __version__
from parsim.entries.registry import files_in_use
from parsim.named_files import files_of
from parsim.scenario.choices import is_choice
from parsim.study.space import Space

UNUSED = "assert"  # a section on which no row depends
TOLD = 3  # differences in a sentence
LONGEST = 40  # characters of a value


class Identity(NamedTuple):
    """What the rows of a sweep depend on."""

    parsim: str
    values: dict[str, Any]  # of the scenario, by dotted path, in the order of the file
    files: dict[str, str]  # SHA-256 by the path as written; after --with: by name

    @property
    def digest(self) -> str:
        """The digest. The order of keys counts, since it numbers the rows."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def text(self) -> str:
        """The identity as JSON."""
        return json.dumps(self._asdict())

    def differs(self, other: Identity) -> str:
        """Return in words how this one differs from an earlier one; empty: not at all."""
        own, before = self._told(), other._told()
        keys = [key for key in (*before, *own) if before.get(key) != own.get(key)]
        changes = [_change(key, before.get(key), own.get(key)) for key in dict.fromkeys(keys)]
        more = len(changes) - TOLD
        if not changes and self.text != other.text:
            return "the order of keys, which numbers the rows"
        return ", ".join([*changes[:TOLD], *([f"and {more} more"] if more > 0 else [])])

    def _told(self) -> dict[str, Any]:
        return {**self.values, **{f"file {name}": text for name, text in self.files.items()}, "parsim": self.parsim}


def identity_of(space: Space) -> Identity:
    """Return the identity of the sweep of a space; a file that cannot be read counts as such, and rows tell why."""
    values = {key: held for key, held in space.scenario.values.items() if key != UNUSED}
    named = {name: _digest(file) for name, file in dict(files_of(space.scenario, space.choices)).items()}
    return Identity(__version__, dict(_flat(values, ())), {**named, **_added()})


def read(text: str) -> Identity:
    """Read an identity from its JSON."""
    return Identity(**json.loads(text))


def _flat(value: Any, at: tuple[str | int, ...]) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value and not is_choice(value):
        for key, held in value.items():
            yield from _flat(held, (*at, key))
    else:
        yield dotted(at), value


def _added() -> dict[str, str]:
    """Return the digests of the files that were added, by name, in their order; the folder does not count."""
    found: dict[str, str] = {}
    try:
        for file in files_in_use():
            name = f"--with {os.path.basename(file)}"
            found[name] = f"{found.get(name, '')} {_digest(file)}".strip()
    except LookupError:
        return {}
    return found


def _digest(file: str) -> str:
    try:
        return hashlib.sha256(content(file)).hexdigest()
    except ValueError as error:
        return str(error)


def _change(key: str, before: Any, now: Any) -> str:
    if key.startswith("file ") and before and now:
        return f"{key} has changed"
    if before is None or now is None:
        return f"{key} is {'new' if before is None else 'left out'}"
    return f"{key} was {_short(before)} and is {_short(now)}"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
