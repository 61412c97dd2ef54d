"""Published measurements of collectives against their prediction, with nothing fitted.

    python benchmarks/nccl.py [--markdown]

The rows are sweeps of nccl-tests and similar programs on one to three nodes, most of them of all-reduce. A prediction
plays the collective on islands of devices, with the bandwidth that NCCL itself counts on, and adds what a call takes
before it sends.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

import parsim
from parsim.topologies.inside import LANES

FILE = Path(__file__).with_name("published") / "nccl.csv"
CALL = 40e-6  # s, the middle of 30 to 50 us, for an operation of two halves (all-reduce); times (1 + ranks / 10)
LINKS = {  # GB/s of all NVLinks of a device together: their number, and GB/s each in src/graph/topo.h of NCCL, 2025
    "a100-80g": 12 * 20.0,
    "h100-80g": 18 * 20.6,
    "h200": 18 * 20.6,
    "b200": 18 * 40.1,
}
LANE = 20.0  # GB/s of one NVLink of a V100, from the same file
XGMI = 64.0  # GB/s of each link of an MI300X to another, by its data sheet
CARD = 25.0  # GB/s of a network card of 200 Gbit/s
MIB = 2**20


class Row(NamedTuple):
    """A measurement and its prediction."""

    source: str
    device: str
    nodes: int
    ranks: int
    operation: str
    algorithm: str  # as published; empty: not told
    size: int  # B
    measured_s: float
    predicted_s: float

    @property
    def error(self) -> float:
        """Predicted over measured, less 1."""
        return self.predicted_s / self.measured_s - 1

    @property
    def system(self) -> str:
        """Who measured what, on which devices."""
        on = f" on {self.nodes} nodes" if self.nodes > 1 else ""
        by = f", {self.algorithm}" if self.algorithm else ""
        of = "" if self.operation == "all-reduce" else f", {self.operation}"
        return f"{self.source}: {self.device}{on}{of}{by}"

    @property
    def column(self) -> str:
        """The head of its column in the table by size."""
        on = f" on {self.nodes}" if self.nodes > 1 else ""
        return f"{self.ranks} {self.device.partition('-')[0]}{on}{'' if self.operation == 'all-reduce' else ' send'}"


def published() -> list[dict[str, str]]:
    """Read the published rows."""
    with FILE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def scenario(row: dict[str, str]) -> dict[str, Any]:
    """Return the scenario of a row."""
    ranks, nodes, device = int(row["ranks"]), int(row["nodes"]), row["device"]
    each = ranks // nodes
    network: dict[str, Any] = {"kind": "islands", "per_node": each, "nic": f"{CARD} GB/s", "nics": each}
    if device == "mi300x":
        network |= {"inside": "full", "bandwidth": f"{XGMI} GB/s"}
    else:
        bandwidth = LANE * lanes(ranks) if device == "v100-16g" else LINKS[device]
        network |= {"inside": "switch", "bandwidth": f"{bandwidth} GB/s"}
    if row["nics"]:
        network["nics"] = int(row["nics"])
    algorithm = "direct" if device == "mi300x" else "auto"
    work = {
        "kind": "collective",
        "operation": row["operation"],
        "algorithm": algorithm,
        "size": f"{row['size_bytes']} B",
    }
    return {"cluster": {"devices": ranks, "topology": network}, "workload": work}


def lanes(ranks: int) -> int:
    """Return the NVLinks to the others of the device that has the fewest, among the first *ranks* of a DGX-1."""
    return int(LANES[:ranks, :ranks].sum(axis=1).min())


def predicted(row: dict[str, str]) -> Row:
    """Play a row, and add what a call takes."""
    ranks, halves = int(row["ranks"]), 2 if row["operation"] == "all-reduce" else 1
    seconds = parsim.simulate(scenario(row)).timeline.makespan_s + CALL * halves / 2 * (1 + ranks / 10)
    return Row(
        row["source"],
        row["device"],
        int(row["nodes"]),
        ranks,
        row["operation"],
        row["algorithm"],
        int(row["size_bytes"]),
        float(row["seconds"]),
        seconds,
    )


def summary(rows: Sequence[Row]) -> list[tuple[str, int, float, float, float]]:
    """Return for each system the number of rows, mean error, mean absolute error, and that from 64 MiB on."""
    found = []
    for system in dict.fromkeys(row.system for row in rows):
        some = [row for row in rows if row.system == system]
        large = [row for row in some if row.size >= 64 * MIB]
        found.append((system, len(some), _bias(some), _error(some), _error(large)))
    return found


def _bias(rows: Iterable[Row]) -> float:
    return mean([row.error for row in rows])


def _error(rows: Iterable[Row]) -> float:
    errors = [abs(row.error) for row in rows]
    return mean(errors) if errors else float("nan")


def by_size(rows: Sequence[Row]) -> list[list[str]]:
    """Return the heads of a table, and a line for each size with the error of each column."""
    columns = list(dict.fromkeys(row.column for row in rows))
    found = [["size", *columns]]
    for size in sorted({row.size for row in rows}):
        errors = {row.column: row for row in reversed(rows) if row.size == size}
        cells = (_cell(errors[one]) if one in errors else "" for one in columns)
        found.append([_told(size), *cells])
    return found


def _cell(row: Row) -> str:
    return f"{row.error:+.0%}{' n' if row.algorithm == 'NVLS' else ''}"


def _told(size: int) -> str:
    for unit, name in ((2**30, "GiB"), (MIB, "MiB"), (1024, "KiB")):
        if size >= unit:
            return f"{size / unit:.4g} {name}"
    return f"{size} B"


def table(rows: Sequence[Sequence[str]], markdown: bool) -> None:
    """Print rows, the first of which are the heads."""
    for number, row in enumerate(rows):
        print(f"| {' | '.join(row)} |" if markdown else "  ".join(f"{cell:>10}" for cell in row))
        if markdown and not number:
            print("|" + "---|" * len(row))
    print()


def swept(row: Row, rows: Sequence[Row]) -> bool:
    """Return whether more than four sizes were measured on the system of a row."""
    like = [one for one in rows if (one.source, *one[1:5]) == (row.source, *row[1:5])]
    return len({one.size for one in like}) > 4


def main() -> None:
    """Print the errors by system, and by system and size."""
    markdown, rows = "--markdown" in sys.argv, [predicted(row) for row in published()]
    heads = ["measured by: devices", "rows", "mean absolute error", "from 64 MiB on", "mean error"]
    lines = [
        [system, str(count), f"{error:.1%}", "" if large != large else f"{large:.1%}", f"{bias:+.1%}"]
        for system, count, bias, error, large in summary(rows)
    ]
    table([heads, *lines], markdown)
    for source in ("vTrain", "Bekman", "Vidur"):
        print(f"{source}\n")
        table(by_size([row for row in rows if row.source == source and swept(row, rows)]), markdown)


if __name__ == "__main__":
    main()
