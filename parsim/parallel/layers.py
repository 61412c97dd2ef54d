"""Split by layers: the model is cut; each part gets the whole input and computes one element of the output.

    model (w0 w1 w2 w3 w4)  ->  element0 owns w0, gets [1 2 3 4 5]  ->  [2]  \
                                element1 owns w1, gets [1 2 3 4 5]  ->  [4]   ->  merge
                                ...                                          /

N is the number of sub-tasks, which is the number of elements. If the host has the weights, each sub-task receives its
part of them: the model travels once, an item N times.
"""

from __future__ import annotations

import numpy as np

from parsim.core.graph import Numbered, TaskGraph
from parsim.core.items import Items
from parsim.parallel import parallel


@parallel.add("layers")
def layers(items: Items, workers: int) -> TaskGraph:
    """Cut the model into one sub-task per element, each with an equal part of the weights.

    >>> graph = layers(Items(5, size=1e6, result=0.0, weights=1e7), workers=2)
    >>> len(graph), graph.given.tolist()[0], graph.group_size.tolist()[0]
    (5, 5000000.0, 2000000.0)
    """
    tasks = items.count
    whole = dict.fromkeys(range(tasks), items.values) if items.values else {}
    return TaskGraph(
        names=Numbered("element{}".format, tasks),
        kinds=("compute",),
        kind=np.zeros(tasks, np.int64),
        units=np.ones(tasks),
        places=(tuple(range(workers)),),
        place=np.zeros(tasks, np.int64),
        given=np.full(tasks, items.travelling / tasks + tasks * items.size),
        result=np.full(tasks, items.result),
        group=np.arange(tasks),
        group_size=np.full(tasks, items.resident / tasks),
        program=items.program(whole, [slice(task, task + 1) for task in whole]),
    )
