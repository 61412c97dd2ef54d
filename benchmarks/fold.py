"""Whole clusters: a step of Llama 3 405B on 16,384 devices, of which one of each class is played.

    python benchmarks/fold.py

"command" is the CPU seconds and the memory of `parsim run` less its start-up, a step of a small model on one device by
the same command; each in a process of its own, in turn. The refinement is that of all devices, without a part that
tells of all; its yardstick is one sort of where routes cross links. The step of 256 devices is played with every
device, too: the ratio is that of both, which end all tasks at the same times, to 1e-12 of the makespan.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
from pathlib import Path
from statistics import median
from subprocess import DEVNULL, Popen
from time import process_time
from typing import Any, NamedTuple

import numpy as np
from yardstick import Row, table

import parsim
from parsim.core.classes import Classes, Network, broken, numbered, refined
from parsim.core.columns import NONE
from parsim.run import Result
from parsim.topologies.islands import islands
from parsim.training.degrees import Degrees

COMMAND = [sys.executable, "-c", "from parsim.cli import main; main()"]
ROUNDS = 5
NEAR = 1e-12  # of the makespan
ISLANDS = {"kind": "islands", "node": "dgx-h100"}
RAIL = {"kind": "rail", "node": "dgx-h100", "spines": 8, "nodes_per_leaf": 32}
INTERLEAVED = {"schedule": "interleaved-1f1b", "chunks": 2}
MODEL = {"kind": "transformer", "preset": "llama3-405b"}
PLAN = {"tensor": 8, "pipeline": 16, "microbatches": 16, "microbatch_size": 1}
PLAN |= {"recompute": "selective", "sharding": "zero1"}
SMALL = """\
cluster: {device: a100-80g}
workload: {kind: transformer, preset: gpt2-124m, blocks: 1, batch: 1}
plan: {data: 1}
"""
CASES = (  # what, topology, keys of the plan
    ("1f1b, islands", ISLANDS, {"schedule": "1f1b"}),
    ("interleaved-1f1b, islands", ISLANDS, INTERLEAVED),
    ("1f1b, rail", RAIL, {"schedule": "1f1b"}),
    ("interleaved-1f1b, rail", RAIL, INTERLEAVED),
)


class Spent(NamedTuple):
    """What a process has used."""

    seconds: float  # of CPU
    memory: float  # B, at most


def step(data: int, topology: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """Return the scenario of a step with so many replicas of 128 devices."""
    return {"cluster": {"topology": topology}, "workload": MODEL, "plan": {"data": data, **PLAN, **more}}


def command(scenario: Path) -> Spent:
    """Run a scenario in a process of its own."""
    process = Popen([*COMMAND, "run", str(scenario)], stdout=DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, scenario.read_text()
    return Spent(used.ru_utime + used.ru_stime, used.ru_maxrss * 1024.0)


def beyond_start_up(scenario: Path, small: Path) -> tuple[Spent, Spent]:
    """Return what a command uses more than its start-up, and the start-up."""
    taken = [(command(scenario), command(small)) for _ in range(ROUNDS)]
    more = [(long.seconds - short.seconds, long.memory - short.memory) for long, short in taken]
    starts = [short for _, short in taken]
    return Spent(*map(median, zip(*more, strict=True))), Spent(*map(median, zip(*starts, strict=True)))


def network(data: int) -> Network:
    """Return what devices of so many replicas send each other: in rings, and to the neighbouring stages."""
    degrees = Degrees(data=data, tensor=8, pipeline=16)
    wiring = islands((*(f"w{index}" for index in range(degrees.devices)), "host"), node="dgx-h100")
    rank = degrees.coordinate("pipeline")
    rows = [(group, np.roll(group, -1, axis=1)) for group in (degrees.groups("tensor"), degrees.groups("data"))]
    stages = np.stack([np.flatnonzero(rank == one) for one in range(degrees.pipeline)])
    rows += [(stages[:-1], stages[1:]), (stages[1:], stages[:-1])]
    source, target = (np.concatenate([ends.ravel() for ends in side]) for side in zip(*rows, strict=True))
    ways = wiring.crossed(source, target)
    links = np.array([(link.bandwidth, link.latency) for link in ways.links])
    purpose = np.repeat(np.arange(len(rows)), [side.size for side, _ in rows])
    kinds = numbered(np.unique(links, axis=0, return_inverse=True)[1].reshape(-1))
    return Network(rank, purpose, source, target, ways.rows, kinds)


def classes_of(given: Network) -> Classes:
    """Refine and check."""
    found = refined(given)
    wrong = broken(given, found)
    assert not wrong, wrong
    return found


def sorted_crossings(given: Network) -> None:
    """Sort once where routes cross links, by link and route: the least that a check has to do."""
    row, hop = np.nonzero(given.links != NONE)
    np.lexsort((row, given.links[row, hop]))


def cpu(work: Any, *arguments: Any) -> tuple[float, Any]:
    """Return the CPU seconds of a call, and what it returns."""
    started = process_time()
    found = work(*arguments)
    return process_time() - started, found


def played(scenario: dict[str, Any], fold: str) -> Result:
    """Play a scenario, and compute all figures."""
    run = parsim.simulate(scenario, fold=fold)
    run.to_dict()
    return run


def apart(whole: Result, fold: Result) -> tuple[float, int]:
    """Return how far starts and ends of tasks are apart at most, as a share of the makespan, and how many tasks."""
    known = times(whole)
    found = {key: np.abs(known[key] - own).max() for key, own in times(fold).items()}
    return max(found.values()) / whole.timeline.makespan_s, len(found)


def times(run: Result) -> dict[tuple[str, str], Any]:
    """Return start and end of the tasks of all workers, by worker and name; transfers are left out."""
    line = run.timeline
    rows = np.flatnonzero((line.sender < 0) & (line.transfer < 0))
    keys = zip(line.workers.at(rows).decode(), line.tasks.at(rows).decode(), strict=True)
    return dict(zip(keys, np.column_stack([line.start_s[rows], line.end_s[rows]]), strict=True))


def commands() -> list[Row]:
    """Measure whole commands."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        small = Path(folder, "small.yaml")
        small.write_text(SMALL)
        for number, (what, topology, more) in enumerate(CASES):
            path = Path(folder, f"{number}.yaml")
            path.write_text(repr(step(128, topology, more)))  # YAML, too
            spent, start = beyond_start_up(path, small)
            words = f"{spent.seconds:.2f} s", f"{start.seconds:.2f} s (start-up)"
            rows.append(Row(f"command, 16,384, {what}", *words, f"{spent.seconds / start.seconds:.2f}", "3 s or less"))
            words = f"{spent.memory / 1e6:.0f} MB", f"{start.memory / 1e6:.0f} MB (start-up)"
            rows.append(Row("    memory", *words, f"{spent.memory / start.memory:.2f}", "300 MB or less"))
    return rows


