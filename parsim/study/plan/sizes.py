"""The best plan on fewer and on more devices, searched anew at each size; how long a whole training takes there.

devices  iteration  speed-up  efficiency  days        price  best plan
     32     1.54 s      1.00        1.00  40.8  160,000 USD  data=32, tensor=1 ..
     64     817 ms      1.88        0.94  21.6  170,000 USD  data=64, tensor=1 ..

strong    the batch stays           weak    it grows with the devices
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, NamedTuple

from parsim.core.errors import Complaint, Fault, ParsimError, ScenarioError
from parsim.core.escape import printable
from parsim.core.quantities import number, seconds
from parsim.core.version import VERSIONS
from parsim.export.figures import figure_columns
from parsim.export.files import json_text, write
from parsim.export.summary import Summary, for_programs, text_table
from parsim.export.table import table, wrapped
from parsim.export.values import spread
from parsim.folding import COUNTS
from parsim.scenario.choices import choices_of
from parsim.scenario.scenario import Scenario, Source, changed, load
from parsim.study.change import first_line
from parsim.study.labels import labelled
from parsim.study.merit import Plan
from parsim.study.plan.report import set_columns
from parsim.study.plan.search import SIZE, about_none, searched
from parsim.study.runner import Runner
from parsim.study.scaling import PAYS
from parsim.study.space import Space, space_in

DAY = 86_400.0  # s
TIMES = (0.25, 0.5, 1.0, 2.0, 4.0)  # sizes to search where none are named, by the scenario's own
BATCH = "workload.batch"


class Run(NamedTuple):
    """A whole training: its tokens, and the days in which it should end."""

    tokens: float
    days: float | None = None


class Size(NamedTuple):
    """The best plan on so many devices."""

    devices: int
    plan: Plan
    speed_up: float  # in samples a second, over the first size
    efficiency: float  # speed_up over the times as many devices
    days: float | None = None  # of the whole training; None: nobody asks, or it has no tokens
    price: float | None = None  # USD of the whole training; None: not known


@dataclass(frozen=True)
class Sizes:
    """The best plans by number of devices; `failed` says why there is none for others."""

    space: Space
    weak: bool
    run: Run | None
    sizes: tuple[Size, ...]
    failed: dict[int, str]

    def __repr__(self) -> str:
        """Return in one line how far the plans scale."""
        last = self.sizes[-1]
        return f"Sizes({self.space.scenario.name}, speed-up {last.speed_up:.3g} on {last.devices} devices)"

    @property
    def enough(self) -> Size | None:
        """The fewest devices on which the whole training ends in time; None: nobody asks, or none of these."""
        most = self.run.days if self.run else None
        if most is None:
            return None
        return next((one for one in self.sizes if one.days is not None and one.days <= most), None)

    @property
    def verdict(self) -> str:
        """Answer in words how many devices are enough, or how far plans scale."""
        if self.run and self.run.days is not None:
            return self._in_time(self.run.days)
        good = list(takewhile(lambda one: one.efficiency >= PAYS, self.sizes))
        return f"Up to {good[-1].devices} devices the efficiency is {PAYS:g} or above."

    def _in_time(self, days: float) -> str:
        enough, last = self.enough, self.sizes[-1]
        if enough is None:
            took = (
                "is not known" if last.days is None else f"takes {number(last.days, 3)} days on {last.devices} devices"
            )
            return f"None of these sizes is enough for {number(days)} days: the training {took}."
        price = "its price is UNKNOWN" if enough.price is None else f"costs {_dollars(enough.price)}"
        told = (
            f"{enough.devices} devices are enough: the training takes {number(enough.days or 0.0, 3)} days and {price}"
        )
        fewer = [one for one in self.sizes if one.devices < enough.devices and one.days is not None]
        less = "; fewer were not tried"
        if fewer:
            less = f"; on {fewer[-1].devices} it takes {number(fewer[-1].days or 0.0, 3)} days"
        return f"{told}{less}."

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as in the contract."""
        return {
            **VERSIONS,
            "scenario": self.space.scenario.name,
            "scenario_sha256": self.space.scenario.sha256,
            "weak": self.weak,
            "tokens": self.run.tokens if self.run else None,
            "days": self.run.days if self.run else None,
            "points": [
                {
                    "p": one.devices,
                    "set": one.plan.set,
                    **one.plan.figures,
                    "speed_up": one.speed_up,
                    "efficiency": one.efficiency,
                    "days": one.days,
                    "price": one.price,
                }
                for one in self.sizes
            ],
            "failed": [{"p": p, "why": why} for p, why in self.failed.items()],
            "enough": self.enough.devices if self.enough else None,
            "verdict": self.verdict,
        }

    def report(self) -> str:
        """Write it for people."""
        head, *rows = self._rows()
        lines = [self._title, "=" * len(self._title), *table([head, *rows], words=(len(head) - 1,))]
        lines += [f"{p}: {printable(why)}" for p, why in self.failed.items()]
        return "\n".join([*lines, "", *wrapped(self.verdict, 110)]) + "\n"

    @property
    def _title(self) -> str:
        batch = "a batch that grows with the devices" if self.weak else "the same batch"
        first, last = self.sizes[0].devices, self.sizes[-1].devices
        sizes = f"{first} devices" if first == last else f"{first} to {last} devices"
        return f"{self.space.scenario.name}: the best plan on {sizes}, {batch}"

    def summary(self) -> Summary:
        """Summarise the answer: a row for each number of devices."""
        head, *rows = self._rows()
        shown = text_table("The best plans", [head, *rows], left=(len(head) - 1,))
        named = {
            "p": "devices",
            "speed_up": "speed_up",
            "efficiency": "efficiency",
            "days": "days",
            "price_usd": "price",
        }
        own = [for_programs(name, [getattr(one, key) for one in self.sizes]) for name, key in named.items()]
        figures = figure_columns([one.plan.figures for one in self.sizes])
        own += set_columns([one.plan.set for one in self.sizes])
        own += [for_programs(each.name, each.values) for each in figures]
        failures = [f"{p} devices: {why}" for p, why in self.failed.items()]
        return Summary(self._title, [shown._replace(columns=[*shown.columns, *own])], notes=[*failures, self.verdict])

    def _rows(self) -> Iterator[list[str]]:
        """Yield the head of the table, and a row for each size."""
        sets = spread([one.plan.set for one in self.sizes])
        names = labelled([""], list(sets[0]), sets) if sets[0] else ["the scenario's, with more replicas"] * len(sets)
        training = ["days", "price"] if self.run else []
        yield ["devices", "iteration", "tokens/s", "MFU", "speed-up", "efficiency", *training, "best plan"]
        for one, name in zip(self.sizes, names, strict=True):
            tokens, mfu = one.plan.figures["tokens_per_s"], one.plan.figures["mfu"]
            days = ["-" if one.days is None else f"{one.days:,.1f}", _dollars(one.price)] if self.run else []
            yield [
                str(one.devices),
                seconds(one.plan.took_s, 4),
                "-" if tokens is None else f"{tokens:,.0f}",
                "-" if mfu is None else f"{100 * mfu:.1f} %",
                f"{one.speed_up:.2f}",
                f"{one.efficiency:.2f}",
                *days,
                name,
            ]

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write scaling.json."""
        write(os.fspath(folder), {"scaling.json": lambda: json_text(self.to_dict())})


def sizes(
    source: Source,
    set: Mapping[str, Any] | None = None,
    devices: Sequence[int] | None = None,
    weak: bool = False,
    run: Run | None = None,
    executor: Executor | None = None,
) -> Sizes:
    """Search the best plan of a scenario with choices on several numbers of devices.

    Parameters
    ----------
    source, set : as for `plan`.
    devices : the numbers of devices. Default: a quarter of the scenario's own number to four times as many.
    weak : whether the batch grows with the devices.
    run : a whole training, whose days and price are told.
    executor : as for `plan`.

    A size without a plan is listed in `failed`. Raises `ScenarioError` where the input is wrong, or no size has a plan.
    """
    scenario = load(source, set)
    space = space_in(scenario)
    own = _own(space)
    asked = sorted({*(devices or _usual(scenario, own))})
    found: dict[int, Plan] = {}
    failed: dict[int, str] = {}
    with Runner(executor) as runner:
        for count in asked:
            try:
                found[count] = _best(space_in(changed(scenario, _wider(scenario, own, count, weak))), runner)
            except ParsimError as error:
                failed[count] = first_line(error)
    if not found:
        told = "; ".join(f"{count} devices: {why}" for count, why in failed.items())
        raise ScenarioError([Fault(scenario.file, 0, 0, "cluster", f"no size has a plan: {told}")])
    first = min(found)
    points = tuple(_size(count, found[count], first, found[first], run) for count in sorted(found))
    return Sizes(space, weak, run, points, failed)


def has_choices(source: Source, set: Mapping[str, Any] | None = None) -> bool:
    """Return whether a scenario has choices, so that its plan is searched."""
    return bool(choices_of(load(source, set).values)[0])


def _usual(scenario: Scenario, own: int) -> Iterator[int]:
    """Yield the sizes to search where none are named: those that the cluster can have."""
    for times in TIMES:
        with suppress(ScenarioError):
            _wider(scenario, own, round(own * times), weak=False)
            yield round(own * times)


def _best(space: Space, runner: Runner) -> Plan:
    runner.expect(len(space.early().rows), SIZE, ())
    found = searched(space, runner, 1)
    if not found.plans:
        raise about_none(found)
    return found.plans[0]


def _own(space: Space) -> int:
    """Return the scenario's own number of devices, which must not depend on a choice."""
    devices = {space.names.value("devices", space.picks(row)) for row in (0, space.size - 1)}
    (own,) = devices if len(devices) == 1 else (None,)
    if not isinstance(own, float):
        raise space.scenario.error([Complaint(("cluster",), "has no number of devices of its own; state one", "key")])
    return int(own)


