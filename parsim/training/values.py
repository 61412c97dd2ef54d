"""Checks of the values that several workloads of models share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from parsim.core.errors import Complaint


def missing(values: Mapping[str, Any], examples: Mapping[str, Any]) -> list[Complaint]:
    """Return a complaint for each key of *examples* that has no value; a preset gives all but the batch.

    >>> missing({"batch": 8}, {"width": 768, "batch": 32})[0].message
    "is missing; write for example 'width: 768', or name a preset"
    """
    known = {key: "" if key == "batch" else ", or name a preset" for key in examples if key not in values}
    return [
        Complaint((key,), f"is missing; write for example '{key}: {examples[key]}'{remedy}")
        for key, remedy in known.items()
    ]


def about_groups(values: Mapping[str, Any]) -> Iterator[Complaint]:
    """Yield a complaint unless the heads of queries share those of keys and values equally."""
    heads, groups = values["heads"], values.get("key_value_heads", values["heads"])
    if heads % groups:
        why = f"{heads} heads cannot share {groups} heads of keys and values equally"
        yield Complaint(("key_value_heads",), why)
