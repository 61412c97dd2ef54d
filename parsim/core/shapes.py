"""Shared parts of the generators of task graphs: edges, random draws, and the limit of their number.

send: 10 MB       every edge carries 10 MB over the network
send: 18 s        every edge is a delay of 18 s between distinct workers
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from parsim.core.annotations import MOST
from parsim.core.cluster import Cluster
from parsim.core.errors import Complaint, Invalid, Path
from parsim.core.graph import Edges, Floats, Ints, TaskGraph
from parsim.core.units import Travel

NOTHING = Travel()  # of an edge that only orders


def edges_of(parent: Ints, child: Ints, send: Travel, times: Floats | float = 1.0) -> Edges:
    """Make edges that carry *send* multiplied by *times*.

    >>> edges_of(np.array([0, 0]), np.array([1, 2]), Travel(size=8.0), np.array([1.0, 3.0])).size.tolist()
    [8.0, 24.0]
    """
    factor = np.broadcast_to(times, parent.shape)
    return Edges(parent, child, send.size * factor, send.delay * factor)


def graph_of(cluster: Cluster, names: Sequence[str], seconds: Floats, edges: Edges) -> TaskGraph:
    """Make a graph of tasks for any worker; *seconds* has shape (tasks,) or (tasks, devices).

    Faults of missing routes are at the workload's `send`.
    """
    tasks = len(names)
    return TaskGraph(
        names=names,
        kinds=("compute",),
        kind=np.zeros(tasks, np.int64),
        units=np.ones(tasks),
        places=(tuple(range(len(cluster.workers))),),
        place=np.zeros(tasks, np.int64),
        stated=seconds,
        edges=edges,
        where=where,
    )


def where(what: str, index: int) -> Path:
    """Return the path of the value of the scenario for the bytes of edges."""
    return ("send",) if what == "edge" else ()


def refuse_many(key: str, tasks: int, edges: int) -> None:
    """Refuse too many tasks or edges before they are made, with a fault at *key*.

    >>> refuse_many("levels", tasks=2**40 - 1, edges=2**40 - 2)
    Traceback (most recent call last):
    parsim.core.errors.Invalid: levels: makes more than 10000000 tasks, which is the limit; write a smaller number
    """
    for count, what in ((tasks, "tasks"), (edges, "edges")):
        if count > MOST:
            raise Invalid(
                [Complaint((key,), f"makes more than {MOST} {what}, which is the limit; write a smaller number")]
            )


class Draws:
    """Uniform draws in (0, 1] from the PCG64 stream of a seed (O'Neill, PCG, HMC-CS-2014-0905).

    The stream (spawn key 1) is independent of the stream for the luck of tasks.

    >>> Draws(seed=0).even(2).round(3)
    array([0.677, 0.243])
    """

    def __init__(self, seed: int) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(1,)))

    def even(self, *shape: int) -> Floats:
        """Draw an array of this shape, row by row; products and sums alone give the same bytes everywhere."""
        upper = self._bits.random_raw(int(np.prod(shape))) >> np.uint64(11)
        return np.asarray((upper.astype(np.float64) + 1.0) * 2.0**-53).reshape(shape)

    def below(self, bound: Ints) -> Ints:
        """Draw a whole number in [0, bound) for each bound."""
        return np.minimum((self.even(*bound.shape) * bound).astype(np.int64), bound - 1)
