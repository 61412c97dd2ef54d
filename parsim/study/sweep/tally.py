"""How rows of a sweep are compared and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from parsim.study.merit import merit, plan_of
from parsim.study.space import Space
from parsim.study.sweep.store import Record


def best_of(space: Space, records: Sequence[Record]) -> list[Record]:
    """Return the rows that are done, best first, by the rule of plans."""
    done = [(plan_of(space, one.row, one.figures), one) for one in records if one.status == "done" and one.figures]
    return [record for _, record in sorted(done, key=lambda pair: merit(pair[0]))]


def codes_of(records: Sequence[Record], refused: Mapping[str, int]) -> dict[str, int]:
    """Return how many rows were refused, by code; *refused*: by conditions, before anything was played."""
    found = Counter({"require": sum(refused.values())})
    found.update(record.code for record in records if record.status == "refused")
    return {code: count for code, count in sorted(found.items()) if count}


def conditions_of(space: Space, records: Sequence[Record], refused: Mapping[str, int]) -> dict[str, int]:
    """Return how many rows each condition refused, before anything was played or after."""
    found = Counter({text: count for text, count in refused.items() if count})
    found.update(space.condition_of(record.message) for record in records if record.code == "require")
    return dict(found.most_common())


def none_of(codes: Mapping[str, int], records: Sequence[Record]) -> str:
    """Say that no row is done: how many were refused, by code, and how many failed."""
    failed = sum(record.status == "failed" for record in records)
    told = [f"{count:,} {code}" for code, count in sorted(codes.items(), key=lambda item: -item[1])]
    return f"No row is done: {', '.join([*told, *([f'{failed:,} failed'] if failed else [])])}."


def failure_of(records: Sequence[Record]) -> str:
    """Return in words which rows failed; empty: none."""
    failed = [record for record in records if record.status == "failed"]
    if not failed:
        return ""
    more = f"; {len(failed) - 1} more failed" if len(failed) > 1 else ""
    return f"row {failed[0].row} failed: {failed[0].message}{more}; play failed rows again with --retry failed"
