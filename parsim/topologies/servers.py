r"""The drawing of nodes: devices in a row, what joins them below, cards and the network above.

              (network)                 of islands; of rail: a row of leaves, and above it the spines
          /    |     |    \
      [nic] [nic]   [nic] [nic]
        |     |       |     |
        w0    w1      w2    w3
          \  /          \  /
        (node 0)      (node 1)          or bowed links from device to device

Links within nodes and links of cards are two tiers, each with its colour.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from parsim.core.columns import NONE
from parsim.core.sketch import Sketch, Spot, Wire, row
from parsim.core.wiring import Routes
from parsim.topologies.cards import Cards
from parsim.topologies.nodes import Node


def servers(names: Sequence[str], node: Node, near: Routes, cards: Cards) -> tuple[list[Spot], list[Wire]]:
    """Return the devices, what joins them within nodes, and then the cards, card 0 of node 0 first.

    >>> from parsim.topologies.inside import inside
    >>> from parsim.topologies.nodes import kind
    >>> node, names = kind("dgx-a100"), [f"w{index}" for index in range(8)]
    >>> spots, wires = servers(names, node, inside(node, (*names, "host")), Cards(node, 8))
    >>> [spot.name for spot in spots][7:10], wires[0]
    (['w7', 'node 0', '0'], Wire(links=(0, 1), source=0, target=8, tier='within nodes', bow=0.0))
    """
    devices, size, gap = len(names), node.per_node, gap_of(len(names))
    spots, wires = row(names, 0, devices, 0.0, "device"), list[Wire]()
    for first in range(0, devices, size):
        here = range(first, min(first + size, devices))
        if node.inside == "switch":
            spots.append(Spot(f"node {first // size}", (first + here[-1] + 1) / 2, -gap, "switch"))
            wires += [Wire((2 * one, 2 * one + 1), one, len(spots) - 1, "within nodes") for one in here]
        else:
            wires += [
                _between(near, one, other)
                for one in here
                for other in here
                if one < other and _direct(near, one, other)
            ]
    owner = cards.of(np.arange(devices))
    for card in range(cards.nodes * cards.each):
        mine = np.flatnonzero(owner == card).tolist()
        if mine:
            wires += [Wire((), device, len(spots), "") for device in mine]
            spots.append(Spot(str(card % cards.each), sum(mine) / len(mine) + 0.5, gap / 2, "card"))
    return spots, wires


def gap_of(devices: int) -> float:
    """Return the distance between rows."""
    return max(2.0, devices / 16)


def _direct(near: Routes, one: int, other: int) -> bool:
    (row_,) = near.numbers(np.array([one]), np.array([other]))
    return int((row_ != NONE).sum()) == 1


def _between(near: Routes, one: int, other: int) -> Wire:
    both = near.numbers(np.array([one, other]), np.array([other, one]))[:, 0].tolist()
    return Wire(tuple(both), one, other, "within nodes", (other - one) / 2)


def with_network(names: Sequence[str], node: Node, near: Routes, cards: Cards) -> Sketch:
    """Return the drawing of nodes at one network."""
    spots, wires = servers(names, node, near, cards)
    wide, top = len(names), 2.5 * gap_of(len(names))
    shown = [place for place, spot in enumerate(spots) if spot.sort == "card"]
    for card, place in enumerate(shown):
        wires.append(Wire((near.count + 2 * card, near.count + 2 * card + 1), place, len(spots), "cards"))
    return Sketch((*spots, Spot("network", wide / 2, top, "switch")), tuple(wires))
