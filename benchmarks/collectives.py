"""Collectives on a star of 25 GB/s: in step, beside a foreign flow, in groups, and their price; against SimGrid.

    apt-get install libsimgrid-dev g++
    python benchmarks/collectives.py

"play" is the CPU seconds of a whole run from the job to its timeline. "network" is that of the network alone, as
SimGrid's: what is sent, by whom, over which links, and at which rate alone, is made beforehand. The ratio is that of
the least CPU seconds of each, played in turn. Without SimGrid the yardstick is the same network with every send by
itself. Foreign flows are checked against that, too: all ends to 1e-12.

ASTRA-sim's congestion-aware network takes 0.6 s for the first ring, SimGrid C++ 0.28 s for one chunk of it (as measured
once, elsewhere).
"""

from __future__ import annotations

import gc
import math
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import process_time
from typing import Any, NamedTuple

import numpy as np
from yardstick import Row, table

from parsim.build import build
from parsim.collectives import collective, collectives
from parsim.core.algorithm import Question
from parsim.core.cluster import Cluster, Device
from parsim.core.collective import Collective
from parsim.core.columns import NEVER
from parsim.core.graph import Flows
from parsim.core.job import Job
from parsim.core.rounds import Group
from parsim.core.schema import Ask
from parsim.scenario.scenario import load
from parsim.sim.alone import alone
from parsim.sim.by_sends import BySends
from parsim.sim.network import Network
from parsim.sim.outside import Outside, Played
from parsim.sim.placed import Placed
from parsim.sim.play import play
from parsim.sim.player import player
from parsim.sim.received import Log
from parsim.sim.ticks import SHARED, Ticks
from parsim.topologies.star import star

SOURCE = Path(__file__).with_suffix(".cpp")
TICKS = Ticks(unit=SHARED, digits=14)
BANDWIDTH, SIZE = 25e9, 1e9
ROUNDS = 5
LONG = 2.0  # s: what takes longer in SimGrid is run once
SIMGRID = 1e-6  # relative: SimGrid ends a send early whose rest is small, 128 nodes of 8 by 6e-8


class Case(NamedTuple):
    """Collectives that begin together, and a flow from the first host to the middle one."""

    hosts: int
    groups: Sequence[Collective]
    foreign: tuple[float, float] = (0.0, 0.0)  # start, B


def cluster_of(hosts: int) -> Cluster:
    """Return hosts on a star without latency."""
    names = tuple(f"w{host}" for host in range(hosts))
    return Cluster(tuple(map(Device, names)), star((*names, "host"), bandwidth=BANDWIDTH, latency=0.0))


def rings(count: int, ranks: int) -> list[Collective]:
    """Return rings of *ranks* hosts each, next to each other."""
    question = Question("all-reduce", SIZE, 1, Group((0,) * ranks))
    return [
        collective(Ask("ring", collectives["ring"]), question, range(first, first + ranks))
        for first in range(0, count * ranks, ranks)
    ]


