"""The ledger of a trace without a scenario, in every format.

makespan            10 s      fill, drain and dependency add up to idle
mean compute ...   5.5 s
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from parsim.core.escape import printable
from parsim.export.summary import Summary, Table, column
from parsim.export.table import table

HEADS = {"busy_nominal_s": "compute and nominal transfers"}


@dataclass(frozen=True)
class TraceLedger:
    """The terms of a trace, means of its workers, and what contradicts it."""

    file: str
    facts: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return the object of section 2 of the contract."""
        return dict(self.facts)

    def report(self) -> str:
        """Write it for people."""
        rows = self._table().upright[1:]
        broken = [f"broken: {printable(sentence)}" for sentence in self.facts["checker"]]
        return "\n".join([*table(rows), *broken]) + "\n"

    def summary(self) -> Summary:
        """Summarise it: one row with all terms."""
        return Summary(self.file, [self._table()], notes=[f"Broken: {sentence}" for sentence in self.facts["checker"]])

    def _table(self) -> Table:
        terms = {name: value for name, value in self.facts.items() if name not in ("idle", "checker")}
        terms |= {f"{cause}_s": spent for cause, spent in self.facts["idle"].items()}
        columns = [column(name, [value], HEADS.get(name, "")) for name, value in terms.items()]
        return Table("Ledger, mean of the workers", columns)
