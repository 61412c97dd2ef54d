"""What every plan may say: what the steps cost, and how many tasks a worker takes ahead."""

from __future__ import annotations

from dataclasses import dataclass, field

from parsim.core.schema import Whole
from parsim.core.units import Seconds


@dataclass(frozen=True)
class Steps:
    """Seconds of the five steps on the host; the sixth, execute, lasts as long as it lasts."""

    split: Seconds = 0.0
    create: Seconds = 0.0
    allocate: Seconds = 0.0
    gather: Seconds = 0.0
    merge: Seconds = 0.0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How work is cut: a workload adds its own keys."""

    steps: Steps = field(default_factory=Steps)
    prefetch: Whole = 0
