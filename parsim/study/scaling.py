"""The same work on more and more workers: speed-up, efficiency, and the prediction of T_total.

    speed-up   = makespan(1) / makespan(P)         ideal: P
    efficiency = speed-up / P                      ideal: 1; below 1/2 most of the added capacity waits

Training by degrees of parallelism starts at P0 workers, with one degree at 1: efficiency = speed-up x P0 / P. With the
batch of a replica kept (weak), speed-up counts samples a second.

Amdahl, Validity of the single processor approach to achieving large scale computing capabilities, AFIPS 1967.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any, NamedTuple

from parsim.core.errors import Fault, ParsimError, ScenarioError
from parsim.core.escape import printable
from parsim.core.quantities import seconds, times
from parsim.core.tolerance import CLOSE, close
from parsim.core.units import show
from parsim.core.version import VERSIONS
from parsim.export import html
from parsim.export.files import drawn, json_text, write
from parsim.export.summary import Column, Summary, Table, for_programs
from parsim.export.table import table, width
from parsim.hardware import MOST_WORKERS
from parsim.reading import load
from parsim.scenario.scenario import Source
from parsim.sim.play import play
from parsim.sim.theory import theory
from parsim.study.case import Case
from parsim.study.change import first_line, lacking
from parsim.study.growth import WORKERS, Growth, growth
from parsim.study.runner import Runner, size
from parsim.training.program import Training

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PAYS = 0.5  # efficiency
BAR = 20


class Point(NamedTuple):
    """The work on `p` workers."""

    p: int
    makespan_s: float
    t_total_s: float
    speed_up: float  # the makespan of the first point over this one, for as much work; 0 where nothing takes time
    efficiency: float  # speed_up over the times as many workers
    lacks: str  # which device has too little memory, where tasks never wait for it; empty: none


@dataclass(frozen=True)
class Scaling:
    """Points by increasing number of workers; `failed` says why others could not be played."""

    scenario: str
    sha256: str
    seed: int
    own: int  # the scenario's number of workers
    growth: Growth
    points: tuple[Point, ...]
    failed: dict[int, str]  # P -> why

    def __repr__(self) -> str:
        """Return in one line how far the work scales."""
        last = self.points[-1]
        return f"Scaling({self.scenario}, speed-up {last.speed_up:.3g} on {last.p} workers)"

    @property
    def pays(self) -> int:
        """The most workers that pay: up to here every point has an efficiency of at least 1/2."""
        pays = self.points[0].p
        for point in self.points:
            if point.efficiency < PAYS:
                break
            pays = point.p
        return pays

    @property
    def fastest(self) -> Point:
        """The shortest makespan, with the fewest workers that reach it."""
        least = min(point.makespan_s for point in self.points)
        return next(point for point in self.points if close(point.makespan_s, least))

    @property
    def verdict(self) -> str:
        """Return in words how many workers pay."""
        last, fastest = self.points[-1], self.fastest
        if not fastest.makespan_s:
            return "No time passes, so nothing can be faster."
        told = f"Up to P = {self.pays} the efficiency is {PAYS:g} or above"
        below = next((point for point in self.points if point.efficiency < PAYS), last)
        told += f"; at P = {below.p} it is {below.efficiency:.3g}." if below.efficiency < PAYS else "."
        if fastest.p == last.p or self.growth.weak:
            return told
        return f"{told} More workers than P = {fastest.p} do not shorten its {seconds(fastest.makespan_s)}."

    @property
    def notes(self) -> list[str]:
        """Explain efficiencies above 1, and a T_total longer than the first run; say what does not fit."""
        lacking = [f"P = {point.p} does not fit: {point.lacks}." for point in self.points if point.lacks]
        return [*self._above_one(), *self._charged(), *lacking]

    def _above_one(self) -> list[str]:
        if max(point.efficiency for point in self.points) <= 1 + CLOSE:
            return []
        if self.growth.over != WORKERS:
            return [
                "Efficiency is above 1 where more devices share what each did alone, such as the update of weights."
            ]
        first = self.points[0].p
        these = "the first one" if first == 1 else f"the first {first}"
        return [f"Efficiency is above 1 if other workers are faster than {these}, which P = {first} uses."]

    def _charged(self) -> list[str]:
        alone = self.points[0]
        if alone.t_total_s <= alone.makespan_s * (1 + CLOSE):
            return []
        foreseen, took = seconds(alone.t_total_s), seconds(alone.makespan_s)
        why = "T_total counts every transfer, also those that "
        why += f"{'one worker does' if alone.p == 1 else 'these workers do'} not need or that overlap computing"
        return [f"At P = {alone.p} T_total is {foreseen} and the run takes {took}: {why}."]

    def to_dict(self) -> dict[str, Any]:
        """Return the scaling as in the contract."""
        return {
            **VERSIONS,
            "scenario": self.scenario,
            "scenario_sha256": self.sha256,
            "seed": self.seed,
            "workers": self.own,
            "over": self.growth.over,
            "weak": self.growth.weak,
            "points": [point._asdict() for point in self.points],
            "failed": [{"p": p, "why": why} for p, why in self.failed.items()],
            "pays": self.pays,
            "verdict": self.verdict,
        }

    def report(self) -> str:
        """Write the scaling for people."""
        bars = [f"{'#' * round(min(point.efficiency, 1.0) * BAR)}" for point in self.points]
        rows = [(*row, bar) for row, bar in zip(self._table().rows, ["", *bars], strict=True)]
        lines = [*table(rows, words=(5,)), *self._failures(), *self._star()]
        return "\n".join([self._title, "=" * width(self._title), *lines, "", self.verdict, *self.notes]) + "\n"

    def _failures(self) -> list[str]:
        return [printable(f"{p}: {why}") for p, why in self.failed.items()]

    def _star(self) -> list[str]:
        return ["* the scenario's own number"] if any(point.p == self.own for point in self.points) else []

    def summary(self) -> Summary:
        """Summarise the scaling: a row for each number of workers."""
        notes = [*self._star(), *(f"P = {told}" for told in self._failures()), self.verdict, *self.notes]
        meaning = f"Speed-up and efficiency of {self.scenario} over P"
        return Summary(self._title, [self._table()], notes=notes, picture=self._png, meaning=meaning)

    @property
    def _title(self) -> str:
        first, last = self.points[0].p, self.points[-1].p
        what = "the same batch for each replica" if self.growth.weak else "the same work"
        grows = f", as {self.growth.over} grows" if self.growth.over != WORKERS else ""
        return f"{self.scenario}: {what} on {first} to {last} workers{grows}"

    def _table(self) -> Table:
        """Return a row for each point."""
        p, makespans, theories, speed_ups, efficiencies, lacks = zip(*self.points, strict=True)
        columns = [
            Column("P ", [f"{count}{'*' if count == self.own else ' '}" for count in p], "p", p),
            Column("makespan", times(makespans, 4), "makespan_s", makespans),
            Column("T_total", times(theories, 4), "t_total_s", theories),
            Column("speed-up", [f"{ratio:.2f}" for ratio in speed_ups], "speed_up", speed_ups),
            Column("efficiency", [f"{share:.2f}" for share in efficiencies], "efficiency", efficiencies),
            for_programs("lacks", lacks),
        ]
        return Table("Speed-up and efficiency", columns)

    def plot(self, axes: Axes | None = None) -> Axes:
        """Draw speed-up and efficiency over P, and T_total's, on matplotlib *axes* or a new figure; return them."""
        from parsim.plot.paper import ours
        from parsim.plot.scaling import scaling, sheet

        if axes is not None:
            return scaling(self.points, axes, self.own)
        with ours():
            return scaling(self.points, sheet(f"{self.scenario}: speed-up and efficiency"), self.own)

    def pictures(self) -> dict[str, bytes]:
        """Draw scaling.png and scaling.svg."""
        from parsim.plot.paper import files

        return files("scaling", self.plot().figure)

    def _png(self) -> bytes:
        from parsim.plot.paper import png

        return png(self.plot().figure)

    def _repr_html_(self) -> str:
        """Show the scaling in a notebook."""
        return html.shown(self.summary())

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write scaling.json, scaling.png and scaling.svg."""
        pictures = drawn("scaling", self.pictures)
        write(os.fspath(folder), {**pictures, "scaling.json": lambda: json_text(self.to_dict())})


def scaling(
    source: Source,
    set: Mapping[str, Any] | None = None,
    workers: Sequence[int] | None = None,
    executor: Executor | None = None,
    over: str = "",
    weak: bool = False,
) -> Scaling:
    """Play the same work on 1, 2, 3, 4, 6, 8, 12, ... workers, up to twice the scenario's and at least 8.

    Of training by degrees of parallelism one degree grows, 1, 2, 4, ... up to twice its own value.

    Parameters
    ----------
    source, set : as for `simulate`.
    workers : the numbers of workers to play instead; 1 is always among them, since speed-up counts from there.
        A collective begins with the fewest that its algorithm takes.
    executor : as for `compare`.
    over : what grows: of training by degrees `plan.data`, `plan.tensor`, `plan.pipeline` or `plan.context`. Default:
        `plan.data`; of training by layers `plan.pipeline`; of all else `cluster.devices`.
    weak : whether the batch grows with `plan.data`, so that each replica keeps its own.

    The workers are the scenario's first ones, then copies of its last. A number that cannot be played is listed in
    `failed`, unless it is the first. Raises `ScenarioError` if the input is wrong, or if the work is tied to its
    workers: the ranks of a pipeline of `stages`, flows between named places.

    >>> scenario = {"cluster": {"devices": 2}, "workload": {"kind": "items", "count": 12}, "plan": {"split": "data"},
    ...             "cost": {"kind": "constant", "compute": "1 s"}}
    >>> [(point.p, point.makespan_s, point.efficiency) for point in scaling(scenario, workers=[1, 3, 8]).points]
    [(1, 12.0, 1.0), (3, 4.0, 1.0), (8, 2.0, 0.75)]
    """
    asked = [] if workers is None else _asked(workers)
    mine = Case(load(source, set))
    job = mine.own
    grows = growth(mine.scenario, job, over, weak)
    own, least, step = grows.own * grows.each, grows.least * grows.each, grows.step
    counts = sorted({least, *(asked or grows.counts)}, reverse=True)  # those that take longest begin early
    cases = {p: mine if p == own else Case(grows.scenario(mine.scenario, job, p)) for p in counts if p % step == 0}
    found, failed = _played(cases, least, executor)
    failed |= {p: f"is no multiple of {step}, the workers of {grows.over}: {grows.least}" for p in counts if p % step}
    points = (_point(p, least, found[p], found[least]) for p in sorted(found))
    return Scaling(job.name, job.sha256, job.seed, own, grows, tuple(points), dict(sorted(failed.items())))


def _played(
    cases: Mapping[int, Case], least: int, executor: Executor | None
) -> tuple[dict[int, Taken], dict[int, str]]:
    """Play a case for each number of workers; return what each took, or why not. The *least* must be playable."""
    found: dict[int, Taken] = {}
    failed: dict[int, str] = {}
    with Runner(executor) as runner:
        runner.expect(len(cases), size(cases[least].own.graph), [*cases.values()])
        for number, outcome in runner.ended("runs", [(_seconds, case) for case in cases.values()]):
            p = [*cases][number]
            if not isinstance(outcome, ParsimError):
                found[p] = outcome
            elif p == least:
                raise outcome
            else:
                failed[p] = first_line(outcome)
    return found, failed


class Taken(NamedTuple):
    """What a run took, and of how many samples."""

    makespan_s: float
    t_total_s: float
    samples: int  # 1 where nothing is trained
    lacks: str


def _seconds(case: Case) -> Taken | ParsimError:
    """Play *case*, or return the reason why it cannot be played."""
    try:
        job = case.own
        line = play(job)
        samples = job.graph.program.model.rows if isinstance(job.graph.program, Training) else 1
        return Taken(line.makespan_s, theory(job).t_total_s, samples, lacking(job, line))
    except ParsimError as error:
        return error


def _point(p: int, least: int, one: Taken, first: Taken) -> Point:
    work = one.samples / first.samples
    speed_up = work * first.makespan_s / one.makespan_s if one.makespan_s else 0.0
    return Point(p, one.makespan_s, one.t_total_s, speed_up, speed_up * least / p, one.lacks)


def _asked(workers: Sequence[int]) -> list[int]:
    if isinstance(workers, str) or not isinstance(workers, Iterable):
        why = f"wants a list of numbers of workers, not {show(workers)}; write for example [1, 2, 4]"
        raise ScenarioError([Fault("--workers", 0, 0, "workers", why)])
    wrong = [p for p in workers if isinstance(p, bool) or not isinstance(p, Integral) or not 1 <= p <= MOST_WORKERS]
    told = [f"{show(p)} is not a count from 1 to {MOST_WORKERS}; write for example 4" for p in wrong]
    if not len(workers):
        told = ["names no numbers of workers; write for example 1,2,4,8"]
    if told:
        raise ScenarioError([Fault("--workers", 0, 0, "workers", why) for why in told])
    return list(map(int, workers))
