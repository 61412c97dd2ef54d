"""Rules for shardings: the same work is computed, no device holds more than without, and the ledger adds up."""

from __future__ import annotations

from functools import partial
from typing import Any

from parsim.conformance.case import Case, Found, asked, found
from parsim.metrics.checker import check
from parsim.run import Result
from parsim.scenario.schema import check as read
from parsim.shardings import shardings
from parsim.study.single import simulate

PLANS: dict[str, dict[str, Any]] = {
    "two replicas": {"data": 2, "microbatches": 2},
    "four replicas": {"data": 4},
    "two replicas of two stages": {"data": 2, "pipeline": 2, "microbatches": 4},
}
KINDS = ("weights", "gradients", "optimizer")


def cases(entry: str) -> list[Case]:
    """Return the cases of a sharding."""
    return [Case(name, partial(shared, entry, plan)) for name, plan in PLANS.items()]


def shared(entry: str, plan: dict[str, Any]) -> Found:
    """Play a small training with and without the sharding."""
    made = shardings[entry]
    said = {"kind": entry, **read(made, asked(made, (), {}))}
    usual, mine = _played(plan), _played(plan | {"sharding": said})
    broken = [*check(mine.job, mine.timeline)]
    if usual.job.n != mine.job.n:
        broken.append(f"makes {mine.job.n:g} actions, and without it there are {usual.job.n:g}")
    more = [one for one in KINDS if _held(mine, one) > _held(usual, one) * (1 + 1e-9)]
    broken += [f"holds more {one} than without it" for one in more]
    return found(broken)


def _played(plan: dict[str, Any]) -> Result:
    work = {"kind": "transformer", "vocabulary": 64, "width": 16, "sequence": 8, "batch": 8, "blocks": 4, "heads": 2}
    devices = plan["data"] * plan.get("pipeline", 1)
    topology = {"kind": "full", "bandwidth": "10 GB/s", "latency": "1 us"}
    cluster = {"devices": devices, "device": "a100-80g", "topology": topology}
    return simulate({"cluster": cluster, "workload": work | {"optimizer": "adam"}, "plan": plan | {"bucket": "2 kB"}})


def _held(run: Result, kind: str) -> float:
    """Return the most bytes of a kind that devices hold at their peaks."""
    return max(float(device["memory"]["by_kind"][kind]) for device in run.to_dict()["devices"])
