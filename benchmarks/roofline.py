"""The roofline of a calibrated core beside kernels calibrated on this machine, call by call.

    python benchmarks/roofline.py

The calls are those of scenarios 15 (an MLP) and 17 (a transformer), alone on one core. The yardstick is what the cost
`roofline` says of device calibrated-core, and the last column which of its limits holds. A ratio above 1: slower.
"""

from __future__ import annotations

import os
from pathlib import Path

from yardstick import Row, table

import parsim
from parsim.core.cluster import Device
from parsim.core.kernel import Call
from parsim.core.profile import Row as Known
from parsim.costs.roofline import seconds
from parsim.hardware import known_device

FOLDER = Path(__file__).resolve().parents[1] / "scenarios"
NAMES = ("15_mlp_data", "17_transformer_data")
REPEAT = 3
FORMAT = "fp64"  # of NumPy's kernels
MOST = 16  # calls of each, the longest first


def row(call: Call, known: Known, device: Device) -> Row:
    """Hold a call against the roofline."""
    measured, said = known.timing["alone"].median_s, seconds(call, device, FORMAT)
    limit = "arithmetic" if known.flops / device.peak.of(FORMAT) > known.bytes / device.bandwidth else "memory"
    sizes = " ".join("x".join(map(str, shape)) or "1" for shape in call.shapes)
    name = f"{call.kernel} {call.part} {sizes}"
    return Row(name, f"{1e3 * measured:.3f} ms", f"{1e3 * said:.3f} ms", f"{measured / said:.2f}", limit)


def main() -> None:
    """Print a table for each scenario."""
    device = known_device("calibrated-core")
    for name in NAMES:
        found = parsim.calibrate(FOLDER / f"{name}.yaml", repeat=REPEAT).profile.kernels
        longest = sorted(found.items(), key=lambda one: -one[1].timing["alone"].median_s)[:MOST]
        print(table(f"{name}, load {os.getloadavg()[0]:.1f}", [row(*one, device) for one in longest]), "\n")


if __name__ == "__main__":
    main()
