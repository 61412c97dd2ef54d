"""The answer of a sweep: all rows of a space, and what became of each."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from parsim.core.version import VERSIONS
from parsim.export import html
from parsim.export.files import Files, json_text, ready, write
from parsim.export.summary import Summary
from parsim.study.finalists import finalists
from parsim.study.runner import Runner
from parsim.study.space import Space
from parsim.study.sweep import table
from parsim.study.sweep.report import report, summary
from parsim.study.sweep.store import Record
from parsim.study.sweep.tally import best_of, codes_of, failure_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Sweep:
    """The rows of a space that were swept.

    Parameters
    ----------
    space : the space.
    refused : how many rows each condition refused before anything was played.
    records : the rows that were played, in their order.
    store : the file in which they stand; empty: none.
    notes : what to tell beside the answer.
    """

    space: Space
    refused: Mapping[str, int]
    records: Sequence[Record]
    store: str = ""
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Return in one line what was swept."""
        counted = ", ".join(f"{count} {status}" for status, count in sorted(self.counts.items()))
        return f"Sweep({self.space.scenario.name}, {self.space.rows}: {counted or 'none played'})"

    @cached_property
    def counts(self) -> Counter[str]:
        """The number of rows of each status."""
        return Counter(record.status for record in self.records)

    @cached_property
    def codes(self) -> dict[str, int]:
        """How many rows were refused, by code."""
        return codes_of(self.records, self.refused)

    @cached_property
    def best(self) -> list[Record]:
        """The rows that are done, best first: as plans are, by seconds, and where they tie by what comes after."""
        return best_of(self.space, self.records)

    @property
    def failed(self) -> str:
        """Which rows failed, in words; empty: none."""
        return failure_of(self.records)

    @property
    def warnings(self) -> list[str]:
        """What to tell beside JSON."""
        return [*self.notes]

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield every row that was played, with its values and its figures."""
        return (record.to_dict() for record in self.records)

    def to_dict(self) -> dict[str, Any]:
        """Return the sweep as in the contract."""
        return {
            **VERSIONS,
            "scenario": self.space.scenario.name,
            "space": self.space.size,
            "refused": self.codes,
            "rows": list(self.rows()),
        }

    def report(self) -> str:
        """Write the sweep for people."""
        return report(self.space, self.refused, self.records, self.store, self.notes)

    def summary(self) -> Summary:
        """Summarise the sweep: the best rows for people, all rows for programs."""
        told = summary(self.space, self.refused, self.records, self.store, self.notes)
        first, *others = told.tables
        columns = [*first.columns, *table.columns_of(self.rows())]
        tables = [first._replace(columns=columns), *others]
        return told._replace(
            tables=tables, picture=self._png if self.space.choices else None, meaning="time over each choice"
        )

    def _png(self) -> bytes:
        from parsim.plot.paper import png

        return png(self.plot().figure)

    def _repr_html_(self) -> str:
        """Show the sweep in a notebook."""
        return html.shown(self.summary())

    def plot(self, kind: str = "choices", axes: Axes | None = None, over: Sequence[str] = ()) -> Axes:
        """Draw the rows, and return the axes.

        Parameters
        ----------
        kind : choices (time over each of them), heat (a heat map of two choices), pareto (the front of time, memory
            and cost), or parallel (a line for each row over choices and figures). An unknown kind is a `ValueError`.
        axes : matplotlib axes to draw on; left out: a new figure of a fitting size, which needs no window.
        over : the two choices of a heat map, by their paths; left out: those that change time most.
        """
        from parsim.plot.space_kinds import drawn

        return drawn(self.rows(), self.space.scenario.name, kind, axes, over)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the sweep as sweep.json, its rows as rows.csv, and pictures of them and of the best three."""
        write(os.fspath(folder), self.files())

    def files(self) -> Files:
        """Return what `save` writes."""
        from parsim.plot.space_kinds import pictures_of

        pictures = ready(pictures_of(self.rows(), self.space.scenario.name))
        answer = {"rows.csv": lambda: table.csv_text(self.rows()), "sweep.json": lambda: json_text(self.to_dict())}
        return {**pictures, **self._finalists(), **answer}

    def _finalists(self) -> Files:
        """Return the picture of the best rows on one axis of time."""
        if not self.best:
            return {}
        with Runner() as runner:
            return finalists(self.space, [record.row for record in self.best], runner).pictures()

    def to_csv(self, file: str | os.PathLike[str]) -> None:
        """Write the rows as CSV, one a line."""
        table.write_csv(os.fspath(file), self.rows())

    def to_parquet(self, file: str | os.PathLike[str]) -> None:
        """Write the rows as Parquet, which needs pyarrow."""
        table.write_parquet(os.fspath(file), self.rows())
