"""The leaves of rails, and their links to the spines.

2 nodes a leaf, 2 cards a node, 2 spines      links leaf0.1.up0, leaf0.1.down0: rail 1 of the first two nodes, spine 0
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from parsim.core.columns import NONE, Ints
from parsim.core.sketch import Sketch, Wire, row
from parsim.core.wiring import Link, Routes
from parsim.topologies.cards import Cards
from parsim.topologies.nodes import Node
from parsim.topologies.servers import gap_of, servers


class Leaves:
    """The links between leaves and spines.

    Parameters
    ----------
    node : what a node holds.
    cards : the cards of all nodes.
    nodes : nodes of a leaf.
    spines : spine switches.
    oversubscription : bytes a second of the cards at a leaf over those of its links to the spines.
    latency : seconds of each link.

    >>> from parsim.topologies.nodes import kind
    >>> node = kind("dgx-a100")
    >>> Leaves(node, Cards(node, 64), nodes=4, spines=2, oversubscription=2.0, latency=0.0).link(5)
    Link(name='leaf0.1.down0', bandwidth=25000000000.0, latency=0.0)
    """

    def __init__(
        self, node: Node, cards: Cards, nodes: int, spines: int, oversubscription: float, latency: float
    ) -> None:
        self._cards, self.nodes, self.spines, self._latency = cards, nodes, spines, latency
        self._bandwidth = nodes * cards.bandwidth / (spines * oversubscription)
        self._size = node.per_node * nodes
        self.groups = -(-cards.nodes // nodes)
        self.count = 2 * spines * cards.each * self.groups

    def between(self, sources: Ints, targets: Ints, host: int, code: Ints) -> tuple[Ints, Ints]:
        """Return the link from the leaf of each source to a spine, and that to the leaf of each target."""
        one, other = self._of(sources), self._of(targets)
        here = one == other
        way = code % self.spines
        up = np.where((sources == host) | here, NONE, 2 * (one * self.spines + way))
        down = np.where((targets == host) | here, NONE, 2 * (other * self.spines + way) + 1)
        return up, down

    def _of(self, places: Ints) -> Ints:
        return places // self._size * self._cards.each + self._cards.rail(places)

    def link(self, number: int) -> Link:
        """Return a link between a leaf and a spine."""
        at, down = divmod(number, 2)
        leaf, way = divmod(at, self.spines)
        group, rail = divmod(leaf, self._cards.each)
        return Link(f"leaf{group}.{rail}.{('up', 'down')[down]}{way}", self._bandwidth, self._latency)


def with_leaves(names: Sequence[str], node: Node, near: Routes, cards: Cards, leaves: Leaves) -> Sketch:
    """Return the drawing of nodes at leaves, and of leaves at spines."""
    spots, wires = servers(names, node, near, cards)
    devices, gap, far = len(names), gap_of(len(names)), near.count + cards.count
    shown, size = [place for place, spot in enumerate(spots) if spot.sort == "card"], node.per_node * leaves.nodes
    first, count = len(spots), leaves.groups * cards.each
    for group in range(leaves.groups):
        called = [f"leaf{group}.{rail}" for rail in range(cards.each)]
        spots += row(called, group * size, min((group + 1) * size, devices), 2 * gap, "switch")
    spots += row([f"spine {number}" for number in range(leaves.spines)], 0, devices, 3.5 * gap, "switch")
    for card, place in enumerate(shown):
        at = first + card // cards.each // leaves.nodes * cards.each + card % cards.each
        wires.append(Wire((near.count + 2 * card, near.count + 2 * card + 1), place, at, "cards"))
    for leaf in range(count):
        for way in range(leaves.spines):
            number = far + 2 * (leaf * leaves.spines + way)
            wires.append(Wire((number, number + 1), first + leaf, first + count + way, "leaves"))
    return Sketch(tuple(spots), tuple(wires))
