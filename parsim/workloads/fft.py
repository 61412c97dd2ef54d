"""Fast Fourier transform of m points, m a power of two: recursive calls, then butterflies.

    call0.0                              each call halves the points: a tree of 2m - 1 calls
    call1.0     call1.1
    butterfly0.0  butterfly0.1           log2 m rows of m butterflies: number j of row s takes j and j xor 2^s
                                         of the row above (for row 0: of the last calls)

    tasks: 2m - 1 + m log2 m        critical path: (1 + 2 log2 m) compute, like every path

The graph of Topcuoglu, Hariri, Wu, IEEE TPDS 13(3), 2002, where tasks of one row cost the same; here all tasks do.
Tasks are numbered row by row, from the first call.
"""

from __future__ import annotations

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


@workloads.add("fft")
def fft(cluster: Cluster, plan: Plan, points: Count, compute: Seconds, send: Travel = NOTHING) -> TaskGraph:
    """Make the calls and butterflies of a fast Fourier transform.

    Parameters
    ----------
    points : number of points, a power of two.
    compute : seconds of a task on a device of speed 1.
    send : sent along each edge: bytes over the links, or a delay between different workers; left out: nothing.

    >>> from parsim.core.cluster import Device
    >>> graph = fft(Cluster((Device("w0"),)), Plan(), points=2, compute=1.0)
    >>> list(graph.names)
    ['call0.0', 'call1.0', 'call1.1', 'butterfly0.0', 'butterfly0.1']
    >>> list(zip(graph.edges.parent.tolist(), graph.edges.child.tolist()))
    [(0, 1), (0, 2), (1, 3), (2, 3), (2, 4), (1, 4)]
    """
    m, rows = points, points.bit_length() - 1
    if m != 2**rows:
        raise Invalid([Complaint(("points",), f"{m} is not a power of two; write {2**rows} or {2 ** (rows + 1)}")])
    calls, tasks = 2 * m - 1, 2 * m - 1 + m * rows
    refuse_many("points", tasks, edges=calls - 1 + 2 * m * rows)
    call = np.arange(1, calls)
    butterfly = np.arange(calls, tasks)
    row, place = divmod(butterfly - calls, m)
    above = butterfly - m - place  # the first task of the row above
    edges = edges_of(
        np.concatenate([(call - 1) // 2, np.stack([above + place, above + (place ^ (1 << row))], axis=1).ravel()]),
        np.concatenate([call, np.repeat(butterfly, 2)]),
        send,
    )
    return graph_of(cluster, Numbered(partial(_name, m), tasks), np.full(tasks, compute), edges)


def _name(points: int, task: int) -> str:
    calls = 2 * points - 1
    if task < calls:
        level = (task + 1).bit_length() - 1
        return f"call{level}.{task + 1 - 2**level}"
    return "butterfly{}.{}".format(*divmod(task - calls, points))
