r"""Islands: nodes of devices, joined by the nodes' network cards.

     +-- node 0 ----------+   +-- node 1 ----------+      w0 -> w1    w0.up, w1.down: through the node's switch
     |    (NVSwitch)      |   |    (NVSwitch)      |
     |  w0  w1  w2  w3    |   |  w4  w5  w6  w7    |      w0 -> w6    n0.nic0.out, n1.nic1.in: from the card of w0
     |  [nic0]  [nic1]    |   |  [nic0]  [nic1]    |                  to that of w6, which w7 shares
     +-----|-------|------+   +-----|-------|------+
          =====================================           host -> w6  n1.nic1.in

Devices that share a card are neighbours; where there are more cards than devices, those of a device count as one. The
network between the cards is non-blocking; `rail` has one with switches. Within a node, devices are joined by a switch,
each to each, or by the cube mesh of a DGX-1 (see `inside`). A known node says all of it:
`{kind: islands, nodes: 8, node: dgx-a100}` is 64 A100. Sources of its numbers: `parsim list nodes --json`.
"""

from __future__ import annotations

import numpy as np

from parsim.core.alike import nested
from parsim.core.columns import NONE, Ints
from parsim.core.schema import Count
from parsim.core.units import BytesPerSecond, Seconds
from parsim.core.wiring import Link, Routes, Tier, Wiring
from parsim.topologies import topologies
from parsim.topologies.cards import Cards
from parsim.topologies.changes import Changes, changed
from parsim.topologies.inside import inside as within
from parsim.topologies.nodes import Inside, Kind, device_of, devices_of, node_of, period_of, refuse_other_count
from parsim.topologies.servers import with_network


@topologies.add("islands", devices=devices_of, device=device_of, period=period_of)
def islands(
    places: tuple[str, ...],
    nodes: Count | None = None,
    node: Kind | None = None,
    per_node: Count | None = None,
    bandwidth: BytesPerSecond | None = None,
    latency: Seconds | None = None,
    nics: Count | None = None,
    nic: BytesPerSecond | None = None,
    nic_latency: Seconds | None = None,
    inside: Inside | None = None,
    changes: Changes = None,
) -> Wiring:
    """Wire devices within nodes, and nodes by network cards.

    Parameters
    ----------
    places : the devices' names, then the host's.
    nodes : how many nodes; left out: as many as the devices need, the last of which may be partly empty.
    node : name of a known node, whose numbers apply where none is stated here.
    per_node : devices of a node.
    bandwidth : bytes a second each way: of a device's links to the switch together, or of one link between two devices.
    latency : seconds of each link within a node; left out without a node: 0 s.
    nics : network cards of a node; left out without a node: one for each device.
    nic : bytes a second of a card, each way; a single node needs none.
    nic_latency : seconds from a device to the network, and from the network to a device; left out without a node: 0 s.
    inside : what joins the devices of a node: switch; full, a link between each two; cube-mesh, the links of a DGX-1.
        Left out without a node: switch.
    changes : links that differ from the others.

    >>> wiring = islands((*(f"w{index}" for index in range(16)), "host"), node="dgx-a100")
    >>> [(link.name, link.bandwidth / 1e9) for link in wiring.route(0, 9)]
    [('n0.nic0.out', 25.0), ('n1.nic1.in', 25.0)]
    >>> wiring.tiers, wiring.group(9)
    ((Tier(name='node', size=8),), 1)
    """
    host = len(places) - 1
    server = node_of(
        node,
        host,
        per_node=per_node,
        bandwidth=bandwidth,
        latency=latency,
        nics=nics,
        nic=nic,
        nic_latency=nic_latency,
        inside=inside,
    )
    refuse_other_count(nodes, server, host)
    near, cards, size = within(server, places), Cards(server, host), server.per_node

    def numbers(sources: Ints, targets: Ints) -> Ints:
        beside = (sources // size == targets // size) & (sources != host) & (targets != host)
        rows = np.where(beside[:, None], near.numbers(sources, targets), NONE)
        leaving, coming = cards.out(sources), cards.into(targets)
        ends = np.where(beside[:, None], NONE, np.stack([leaving, coming], axis=1) + near.count)
        ends[leaving == NONE, 0] = ends[coming == NONE, 1] = NONE
        return np.concatenate([rows, ends], axis=1)

    def link(number: int) -> Link:
        return near.link(number) if number < near.count else cards.link(number - near.count)

    alike = nested(host, (size,), unlike=size if server.inside == "cube-mesh" else 1)
    routes = Routes(numbers, link, near.count + cards.count)
    wiring = Wiring(
        routes,
        alike,
        tiers=(Tier("node", size),),
        sketch=lambda: with_network(places[:-1], server, near, cards),
    )
    return changed(wiring, len(places), changes)
