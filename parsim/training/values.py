"""Checks of the values that several workloads of models share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from parsim.core.errors import Complaint, Invalid
from parsim.training.degrees import uneven
from parsim.training.shards import Shards


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
        yield Complaint(("key_value_heads",), why, code="not_divisible")


def refuse_shards(values: Mapping[str, Any], shards: Shards) -> None:
    """Raise `Invalid` unless devices can share the layers equally.

    >>> from parsim.training.shards import Shards
    >>> refuse_shards({"heads": 40, "sequence": 2048, "hidden": 20480}, Shards(tensor=16))
    Traceback (most recent call last):
    parsim.core.errors.Invalid: plan.tensor: tensor 16 does not divide 40 heads; write a divisor of 40
    """
    heads, sequence, experts = values["heads"], values["sequence"], values.get("experts", 0)
    groups = values.get("key_value_heads", heads)
    wanted = [("tensor", shards.tensor, f"{heads} heads", heads)]
    if shards.tensor < groups != heads:  # else some devices have the same keys and values
        wanted.append(("tensor", shards.tensor, f"{groups} heads of keys and values", groups))
    if "hidden" in values:
        wanted.append(("tensor", shards.tensor, f"a hidden width of {values['hidden']}", values["hidden"]))
    wanted.append(("context", shards.context, f"a sequence of {sequence} tokens", sequence))
    if shards.sequence and not sequence % shards.context:
        tokens = sequence // shards.context
        why = f"{tokens} tokens of a sequence, which sequence_parallel divides"
        wanted.append(("tensor", shards.tensor, why, tokens))
    if experts:
        wanted.append(("expert", shards.expert, f"{experts} experts", experts))
    elif shards.expert > 1:
        raise Invalid([Complaint(("plan", "expert"), "applies to mixtures of experts; leave it out", "key")])
    complaints = [
        uneven(name, f"{name} {parts} does not divide {what}; write a divisor of {number}")
        for name, parts, what, number in wanted
        if number % parts
    ]
    if complaints:
        raise Invalid(complaints)
