"""Conformance: check the rules of every shelf entry on small cases, also for users' files.

    parsim.conformance.check_file("newest.py")      loads the file, checks all its entries     -> Verdict
    parsim.conformance.findings("policies", "heft")                                            -> list of Finding

There is one module per shelf, with a function `cases(entry)`. A case may raise any exception, which counts as a broken
rule. Only an entry that never returns is not handled.
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
from parsim.export.summary import Summary, Table, column

__all__ = ["Finding", "Verdict", "cases", "check_file", "findings"]


@dataclass(frozen=True)
class Verdict:
    """The verdict on a file: the findings of all cases of its entries."""

    file: str
    findings: list[Finding]

    @property
    def good(self) -> bool:
        """Whether no rule is broken."""
        return not any(finding.broken for finding in self.findings)

    @property
    def verdict(self) -> str:
        """The verdict in words."""
        cases, broken = len(self.findings), sum(bool(finding.broken) for finding in self.findings)
        return f"all {cases} cases hold" if self.good else f"{broken} of {cases} cases are broken"

    def to_dict(self) -> dict[str, object]:
        """Return everything as plain values."""
        rows = [{**finding._asdict(), "broken": list(finding.broken)} for finding in self.findings]
        return {"file": self.file, "good": self.good, "verdict": self.verdict, "findings": rows}

    def summary(self) -> Summary:
        """Summarise the verdict: a row for each case."""
        rows = self.findings
        columns = [column(name, [getattr(one, name) for one in rows]) for name in ("shelf", "entry", "case")]
        columns.append(column("holds", [not one.broken for one in rows]))
        columns.append(column("remarks", ["; ".join([*one.broken, *filter(None, [one.told])]) for one in rows]))
        return Summary(f"{self.file}: {self.verdict}", [Table("Cases", columns)])

    def report(self) -> str:
        """Write it for people."""
        lines = []
        for shelf, entry in dict.fromkeys((one.shelf, one.entry) for one in self.findings):
            lines += [f"{shelf}: {entry}", *_told([one for one in self.findings if one[:2] == (shelf, entry)])]
        return "\n".join(map(printable, [*lines, f"{self.file}: {self.verdict}"])) + "\n"


def _told(findings: Sequence[Finding]) -> Iterator[str]:
    """Write the findings of an entry; identical failures are merged."""
    if len({one.broken for one in findings}) == 1 and findings[0].broken and len(findings) > 1:
        findings = [findings[0]._replace(case=f"each of {len(findings)} cases", told="")]
    known: set[tuple[str, ...]] = set()
    for one in findings:
        same = bool(one.broken) and one.broken in known
        told = "; ".join(filter(None, (one.told, "as above" if same else "")))
        yield f"  {'BROKEN' if one.broken else 'holds':<7} {one.case}{f' ({told})' if told else ''}"
        if not same:
            yield from (f"            {line}" for line in (*one.broken, *one.drawn.splitlines()))
        known.add(one.broken)


def check_file(file: str | os.PathLike[str]) -> Verdict:
    """Load a Python file from outside the package, and check the entries that it adds to the shelves.

    Raises `ScenarioError` if the file cannot be loaded or adds nothing. Faults of its entries are in the verdict.
    """
    return Verdict(os.fspath(file), [one for shelf, entry in use(file) for one in findings(shelf, entry)])


def findings(shelf: str, entry: str) -> list[Finding]:
    """Run every case of an entry."""
    return [find(shelf, entry, case) for case in counted("cases", cases(shelf, entry))]


def cases(shelf: str, entry: str) -> list[Case]:
    """Return the cases of an entry from the module of its shelf."""
    found: list[Case] = importlib.import_module(f"parsim.conformance.{shelf}").cases(entry)
    return found
