"""Flows that share links, against SimGrid in C++.

    apt-get install libsimgrid-dev g++
    python benchmarks/flows.py                   ten minutes; SimGrid takes nearly all of it
    python benchmarks/flows.py "incast 1,024"

Both play the same flows in turn; the ratio is that of the least CPU seconds of each, since noise only adds. SimGrid's
platform is made beforehand, and parsim's links as flows come. Every flow's end is compared. `growth` is the exponent of
the CPU seconds between 256 and 4,096 flows. Where SimGrid is missing, parsim's seconds stand alone.
"""

from __future__ import annotations

import gc
import math
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import NamedTuple

from yardstick import Row, table

from parsim.core.columns import NEVER
from parsim.sim.network import Network
from parsim.sim.ticks import SHARED, Ticks

SOURCE = Path(__file__).with_name("flows.cpp")
TICKS = Ticks(unit=SHARED, digits=16)
BANDWIDTH = 1e9  # B/s of each link
SIZES = 10**8, 10**9  # B, drawn evenly between the two
ROUNDS = 9
LONG = 2.0  # s: what takes longer in SimGrid is run once


class Traffic(NamedTuple):
    """Hosts with a link up and a link down each, and flows: start, source, target, bytes."""

    hosts: int
    flows: list[tuple[float, int, int, float]]


def pairs(count: int, hosts: int, load: float = math.inf) -> Traffic:
    """Draw flows between random hosts that keep their links busy for *load* of the time; infinite: all start at 0."""
    draw = random.Random(0)
    last = count / hosts * sum(SIZES) / 2 / BANDWIDTH / load
    flows = []
    for _ in range(count):
        source, target = draw.sample(range(hosts), 2)
        flows.append((draw.uniform(0, last), source, target, float(draw.randint(*SIZES))))
    return Traffic(hosts, sorted(flows))


def incast(count: int) -> Traffic:
    """Let all hosts send to the first."""
    draw = random.Random(0)
    return Traffic(count + 1, [(0.0, 1 + source, 0, float(draw.randint(*SIZES))) for source in range(count)])


def all_to_all(hosts: int) -> Traffic:
    """Let every host send to every other, and no two sizes be equal."""
    draw = random.Random(0)
    ways = [(source, target) for source in range(hosts) for target in range(hosts) if source != target]
    return Traffic(hosts, [(0.0, *way, float(draw.randint(*SIZES))) for way in ways])


CASES: dict[str, tuple[Callable[[], Traffic], str]] = {
    "random 1,024": (lambda: pairs(1024, 256), "3 or more"),
    "incast 1,024": (lambda: incast(1024), "5 or more"),
    "staggered 4,096": (lambda: pairs(4096, 1024, load=0.45), "1 or more"),
    "sparse 4,096": (lambda: pairs(4096, 16384), "0.5 or more"),
    "light 4,096": (lambda: pairs(4096, 4096, load=1 / 16), ""),
    "all to all 32": (lambda: all_to_all(32), ""),
    "random 4,096": (lambda: pairs(4096, 1024), "20 or more"),
}


def ours(traffic: Traffic) -> tuple[float, list[float]]:
    """Return parsim's CPU seconds, and each flow's end."""
    network = Network([BANDWIDTH] * 2 * traffic.hosts, TICKS)
    waiting = [
        (TICKS.of(start), flow, ((2 * source, 1.0), (2 * target + 1, 1.0)), size)
        for flow, (start, source, target, size) in enumerate(traffic.flows)
    ][::-1]
    ends, first = [NEVER] * len(waiting), NEVER
    gc.collect()
    started = process_time()
    while waiting or first != NEVER:
        now = waiting[-1][0] if waiting and (first == NEVER or waiting[-1][0] < first) else first
        for flow in network.finished(now):
            ends[flow] = now
        while waiting and waiting[-1][0] <= now:
            _, flow, ways, size = waiting.pop()
            network.join(flow, ways, size, math.inf, now)
        first = network.settle(now)
    return process_time() - started, [TICKS.seconds(end) for end in ends]


def simgrid(program: str, traffic: Traffic) -> tuple[float, list[float]]:
    """Return SimGrid's CPU seconds, and each flow's end."""
    rows = [str(traffic.hosts)] + [f"{BANDWIDTH!r} {BANDWIDTH!r}"] * traffic.hosts
    rows += [f"{start!r} {source} {target} {size!r}" for start, source, target, size in traffic.flows]
    options = ["--log=root.thresh:error", "--cfg=contexts/stack-size:256"]
    done = subprocess.run([program, *options], input="\n".join(rows), capture_output=True, text=True, check=True)
    seconds, *ends = map(float, done.stdout.split())
    return seconds, ends


def compared(name: str, program: str) -> Row:
    """Let both play a case in turn."""
    make, goal = CASES[name]
    traffic = make()
    taken = []
    while len(taken) < ROUNDS and not (taken and taken[-1][1] > LONG):
        (mine, ends), (theirs, wanted) = ours(traffic), simgrid(program, traffic)
        assert all(math.isclose(*both, rel_tol=1e-9) for both in zip(ends, wanted, strict=True)), "ends differ"
        taken.append((mine, theirs))
    mine, theirs = map(min, zip(*taken, strict=True))
    return Row(name, f"{mine:.3f} s", f"{theirs:.3f} s", f"{theirs / mine:.2f}", goal)


def growth(name: str, make: Callable[[int], Traffic]) -> Row:
    """Measure the exponent with which the CPU seconds grow with the number of flows."""
    few, many = (min(ours(make(count))[0] for _ in range(ROUNDS)) for count in (256, 4096))
    return Row(f"growth of {name}", f"{math.log(many / few, 4096 / 256):.2f}", goal="1.4 or less")


def main() -> None:
    """Print the table."""
    chosen = sys.argv[1:] or list(CASES)
    with tempfile.TemporaryDirectory() as folder:
        program = str(Path(folder) / "flows")
        build = ["g++", "-O2", "-std=c++17", str(SOURCE), "-o", program, "-lsimgrid"]
        if shutil.which("g++") and not subprocess.run(build, capture_output=True).returncode:
            rows = [compared(name, program) for name in chosen]
        else:
            rows = [Row(name, f"{ours(CASES[name][0]())[0]:.3f} s") for name in chosen]
    if not sys.argv[1:]:
        rows += [growth("random", lambda count: pairs(count, count // 4)), growth("incast", incast)]
    print(table("flows (SimGrid is the yardstick)", rows))


if __name__ == "__main__":
    main()
