"""Entries from files outside the package: their errors name file and line, without a traceback.

mine.py:7  @topologies.add("ring")  ->  is on the shelf as Outside(ring)
                                        a call raises an error     ->  RunError: topology ring (mine.py:9) raised ...
                                        an answer is wrong         ->  RunError: topology ring (mine.py:7) answered ...
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout, suppress
from functools import partial, update_wrapper
from typing import Any, NamedTuple, TextIO

from parsim.core.errors import ANYTHING, Complaint, Fault, Invalid, ParsimError, RunError, ScenarioError, says, shown
from parsim.core.escape import printable
from parsim.core.signatures import BY_KEY, signature
from parsim.entries import patience
from parsim.entries.patience import Asked

PASSES = (ParsimError, KeyboardInterrupt)


class Who(NamedTuple):
    """An entry from outside as named in messages: `policy newest (mine.py:17)`."""

    kind: str
    name: str
    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.kind} {self.name} ({self.file}:{self.line})"

    def error(self, words: str, line: int = 0) -> RunError:
        """Return the error of the entry, at *line* of its file or where it was registered.

        >>> print(Who("policy", "newest", "mine.py", 17).error("took task t3 a second time"))
        policy newest (mine.py:17) took task t3 a second time
        """
        return RunError(printable(f"{self._replace(line=line or self.line)} {words}"))

    def fault(self, words: str) -> Fault:
        """Return the fault of the entry, found before anything is played."""
        return Fault(self.file, self.line, 1, "with", f"{self.kind} {self.name} {words}")

    def call(self, function: Callable[..., Any], doing: str, *args: Any) -> Any:
        """Call a *function* of the entry. Any exception becomes a `RunError`; *doing* says where it happened."""
        try:
            with aside(), Asked(partial(self.silent, doing)):
                return function(*args)
        except PASSES:
            raise
        except ANYTHING as error:
            raise self.raised(error, function, doing) from error

    def silent(self, doing: str) -> str:
        """Return the warning that the entry has not answered; *doing* says what it was asked."""
        words = f"{self} has not answered for {patience.NOTICE_S:g} s"
        return printable(": it was asked ".join(filter(None, (words, doing))))

    def raised(self, error: BaseException, function: Callable[..., Any], doing: str) -> RunError:
        """Return the error for an exception of a *function* of the entry, with the line of its file."""
        words = " ".join(filter(None, ("raised", type(error).__name__, doing)))
        line = line_in(self.file, error) or self.line_of(function)
        return self.error(": ".join(filter(None, (words, says(error)))), line)

    def line_of(self, function: Callable[..., Any]) -> int:
        """Return the line of *function* in the entry's file; 0 if it is elsewhere."""
        code = getattr(function, "__code__", None)
        return code.co_firstlineno if code is not None and code.co_filename == self.file else 0


def line_in(file: str, error: BaseException) -> int:
    """Return the last line of *file* in the traceback of *error*; 0 if there is none."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def aside() -> redirect_stdout[TextIO]:
    """Redirect what a file prints to standard error, since standard output is for the answer."""
    return redirect_stdout(sys.stderr)


@contextmanager
def staying() -> Iterator[None]:
    """Restore the current folder after the code of a file, so that relative paths keep their meaning."""
    try:
        here = os.getcwd()
    except OSError:  # the folder has been deleted
        yield
        return
    try:
        yield
    finally:
        with suppress(OSError):
            os.chdir(here)


Check = Callable[[Who, Mapping[str, Any], Any], Any]  # (who, its arguments, its answer) -> the answer


class Outside:
    """Wraps a function from outside the package on its shelf; *find* returns the wrapper again."""

    def __init__(self, who: Who, entry: Callable[..., Any], check: Check, find: Callable[[], Any]) -> None:
        update_wrapper(self, entry)
        if isinstance(entry, partial):
            self.__doc__ = entry.func.__doc__
        self.who = who
        self._entry, self._check, self._find = entry, check, find

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the entry; `Invalid` passes unchanged."""

        def silent() -> str:
            return self.who.silent(_doing(args))

        try:
            with aside(), Asked(silent):
                answer = self._entry(*args, **kwargs)
        except PASSES:
            raise
        except ANYTHING as error:
            if isinstance(error, Invalid) and all(map(_is_complaint, error.complaints)):
                raise
            raise self.who.raised(error, self._entry, _doing(args)) from error
        return self._check(self.who, kwargs, answer)

    def refuse_unreadable(self, read: Callable[[tuple[str, ...]], object], given: tuple[str, ...]) -> None:
        """Refuse a signature that cannot be *read*, or whose parameters have neither annotation nor default.

        Parameters in *given* come from the caller, not from the scenario. Raises `ScenarioError`.
        """
        try:
            read(given)
            known = signature(self._entry).values()
        except KeyboardInterrupt:
            raise
        except ANYTHING as error:
            words = f"has a signature that cannot be read: {type(error).__name__}: {says(error)}"
            raise ScenarioError([self.who.fault(words)]) from None
        for one in known:
            unsaid = one.annotation is one.empty and one.default is one.empty
            if unsaid and one.kind in BY_KEY and one.name not in given:
                example = f"annotate it, for example '{one.name}: Count', or give it a default"
                words = f"does not say what its parameter '{one.name}' is; {example}"
                raise ScenarioError([self.who.fault(words)])

    def __deepcopy__(self, memo: object) -> Outside:
        """Return self, as copies of functions do."""
        return self

    def __reduce__(self) -> tuple[Callable[[], Any], tuple[()]]:
        """Let a worker process load the file itself."""
        return self._find, ()


def _doing(args: tuple[Any, ...]) -> str:
    return f"for {shown(args[0])}" if args else ""


def _is_complaint(given: object) -> bool:
    return isinstance(given, Complaint) and isinstance(given.path, tuple)
