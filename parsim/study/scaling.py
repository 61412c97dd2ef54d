"""The same work on more and more workers: speed-up, efficiency, and the prediction of T_total.

    speed-up   = makespan(1) / makespan(P)         ideal: P
    efficiency = speed-up / P                      ideal: 1; below 1/2 most of the added capacity waits

Amdahl, Validity of the single processor approach to achieving large scale computing capabilities, AFIPS 1967.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any, NamedTuple

from parsim.core.errors import Complaint, Fault, ParsimError, ScenarioError
from parsim.core.escape import printable
from parsim.core.job import Job
from parsim.core.quantities import seconds, times
from parsim.core.tolerance import CLOSE, close
from parsim.core.units import show
from parsim.core.version import VERSIONS
from parsim.export import html
from parsim.export.files import drawn, json_text, write
from parsim.export.table import table, width
from parsim.hardware import MOST_WORKERS
from parsim.reading import load
from parsim.scenario.scenario import Scenario, Source
from parsim.sim.play import play
from parsim.sim.theory import theory
from parsim.study.case import Case
from parsim.study.change import first_line
from parsim.study.runner import Runner, size
from parsim.study.workers import with_workers

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEAST = 8  # workers up to which a small scenario is followed
PAYS = 0.5  # efficiency
BAR = 20


class Point(NamedTuple):
    """The work on `p` workers."""

    p: int
    makespan_s: float
    t_total_s: float
    speed_up: float  # the makespan of one worker over this one; 0 where nothing takes time
    efficiency: float  # speed_up / p


@dataclass(frozen=True)
class Scaling:
    """Points by increasing number of workers, starting at one; `failed` says why others could not be played."""

    scenario: str
    sha256: str
    seed: int
    own: int  # the scenario's number of workers
    points: tuple[Point, ...]
    failed: dict[int, str]  # P -> why

    def __repr__(self) -> str:
        """Return in one line how far the work scales."""
        last = self.points[-1]
        return f"Scaling({self.scenario}, speed-up {last.speed_up:.3g} on {last.p} workers)"

    @property
    def pays(self) -> int:
        """The most workers that pay: up to here every point has an efficiency of at least 1/2."""
        pays = 1
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
        if fastest.p == last.p:
            return told
        return f"{told} More workers than P = {fastest.p} do not shorten its {seconds(fastest.makespan_s)}."

    @property
    def notes(self) -> list[str]:
        """Explain efficiencies above 1, and a T_total longer than the run of one worker."""
        return [*self._above_one(), *self._charged()]

    def _above_one(self) -> list[str]:
        if max(point.efficiency for point in self.points) <= 1 + CLOSE:
            return []
        return ["Efficiency is above 1 if other workers are faster than the first one, which P = 1 uses."]

    def _charged(self) -> list[str]:
        alone = self.points[0]
        if alone.t_total_s <= alone.makespan_s * (1 + CLOSE):
            return []
        foreseen, took = seconds(alone.t_total_s), seconds(alone.makespan_s)
        why = "T_total counts every transfer, also those that one worker does not need or that overlap computing"
        return [f"At P = 1 T_total is {foreseen} and the run takes {took}: {why}."]

    def to_dict(self) -> dict[str, Any]:
        """Return the scaling as in the contract."""
        return {
            **VERSIONS,
            "scenario": self.scenario,
            "scenario_sha256": self.sha256,
            "seed": self.seed,
            "workers": self.own,
            "points": [point._asdict() for point in self.points],
            "failed": [{"p": p, "why": why} for p, why in self.failed.items()],
            "pays": self.pays,
            "verdict": self.verdict,
        }

    def report(self) -> str:
        """Write the scaling for people."""
        head, *rows = self._rows()
        bars = [f"{'#' * round(min(point.efficiency, 1.0) * BAR)}" for point in self.points]
        lines = table([(*head, ""), *((*row, bar) for row, bar in zip(rows, bars, strict=True))], words=(5,))
        lines += [printable(f"{p}: {why}") for p, why in self.failed.items()]
        star = ["* the scenario's own number"] if any(point.p == self.own for point in self.points) else []
        return "\n".join([self._title, "=" * width(self._title), *lines, *star, "", self.verdict, *self.notes]) + "\n"

    @property
    def _title(self) -> str:
        return f"{self.scenario}: the same work on 1 to {self.points[-1].p} workers"

    def _rows(self) -> Iterator[tuple[str, ...]]:
        """Yield the head of the table, then a row for each point."""
        yield ("P ", "makespan", "T_total", "speed-up", "efficiency")
        makespans = times([point.makespan_s for point in self.points], 4)
        theories = times([point.t_total_s for point in self.points], 4)
        for point, makespan, theory_s in zip(self.points, makespans, theories, strict=True):
            star = "*" if point.p == self.own else " "
            yield (f"{point.p}{star}", makespan, theory_s, f"{point.speed_up:.2f}", f"{point.efficiency:.2f}")

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

    def _repr_html_(self) -> str:
        """Show the scaling in a notebook."""
        from parsim.plot.paper import png

        head, *rows = self._rows()
        return html.page(
            self._title,
            html.picture(png(self.plot().figure), f"Speed-up and efficiency of {self.scenario} over P"),
            html.table(head, rows),
            *map(html.words, (self.verdict, *self.notes)),
        )

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write scaling.json, scaling.png and scaling.svg."""
        pictures = drawn("scaling", self.pictures)
        write(os.fspath(folder), {**pictures, "scaling.json": lambda: json_text(self.to_dict())})