def refinement() -> Row:
    """Measure the refinement and the check of 131,072 devices."""
    given = network(1024)
    taken = [(cpu(classes_of, given)[0], cpu(sorted_crossings, given)[0]) for _ in range(ROUNDS)]
    mine, yardstick = (min(column) for column in zip(*taken, strict=True))
    many = ", ".join(str(int(of.max()) + 1) for of in classes_of(given))
    what = f"refine and check 131,072 devices, {len(given.source):,} routes ({many} classes)"
    return Row(what, f"{mine:.2f} s", f"{yardstick:.3f} s (a sort)", f"{mine / yardstick:.1f}", "1.5 s or less")


def against_the_whole() -> list[Row]:
    """Measure 256 devices, folded and not, and compare both."""
    scenario = step(2, ISLANDS, {"schedule": "1f1b"})
    taken = [(cpu(played, scenario, "off"), cpu(played, scenario, "on")) for _ in range(ROUNDS)]
    (long, whole), (short, fold) = (min(column, key=lambda pair: pair[0]) for column in zip(*taken, strict=True))
    worst, tasks = apart(whole, fold)
    assert worst <= NEAR, worst
    return [
        Row(
            "256 devices, each played", f"{long:.2f} s", f"{short:.3f} s (folded)", f"{long / short:.1f}", "15 or less"
        ),
        Row(f"    starts and ends of {tasks:,} tasks", f"{worst:.1e} apart", goal="1e-12 of the makespan or less"),
    ]


def flatness() -> list[Row]:
    """Measure 1,024 replicas beside 8."""
    rows = []
    for what, more in (("1f1b", {"schedule": "1f1b"}), ("interleaved-1f1b", INTERLEAVED)):
        many, few = step(1024, ISLANDS, more), step(8, ISLANDS, more)
        taken = [(cpu(played, many, "auto")[0], cpu(played, few, "auto")[0]) for _ in range(ROUNDS)]
        long, short = (min(column) for column in zip(*taken, strict=True))
        words = f"{long:.3f} s", f"{short:.3f} s (8)", f"{long / short:.2f}", "1.1 or less"
        rows.append(Row(f"1,024 replicas, {what}, in this process", *words))
    return rows


def main() -> None:
    """Print one table."""
    rows = [*commands(), refinement(), *against_the_whole(), *flatness()]
    print(table("a step of Llama 3 405B", rows))
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    print(f"\nCPU seconds. This process took {most:.0f} MB at most.")


if __name__ == "__main__":
    main()