def _wider(scenario: Scenario, own: int, count: int, weak: bool) -> dict[str, Any]:
    """Return what gives the cluster so many devices, and with *weak* a batch that grows with them."""
    cluster = scenario.values["cluster"]
    topology = cluster.get("topology")
    stated = {key: topology[key] for key in COUNTS if isinstance(topology, dict) and isinstance(topology.get(key), int)}
    found: dict[str, Any] = {
        f"cluster.topology.{key}": _times(f"cluster.topology.{key}", many, own, count) for key, many in stated.items()
    }
    if count < 1:
        raise ScenarioError([Fault("--workers", 0, 0, "workers", f"{count} devices are none")])
    if not stated or "devices" in cluster:
        found["cluster.devices"] = count
    plan = scenario.values.get("plan")
    if not choices_of(scenario.values)[0] and isinstance(plan, dict) and count != own:  # one plan: replicas grow
        found["plan.data"] = _times("plan.data", plan.get("data", 1), own, count)
    if weak:
        batch = scenario.values["workload"].get("batch")
        if not isinstance(batch, int):
            raise scenario.error(
                [Complaint(("workload", "batch"), "must be a number, since it grows with the devices")]
            )
        found[BATCH] = _times(BATCH, batch, own, count)
    return found


def _times(path: str, many: int, own: int, count: int) -> int:
    """Return what stands at a path with *own* devices, for *count* devices."""
    if many * count % own:
        why = f"{many} for {own} devices makes no whole number for {count} devices"
        raise ScenarioError([Fault("--workers", 0, 0, path, why)])
    return many * count // own


def _size(devices: int, plan: Plan, first: int, slowest: Plan, run: Run | None) -> Size:
    figures, rate = plan.figures, plan.figures["samples_per_s"]
    start = slowest.figures["samples_per_s"]
    speed_up = rate / start if rate and start else slowest.took_s / plan.took_s
    tokens = figures["tokens_per_s"]
    days = run.tokens / tokens / DAY if run and tokens else None
    price = None if days is None or figures["cost"] is None else figures["cost"] * days * DAY / plan.took_s
    return Size(devices, plan, speed_up, speed_up * first / devices, days, price)


def _dollars(price: float | None) -> str:
    return "UNKNOWN" if price is None else f"{price:,.0f} USD"
