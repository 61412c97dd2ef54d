"""Assertions: whether the figures of a run are as its scenario says they must be.

assert: [iteration < 12 s]     iteration = 13.1 s: it fails
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from parsim.core.job import Job
from parsim.metrics.figures import Run, figures_of, surroundings, values_of
from parsim.scenario.expression import parse


class Asserted(NamedTuple):
    """An assertion after a run. `holds` is None, which counts as failed, where a figure is not known."""

    text: str
    holds: bool | None
    values: dict[str, float | None]  # of the names in it, in base units

    def to_dict(self) -> dict[str, Any]:
        """Return it as in section 2 of the contract."""
        return self._asdict()


def asserted(job: Job, run: Run) -> list[Asserted]:
    """Return what becomes of the scenario's assertions in a run of *job*."""
    texts: Sequence[str] = job.values.get("assert") or ()
    if not texts:
        return []
    values = values_of(figures_of(run), surroundings(job))
    found = []
    for expression in map(parse, texts):
        holds = expression.value(values)
        assert holds is None or isinstance(holds, bool)
        found.append(Asserted(str(expression), holds, {name: values[name] for name in sorted(expression.names)}))
    return found
