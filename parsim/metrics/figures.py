"""The figures of a run, as plans, sweeps and assertions name them.

peak_memory_bytes      in JSON, and in expressions
peak_memory            in expressions alone: they have units
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from parsim.core.job import Job
from parsim.core.timeline import Timeline
from parsim.core.units import BYTES, ENERGY, MONEY, SECONDS
from parsim.scenario.operators import Kind

_SUFFIXES = {"s": "_s", "B": "_bytes", "J": "_j"}  # of names in JSON, by the base unit


class Run(Protocol):
    """A run whose figures are known, such as `parsim.run.Result`."""

    @property
    def job(self) -> Job:
        """What was played."""

    @property
    def timeline(self) -> Timeline:
        """What happened."""

    @property
    def devices(self) -> list[dict[str, Any]]:
        """The figures of every device, as in section 2 of the contract."""

    @property
    def training(self) -> dict[str, Any] | None:
        """The figures of training; None if it does not train."""

    @property
    def communication(self) -> dict[str, dict[str, float]]:
        """The exposed and hidden seconds of each communicator."""


class Figure(NamedTuple):
    """A figure: its name in JSON, its kind in expressions, and how it is read from a run; None: it is not known."""

    name: str
    kind: Kind
    read: Callable[[Run], float | None]

    @property
    def short(self) -> str:
        """The name without the suffix of its unit."""
        return self.name.removesuffix(_SUFFIXES.get(getattr(self.kind, "base", ""), ""))


def _of_training(key: str) -> Callable[[Run], float | None]:
    def read(run: Run) -> float | None:
        return run.training[key] if run.training else None

    return read


def _utilisation(run: Run) -> float | None:
    makespan = run.timeline.makespan_s
    busy = math.fsum(device["stands_for"] * device["compute_s"] for device in run.devices)
    return busy / run.job.cluster.p / makespan if makespan else None


FIGURES = (
    Figure("iteration_s", SECONDS, _of_training("iteration_s")),
    Figure("makespan_s", SECONDS, lambda run: run.timeline.makespan_s),
    Figure("tokens_per_s", None, _of_training("tokens_per_s")),
    Figure("samples_per_s", None, _of_training("samples_per_s")),
    Figure("mfu", None, _of_training("mfu")),
    Figure("hfu", None, _of_training("hfu")),
    Figure("utilisation", None, _utilisation),
    Figure("peak_memory_bytes", BYTES, lambda run: max(device["peak_memory_bytes"] for device in run.devices)),
    Figure("exposed_s", SECONDS, lambda run: math.fsum(_exposed(run).values())),
    Figure("cost", MONEY, _of_training("cost_usd")),
    Figure("energy_j", ENERGY, _of_training("energy_j")),
)
SURROUNDINGS: Mapping[str, Kind] = {"devices": None, "memory": BYTES}
KINDS: Mapping[str, Kind] = {
    **{name: figure.kind for figure in FIGURES for name in (figure.name, figure.short)},
    **SURROUNDINGS,
}


def figures_of(run: Run) -> dict[str, Any]:
    """Return the figures of a run by their names in JSON; None where a figure is not known.

    `exposed_by_s` has the exposed seconds of each communicator; `exposed_s` is their sum.
    """
    found: dict[str, Any] = {figure.name: figure.read(run) for figure in FIGURES}
    return {**found, "exposed_by_s": _exposed(run)}


def surroundings(job: Job) -> dict[str, float | None]:
    """Return what expressions know of a cluster: the number of `devices`, and the `memory` of the smallest (B)."""
    devices = job.cluster.devices
    memory = min(job.memories or (device.memory for device in devices))
    return {
        "devices": sum(device.stands_for for device in devices),
        "memory": memory if math.isfinite(memory) else None,
    }


def values_of(figures: Mapping[str, Any], around: Mapping[str, float | None]) -> dict[str, Any]:
    """Return the values of all names in expressions: *figures* under both names, and the `surroundings`."""
    named = {name: figures.get(figure.name) for figure in FIGURES for name in (figure.name, figure.short)}
    return {**named, **around}


def _exposed(run: Run) -> dict[str, float]:
    return {name: figures["exposed_s"] for name, figures in run.communication.items()}
