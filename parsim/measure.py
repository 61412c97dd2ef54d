"""Calibrate: measure a scenario's kernels and transfers on this machine, and make a profile."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from math import inf, isnan
from typing import TYPE_CHECKING, Any

import numpy as np

from parsim.build import build_computed
from parsim.core.errors import Complaint, Fault, ScenarioError
from parsim.core.machine import cores, machine, require_processes
from parsim.core.profile import NEIGHBOURS, Profile, Row, Transfers
from parsim.core.quantities import seconds
from parsim.core.version import __version__
from parsim.export.files import json_text, write
from parsim.export.summary import Column, Summary, Table, column, for_programs
from parsim.export.table import table
from parsim.kernels import price
from parsim.reading import load
from parsim.scenario.scenario import Scenario, Source
from parsim.sim.play import play

if TYPE_CHECKING:
    from parsim.real.microbenchmark import Found
    from parsim.real.transport import Launch

REPEAT = 10
LINKS = "links.json"
CONSTANT = {"kind": "constant", "compute": "1 s"}
ANY_WAY = {"kind": "full", "bandwidth": "1 GB/s"}
SHOWN = 12  # calls in a report


@dataclass(frozen=True)
class Calibration:
    """A new profile, and the file that the scenario names for it."""

    profile: Profile
    file: str

    def to_dict(self) -> dict[str, Any]:
        """Return the content of the profile's file."""
        return self.profile.to_dict()

    def save(self, file: str | os.PathLike[str]) -> None:
        """Write the profile completely or not at all."""
        folder, name = os.path.split(os.fspath(file))
        write(folder or ".", {name: lambda: json_text(self.to_dict())})

    @property
    def _title(self) -> str:
        made = self.profile.made
        return f"{self.profile.machine['processor']}, {made['workers']} workers, {made['runs']} rounds each way"

    def report(self) -> str:
        """Write the profile for people: the longest calls first."""
        lines = [self._title, ""]
        lines += self._kernels()
        lines += [f"  {line}" for line in self._links()]
        return "\n".join(lines) + "\n"

    def _links(self) -> list[str]:
        profile = self.profile
        lines = [f"a transfer takes {_line(profile.alpha_s, profile.beta_s_per_byte)}"]
        if profile.host:
            lines.append(f"to or from the host {_line(profile.host.alpha_s, profile.host.beta_s_per_byte)}")
        return [*lines, f"the hand-over of a task takes another {seconds(profile.overhead_s)}"]

    def _kernels(self) -> list[str]:
        """Write the longest calls, and an empty line; nothing if there are none."""
        head, *rows = self._table().rows
        lines = [f"  {line}" for line in table([head, *rows[:SHOWN]])]
        if len(rows) > SHOWN:
            lines.append(f"  and {len(rows) - SHOWN} shorter calls")
        return [*lines, ""] if rows else []

    def _table(self) -> Table:
        """Return a row for each call, the longest first."""
        found = sorted(self.profile.kernels.items(), key=lambda row: -row[1].timing["busy"].median_s)
        names = [f"{call.kernel} {call.part}" for call, _ in found]
        flops = [row.flops for _, row in found]
        alone, busy = ([row.timing[name] for _, row in found] for name in NEIGHBOURS)
        times = {
            "alone_s": [one.median_s for one in alone],
            "busy_s": [one.median_s for one in busy],
            "spread_s": [one.spread_s for one in busy],
        }
        columns = [
            Column("kernel", names, "kernel", names, left=True),
            Column("FLOP", [f"{one:.3g}" for one in flops], "flops", [None if isnan(one) else one for one in flops]),
            *(column(name, values) for name, values in times.items()),
            Column("outliers", [f"{one.outliers} of {one.runs}" for one in busy]),
            *(for_programs(name, [getattr(one, name) for one in busy]) for name in ("outliers", "runs")),
        ]
        return Table("Kernels", columns)

    def summary(self) -> Summary:
        """Summarise the profile: a row for each call."""
        return Summary(self._title, [self._table()], notes=self._links())


def _line(alpha_s: float, beta_s_per_byte: float) -> str:
    rate = 1 / beta_s_per_byte / 1e9 if beta_s_per_byte else inf
    return f"{seconds(alpha_s)} and its bytes at {rate:.3g} GB/s"


