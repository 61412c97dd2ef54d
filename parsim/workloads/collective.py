"""Collective: one collective operation of all workers, alone on the network.

    {kind: collective, operation: all-reduce, algorithm: ring, size: 1 GB, chunks: 4}

    w0  |--------- rank0 ---------|        a task of the lane `collective` for each rank; rank r is worker r
    w1  |--------- rank1 ---------|

    result     algorithm bandwidth = size / seconds            what a program sees
               bus bandwidth = algorithm bandwidth x factor    what a link sees, to compare with its own bandwidth

    factor     2(p-1)/p for all-reduce;  (p-1)/p for all-gather, reduce-scatter, all-to-all;  1 for broadcast, send

Both bandwidths and the size, that of the whole buffer, are those of nccl-tests (NVIDIA, doc/PERFORMANCE.md).
"""

from __future__ import annotations

from typing import Annotated

import numpy as np

from parsim.collectives import collective as made
from parsim.collectives import collectives
from parsim.core.algorithm import GIVEN, Question
from parsim.core.annotations import Between
from parsim.core.choice import Choice
from parsim.core.cluster import Cluster
from parsim.core.errors import Complaint, Invalid, Path
from parsim.core.graph import Numbered, TaskGraph
from parsim.core.rounds import MOST_RANKS, OPERATIONS, group_of
from parsim.core.schema import Ask
from parsim.core.units import Bytes
from parsim.scenario.schema import OneOf
from parsim.workloads import workloads
from parsim.workloads.transfers import NoPlan

LANE = "collective"
MOST_CHUNKS = 1000
AUTO = Ask("auto")


@workloads.add("collective")
def collective(
    cluster: Cluster,
    plan: NoPlan,
    operation: Annotated[str, Choice(OPERATIONS)],
    size: Bytes,
    algorithm: Annotated[Ask, OneOf(collectives, given=GIVEN)] = AUTO,
    chunks: Annotated[int, Between(1, MOST_CHUNKS)] = 1,
) -> TaskGraph:
    """Make a collective of all workers.

    Parameters
    ----------
    operation : what every rank has in the end.
    size : bytes of the whole buffer of a rank: what an all-gather ends with, what a reduce-scatter starts with.
    algorithm : who sends what to whom, in rounds.
    chunks : parts of each piece that travel side by side, or follow each other in chains and trees.
    """
    ranks = len(cluster.workers)
    if ranks < 2:
        raise Invalid(
            [Complaint(("operation",), f"{operation} needs two ranks or more, and the cluster has one worker")]
        )
    if ranks > MOST_RANKS:
        raise Invalid([Complaint(("operation",), f"{ranks} ranks are more than {MOST_RANKS}; use fewer devices")])
    if not size:
        raise Invalid([Complaint(("size",), "a collective of no bytes sends nothing; write for example 'size: 1 GB'")])
    question = Question(operation, size, chunks, group_of(cluster, cluster.device_of_worker))
    try:
        one = made(algorithm, question, range(ranks))
    except Invalid as invalid:
        raise Invalid(complaint.below("algorithm") for complaint in invalid.complaints) from None
    return TaskGraph(
        names=Numbered("rank{}".format, ranks),
        kinds=("collective",),
        kind=np.zeros(ranks, np.int64),
        units=np.ones(ranks),
        places=tuple((worker,) for worker in range(ranks)),
        place=np.arange(ranks),
        stated=np.zeros(ranks),
        lanes=(LANE,),
        lane=np.ones(ranks, np.int64),
        collectives=(one,),
        where=where,
    )


def where(what: str, index: int) -> Path:
    """Point at the algorithm, which says who sends to whom."""
    return ("algorithm",)
