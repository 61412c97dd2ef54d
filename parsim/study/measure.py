"""How variants are compared: by makespan, or by makespan per unit of work where their work differs.

                    makespan   items   per item
    count=4              2 s       4     500 ms        Not the same work: 4 items with count=4, 6 with count=6.
    count=6              3 s       6     500 ms        Per item: Both take 500 ms: there is no difference.

The unit is of the first amount that differs. Where no amount does, makespans are compared as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import log10
from typing import NamedTuple, Protocol

from parsim.core.quantities import seconds, size
from parsim.study.played import Played
from parsim.study.work import Work

SHOWN = 3  # variants whose amounts are told


class Amount(NamedTuple):
    """How an amount of work is written: its noun, the words after its number, and the name of one unit."""

    noun: str
    words: str
    unit: str


AMOUNTS = {
    "items": Amount("items", " items", "item"),
    "tasks": Amount("tasks", " tasks", "task"),
    "flows": Amount("flows", " flows", "flow"),
    "samples": Amount("samples", " samples", "sample"),
    "kernel_runs": Amount("runs of the kernel", " runs of the kernel", "run of the kernel"),
    "compute_s": Amount("seconds of computing at speed 1", " of computing at speed 1", "second of computing"),
    "bytes": Amount("bytes", "", "B"),
    "delay_s": Amount("seconds of delay", " of delay", "second of delay"),
    "model_flop": Amount("FLOP of the model", " of the model", "FLOP of the model"),
}
LARGE = ("bytes", "model_flop")  # told in powers of 1000
PREFIXES = ("", "k", "M", "G", "T", "P", "E")


class Done(Protocol):
    """Work under a name."""

    @property
    def label(self) -> str:
        """Its name."""

    @property
    def work(self) -> Work:
        """The work."""


class Measure(NamedTuple):
    """How the work of variants differs, and the amount of work by which they are compared."""

    differ: tuple[str, ...] = ()  # amounts and details; none: the work is the same
    amount: str = ""  # none: makespans are compared as they are
    size: float = 1.0  # how much of the amount makes a unit

    @property
    def unit(self) -> str:
        """The name of the unit."""
        return f"{self._prefix}{AMOUNTS[self.amount].unit}"

    def per_unit(self, played: Sequence[Played]) -> list[Played]:
        """Return *played* with all seconds per unit of work."""
        if not self.amount:
            return list(played)
        return [
            replace(
                one,
                runs={seed: run.over(run.work.amounts[self.amount] / self.size) for seed, run in one.runs.items()},
            )
            for one in played
        ]

    def sentence(self, played: Sequence[Done]) -> str:
        """Return in words how the work of *played* differs."""
        if not self.amount:
            return f"Not the same work: the variants differ in {', '.join(self.differ)}."
        amounts, words = [one.work.amounts[self.amount] for one in played], AMOUNTS[self.amount].words
        if len(played) > SHOWN:
            return f"Not the same work: from {self.told(min(amounts))} to {self.told(max(amounts))}{words}."
        told = [f"{self.told(amount)} with {one.label}" for amount, one in zip(amounts, played, strict=True)]
        first = f"{self.told(amounts[0])}{words} with {played[0].label}"
        return f"Not the same work: {', '.join([first, *told[1:]])}."

    def told(self, amount: float) -> str:
        """Write an amount for people."""
        if self.amount == "bytes":
            return size(amount)
        if self.amount == "model_flop":
            return f"{amount / self.size:.4g} {self._prefix}FLOP"
        return seconds(amount) if self.amount.endswith("_s") else f"{amount:.6g}"

    @property
    def _prefix(self) -> str:
        return PREFIXES[round(log10(self.size)) // 3]


def measure(played: Sequence[Done]) -> Measure:
    """Return how to compare *played*, such as variants that have all ended."""
    works = [one.work for one in played]
    differ = tuple(dict.fromkeys(name for work in works for name in works[0].differs(work)))
    for name in differ:
        amounts = [work.amounts.get(name, 0.0) for work in works]
        if min(amounts) > 0:
            power = int(log10(min(amounts)) // 3) if name in LARGE and min(amounts) >= 1 else 0
            return Measure(differ, name, 1000.0 ** min(power, len(PREFIXES) - 1))
    return Measure(differ)