def scaling(
    source: Source,
    set: Mapping[str, Any] | None = None,
    workers: Sequence[int] | None = None,
    executor: Executor | None = None,
) -> Scaling:
    """Play the same work on 1, 2, 3, 4, 6, 8, 12, ... workers, up to twice the scenario's and at least 8.

    Parameters
    ----------
    source, set : as for `simulate`.
    workers : the numbers of workers to play instead; 1 is always among them, since speed-up counts from there.
    executor : as for `compare`.

    The workers are the scenario's first ones, then copies of its last. A number that cannot be played is listed in
    `failed`, unless it is 1. Raises `ScenarioError` if the input is wrong, or if the work is tied to its workers:
    the ranks of a pipeline, flows between named places.

    >>> scenario = {"cluster": {"devices": 2}, "workload": {"kind": "items", "count": 12}, "plan": {"split": "data"},
    ...             "cost": {"kind": "constant", "compute": "1 s"}}
    >>> [(point.p, point.makespan_s, point.efficiency) for point in scaling(scenario, workers=[1, 3, 8]).points]
    [(1, 12.0, 1.0), (3, 4.0, 1.0), (8, 2.0, 0.75)]
    """
    asked = [] if workers is None else _asked(workers)
    mine = Case(load(source, set))
    job = mine.own
    _refuse(mine.scenario, job)
    own = job.cluster.p
    counts = [1, *sorted({*(asked or _counts(own))} - {1}, reverse=True)]  # those that take longest begin early
    cases = [mine if p == own else Case(with_workers(mine.scenario, job, p)) for p in counts]
    found: dict[int, tuple[float, float]] = {}
    failed: dict[int, str] = {}
    with Runner(executor) as runner:
        runner.expect(len(cases), size(job.graph), cases)
        for number, outcome in runner.ended("runs", [(_seconds, case) for case in cases]):
            if not isinstance(outcome, ParsimError):
                found[counts[number]] = outcome
            elif counts[number] == 1:
                raise outcome
            else:
                failed[counts[number]] = first_line(outcome)
    points = (_point(p, found[1][0], *found[p]) for p in sorted(found))
    return Scaling(job.name, job.sha256, job.seed, own, tuple(points), dict(sorted(failed.items())))


def _seconds(case: Case) -> tuple[float, float] | ParsimError:
    """Return the makespan of *case* and its T_total, or the reason why it cannot be played."""
    try:
        return play(case.own).makespan_s, theory(case.own).t_total_s
    except ParsimError as error:
        return error


def _point(p: int, alone_s: float, makespan_s: float, t_total_s: float) -> Point:
    speed_up = alone_s / makespan_s if makespan_s else 0.0
    return Point(p, makespan_s, t_total_s, speed_up, speed_up / p)


def _counts(own: int) -> Iterator[int]:
    """Yield 1, 2, 3, 4, 6, 8, ... up to twice the scenario's own number of workers, which is included.

    >>> sorted(set(_counts(5)))
    [1, 2, 3, 4, 5, 6, 8]
    """
    most = min(max(2 * own, LEAST), MOST_WORKERS)
    yield own
    power = 1
    while power <= most:
        yield from (p for p in (power, power + power // 2) if p <= most)
        power *= 2


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


def _refuse(scenario: Scenario, job: Job) -> None:
    """Refuse work that is tied to its workers."""
    why = ""
    if job.graph.orders:
        why = "is a pipeline, whose ranks are part of the work; compare plan.pipeline and cluster.devices instead"
    elif not len(job.graph):
        why = "moves bytes between fixed places, so more workers have nothing to share; use a workload with tasks"
    if why:
        raise scenario.error([Complaint(("workload",), why)])
