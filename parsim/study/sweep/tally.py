"""How rows of a sweep are compared and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from parsim.study.sweep.store import Record


def seconds_of(figures: Mapping[str, Any]) -> float:
    """Return the seconds of an iteration; where nothing trains, the makespan.

    >>> seconds_of({"iteration_s": None, "makespan_s": 2.0})
    2.0
    """
    iteration = figures["iteration_s"]
    return float(figures["makespan_s"] if iteration is None else iteration)


def best_of(records: Sequence[Record]) -> list[Record]:
    """Return the rows that are done, the fastest first, and those of equal seconds in their order."""
    done = [record for record in records if record.status == "done"]
    return sorted(done, key=lambda record: (seconds_of(record.figures or {}), record.row))


def codes_of(records: Sequence[Record], refused: Mapping[str, int]) -> dict[str, int]:
    """Return how many rows were refused, by code; *refused*: by conditions, before anything was played."""
    found = Counter({"require": sum(refused.values())})
    found.update(record.code for record in records if record.status == "refused")
    return {code: count for code, count in sorted(found.items()) if count}


def failure_of(records: Sequence[Record]) -> str:
    """Return in words which rows failed; empty: none."""
    failed = [record for record in records if record.status == "failed"]
    if not failed:
        return ""
    more = f"; {len(failed) - 1} more failed" if len(failed) > 1 else ""
    return f"row {failed[0].row} failed: {failed[0].message}{more}; play failed rows again with --retry failed"
