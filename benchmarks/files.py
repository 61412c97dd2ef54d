"""What `--out` takes: a million tasks with it and without, and one trace.json.

    python benchmarks/files.py

A 1F1B of 64 ranks, in processes of their own. The yardstick of `--out` is the same run without; that of the trace is
bare SimPy, which plays as many events.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from time import process_time
from typing import NamedTuple

import numpy as np
from yardstick import Row, bare_simpy, table

import parsim
from parsim.export.files import parts

RANKS = 64
MILLION, FEWER = 7_813, 782  # microbatches: 1,000,064 tasks, and 100,096
MEMORY, TIMES = 600, 3.0  # MB, times the run without --out
COMMAND = [sys.executable, "-c", "import sys, resource; from parsim.cli import main\ntry: main()\nfinally: "]
REPORT = "u = resource.getrusage(resource.RUSAGE_SELF); print(u.ru_utime + u.ru_stime, u.ru_maxrss, file=sys.stderr)"
STAGES = {"kind": "stages", "forward": "1 ms", "input_grad": "1 ms", "weight_grad": "1 ms"}


class Taken(NamedTuple):
    """What a process took."""

    seconds: float  # of CPU
    kilobytes: int  # at most


def pipeline(microbatches: int) -> dict[str, object]:
    """Return a 1F1B of so many *microbatches*."""
    plan = {"pipeline": RANKS, "schedule": "1f1b", "microbatches": microbatches}
    return {"cluster": {"devices": RANKS}, "workload": STAGES, "plan": plan}


def taken(*arguments: str | Path) -> Taken:
    """Run parsim with *arguments*."""
    command = [*COMMAND[:2], COMMAND[2] + REPORT, *map(str, arguments)]
    done = subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    seconds, kilobytes = done.stderr.split()[-2:]
    return Taken(float(seconds), int(kilobytes))


def main() -> None:
    """Print one table."""
    with tempfile.TemporaryDirectory() as folder:
        scenario = Path(folder, "million.yaml")
        scenario.write_text(str(pipeline(MILLION)).replace("'", ""))
        without, out = (
            taken("run", scenario, "--quiet"),
            taken("run", scenario, "--quiet", "--out", Path(folder, "out")),
        )
    run = parsim.simulate(pipeline(FEWER))
    started = process_time()
    size = sum(map(len, parts(run.files()["trace.json"]())))
    trace = process_time() - started
    tasks = len(run.job.graph)
    simpy = tasks / bare_simpy(np.ones(tasks).tolist(), tasks)
    rows = [
        Row(
            "1 M tasks, --out",
            f"{out.seconds:.1f} s",
            f"{without.seconds:.1f} s (without)",
            f"{out.seconds / without.seconds:.1f}",
            f"{TIMES:g} or less",
        ),
        Row(
            "    memory",
            f"{out.kilobytes / 1e3:.0f} MB",
            f"{without.kilobytes / 1e3:.0f} MB",
            "",
            f"{MEMORY} MB or less",
        ),
        Row(
            f"trace.json, {size / 1e6:.0f} MB",
            f"{trace:.2f} s",
            f"{simpy:.2f} s",
            f"{trace / simpy:.1f}",
            "0.8 s or less",
        ),
    ]
    print(table("CPU of files", rows))


if __name__ == "__main__":
    main()
