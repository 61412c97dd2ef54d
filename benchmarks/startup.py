"""How much CPU `parsim --help` takes, and the first scenario without plots.

    python benchmarks/startup.py

The yardstick is Python that imports NumPy and SimPy, which every run needs, in a process of its own beside each.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path
from statistics import median

from yardstick import Row, table

ROUNDS = 15
MAIN = "from parsim.cli import main; main()"
FIRST = Path(__file__).resolve().parents[1] / "scenarios" / "01_five_tasks_data.yaml"
YARDSTICK = ("-c", "import numpy, simpy")
GOALS = {("--help",): 0.6, ("run", str(FIRST)): 2.0}  # times the yardstick


def seconds(*arguments: str) -> float:
    """Return the CPU seconds of a Python process with *arguments*."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def main() -> None:
    """Print one table."""
    rows = []
    for arguments, goal in GOALS.items():
        seconds("-c", MAIN, *arguments)  # which writes bytecode, where there is none
        taken = [(seconds("-c", MAIN, *arguments), seconds(*YARDSTICK)) for _ in range(ROUNDS)]
        ours, yardstick = (median(column) for column in zip(*taken, strict=True))
        name = " ".join(["parsim", *(Path(argument).name for argument in arguments)])
        ratio = median(mine / other for mine, other in taken)
        rows.append(Row(name, f"{ours:.3f} s", f"{yardstick:.3f} s", f"{ratio:.2f}", f"{goal} or less"))
    print(table("CPU at start-up", rows))


if __name__ == "__main__":
    main()
