"""The store of sweeps: one SQLite file, in which every row stands that is done.

table runs       row, digest, status, code, changes, figures, message, started, ended, player
table sweeps     digest, identity: a file may hold several sweeps, whose rows are never mixed
table players    id, host, pid, until: a process that plays rows; what it has claimed is its own until then

A row is `running` from its claim to its end. Rows of a process that has died are claimed by others: at once if it
was on the same machine, else when its lease has passed. A commit of SQLite's write-ahead log survives `kill -9`.
"""

from __future__ import annotations

import json
import os
import platform
import sqlite3
import sys
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from time import time
from typing import Any, Literal, NamedTuple

from parsim.core.errors import Fault, RunError, ScenarioError
from parsim.core.escape import printable
from parsim.study.row import Outcome
from parsim.study.sweep import identity
from parsim.study.sweep.identity import Identity
from parsim.study.sweep.lease import Renewal

IN_MEMORY = ":memory:"
APPLICATION, VERSION = 0x70617273, 1  # "pars"; of the tables
LEASE_S = 60.0
BUSY_S = 30.0  # until another process has committed
HOST = platform.node()

_TABLES = """
CREATE TABLE sweeps (digest TEXT PRIMARY KEY, identity TEXT NOT NULL, created REAL NOT NULL);
CREATE TABLE players (id TEXT PRIMARY KEY, host TEXT NOT NULL, pid INTEGER NOT NULL, until REAL NOT NULL);
CREATE TABLE runs (
    row INTEGER NOT NULL, digest TEXT NOT NULL, status TEXT NOT NULL, code TEXT NOT NULL DEFAULT '',
    changes TEXT NOT NULL, figures TEXT, message TEXT NOT NULL DEFAULT '', started REAL, ended REAL, player TEXT,
    PRIMARY KEY (digest, row)
) WITHOUT ROWID;
"""
_CLAIM = """
INSERT INTO runs (row, digest, status, changes, started, player) VALUES (?, ?, 'running', ?, ?, ?)
ON CONFLICT (digest, row) DO UPDATE SET started = excluded.started, player = excluded.player
WHERE runs.status = 'running' AND runs.player IN (SELECT value FROM json_each(?))
"""
_RENEW = """
INSERT INTO players VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET until = excluded.until
"""
_FORGET = """
DELETE FROM players WHERE id IN (SELECT value FROM json_each(?))
AND id NOT IN (SELECT player FROM runs WHERE player IS NOT NULL)
"""
_WRITE = """
UPDATE runs SET status = ?, code = ?, figures = ?, message = ?, started = ?, ended = ?, player = NULL
WHERE digest = ? AND row = ?
"""


class Played(NamedTuple):
    """A row that was played, and when."""

    row: int
    outcome: Outcome
    started: float
    ended: float


class Record(NamedTuple):
    """A row of the store."""

    row: int
    status: Literal["done", "refused", "failed", "running"]
    code: str
    message: str
    changes: dict[str, Any]
    figures: dict[str, Any] | None

    def to_dict(self) -> dict[str, Any]:
        """Return the row as in the contract: with its values and its figures."""
        told = {"status": self.status, "code": self.code or None, "message": self.message or None}
        return {"row": self.row, "set": self.changes, **told, **(self.figures or {})}


