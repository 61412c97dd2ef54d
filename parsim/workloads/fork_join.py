r"""Fork and join: rounds of parallel branches, each round ending with its slowest branch.

            branch0.0           branch1.0
          /           \       /           \
    fork -- branch0.1 -- join0 -- branch1.1 -- join1           width: 3, rounds: 2
          \           /       \           /
            branch0.2           branch1.2

    tasks: rounds x (width + 1) + 1        critical path: fork + rounds x (compute + join)

The supersteps of Valiant, A Bridging Model for Parallel Computation, CACM 33(8), 1990. A join is the fork of the next
round. Tasks are numbered from left to right.
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


@workloads.add("fork_join")
def fork_join(
    cluster: Cluster,
    plan: Plan,
    width: Count,
    compute: Seconds,
    rounds: Count = 1,
    fork: Seconds = 0.0,
    join: Seconds = 0.0,
    send: Travel = NOTHING,
) -> TaskGraph:
    """Make rounds of parallel branches, each between a fork and a join.

    Parameters
    ----------
    width : branches in a round.
    compute : seconds of a branch on a device of speed 1.
    rounds : number of rounds; a round begins after the join of the previous round.
    fork : seconds, at speed 1, of the fork before the first round.
    join : seconds, at speed 1, of the join after each round.
    send : sent along each edge: bytes over the links, or a delay between different workers; left out: nothing.

    >>> from parsim.core.cluster import Device
    >>> graph = fork_join(Cluster((Device("w0"),)), Plan(), width=2, compute=1.0)
    >>> list(graph.names), graph.edges.parent.tolist(), graph.edges.child.tolist()
    (['fork', 'branch0.0', 'branch0.1', 'join0'], [0, 0, 1, 2], [1, 2, 3, 3])
    """
    step = width + 1  # from a join to the next, in task numbers
    tasks = rounds * step + 1
    refuse_many("width" if rounds == 1 else "rounds", tasks, edges=2 * rounds * width)
    forks = np.repeat(np.arange(rounds) * step, width)  # (branches,)
    branch = forks + np.tile(np.arange(1, step), rounds)
    # The edges of a round: first out of the fork, then into the join.
    parent = np.stack([forks, branch]).reshape(2, rounds, width).swapaxes(0, 1).ravel()
    child = np.stack([branch, forks + step]).reshape(2, rounds, width).swapaxes(0, 1).ravel()
    seconds = np.full(tasks, compute)
    seconds[::step] = join
    seconds[0] = fork
    return graph_of(cluster, Numbered(partial(_name, width), tasks), seconds, edges_of(parent, child, send))


def _name(width: int, task: int) -> str:
    round_, place = divmod(task - 1, width + 1)
    return "fork" if not task else f"join{round_}" if place == width else f"branch{round_}.{place}"
