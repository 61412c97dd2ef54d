"""Conformance: what holds of every entry of a shelf, found out on small cases; also for a file of one's own.

    parsim.conformance.check_file("newest.py")      uses the file, tries all that it adds      -> Verdict
    parsim.conformance.findings("policies", "heft")                                            -> list of Finding

One module a shelf, each with `cases(entry)`. A case raises whatever it likes: what is raised is what is broken. An
entry that never comes back cannot be told of; it is the only thing that is not handled.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from parsim.conformance.case import Case, Finding, find
from parsim.core.escape import printable
from parsim.core.progress import counted
from parsim.entries.registry import use

__all__ = ["Finding", "Verdict", "cases", "check_file", "findings"]


@dataclass(frozen=True)
class Verdict:
    """What came of a file: every case of everything that it adds to a shelf."""

    file: str
    findings: list[Finding]

    @property
    def good(self) -> bool:
        """Say whether nothing is broken."""
        return not any(finding.broken for finding in self.findings)

    @property
    def verdict(self) -> str:
        """Say it in words."""
        cases, broken = len(self.findings), sum(bool(finding.broken) for finding in self.findings)
        return f"{cases} cases, and all hold" if self.good else f"{broken} of {cases} cases are broken"

    def to_dict(self) -> dict[str, object]:
        """Return everything as plain values."""
        rows = [{**finding._asdict(), "broken": list(finding.broken)} for finding in self.findings]
        return {"file": self.file, "good": self.good, "verdict": self.verdict, "findings": rows}

    def report(self) -> str:
        """Write it for people."""
        lines = []
        for shelf, entry in dict.fromkeys((one.shelf, one.entry) for one in self.findings):
            lines += [f"{shelf}: {entry}", *_told([one for one in self.findings if one[:2] == (shelf, entry)])]
        return "\n".join(map(printable, [*lines, f"{self.file}: {self.verdict}"])) + "\n"


def _told(findings: Sequence[Finding]) -> Iterator[str]:
    """Tell of each case of an entry; what is broken in the same words in many is told once."""
    if len({one.broken for one in findings}) == 1 and findings[0].broken and len(findings) > 1:
        findings = [findings[0]._replace(case=f"each of {len(findings)} cases", told="")]
    known: set[tuple[str, ...]] = set()
    for one in findings:
        same = bool(one.broken) and one.broken in known
        told = "; ".join(filter(None, (one.told, "as above" if same else "")))
        yield f"  {'BROKEN' if one.broken else 'holds':<7} {one.case}{f' ({told})' if told else ''}"
        if not same:
            yield from (f"            {sentence}" for sentence in one.broken)
        known.add(one.broken)


def check_file(file: str | os.PathLike[str]) -> Verdict:
    """Use a Python file from outside the package, and try what it adds to the shelves.

    Raises `ScenarioError` where the file cannot be loaded or adds nothing; whatever its entries do wrong is in the
    verdict.
    """
    return Verdict(os.fspath(file), [one for shelf, entry in use(file) for one in findings(shelf, entry)])


def findings(shelf: str, entry: str) -> list[Finding]:
    """Try every case of an entry."""
    return [find(shelf, entry, case) for case in counted("cases", cases(shelf, entry))]


def cases(shelf: str, entry: str) -> list[Case]:
    """Return the cases of an entry, by the module of its shelf."""
    found: list[Case] = importlib.import_module(f"parsim.conformance.{shelf}").cases(entry)
    return found
