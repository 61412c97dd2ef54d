"""The seconds of transfers by communicator, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parsim.core.quantities import times
from parsim.export.table import table

PARALLEL = ("data", "tensor", "pipeline", "context", "expert")


def communication(facts: Mapping[str, Any]) -> list[str]:
    r"""Write exposed and hidden seconds of each communicator; no lines where workers send each other nothing.

    >>> none, found = {"exposed_s": 0.0, "hidden_s": 0.0}, {"exposed_s": 1.5, "hidden_s": 0.25}
    >>> print("\n".join(communication({"communication": {"data": found, "tensor": none, "host": found}})))
          exposed  hidden
    data    1.5 s  250 ms
    host    1.5 s  250 ms
    """
    rows = communication_rows(facts)
    return table(rows) if rows else []


def communication_rows(facts: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return a head, and a row for each communicator; nothing where workers send each other nothing."""
    shown = {name: parts for name, parts in facts.get("communication", {}).items() if any(parts.values())}
    if not set(shown) & set(PARALLEL):
        return []
    columns = (times([parts[key] for parts in shown.values()]) for key in ("exposed_s", "hidden_s"))
    return [("", "exposed", "hidden"), *zip(shown, *columns, strict=True)]
