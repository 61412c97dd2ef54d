"""Split by layers as a chain: each item passes through the layers in turn.

    item 0   host > layer 0 > layer 1 > host          item0.0, item0.1
    item 1   host > layer 0 > layer 1 > host          item1.0, item1.1

N = items x depth. Every layer has an equal part of the weights, and applies the kernel once. If
the host has the weights, each sub-task receives its layer besides its input.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from parsim.core.annotations import MOST
from parsim.core.errors import Complaint, Invalid
from parsim.core.graph import Edges, Numbered, TaskGraph
from parsim.core.items import Items
from parsim.core.schema import Count
from parsim.parallel import parallel


@parallel.add("chain")
def chain(items: Items, workers: int, depth: Count = 1) -> TaskGraph:
    """Make a sub-task for each item and layer, item by item.

    >>> graph = chain(Items(2, size=1e6, result=0.0, weights=1e7), workers=2, depth=2)
    >>> list(graph.names), graph.edges.parent.tolist(), graph.edges.child.tolist()
    (['item0.0', 'item0.1', 'item1.0', 'item1.1'], [0, 2], [1, 3])
    """
    tasks = items.count * depth
    if tasks > MOST:
        raise Invalid(
            [
                Complaint(
                    ("depth",), f"{items.count} items x {depth} layers is more than {MOST} tasks; write smaller numbers"
                )
            ]
        )
    layer = np.arange(tasks) % depth
    parent = np.flatnonzero(layer < depth - 1)
    return TaskGraph(
        names=Numbered(partial(_name, depth), tasks),
        kinds=("compute",),
        kind=np.zeros(tasks, np.int64),
        units=np.ones(tasks),
        places=(tuple(range(workers)),),
        place=np.zeros(tasks, np.int64),
        edges=Edges(parent, parent + 1, np.full(len(parent), items.size), np.zeros(len(parent))),
        given=items.travelling / depth + np.where(layer == 0, items.size, 0.0),
        result=np.where(layer == depth - 1, items.result, 0.0),
        group=layer,
        group_size=np.full(depth, items.resident / depth),
        program=items.program(
            {item * depth: [value] for item, value in enumerate(items.values)},
            [slice(None)] * (len(items.values) * depth),
            depth,
        ),
    )


def _name(depth: int, task: int) -> str:
    return f"item{task // depth}.{task % depth}"