class Store:
    """The rows of a sweep in a file, which other processes may use at the same time.

    Parameters
    ----------
    file : its name; `:memory:` keeps nothing.
    own : the identity of the sweep.

    Raises `ScenarioError` where the file cannot be a store, `RunError` where it cannot be written later.
    """

    def __init__(self, file: str, own: Identity) -> None:
        self.file, self.digest = file, own.digest
        self._player = uuid.uuid4().hex
        self._base = _opened(file)
        with self._writing():
            self.earlier = self._sweeps()
            new = self.digest, own.text, time()
            self._base.execute("INSERT OR IGNORE INTO sweeps VALUES (?, ?, ?)", new)
        self._renewal = Renewal(self._renew_beside)

    def close(self) -> None:
        """Give back what is claimed and not done, forget players that have died, and close the file."""
        self._renewal.stop()
        with suppress(RunError), self._writing():
            self._base.execute("DELETE FROM runs WHERE player = ?", (self._player,))
            self._base.execute("DELETE FROM players WHERE id = ?", (self._player,))
            self._base.execute(_FORGET, (json.dumps(self._dead(time())),))
        self._base.close()

    def note(self, own: Identity) -> str:
        """Return in words how this sweep differs from the last other one in the file; empty: there is none."""
        others = [one for one in self.earlier if one.digest != own.digest]
        if not others:
            return ""
        return f"{printable(self.file)} holds another sweep, whose rows stay apart: {own.differs(others[-1])}"

    def forget(self, statuses: Iterable[str]) -> None:
        """Remove the rows with these statuses, so that they are played again."""
        with self._writing():
            for status in statuses:
                self._base.execute("DELETE FROM runs WHERE digest = ? AND status = ?", (self.digest, status))

    def claim(self, rows: Iterable[tuple[int, dict[str, Any]]]) -> list[int]:
        """Claim rows, with the values that they set; return those that no other process has, and that are not done."""
        now = time()
        with self._writing():
            self._renew(self._base, now)
            dead = json.dumps(self._dead(now))
            return [
                row
                for row, changes in rows
                if self._base.execute(_CLAIM, (row, self.digest, json.dumps(changes), now, self._player, dead)).rowcount
            ]

    def write(self, played: Sequence[Played]) -> None:
        """Write rows that were played."""
        with self._writing():
            self._base.executemany(_WRITE, (self._written(one) for one in played))

    def statuses(self) -> dict[int, str]:
        """Return the status of every row in the file."""
        with self._reading():
            return dict(self._base.execute("SELECT row, status FROM runs WHERE digest = ?", (self.digest,)))

    def left_by_others(self) -> bool:
        """Return whether a process has died on this machine while it played rows of this sweep."""
        with self._reading():
            dead = json.dumps(self._dead(time()))
            found = self._base.execute(
                "SELECT 1 FROM runs WHERE digest = ? AND player IN (SELECT value FROM json_each(?)) LIMIT 1",
                (self.digest, dead),
            )
            return found.fetchone() is not None

    def records(self) -> Iterator[Record]:
        """Yield all rows, in their order."""
        with self._reading():
            yield from _records(self._base, self.digest)

    def _written(self, one: Played) -> tuple[Any, ...]:
        status, code, message, figures = one.outcome
        told = None if figures is None else json.dumps(figures)
        return status, code, told, message, one.started, one.ended, self.digest, one.row

    def _renew(self, base: sqlite3.Connection, now: float) -> None:
        base.execute(_RENEW, (self._player, HOST, os.getpid(), now + LEASE_S))

    def _renew_beside(self) -> None:
        """Renew the lease from another thread; whatever is wrong with the file, the next write tells."""
        if self.file != IN_MEMORY:
            with suppress(sqlite3.Error, OSError), closing(_joined(self.file, "rw")) as base:
                self._renew(base, time())

    def _dead(self, now: float) -> list[str]:
        """Return the players that have died, or whose lease has passed."""
        found = self._base.execute("SELECT id, host, pid, until FROM players WHERE id != ?", (self._player,))
        return [player for player, host, pid, until in found if until < now or (host == HOST and not _lives(pid))]

    def _sweeps(self) -> list[Identity]:
        return [identity.read(text) for (text,) in self._base.execute("SELECT identity FROM sweeps ORDER BY created")]

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Commit what the block writes, or nothing of it."""
        with self._reading():
            self._base.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                with suppress(sqlite3.Error):
                    self._base.execute("ROLLBACK")
                raise
            self._base.execute("COMMIT")

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise RunError(f"{self.file}: cannot be written: {error}; what it holds is kept") from error


def last(file: str) -> list[Record]:
    """Return the rows of the last sweep in *file*, which is there, in their order."""
    try:
        with closing(_joined(file, "ro")) as base:
            _check(file, base)
            found = base.execute("SELECT digest FROM sweeps ORDER BY created DESC, rowid DESC LIMIT 1").fetchone()
            return list(_records(base, found[0])) if found else []
    except (sqlite3.Error, OSError) as error:
        raise _refused(file, _told(file, error)) from None


def _records(base: sqlite3.Connection, digest: str) -> Iterator[Record]:
    found = base.execute(
        "SELECT row, status, code, message, changes, figures FROM runs WHERE digest = ? ORDER BY row", (digest,)
    )
    for row, status, code, message, changes, figures in found:
        yield Record(row, status, code, message, json.loads(changes), json.loads(figures) if figures else None)


def _lives(pid: int) -> bool:
    """Return whether a process of this machine may be alive; Windows cannot be asked without a signal."""
    if sys.platform == "win32":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _joined(file: str, mode: Literal["ro", "rw"]) -> sqlite3.Connection:
    """Open a store that is there, and make none."""
    place = Path(file).resolve().as_uri()
    return sqlite3.connect(f"{place}?mode={mode}", uri=True, timeout=BUSY_S, isolation_level=None)


def _opened(file: str) -> sqlite3.Connection:
    """Open a store, or make it; refuse another file."""
    if not file:
        raise _refused(file, "is empty; name a file")
    try:
        with ExitStack() as refused:
            base = refused.enter_context(closing(sqlite3.connect(file, timeout=BUSY_S, isolation_level=None)))
            if not base.execute("PRAGMA schema_version").fetchone()[0]:
                _make(base)
            _check(file, base)
            base.execute("PRAGMA journal_mode = WAL")
            base.execute("PRAGMA synchronous = NORMAL")  # a commit is written, not waited for until it is on the disk
            refused.pop_all()
    except (sqlite3.Error, OSError, ValueError) as error:
        raise _refused(file, _told(file, error)) from None
    return base


def _check(file: str, base: sqlite3.Connection) -> None:
    """Refuse a database that is no store, or one of another version."""
    application, version = (base.execute(f"PRAGMA {key}").fetchone()[0] for key in ("application_id", "user_version"))
    if application != APPLICATION:
        raise _refused(file, "is a database, but no store of parsim; name another file")
    if version != VERSION:
        raise _refused(file, f"is a store of version {version}, and this parsim has {VERSION}; name another file")


def _make(base: sqlite3.Connection) -> None:
    """Make the tables, unless another process is faster."""
    base.execute("BEGIN IMMEDIATE")
    if not base.execute("PRAGMA schema_version").fetchone()[0]:
        for statement in _TABLES.split(";"):
            base.execute(statement)
        base.execute(f"PRAGMA application_id = {APPLICATION}")
        base.execute(f"PRAGMA user_version = {VERSION}")
    base.execute("COMMIT")


def _told(file: str, error: Exception) -> str:
    if os.path.isdir(file):
        return "is a folder; name a file"
    if "not a database" in str(error):
        return "is no store of parsim; name another file"
    return f"cannot be used: {getattr(error, 'strerror', None) or error}; name another file"


def _refused(file: str, why: str) -> ScenarioError:
    return ScenarioError([Fault("--store", 0, 0, "store", f"'{printable(file)}' {why}")])
