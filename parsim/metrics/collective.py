"""The figures of one collective alone: what it sends, its price, and its bandwidths as nccl-tests counts them.

algorithm bandwidth = size / seconds
bus bandwidth       = algorithm bandwidth x what a rank has to send at least / size
"""

from __future__ import annotations

import math
from typing import Any

from parsim.core.collective import Collective, Phase
from parsim.core.job import Job
from parsim.core.quantities import number
from parsim.core.rounds import Group, Way, group_of
from parsim.core.timeline import Timeline
from parsim.metrics.form import Form, form_of
from parsim.sim.alone import alone

CLAIMED = 1e-9  # relative: the formula holds on this network


def lone(job: Job) -> Collective | None:
    """Return the collective of a job that does nothing else, or None."""
    graph = job.graph
    return graph.collectives[0] if len(graph.collectives) == 1 and not graph.computes.any() else None


def collective(job: Job) -> dict[str, Any] | None:
    """Return what the collective is, as in section 2 of the contract; None if the job does something else, too."""
    one = lone(job)
    if one is None:
        return None
    price_s = float(alone(one, job.cluster, tuple(job.cluster.device_of_worker)).max())
    claimed = math.isclose(one.about.price_s, price_s, rel_tol=CLAIMED)
    about, phases = one.about, [(phase, count) for phase, count in one.different() if phase.size.any()]
    return {
        "operation": about.operation,
        "algorithm": about.algorithm,
        "ranks": len(one.members),
        "size_bytes": about.size,
        "rounds": sum(count for phase, count in phases),
        "sends": sum(int(phase.flows.sum()) * count for phase, count in phases),
        "formula": about.formula if claimed else None,
        "price_s": price_s,
    }


def bandwidths(job: Job, timeline: Timeline) -> dict[str, float] | None:
    """Return both bandwidths of a collective; None if there is none, or if it takes no time."""
    one = lone(job)
    if one is None or not timeline.makespan_s:
        return None
    algorithm = one.about.size / timeline.makespan_s
    bus = algorithm * factor(one.about.operation, len(one.members))
    return {"algorithm_bandwidth_bytes_per_s": algorithm, "bus_bandwidth_bytes_per_s": bus}


def factor(operation: str, ranks: int) -> float:
    """Return bus bandwidth / algorithm bandwidth (nccl-tests, NVIDIA, doc/PERFORMANCE.md).

    >>> factor("all-reduce", 8), factor("all-to-all", 8), factor("broadcast", 8)
    (1.75, 0.875, 1.0)
    """
    share = (ranks - 1) / ranks
    return {"all-reduce": 2 * share, "broadcast": 1.0, "send": 1.0}.get(operation, share)


def alpha_beta(job: Job) -> Form | None:
    """The claimed price of a collective that does nothing else, where no two sends of a round share a link."""
    one = lone(job)
    if one is None or math.isnan(one.about.price_s):
        return None
    device = job.cluster.device_of_worker
    group = group_of(job.cluster, device)
    if not all(_apart(job, phase, group) for phase, _ in one.different() if phase.size.any()):
        return None
    ways = (way for way in (group.inside, group.across) if way.beta)
    numbers = "; ".join(f"alpha {number(way.alpha)} s, beta {number(way.beta)} s/B" for way in ways)
    return form_of(job, "alpha-beta", f"{one.about.formula}, {numbers}", one.about.price_s)


def _apart(job: Job, phase: Phase, group: Group) -> bool:
    """Return whether the sends of a phase share no link, and go the ways of the group."""
    device, links = job.cluster.device_of_worker, list[int]()
    for source, target in zip(phase.source.tolist(), phase.target.tolist(), strict=True):
        path = job.cluster.path(device[source], device[target])
        way = group.inside if group.node[source] == group.node[target] else group.across
        if path is None or Way(path.latency, 1 / path.bandwidth) != way:
            return False
        links += path.links
    return len(links) == len(set(links))
