r"""What joins the devices of a node, as routes between devices of one node.

switch         w0 ==w0.up==> (switch) ==w1.down==> w1          NVSwitch: a link up and a link down for each device
full           w0 ==w0>w1==> w1                                a link for each ordered pair: xGMI, GH200
cube-mesh      0 == 3 == 4 ...                                 DGX-1 with V100: six NVLinks a device, to four others

    lanes  0 1 2 3 4 5 6 7       Devices without a link between them: two links, through the device with the most lanes
    0      . 1 1 2 2 . . .       on both; of equal ones, the first. Two quads, each fully joined, and an edge from each
    1      1 . 2 1 . 2 . .       device to its twin: Li et al., Evaluating Modern GPU Interconnect, IEEE TPDS 31, 2020.
    2      1 2 . 2 . . 1 .
    3      2 1 2 . . . . 1
"""

from __future__ import annotations

import numpy as np

from parsim.core.columns import NONE, Ints
from parsim.core.wiring import Link, Routes
from parsim.topologies.nodes import Node

LANES = np.array(  # NVLinks between two devices of a DGX-1
    [
        [0, 1, 1, 2, 2, 0, 0, 0],
        [1, 0, 2, 1, 0, 2, 0, 0],
        [1, 2, 0, 2, 0, 0, 1, 0],
        [2, 1, 2, 0, 0, 0, 0, 1],
        [2, 0, 0, 0, 0, 1, 1, 2],
        [0, 2, 0, 0, 1, 0, 2, 1],
        [0, 0, 1, 0, 1, 2, 0, 2],
        [0, 0, 0, 1, 2, 1, 2, 0],
    ]
)


def inside(node: Node, places: tuple[str, ...]) -> Routes:
    """Return the routes within nodes.

    >>> from parsim.topologies.nodes import kind
    >>> places = (*(f"w{index}" for index in range(16)), "host")
    >>> for name in ("dgx-a100", "dgx-1-v100"):
    ...     print([(link.name, link.bandwidth / 1e9) for link in inside(kind(name), places)(8, 13)])
    [('w8.up', 300.0), ('w13.down', 300.0)]
    [('w8>w9', 25.0), ('w9>w13', 50.0)]
    """
    return _switch(node, places) if node.inside == "switch" else _mesh(node, places)


def _switch(node: Node, places: tuple[str, ...]) -> Routes:
    def numbers(sources: Ints, targets: Ints) -> Ints:
        return np.stack([2 * sources, 2 * targets + 1], axis=1)

    def link(number: int) -> Link:
        return Link(f"{places[number // 2]}.{('up', 'down')[number % 2]}", node.bandwidth, node.latency)

    return Routes(numbers, link, 2 * (len(places) - 1))


def _mesh(server: Node, places: tuple[str, ...]) -> Routes:
    size, devices = server.per_node, len(places) - 1
    lanes = LANES if server.inside == "cube-mesh" else 1 - np.eye(size, dtype=np.int64)
    through = np.minimum(lanes[:, :, None], lanes[None]).argmax(axis=1)
    through = np.where(lanes > 0, NONE, through)  # the device between two that have no link

    def numbers(sources: Ints, targets: Ints) -> Ints:
        here, there = sources % size, targets % size
        node = sources - here  # its first device
        width = np.minimum(size, devices - node)  # the last node may be partly empty
        between = through[here, there]
        first = np.where(between == NONE, there, between)
        second = np.where(between == NONE, NONE, node * size + between * width + there)
        return np.stack([node * size + here * width + first, second], axis=1)

    def link(number: int) -> Link:
        node = number // size**2 * size
        here, there = divmod(number - node * size, min(size, devices - node))
        name = f"{places[node + here]}>{places[node + there]}"
        return Link(name, server.bandwidth * float(lanes[here, there]), server.latency)

    full, rest = divmod(devices, size)
    return Routes(numbers, link, full * size**2 + rest**2)
