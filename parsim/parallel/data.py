"""Split by data: each worker has the whole model and gets a subset of the items.

    [1 2 3 4 5]  ->  part0 [1 2 3]  on a worker, whole model  ->  [2 4 6] \
                     part1 [4 5]    on a worker, whole model  ->  [8 10]  /  ->  merge

N = items. The subsets are contiguous; their sizes differ by at most one item, the larger ones first. If the host has
the weights, each subset receives all of them: the model travels once per subset, an item once.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from parsim.core.errors import Complaint, Invalid
from parsim.core.graph import Numbered, TaskGraph
from parsim.core.items import Items
from parsim.core.plan import bounds
from parsim.core.schema import Count
from parsim.parallel import parallel


@parallel.add("data")
def data(items: Items, workers: int, subsets: Count | None = None) -> TaskGraph:
    """Cut the items into contiguous subsets, one per task; each task uses the whole model.

    >>> graph = data(Items(5, size=1e6, result=0.0, weights=1e7), workers=2)
    >>> graph.units.tolist(), graph.given.tolist()
    ([3.0, 2.0], [3000000.0, 2000000.0])
    """
    if subsets is not None and subsets > items.count:
        raise Invalid(
            [
                Complaint(
                    ("subsets",),
                    f"{subsets} subsets of {items.count} items would leave subsets empty; write at most {items.count}",
                )
            ]
        )
    tasks = subsets or min(workers, items.count)
    ends = bounds(items.count, tasks)
    sizes = np.diff(ends)
    parts = {task: items.values[a:b] for task, (a, b) in enumerate(pairwise(ends.tolist() if items.values else ()))}
    return TaskGraph(
        names=Numbered("part{}".format, tasks),
        kinds=("compute",),
        kind=np.zeros(tasks, np.int64),
        units=sizes.astype(np.float64),
        places=(tuple(range(workers)),),
        place=np.zeros(tasks, np.int64),
        given=items.travelling + sizes * items.size,
        result=sizes * items.result,
        group=np.zeros(tasks, np.int64),
        group_size=np.array([items.resident]),
        program=items.program(parts, [slice(None)] * len(parts)),
    )
