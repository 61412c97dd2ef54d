r"""Rail-optimised: card k of every node is at the leaf switch of rail k; spines join the leaves.

     (spine 0)          (spine 1)             nodes of 2 devices, 2 nodes a leaf
      |  \  \  \        /  /  /  |
     (leaf0.0)(leaf0.1)  (leaf1.0)(leaf1.1)   leaf0.1: rail 1 of the first group of nodes
      |     |  |    |     |     |  |    |
     n0    n1  n0  n1    n2    n3  n2  n3     card nic0 at rail 0, nic1 at rail 1

     w0 -> w2 (one rail, one leaf)    n0.nic0.out, n1.nic0.in
     w0 -> w4 (one rail)              n0.nic0.out, leaf0.0.up0, leaf1.0.down0, n2.nic0.in
     w0 -> w3 (across, by nvlink)     w0.up, w1.down, n0.nic1.out, n1.nic1.in: to the target's rail within the node
     w0 -> w3 (across, by spine)      n0.nic0.out, leaf0.0.up1, leaf0.1.down1, n1.nic1.in

Rank r of all nodes meets on rail r, so that collectives among equal ranks never leave a leaf (NVIDIA DGX SuperPOD
reference architecture, 2023). `across: nvlink` is what NCCL calls PXN (NVIDIA, Doubling all2all Performance with NCCL
2.12, 2022). Which spine a transfer takes is the `routing` (see `hashing`): by default the target's node modulo the
spines. The host is in the spines, and has no link of its own.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from parsim.core.alike import nested
from parsim.core.columns import NONE, Ints
from parsim.core.errors import Complaint, Invalid
from parsim.core.schema import Count, Positive
from parsim.core.units import BytesPerSecond, Seconds
from parsim.core.wiring import Link, Routes, Tier, Wiring
from parsim.topologies import topologies
from parsim.topologies.cards import Cards
from parsim.topologies.changes import Changes, changed
from parsim.topologies.hashing import Routing, hashed
from parsim.topologies.inside import inside as within
from parsim.topologies.leaves import Leaves, with_leaves
from parsim.topologies.nodes import Inside, Kind, device_of, devices_of, node_of, period_of, refuse_other_count


def period_of_leaves(
    node: str | None, per_node: int | None, spines: int, nodes_per_leaf: int, routing: Routing
) -> int | None:
    """Return after how many devices the wiring repeats: whole leaves, and nodes whose way is by the same spine."""
    nodes = period_of(node, per_node)
    return nodes * math.lcm(spines, nodes_per_leaf) if nodes and routing == "ecmp-target" else None


@topologies.add("rail", devices=devices_of, device=device_of, period=period_of_leaves)
def rail(
    places: tuple[str, ...],
    spines: Count,
    nodes_per_leaf: Count,
    nodes: Count | None = None,
    node: Kind | None = None,
    per_node: Count | None = None,
    bandwidth: BytesPerSecond | None = None,
    latency: Seconds | None = None,
    nics: Count | None = None,
    nic: BytesPerSecond | None = None,
    nic_latency: Seconds | None = None,
    inside: Inside | None = None,
    leaf_latency: Seconds = 0.0,
    oversubscription: Positive = 1.0,
    across: Literal["nvlink", "spine"] = "nvlink",
    routing: Routing = "ecmp-target",
    changes: Changes = None,
) -> Wiring:
    """Wire nodes by rails.

    Parameters
    ----------
    places : the devices' names, then the host's.
    spines : spine switches; each has a link to every leaf.
    nodes_per_leaf : nodes whose cards of one rail are at one leaf.
    nodes : how many nodes; left out: as many as the devices need.
    node : name of a known node, whose numbers apply where none is stated here.
    per_node : devices of a node.
    bandwidth : bytes a second each way: of a device's links to the switch together, or of one link between two devices.
    latency : seconds of each link within a node; left out without a node: 0 s.
    nics : network cards of a node; left out without a node: one for each device.
    nic : bytes a second of a card, each way.
    nic_latency : seconds from a device to its leaf, and from a leaf to a device; left out without a node: 0 s.
    inside : what joins the devices of a node: switch; full, a link between each two; cube-mesh, the links of a DGX-1.
        Left out without a node: switch.
    leaf_latency : seconds of each link between a leaf and a spine.
    oversubscription : bytes a second of the cards at a leaf over those of its links to the spines.
    across : how a transfer changes rails: nvlink, within its node to the device at the target's rail; spine, through a
        spine.
    routing : which spine a transfer takes: ecmp-target, the target's node modulo the spines; ecmp-pair, a hash of
        source and target modulo the spines; single, the first.
    changes : links that differ from the others.

    >>> wiring = rail((*(f"w{index}" for index in range(32)), "host"), spines=4, nodes_per_leaf=2, node="dgx-a100")
    >>> [link.name for link in wiring.route(0, 17)]
    ['w0.up', 'w1.down', 'n0.nic1.out', 'leaf0.1.up2', 'leaf1.1.down2', 'n2.nic1.in']
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
    if host % server.per_node:
        words = f"has {host} devices, which are no whole number of nodes of {server.per_node}"
        raise Invalid([Complaint((), f"{words}; write nodes, and leave devices out")])
    near, cards, size = within(server, places), Cards(server, host), server.per_node
    leaves = Leaves(server, cards, nodes_per_leaf, spines, oversubscription, leaf_latency)
    far = near.count + cards.count

    def numbers(sources: Ints, targets: Ints) -> Ints:
        within_cluster = (sources != host) & (targets != host)
        beside = within_cluster & (sources // size == targets // size)
        leaving = sources.copy()
        if across == "nvlink":  # from the device of the source's node that is at the target's rail
            other = within_cluster & ~beside & (cards.rail(sources) != cards.rail(targets))
            leaving[other] = (sources - sources % size + targets % size)[other]
        first = np.where(beside, targets, leaving)
        rows = np.where((first != sources)[:, None], near.numbers(sources, first), NONE)
        code = hashed(routing, sources, targets // size if routing == "ecmp-target" else targets)
        up, down = leaves.between(leaving, targets, host, code)
        ends = np.stack([cards.out(leaving), up, down, cards.into(targets)], axis=1)
        ends += np.where(ends == NONE, 0, [near.count, far, far, near.count])
        return np.concatenate([rows, np.where(beside[:, None], NONE, ends)], axis=1)

    def link(number: int) -> Link:
        if number >= far:
            return leaves.link(number - far)
        return near.link(number) if number < near.count else cards.link(number - near.count)

    tiers = Tier("node", size), Tier("leaf", size * nodes_per_leaf)
    wiring = Wiring(
        Routes(numbers, link, far + leaves.count),
        nested(host, (size, tiers[1].size), size),
        tiers=tiers,
        sketch=lambda: with_leaves(places[:-1], server, near, cards, leaves),
    )
    return changed(wiring, len(places), changes)
