"""Trees: tasks that spread from a root, or are gathered into a root.

    out_tree    node0.0 --> node1.0 node1.1 --> node2.0 ... node2.3        levels: 3, children: 2
    in_tree     node2.0 ... node2.3 --> node1.0 node1.1 --> node0.0

    tasks: 1 + children + ... + children^(levels - 1)        critical path: levels x compute

Out-trees model divide and conquer and broadcasts; in-trees model reductions. Node l.i is the i-th node of level l; the
root has level 0. For equal tasks in an in-tree without transfers, highest level first is optimal: Hu, Parallel
Sequencing and Assembly Line Problems, Operations Research 9(6), 1961. Tasks are numbered from the root or towards it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import partial
from itertools import accumulate

import numpy as np

from parsim.core.annotations import MOST
from parsim.core.cluster import Cluster
from parsim.core.graph import Numbered, TaskGraph
from parsim.core.plan import Plan
from parsim.core.schema import Count
from parsim.core.shapes import NOTHING, edges_of, graph_of, refuse_many
from parsim.core.units import Seconds, Travel
from parsim.workloads import workloads


@workloads.add("out_tree")
def out_tree(
    cluster: Cluster, plan: Plan, levels: Count, compute: Seconds, children: Count = 2, send: Travel = NOTHING
) -> TaskGraph:
    """Make a complete tree that grows from its root.

    Parameters
    ----------
    levels : number of levels, including the root's.
    compute : seconds of a task on a device of speed 1.
    children : tasks that each task above the last level releases.
    send : what travels along each edge: bytes over the links, or a delay between different workers; left out: nothing.

    >>> from parsim.core.cluster import Device
    >>> graph = out_tree(Cluster((Device("w0"),)), Plan(), levels=2, compute=1.0)
    >>> list(graph.names), graph.edges.parent.tolist(), graph.edges.child.tolist()
    (['node0.0', 'node1.0', 'node1.1'], [0, 0], [1, 2])
    """
    first = _first(levels, children)
    tasks = first[-1]
    child = np.arange(1, tasks)
    edges = edges_of((child - 1) // children, child, send)
    return graph_of(cluster, Numbered(partial(_name_out, first), tasks), np.full(tasks, compute), edges)


@workloads.add("in_tree")
def in_tree(
    cluster: Cluster, plan: Plan, levels: Count, compute: Seconds, children: Count = 2, send: Travel = NOTHING
) -> TaskGraph:
    """Make a complete tree that is gathered into its root.

    It is an `out_tree` the other way round.

    Parameters
    ----------
    levels : number of levels, including the root's.
    compute : seconds of a task on a device of speed 1.
    children : tasks that each task above the last level waits for.
    send : what travels along each edge: bytes over the links, or a delay between different workers; left out: nothing.

    >>> from parsim.core.cluster import Device
    >>> graph = in_tree(Cluster((Device("w0"),)), Plan(), levels=2, compute=1.0)
    >>> list(graph.names), graph.edges.parent.tolist(), graph.edges.child.tolist()
    (['node1.0', 'node1.1', 'node0.0'], [0, 1], [2, 2])
    """
    first = _first(levels, children)
    tasks, last = first[-1], first[-1] - 1  # the tree above, numbered backwards
    parent = np.arange(last)
    edges = edges_of(parent, last - (last - parent - 1) // children, send)
    return graph_of(cluster, Numbered(partial(_name_in, first), tasks), np.full(tasks, compute), edges)


def _first(levels: int, children: int) -> Sequence[int]:
    """Return the number of each level's first node, counted from the root, and then that of all; refuse too many."""
    if children == 1:
        return range(levels + 1)
    some = range(min(levels, MOST.bit_length()))  # enough to be too many, and no power of a million digits
    first = list(accumulate((children**level for level in some), initial=0))
    refuse_many("levels", first[-1], edges=first[-1] - 1)
    return first


def _name_out(first: Sequence[int], task: int) -> str:
    level = bisect_right(first, task) - 1
    return f"node{level}.{task - first[level]}"


def _name_in(first: Sequence[int], task: int) -> str:
    backwards = first[-1] - 1 - task
    level = bisect_right(first, backwards) - 1
    return f"node{level}.{first[level + 1] - 1 - backwards}"