def hierarchical(nodes: int, ranks: int) -> list[Collective]:
    """Return an all-reduce within nodes, between them, and within them."""
    node = tuple(host // ranks for host in range(nodes * ranks))
    return [
        collective(
            Ask("hierarchical", collectives["hierarchical"]),
            Question("all-reduce", SIZE, 1, Group(node)),
            range(nodes * ranks),
        )
    ]


class Stage:
    """A network and a clock on which collectives and a flow meet."""

    def __init__(self, case: Case, make: Callable[[Placed, Any, Outside], Played]) -> None:
        self.case, self.cluster = case, cluster_of(case.hosts)
        self.cluster.path(0, case.hosts // 2)
        placed = []
        self.network = Network(self.cluster.capacities, TICKS)
        for each in case.groups:
            placed.append(Placed(each, self.cluster, each.members, self.network, TICKS))
            placed[-1].prefix(), placed[-1].owned, placed[-1].links, placed[-1].leaving, placed[-1].turns
        self.log, self.make, self.placed = Log(TICKS), make, placed
        self.asked: dict[int, dict[Played, None]] = {}
        self.joining: dict[int, list[Any]] = {}
        self.ends: list[tuple[int, int]] = []

    def at(self, played: Played, tick: int) -> None:
        """Call `due` of *played* at an instant."""
        self.asked.setdefault(tick, {})[played] = None

    def send(self, played: Played, going: Any, ways: Any, now: int) -> None:
        """Let a send join the network."""
        self.network.join((played, going), ways, going.left, math.inf, now, played)

    def through(self, played: Played, member: int, now: int) -> None:
        """Hear that a member is through."""
        self.ends.append((int(played.tasks[member]), now))

    def run(self) -> tuple[float, list[tuple[int, int]]]:
        """Play all; return the CPU seconds, and when each member was through."""
        gc.collect()
        started = process_time()
        playing = [self.make(placed, np.array(one.members), self)
                   for placed, one in zip(self.placed, self.case.groups, strict=True)]  # fmt: skip
        start, size = self.case.foreign
        if size:
            self.asked[TICKS.of(start)] = {}
        for played in playing:
            for member in range(len(played.tasks)):
                played.post(member, 0)
        stirred, now, foreign = dict.fromkeys(playing), 0, size
        while True:
            for flow in self.network.finished(now):
                if flow is not None:
                    flow[0].arrived(flow[1], now)
                    stirred[flow[0]] = None
            for played in self.asked.pop(now, {}):
                played.due(now)
                stirred[played] = None
            for played in stirred:
                played.begin(now)
            stirred = {}
            if foreign and now >= TICKS.of(start):
                path = self.cluster.path(0, self.case.hosts // 2)
                self.network.join(None, path.ways if path else (), size, math.inf, now)
                foreign = 0.0
            coming = [self.network.settle(now), *self.asked]
            now = min((tick for tick in coming if tick != NEVER), default=NEVER)
            if now == NEVER:
                return process_time() - started, sorted(self.ends)


def simgrid(program: str, case: Case) -> tuple[float, float]:
    """Return SimGrid's CPU seconds, and when the last member was through."""
    rows = [f"{case.hosts} {len(case.groups)} {BANDWIDTH!r}"]
    for each in case.groups:
        rows += [f"{len(each.members)} {len(each.phases)}", " ".join(map(str, each.members))]
        for source, target, size, _ in each.phases:
            sends = zip(source.tolist(), target.tolist(), size.tolist(), strict=True)
            rows += [str(len(source)), *(f"{a} {b} {bytes_!r}" for a, b, bytes_ in sends)]
    options = ["--log=root.thresh:error", "--cfg=contexts/stack-size:256"]
    done = subprocess.run([program, *options], input="\n".join(rows), capture_output=True, text=True, check=True)
    seconds, last = map(float, done.stdout.split())
    return seconds, last


def compared(name: str, case: Case, program: str) -> Row:
    """Let both play a case in turn."""
    taken = []
    while len(taken) < ROUNDS and not (taken and taken[-1][1] > LONG):
        mine, ends = Stage(case, player).run()
        last = TICKS.seconds(max(end for _, end in ends))
        if program:
            theirs, wanted = simgrid(program, case)
            assert math.isclose(last, wanted, rel_tol=SIMGRID), f"{name} ends at {last}, but in SimGrid at {wanted}"
        else:
            theirs, expected = Stage(case, BySends).run()
            assert ends == expected
        taken.append((mine, theirs))
    mine, theirs = map(min, zip(*taken, strict=True))
    return Row(f"network: {name}", f"{mine:.4f} s", f"{theirs:.3f} s", f"{theirs / mine:.0f}", "50 or more")


def beside(name: str, case: Case, goal: str) -> Row:
    """Let a foreign flow come, and compare all ends with those of sends by themselves."""
    mine, ends = min((Stage(case, player).run() for _ in range(2)), key=lambda run: run[0])
    theirs, expected = Stage(case, OneByOne).run()
    for (member, end), (other, wanted) in zip(ends, expected, strict=True):
        assert member == other
        assert abs(end - wanted) <= 1e-12 * wanted, f"{name}: {member} {end} {wanted}"
    return Row(f"network: {name}", f"{mine:.3f} s", f"{theirs:.3f} s", f"{theirs / mine:.0f}", goal)


class OneByOne(BySends):
    """Plays every send by itself."""

    def _all_begin(self, fresh: list[tuple[int, int]]) -> bool:
        return False


def job_of(ranks: int, chunks: int, foreign: tuple[float, float] = (0.0, 0.0)) -> Job:
    """Return a ring all-reduce on its own, or beside a flow of so many bytes."""
    topology = {"kind": "star", "bandwidth": "25 GB/s", "latency": "1 us"}
    work = {"kind": "collective", "operation": "all-reduce", "algorithm": "ring", "size": "1 GB", "chunks": chunks}
    made = build(load({"cluster": {"devices": ranks, "topology": topology}, "workload": work}))
    start, size = foreign
    if not size:
        return made
    ends = np.array([0]), np.array([ranks // 2])
    flow = Flows(("foreign",), *ends, np.array([size]), limit=np.array([math.inf]), start=np.array([start]))
    return replace(made, graph=replace(made.graph, flows=flow))


def played(name: str, goal: str, make: Callable[[], Job]) -> Row:
    """Play a job from the start to its timeline."""
    taken = []
    for _ in range(ROUNDS):
        job = make()
        gc.collect()
        started = process_time()
        play(job)
        taken.append(process_time() - started)
    return Row(f"play: {name}", f"{min(taken):.3f} s", goal=goal)


def priced() -> Row:
    """Measure a price that has been asked for before."""
    case = Case(256, rings(1, 256))
    cluster, devices, count = cluster_of(case.hosts), tuple(range(case.hosts)), 1000
    alone(case.groups[0], cluster, devices)
    started = process_time()
    for _ in range(count):
        alone(case.groups[0], cluster, devices)
    return Row("price of 256 ranks, again", f"{(process_time() - started) / count * 1e6:.1f} us", goal="microseconds")


def main() -> None:
    """Print the table."""
    rows = [
        played("ring, 256 ranks x 4", "0.1 s or less", partial(job_of, 256, 4)),
        played("... a flow of 100 MB", "1 s or less", partial(job_of, 256, 4, (0.01, 1e8))),
        played("... a flow all the time", "1 s or less", partial(job_of, 256, 4, (0.0, 1e10))),
        played("ring, 1,024 ranks x 4", "2 s or less", partial(job_of, 1024, 4)),
        priced(),
        beside("ring of 64, a flow of 100 MB", Case(64, rings(1, 64), (0.003, 1e8)), ""),
        beside("64 rings of 8, a flow", Case(512, rings(64, 8), (0.003, 1e8)), ""),
        beside("16 nodes of 8, a flow", Case(128, hierarchical(16, 8), (0.003, 1e8)), ""),
    ]
    with tempfile.TemporaryDirectory() as folder:
        program = str(Path(folder) / "collectives")
        made = ["g++", "-O2", "-std=c++17", str(SOURCE), "-o", program, "-lsimgrid"]
        if not shutil.which("g++") or subprocess.run(made, capture_output=True).returncode:
            program = ""
        rows += [
            compared("ring, 256 ranks", Case(256, rings(1, 256)), program),
            compared("64 rings of 8", Case(512, rings(64, 8)), program),
            compared("128 nodes of 8", Case(1024, hierarchical(128, 8)), program),
        ]
    print(table("collectives", rows))


if __name__ == "__main__":
    main()
