"""Chains: independent chains of equal tasks.

    chain0.0 --> chain0.1 --> chain0.2           count: 2, length: 3
    chain1.0 --> chain1.1 --> chain1.2           tasks: count x length; critical path: length x compute

Independent jobs of several steps have this shape, and so do the items of `split: chain`. Tasks are numbered chain by
chain.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from parsim.core.cluster import Cluster
from parsim.core.graph import Numbered, TaskGraph
from parsim.core.plan import Plan
from parsim.core.schema import Count
from parsim.core.shapes import NOTHING, edges_of, graph_of, refuse_many
from parsim.core.units import Seconds, Travel
from parsim.workloads import workloads


@workloads.add("chains")
def chains(
    cluster: Cluster, plan: Plan, count: Count, length: Count, compute: Seconds, send: Travel = NOTHING
) -> TaskGraph:
    """Make chains of equal tasks.

    Parameters
    ----------
    count : number of chains.
    length : tasks in a chain.
    compute : seconds of a task on a device of speed 1.
    send : sent from a task to the next: bytes over the links, or a delay between different workers; left out: nothing.

    >>> from parsim.core.cluster import Device
    >>> graph = chains(Cluster((Device("w0"),)), Plan(), count=2, length=2, compute=1.0)
    >>> list(graph.names), graph.edges.parent.tolist(), graph.edges.child.tolist()
    (['chain0.0', 'chain0.1', 'chain1.0', 'chain1.1'], [0, 2], [1, 3])
    """
    tasks = count * length
    refuse_many("count" if length == 1 else "length", tasks, edges=tasks - count)
    parent = np.flatnonzero(np.arange(tasks) % length < length - 1)
    names = Numbered(partial(_name, length), tasks)
    return graph_of(cluster, names, np.full(tasks, compute), edges_of(parent, parent + 1, send))


def _name(length: int, task: int) -> str:
    return f"chain{task // length}.{task % length}"
