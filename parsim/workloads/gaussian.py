r"""Gaussian elimination of an m x m matrix, column by column.

    pivot1 ---> update1.2 ---> pivot2 ---> update2.3 ---> pivot3         pivot k divides column k below the diagonal,
         \---> update1.3 -------------/                                 update k.j subtracts it from column j

    tasks: (m^2 + m - 2) / 2            a task of step k works on m - k entries, and lasts (m - k) compute
    work: (m - 1) m (m + 1) / 3         the critical path, pivot k and update k.k+1 in turn: m (m - 1) compute

The graph T_k,j of Cosnard, Marrakchi, Robert, Trystram, Parallel Gaussian Elimination on an MIMD Computer, Parallel
Computing 6(3), 1988, as in Topcuoglu, Hariri, Wu, IEEE TPDS 13(3), 2002; tasks are numbered step by step. The graph
narrows towards its end, so that the critical path dominates there.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import partial

import numpy as np

from parsim.core.cluster import Cluster
from parsim.core.errors import Complaint, Invalid
from parsim.core.graph import Numbered, TaskGraph
from parsim.core.plan import Plan
from parsim.core.schema import Count
from parsim.core.shapes import NOTHING, edges_of, graph_of, refuse_many
from parsim.core.units import Seconds, Travel
from parsim.workloads import workloads


@workloads.add("gaussian")
def gaussian(cluster: Cluster, plan: Plan, matrix: Count, compute: Seconds, send: Travel = NOTHING) -> TaskGraph:
    """Make the pivots and updates of a Gaussian elimination.

    Parameters
    ----------
    matrix : number of rows of the matrix, and of its columns; at least 2.
    compute : seconds, at speed 1, of one operation on one entry: a division, or a multiplication and a subtraction.
    send : sent for one entry of a column: bytes over the links, or a delay; an edge of step k carries m - k
        entries. Left out: nothing.

    >>> from parsim.core.cluster import Device
    >>> graph = gaussian(Cluster((Device("w0"),)), Plan(), matrix=3, compute=1.0)
    >>> list(graph.names), graph.stated.tolist()
    (['pivot1', 'update1.2', 'update1.3', 'pivot2', 'update2.3'], [2.0, 2.0, 2.0, 1.0, 1.0])
    >>> list(zip(graph.edges.parent.tolist(), graph.edges.child.tolist()))
    [(0, 1), (0, 2), (1, 3), (2, 4), (3, 4)]
    """
    m = matrix
    if m < 2:
        raise Invalid([Complaint(("matrix",), "a matrix with one entry has nothing to eliminate; write at least 2")])
    tasks = (m * m + m - 2) // 2
    refuse_many("matrix", tasks, edges=m * m - m - 1)
    below = np.arange(m - 1, 0, -1)  # (steps,) columns right of the pivot's, and rows below it
    first = np.concatenate([[0], np.cumsum(below + 1)[:-1]])  # (steps,) the pivots
    rows = np.repeat(below, below)  # (updates,) of each update's step
    pivot = np.repeat(first, below)
    update = np.setdiff1d(np.arange(tasks), first, assume_unique=True)
    on = np.flatnonzero(rows > 1)  # the updates before the last step; the next step uses their columns
    # The j-th update of a step has the column of the j-th task of the next one.
    parent = np.concatenate([pivot, update[on]])
    child = np.concatenate([update, update[on] + rows[on]])
    order = np.lexsort((parent, child))
    entries = np.concatenate([rows, rows[on]])
    edges = edges_of(parent[order], child[order], send, entries[order].astype(np.float64))
    names = Numbered(partial(_name, first.tolist()), tasks)
    return graph_of(cluster, names, np.repeat(below, below + 1) * np.float64(compute), edges)


def _name(pivots: Sequence[int], task: int) -> str:
    step = bisect_right(pivots, task)
    right = task - pivots[step - 1]
    return f"update{step}.{step + right}" if right else f"pivot{step}"
