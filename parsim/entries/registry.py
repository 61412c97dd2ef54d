"""Shelves: folders of files that each add one named function or class.

parsim/policies/fifo.py   @policies.add("fifo")     imported when the shelf is first used
mine.py                   @policies.add("mine")     from outside the package: `use("mine.py")`
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial, wraps
from types import ModuleType
from typing import Any, NamedTuple, TypeVar

from parsim.core.errors import ANYTHING, Fault, ScenarioError, says
from parsim.core.read_file import content
from parsim.core.suggestions import did_you_mean
from parsim.entries.checks import CHECKS
from parsim.entries.external import Outside, Who, aside, line_in, staying

SHELVES = (
    *("workloads", "parallel", "schedules", "collectives", "shardings"),
    *("policies", "costs", "topologies", "kernels", "merges"),
)
PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
Entry = TypeVar("Entry", bound=Callable[..., Any])
Claim = Callable[..., Any]


class Stock(NamedTuple):
    """The entries of a shelf by name, with the file that registered each, and its claims."""

    entries: dict[str, Callable[..., Any]]
    files: dict[str, str]
    claims: dict[str, Mapping[str, Claim]]


class Shelf:
    """A folder of files that register entries.

    Parameters
    ----------
    package : name of the package with the files, which are imported when the shelf is first used.
    question : the question that each entry answers, for `parsim list`.
    claims : names of the properties that an entry may claim, each with a function.
    """

    def __init__(self, package: str, question: str, claims: tuple[str, ...] = ()) -> None:
        self.package = package
        self.name = package.rpartition(".")[2]
        self.question = question
        self._known_claims = claims
        self._entries: dict[str, Callable[..., Any]] = {}
        self._files: dict[str, str] = {}  # the file in which each entry was registered
        self._claims: dict[str, Mapping[str, Claim]] = {}
        self._discovered = False

    def add(self, name: str, **claims: Claim) -> Callable[[Entry], Entry]:
        """Register the decorated function or class under *name*, with functions that say what it claims.

        A duplicate name or an unknown claim raises `Misplaced`.
        """
        caller = sys._getframe(1)  # the file of the decorator: the decorated object may come from anywhere
        file, line = caller.f_code.co_filename, caller.f_lineno
        if not isinstance(name, str) or not name:
            raise Misplaced(f"write @{self.name}.add('NAME'), where NAME is the name that scenarios use")
        self._refuse_claims(name, claims)

        def register(entry: Entry) -> Entry:
            if name in self._entries:
                raise Misplaced(f"{self.name}: {name!r} is already on the shelf; choose another name")
            if not callable(entry):
                raise Misplaced(f"{self.name}: {name!r} must be a function or a class, not {entry!r}")
            self._entries[name], self._files[name], self._claims[name] = entry, file, claims
            if self.name in CHECKS and not os.path.abspath(file).startswith(PACKAGE + os.sep):
                kind, check = CHECKS[self.name]
                who, find = Who(kind, name, file, line), partial(_entry_of, os.path.abspath(file), self.name, name)
                self._entries[name] = Outside(who, entry, check, find)
                self._claims[name] = {claim: _located(who, claim, function) for claim, function in claims.items()}
            return entry

        return register

    def _refuse_claims(self, name: str, claims: Mapping[str, Claim]) -> None:
        for claim, function in claims.items():
            if claim not in self._known_claims:
                known = did_you_mean(claim, self._known_claims) if self._known_claims else "its entries claim nothing"
                raise Misplaced(f"{self.name}: {name!r} claims {claim!r}; {known}")
            if not callable(function):
                raise Misplaced(f"{self.name}: {name!r} claims {claim}={function!r}, which is not a function")

    def claims(self, name: str) -> Mapping[str, Claim]:
        """Return the functions that say what an entry claims."""
        self.entries()
        return self._claims[name]

    def entries(self) -> dict[str, Callable[..., Any]]:
        """Return every entry by name, sorted."""
        if not self._discovered:
            self._discovered = True
            package = importlib.import_module(self.package)
            for module in pkgutil.iter_modules(package.__path__):
                importlib.import_module(f"{self.package}.{module.name}")
        return dict(sorted(self._entries.items()))

    def remove(self, name: str) -> None:
        """Remove an entry from the shelf, if it is there."""
        self._entries.pop(name, None)

    def stock(self) -> Stock:
        """Return the current entries, for `restock`."""
        self.entries()
        return Stock(dict(self._entries), dict(self._files), dict(self._claims))

    def restock(self, stock: Stock) -> None:
        """Restore the entries that `stock` returned."""
        self._entries, self._files, self._claims = dict(stock.entries), dict(stock.files), dict(stock.claims)

    def files(self) -> dict[str, str]:
        """Return the file of each entry registered so far."""
        return {name: self._files[name] for name in self._entries}

    def place(self, name: str) -> str:
        """Return the file in which an entry was registered."""
        self.entries()
        return self._files[name]

    def __getitem__(self, name: str) -> Callable[..., Any]:
        """Return the entry; an unknown name raises `KeyError` with a suggestion."""
        entries = self.entries()
        if name not in entries:
            raise KeyError(did_you_mean(name, entries))
        return entries[name]


def _located(who: Who, name: str, claim: Claim) -> Claim:
    """Wrap a claim from outside the package, so that its exceptions name file and line."""

    @wraps(claim)
    def asked(**given: Any) -> Any:
        return who.call(partial(claim, **given), f"for its claim {name}")

    return asked


class Misplaced(ValueError):
    """An entry cannot be registered."""


def shelf(name: str) -> Shelf:
    """Return the shelf of that name."""
    found = getattr(importlib.import_module(f"parsim.{name}"), name)
    assert isinstance(found, Shelf)
    return found


def all_entries() -> Iterator[Callable[..., Any]]:
    """Yield the entries of all shelves."""
    for name in SHELVES:
        yield from shelf(name).entries().values()


class _Used(NamedTuple):
    """A file from outside, as of when it was loaded."""

    name: str  # the path as given
    source: bytes
    added: list[tuple[str, str]]  # (shelf, entry)


_used: dict[str, _Used] = {}  # by real path


def use(file: str | os.PathLike[str]) -> list[tuple[str, str]]:
    """Load a Python file from outside the package, so that scenarios may use its entries.

    Returns (shelf, entry) for each entry added. A file used before is reloaded if it has changed, without its earlier
    entries. Faults in the file raise `ScenarioError` with their line, and leave the shelves unchanged.
    """
    name, shelves = os.fspath(file), [shelf(one) for one in SHELVES]
    try:
        path, source = os.path.realpath(name), content(name)
    except ValueError as error:  # also a path that holds a NUL
        raise _refused(name, 0, 0, str(error)) from None
    stocks = [one.stock() for one in shelves]
    used = _used.get(path, _Used(name, b"", []))
    if used.added and used.source == source and all(entry in shelf(of).entries() for of, entry in used.added):
        return list(used.added)
    try:
        for of, entry in used.added:
            shelf(of).remove(entry)
        known = [set(one.entries()) for one in shelves]
        _load(name, path, source)
        added = [
            (one.name, entry) for one, old in zip(shelves, known, strict=True) for entry in one.entries().keys() - old
        ]
        if not added:
            raise _refused(
                name, 1, 1, "adds nothing to a shelf; decorate a class or a function, such as @schedules.add('mine')"
            )
    except ScenarioError:
        for one, stock in zip(shelves, stocks, strict=True):
            one.restock(stock)
        raise
    _used[path] = _Used(name, source, sorted(added))
    return sorted(added)


def files_in_use() -> tuple[str, ...]:
    """Return, in order, the files from which another process can fill its shelves as in this process.

    Raises `LookupError` if that is impossible: a file has changed, or an entry was registered elsewhere.
    """
    for path, used in _used.items():
        with suppress(ValueError):
            if os.path.realpath(used.name) == path and content(used.name) == used.source:
                continue
        raise LookupError(f"{used.name} has changed")
    known = {entry for used in _used.values() for entry in used.added}
    for name in SHELVES:
        for entry, file in shelf(name).files().items():
            if (name, entry) not in known and not os.path.abspath(file).startswith(PACKAGE + os.sep):
                raise LookupError(f"{name}: {entry} comes from no file in use")
    return tuple(used.name for used in _used.values())


def _entry_of(file: str, of: str, name: str) -> Callable[..., Any]:
    """Load *file* in this process and return one of its entries."""
    use(file)
    return shelf(of)[name]


def _load(file: str, path: str, source: bytes) -> None:
    """Run the file as a module; an exception becomes a fault with its place in the file."""
    stem = os.path.basename(path).partition(".")[0]
    module = ModuleType(f"parsim_file_{stem}_{zlib.crc32(os.fsencode(path)):08x}")
    module.__file__ = path
    before, sys.modules[module.__name__] = sys.modules.get(module.__name__), module
    try:
        with aside(), staying():
            exec(compile(source, file, "exec", dont_inherit=True), module.__dict__)
        return
    except KeyboardInterrupt:
        raise
    except ANYTHING as error:
        wrong = _fault(file, error)
    if before is None:
        del sys.modules[module.__name__]
    else:
        sys.modules[module.__name__] = before  # its entries are registered again
    raise wrong


def _fault(file: str, error: BaseException) -> ScenarioError:
    if isinstance(error, SyntaxError) and error.filename == file:
        return _refused(file, error.lineno or 1, error.offset or 1, f"is not valid Python: {error.msg}")
    line = line_in(file, error) or 1
    if isinstance(error, Misplaced):
        return _refused(file, line, 1, str(error))
    return _refused(file, line, 1, f"raised {type(error).__name__} while it was loaded: {says(error)}")


def _refused(file: str, line: int, column: int, message: str) -> ScenarioError:
    return ScenarioError([Fault(file, line, column, "with", message)])
