"""How long one waits for `parsim --help`, and for the first scenario without plots.

    python benchmarks/startup.py

The yardstick is Python itself, which starts and does nothing.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from statistics import median
from time import perf_counter

from yardstick import Row, table

ROUNDS = 9
MAIN = "from parsim.cli import main; main()"
FIRST = Path(__file__).resolve().parents[1] / "scenarios" / "01_five_tasks_data.yaml"
GOALS = {("--help",): 0.3, ("run", str(FIRST)): 0.6}  # s


def seconds(*arguments: str) -> float:
    """Return the median time of a Python process with *arguments*."""
    times = []
    for _ in range(ROUNDS):
        started = perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        times.append(perf_counter() - started)
    return median(times)


def main() -> None:
    """Print one table."""
    empty = seconds("-c", "")
    rows = []
    for arguments, goal in GOALS.items():
        taken = seconds("-c", MAIN, *arguments)
        name = " ".join(["parsim", *(Path(argument).name for argument in arguments)])
        rows.append(Row(name, f"{taken:.3f} s", f"{empty:.3f} s", f"{taken / empty:.1f}", f"{goal} s or less"))
    print(table("start-up", rows))


if __name__ == "__main__":
    main()