def calibrate(
    source: Source,
    set: Mapping[str, Any] | None = None,
    repeat: int = REPEAT,
    heard: Callable[[int, int], None] = lambda done, total: None,
    timeout_s: float = inf,
) -> Calibration:
    """Measure a scenario's kernels and transfers on this machine.

    Parameters
    ----------
    source, set : as for `simulate`; the scenario's own cost is ignored, so that its profile need not exist.
    repeat : number of measured rounds of the work, alone and with all workers busy.
    heard : called with the number of rounds done and the number of all rounds.
    timeout_s : seconds without the end of a round after which it fails; left out: no limit.

    Raises `ScenarioError` where the input is wrong or has no kernels, `RunError` where one fails.
    """
    require_processes("calibrate")
    from parsim.real.microbenchmark import measure, microbenchmark

    if repeat < 1:
        why = f"{repeat} is not a count from 1; write for example 10"
        raise ScenarioError([Fault("calibrate", 0, 0, "repeat", why)])
    asked = load(source, set)
    chosen = {path: value for path, value in (set or {}).items() if _looked_at(path)} | {"cost": CONSTANT}
    if isinstance(asked.values.get("cluster"), dict) and "topology" in asked.values["cluster"]:
        chosen["cluster.topology"] = ANY_WAY
    scenario = load(source, chosen)
    bare = [Complaint(("workload",), "has no kernels to measure; use items with data and a kernel, or mlp")]
    try:
        job = build_computed(scenario)
    except ScenarioError as error:  # stated seconds of the workload are not a fault here
        if all(fault.path == "cost.compute" for fault in error.faults):
            raise asked.error(bare) from None
        raise
    if job.graph.program is None or not job.graph.recipes:
        raise asked.error(bare)
    timeline = play(replace(job, clock="simulated"))
    rows = np.flatnonzero(timeline.of_tasks)  # those of lanes, too, which bring what others wait for
    order = timeline.number[rows[np.lexsort((timeline.number[rows], timeline.end_s[rows]))]].tolist()
    workers = len(job.cluster.workers)
    found = measure(microbenchmark(job, order), workers, repeat, heard, timeout_s)
    return Calibration(_profile(found, workers, repeat), _file(asked))


def _looked_at(path: str) -> bool:
    """Return whether a value set at *path* matters: cost and topology are ignored."""
    return re.match(r"cost\b|cluster\.topology\b", path) is None


def _profile(found: Found, workers: int, repeat: int) -> Profile:
    from parsim.real.links import line

    kernels = {
        call: Row(*price(call), {"alone": found.alone[call], "busy": found.busy[call]})
        for call in sorted(found.alone.keys() & found.busy.keys(), key=repr)
    }
    alpha, beta = line(found.moves)
    made = _made(workers, repeat, found.threads)
    return Profile(machine(), made, kernels, alpha, beta, found.overhead_s, tuple(found.moves))


def _made(workers: int, repeat: int, threads: int | None) -> dict[str, Any]:
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "parsim": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "blas_threads": threads,
        "workers": workers,
        "oversubscribed": workers > cores(),
        "runs": repeat,
    }


def calibrate_links(launch: Launch | None = None, repeat: int = REPEAT, timeout_s: float = inf) -> Calibration:
    """Measure the links between workers, and to the host: of this machine, or of the MPI job that *launch* starts.

    Parameters
    ----------
    launch : what starts the workers; left out: two processes of this machine.
    repeat : how often arrays of each size are handed over.
    timeout_s : seconds without the end of a task after which it fails; left out: no limit.
    """
    require_processes("calibrate")
    from parsim.real.links import line, measure_links
    from parsim.real.pipes import Processes

    launch = launch or Processes()
    workers = launch.ready
    if not workers:
        why = "an MPI job of one rank has no links; write mpiexec -n 2 parsim calibrate --links, or more ranks"
        raise ScenarioError([Fault("--links", 0, 0, "links", why)])
    found = measure_links(launch, workers, repeat, timeout_s)
    alpha, beta = line(found.workers)
    host = Transfers(*line(found.host), tuple(found.host))
    made = _made(workers, repeat, None) | launch.about()
    profile = Profile(machine(), made, {}, alpha, beta, found.overhead_s, tuple(found.workers), host)
    return Calibration(profile, LINKS)


def file_of(source: Source, set: Mapping[str, Any] | None = None) -> str:
    """Return the path of a scenario's profile."""
    return _file(load(source, set))


def _file(scenario: Scenario) -> str:
    """Return the file that the scenario's cost names, relative to the current folder; else profile.json."""
    cost = scenario.values.get("cost")
    named = cost.get("profile") if isinstance(cost, dict) else None
    return scenario.near(("cost", "profile"), named) if isinstance(named, str) else "profile.json"
