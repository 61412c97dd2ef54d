"""The layout of a graph: layers from left to right, few crossings, short edges.

layer   0      1      2           a task's layer: one more than the largest of its parents'
            +- b -+
        a --+     +-- d           in a layer: sorted by the mean position of the neighbours in sweeps
            +- c -+               (Sugiyama, Tagawa, Toda, IEEE Trans. SMC 11(2), 1981), then moved there

An edge over several layers has a bend in each layer between, so that it passes behind no task.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from parsim.core.graph import Floats
from parsim.core.paths import depths

SWEEPS = 4  # forth and back
ROWS = 48  # tasks in one column of a layer with straight ways; larger layers have several columns
COLUMN = 0.35  # of the distance between layers


class Layout(NamedTuple):
    """Positions of tasks, and of the bends of edges over several layers."""

    x: Floats  # (nodes,) layers; tasks come before bends
    y: Floats  # (nodes,) rows
    ways: list[list[int]]  # per edge, then per further pair: its source, its bends, its target
    columns: int  # of the layer with most columns

    @property
    def width(self) -> float:
        """Return the width in layers."""
        return float(np.ptp(self.x)) + 1.0 if len(self.x) else 1.0

    @property
    def height(self) -> float:
        """Return the height in rows."""
        return float(np.ptp(self.y)) + 1.0 if len(self.y) else 1.0


class Layer(NamedTuple):
    """The nodes of a layer, from top to bottom, and their columns."""

    nodes: list[int]
    columns: int


def _layers(parent: Sequence[int], child: Sequence[int], tasks: int) -> list[int]:
    layers: list[int] = depths(np.array(parent, np.int64), np.array(child, np.int64), tasks).tolist()
    return layers


def straight(parent: Sequence[int], child: Sequence[int], tasks: int, more: Sequence[tuple[int, int]] = ()) -> Layout:
    """Place *tasks*; edges and the pairs *more* are straight."""
    ways = [[one, other] for one, other in zip(parent, child, strict=True)]
    laid = _placed(_layers(parent, child, tasks), ways, ROWS)
    return laid._replace(ways=[*laid.ways, *([one, other] for one, other in more)])


def routed(parent: Sequence[int], child: Sequence[int], tasks: int, more: Sequence[tuple[int, int]] = ()) -> Layout:
    """Place *tasks*, and a bend for each edge in every layer that it passes. The pairs *more* do not affect layers.

    >>> routed([0, 1, 0], [1, 2, 2], 3, [(2, 0)]).ways
    [[0, 1], [1, 2], [0, 3, 2], [2, 4, 0]]
    """
    depth = _layers(parent, child, tasks)
    ways = []
    for one, other in (*zip(parent, child, strict=True), *more):
        forwards = 1 if depth[one] <= depth[other] else -1
        passed = range(depth[one] + forwards, depth[other], forwards)
        ways.append([one, *range(len(depth), len(depth) + len(passed)), other])
        depth += passed
    return _placed(depth, ways, len(depth))


def _placed(depth: list[int], ways: list[list[int]], rows: int) -> Layout:
    """Place nodes layer by layer, in at most *rows* rows."""
    before: list[list[int]] = [[] for _ in depth]
    after: list[list[int]] = [[] for _ in depth]
    for way in ways:
        for one, other in pairwise(way):
            if depth[one] != depth[other]:  # neighbours in the same layer do not attract each other
                left, right = (one, other) if depth[one] < depth[other] else (other, one)
                after[left].append(right)
                before[right].append(left)
    layers = [Layer([], 1) for _ in range(max(depth, default=-1) + 1)]
    for node, number in enumerate(depth):
        layers[number].nodes.append(node)
    layers = [Layer(nodes, max(-(-len(nodes) // max(rows, 1)), 1)) for nodes, _ in layers]
    y = [0.0] * len(depth)
    for layer in layers:
        _evenly(layer, y)
    for place in (_evenly, _nearly):
        for _ in range(SWEEPS):
            _sweep(layers[::-1], after, y, place)
            _sweep(layers, before, y, place)
    columns = max((layer.columns for layer in layers), default=1)
    return Layout(_across(layers, len(depth)), np.array(y), ways, columns)


def _across(layers: Sequence[Layer], nodes: int) -> Floats:
    x, left = np.zeros(nodes), 0.0
    for layer in layers:
        x[layer.nodes] = left + COLUMN * (np.arange(len(layer.nodes)) % layer.columns)
        left += 1.0 + COLUMN * (layer.columns - 1)
    return x


def _sweep(
    layers: Sequence[Layer],
    neighbours: list[list[int]],
    y: list[float],
    place: Callable[[Layer, list[float]], None],
) -> None:
    """Move the nodes of each layer towards the mean of their neighbours, which have positions."""
    for layer in layers:
        for node in layer.nodes:
            near = neighbours[node]
            if near:
                y[node] = sum(y[other] for other in near) / len(near)
        layer.nodes.sort(key=y.__getitem__)
        place(layer, y)


def _evenly(layer: Layer, y: list[float]) -> None:
    """Place the nodes of a layer in order, around the middle."""
    for rank, node in enumerate(layer.nodes):
        y[node] = (rank - (len(layer.nodes) - 1) / 2) / layer.columns


def _nearly(layer: Layer, y: list[float]) -> None:
    """Move the nodes of a layer as little as the least distance between them allows (least squares).

    Neighbours that are too close form a block around their mean (pool adjacent violators).
    """
    blocks: list[tuple[float, int]] = []  # (mean of y - rank * apart, nodes)
    apart = 1.0 / layer.columns
    for rank, node in enumerate(layer.nodes):
        mean, count = y[node] - rank * apart, 1
        while blocks and blocks[-1][0] >= mean:
            other, more = blocks.pop()
            mean, count = (mean * count + other * more) / (count + more), count + more
        blocks.append((mean, count))
    rank = 0
    for mean, count in blocks:
        for _ in range(count):
            y[layer.nodes[rank]] = mean + rank * apart
            rank += 1
