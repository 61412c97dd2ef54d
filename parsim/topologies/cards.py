"""The network cards of nodes: which card a device uses, and its two links.

4 devices, 2 cards    w0 w1 -> nic0, w2 w3 -> nic1         links n0.nic0.out, n0.nic0.in, n0.nic1.out, ...
2 devices, 4 cards    w0 -> nic0 + nic1 as one card of twice the bandwidth
"""

from __future__ import annotations

import numpy as np

from parsim.core.columns import NONE, Ints
from parsim.core.wiring import Link
from parsim.topologies.nodes import Node


class Cards:
    """The cards of all nodes.

    Parameters
    ----------
    node : what a node holds.
    host : the place of the host, and so the number of devices.

    >>> from parsim.topologies.nodes import kind
    >>> cards = Cards(kind("dgx-a100"), host=16)
    >>> cards.link(int(cards.out(np.array([9]))[0]))
    Link(name='n1.nic1.out', bandwidth=25000000000.0, latency=1.35e-06)
    """

    def __init__(self, node: Node, host: int) -> None:
        self.each = min(node.nics, node.per_node)  # cards of a node
        self._node, self._host = node, host
        self.bandwidth = node.nic * (node.nics // self.each)
        self.nodes = -(-host // node.per_node)
        self.count = 2 * self.each * self.nodes  # links

    def of(self, places: Ints) -> Ints:
        """Return the card of each device, over all nodes."""
        return places // self._node.per_node * self.each + self.rail(places)

    def rail(self, places: Ints) -> Ints:
        """Return the number of each device's card within its node."""
        return places % self._node.per_node * self.each // self._node.per_node

    def out(self, places: Ints) -> Ints:
        """Return the link from the card of each place to the network; NONE for the host."""
        return np.where(places == self._host, NONE, 2 * self.of(places))

    def into(self, places: Ints) -> Ints:
        """Return the link from the network to the card of each place; NONE for the host."""
        return np.where(places == self._host, NONE, 2 * self.of(places) + 1)

    def link(self, number: int) -> Link:
        """Return a link of a card."""
        card, way = divmod(number, 2)
        node, one = divmod(card, self.each)
        return Link(f"n{node}.nic{one}.{('out', 'in')[way]}", self.bandwidth, self._node.nic_latency)
