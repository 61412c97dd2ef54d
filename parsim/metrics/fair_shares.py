"""Max-min fair rates in many intervals at once, as arrays.

    link A, 1 B/s    flows 0 and 1    1/2 B/s for each
    link B, 2 B/s    flows 0 and 2    flow 2 gets what flow 0 leaves: 3/2 B/s

A link whose even share is the least that each of its flows is offered is their bottleneck. These flows are settled,
their rates are taken off their other links, and the next bottlenecks are looked for (Bertsekas and Gallager, Data
Networks, 1992, section 6.5.2). Bottlenecks without a flow in common are found in the same pass.
"""

from __future__ import annotations

import numpy as np

from parsim.core.graph import Floats, Ints
from parsim.core.tolerance import TIED


def fair_rates(flow: Ints, link: Ints, weight: Floats, capacity: Floats, limit: Floats) -> Floats:
    """Return the rate of each flow (B/s), (flows,).

    Parameters
    ----------
    flow, link, weight : a row for each link of each flow, (rows,); a flow takes *weight* times its rate from the link.
    capacity : B/s of each link.
    limit : B/s that each flow takes at most; infinite: no limit.

    >>> flow, link, capacity = np.array([0, 0, 1, 2]), np.array([0, 1, 0, 1]), np.array([1.0, 2.0])
    >>> fair_rates(flow, link, np.ones(4), capacity, np.full(3, np.inf)).tolist()
    [0.5, 0.5, 1.5]
    """
    rates, left = np.zeros(len(limit)), capacity.copy()
    settled = np.ones(len(limit), bool)
    settled[flow] = False
    while len(flow):
        load = np.bincount(link, weight, len(left))
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(load > 0, np.maximum(left, 0.0) / load, np.inf)
        offered = limit.copy()
        np.minimum.at(offered, flow, share[link])
        behind = offered[flow] < share[link] * (1 - TIED)
        narrow = np.bincount(link, behind, len(left)) == 0  # no flow of theirs is offered less elsewhere
        done = (offered >= limit) & ~settled
        done[flow[narrow[link]]] = True
        rates[done] = offered[done]
        settled |= done
        gone = done[flow]
        left -= np.bincount(link[gone], weight[gone] * rates[flow[gone]], len(left))
        flow, link, weight = flow[~gone], link[~gone], weight[~gone]
    return rates
