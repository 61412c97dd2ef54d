"""A profile: measured seconds of the kernels and transfers of a machine, in a JSON file.

    kernels     a row per call: kernel, arguments, part, shapes, FLOP, bytes; median, spread, outliers
                  alone: on one core, the others idle        busy: with the other workers computing the same
    transfers   alpha + beta x size, to copy an array into shared memory and out of it
    host        the same between a worker and the host, where links were measured
    overhead_s  of any task: to hand it over, and to learn of its end

`parsim calibrate` writes it, `cost: measured` and `topology: shared_memory` read it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from parsim.core.errors import Fault, ScenarioError
from parsim.core.kernel import PARTS, Call, arguments_of
from parsim.core.machine import machine
from parsim.core.read_file import content

Neighbours = str  # "alone" or "busy"
NEIGHBOURS = ("alone", "busy")
SCHEMA = 1
REMEDY = "calibrate on this machine, or write 'machine: any' to use it anyway"


class Timing(NamedTuple):
    """Seconds of a call over some runs. `spread_s` is the interquartile range; outliers are beyond 3 times it."""

    median_s: float
    spread_s: float
    runs: int
    outliers: int


class Row(NamedTuple):
    """A measured call; FLOP and bytes are NaN if the kernel does not state them."""

    flops: float
    bytes: float
    timing: Mapping[Neighbours, Timing]


class Transfers(NamedTuple):
    """What transfers of one sort take: alpha + beta x size, fitted to points."""

    alpha_s: float
    beta_s_per_byte: float
    points: tuple[tuple[float, float], ...]  # (B, s)

    def to_dict(self) -> dict[str, Any]:
        """Return the content of the file."""
        return {
            "alpha_s": self.alpha_s,
            "beta_s_per_byte": self.beta_s_per_byte,
            "points": [{"size": size, "median_s": seconds} for size, seconds in self.points],
        }


@dataclass(frozen=True)
class Profile:
    """The measurements of a machine."""

    machine: Mapping[str, Any]  # name, processor, cores
    made: Mapping[str, Any]  # date, versions, threads, workers
    kernels: Mapping[Call, Row]
    alpha_s: float
    beta_s_per_byte: float
    overhead_s: float
    points: tuple[tuple[float, float], ...] = field(default=())  # (B, s), the basis of alpha and beta
    host: Transfers | None = None  # between a worker and the host; None: as between workers

    def travel(self, size: Any) -> Any:
        """Return the seconds of one or many transfers of *size* bytes."""
        return self.alpha_s + self.beta_s_per_byte * size

    def elsewhere(self) -> str:
        """Return how the profile's machine differs from this one; empty if it is the same."""
        differs = ((name, self.machine.get(name), own) for name, own in machine().items())
        return "; ".join(f"{name} {there}, not {own}" for name, there, own in differs if there != own)

    def to_dict(self) -> dict[str, Any]:
        """Return the content of the file."""
        return {
            "schema": SCHEMA,
            "machine": dict(self.machine),
            "made": dict(self.made),
            "transfers": Transfers(self.alpha_s, self.beta_s_per_byte, self.points).to_dict(),
            **({"host": self.host.to_dict()} if self.host else {}),
            "overhead_s": self.overhead_s,
            "kernels": [
                {
                    "kernel": call.kernel,
                    "arguments": dict(call.arguments),
                    "part": call.part,
                    "shapes": [list(shape) for shape in call.shapes],
                    "flops": None if math.isnan(row.flops) else row.flops,
                    "bytes": None if math.isnan(row.bytes) else row.bytes,
                    **{name: timing._asdict() for name, timing in row.timing.items()},
                }
                for call, row in self.kernels.items()
            ],
        }


def read(file: str) -> Profile:
    """Read a profile. Faults raise `ScenarioError`."""
    try:
        said = json.loads(content(file))
    except json.JSONDecodeError as error:
        raise _refused(file, f"is not valid JSON: {error.msg}", error.lineno, error.colno) from None
    except (ValueError, RecursionError) as error:
        hint = "; make it with 'parsim calibrate SCENARIO'" if "no such" in str(error).lower() else ""
        raise _refused(file, f"{error}{hint}") from None
    if not isinstance(said, dict) or said.get("schema") != SCHEMA:
        raise _refused(file, f"is not a profile of schema {SCHEMA}; make one with 'parsim calibrate SCENARIO'")
    try:
        return _read(said)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        what = f"{type(error).__name__}: {error}"
        raise _refused(
            file, f"is a damaged profile ({what}); make a new one with 'parsim calibrate SCENARIO'"
        ) from None


def _refused(file: str, message: str, line: int = 1, column: int = 1) -> ScenarioError:
    return ScenarioError([Fault(file, line, column, "profile", message)])


def _read(said: dict[str, Any]) -> Profile:
    moved = _transfers(said["transfers"])
    return Profile(
        machine=dict(said["machine"]),
        made=dict(said["made"]),
        kernels=dict(map(_row, said["kernels"])),
        alpha_s=moved.alpha_s,
        beta_s_per_byte=moved.beta_s_per_byte,
        overhead_s=_amount(said["overhead_s"]),
        points=moved.points,
        host=_transfers(said["host"]) if "host" in said else None,
    )


def _transfers(said: dict[str, Any]) -> Transfers:
    return Transfers(
        _amount(said["alpha_s"]),
        _amount(said["beta_s_per_byte"]),
        tuple((_amount(one["size"]), _amount(one["median_s"])) for one in said["points"]),
    )


def _row(said: dict[str, Any]) -> tuple[Call, Row]:
    if said["part"] not in PARTS:
        raise ValueError(f"part {said['part']!r}")
    shapes = tuple(tuple(map(_length, shape)) for shape in said["shapes"])
    if not isinstance(said["kernel"], str):
        raise ValueError(f"kernel {said['kernel']!r}")
    call = Call(said["kernel"], arguments_of(said["arguments"]), said["part"], shapes)
    timing = {
        name: Timing(_amount(said[name]["median_s"]), _amount(said[name]["spread_s"]),
                     int(said[name]["runs"]), int(said[name]["outliers"]))
        for name in NEIGHBOURS
    }  # fmt: skip
    flops, size = (math.nan if said[key] is None else _amount(said[key]) for key in ("flops", "bytes"))
    return call, Row(flops, size, timing)


def _length(number: Any) -> int:
    if isinstance(number, bool) or not isinstance(number, int) or number < 0:
        raise ValueError(f"{number!r} is not a length")
    return number


def _amount(number: Any) -> float:
    if isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number < math.inf:
        raise ValueError(f"{number!r} is not a number of 0 or more")
    return float(number)
