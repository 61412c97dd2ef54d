"""T_total = N/P (T_s + T_c), from the scenario and the costs alone, before the clock starts."""

from __future__ import annotations

import math

import numpy as np

from parsim.core.graph import Floats
from parsim.core.job import Job, Theory
from parsim.entries.external import staying
from parsim.sim.alone import members_alone
from parsim.sim.estimate import mean_compute, mean_given, mean_result, mean_transfer


@staying()
def theory(job: Job) -> Theory:
    """Return the terms of T_total.

    `t_s` is the mean over the N units of their mean compute seconds, `t_c` that of the nominal seconds of their
    transfers, communication lanes and collectives, as if every parent were elsewhere. A task of k units shares its
    input among them, so both are sums over the tasks, divided by N. Each task counts as often as it stands for others,
    with all that it receives and sends.
    """
    n, copies, computes = job.n, job.copies, job.graph.computes
    given, result, seconds = mean_given(job), mean_result(job), mean_compute(job) * copies
    transfers = (
        mean_transfer(job) * copies[job.graph.edges.child],
        given * copies[: len(given)],
        result * copies[: len(result)],
        nominal_flows(job) * job.flow_copies,
        lanes_alone(job, seconds)[~computes],
    )
    return Theory(
        n=n,
        p=job.cluster.p,
        t_s=math.fsum(seconds[computes].tolist()) / n,
        t_c=math.fsum(np.concatenate([part[part != 0] for part in transfers]).tolist()) / n,
    )


def lanes_alone(job: Job, seconds: Floats) -> Floats:
    """Return *seconds* of tasks; of members of collectives those that they take alone on an idle network, (tasks,)."""
    return seconds + members_alone(job) * job.copies if job.graph.collectives else seconds


def nominal_flows(job: Job) -> Floats:
    """Return the seconds of each flow alone on its route, (flows,)."""
    flows = job.graph.flows
    paths = [job.cluster.path(a, b) for a, b in zip(flows.source.tolist(), flows.target.tolist(), strict=True)]
    return np.array(
        [
            path.seconds(size, limit)
            for path, size, limit in zip(paths, flows.size.tolist(), flows.limit.tolist(), strict=True)
            if path is not None
        ]
    )
