r"""Leaf-spine: devices at leaf switches, each of which has a link to every spine switch.

         (spine 0)   (spine 1)       w0 -> w1      w0.up, w1.down
          |      \  /      |         w0 -> w2      w0.up, leaf0.up0, leaf1.down0, w2.down: spine 2 mod 2
         (leaf 0)    (leaf 1)        w0 -> w3      w0.up, leaf0.up1, leaf1.down1, w3.down: spine 3 mod 2
          |    |      |    |
          w0   w1     w2   w3        oversubscription = per_leaf * bandwidth / (spines * bandwidth of a link to a spine)

Leaves may carry more than their links to the spines: `oversubscription: 2` halves these. Which spine a transfer takes
is the `routing` (see `hashing`): by default the target's number modulo the spines. The host is in the spines, and has
no link of its own. A folded Clos network: Clos, A Study of Non-Blocking Switching Networks, Bell Syst. Tech. J. 32,
1953; Alizadeh and Edsall, On the Data Path Performance of Leaf-Spine Datacenter Fabrics, HOTI 2013.
"""

from __future__ import annotations

import math

from parsim.core.errors import Complaint, Invalid
from parsim.core.schema import Count, Positive
from parsim.core.units import BytesPerSecond, Seconds
from parsim.core.wiring import Wiring
from parsim.topologies import topologies
from parsim.topologies.changes import Changes, changed
from parsim.topologies.hashing import Routing
from parsim.topologies.tree import Stage, tree


def period_of(per_leaf: int, spines: int, routing: Routing) -> int | None:
    """Return after how many devices the wiring repeats: whole leaves, and devices whose way is by the same spine."""
    return math.lcm(per_leaf, spines) if routing == "ecmp-target" else None


@topologies.add("leaf_spine", devices=lambda leaves, per_leaf: leaves and leaves * per_leaf, period=period_of)
def leaf_spine(
    places: tuple[str, ...],
    per_leaf: Count,
    spines: Count,
    bandwidth: BytesPerSecond,
    latency: Seconds = 0.0,
    leaves: Count | None = None,
    oversubscription: Positive = 1.0,
    up: BytesPerSecond | None = None,
    routing: Routing = "ecmp-target",
    changes: Changes = None,
) -> Wiring:
    """Wire devices to leaves, and leaves to spines.

    Parameters
    ----------
    places : the devices' names, then the host's.
    per_leaf : devices of a leaf.
    spines : spine switches.
    bandwidth : bytes a second of each link of a device.
    latency : seconds of each link.
    leaves : leaf switches; left out: as many as the devices need.
    oversubscription : bytes a second of a leaf's devices over those of its links to the spines.
    up : bytes a second of each link from a device to its leaf; left out: bandwidth.
    routing : which spine a transfer takes: ecmp-target, the target's number modulo the spines; ecmp-pair, a hash of
        source and target modulo the spines; single, the first.
    changes : links that differ from the others.

    >>> wiring = leaf_spine(("w0", "w1", "w2", "w3", "host"), per_leaf=2, spines=2, bandwidth=1e9, oversubscription=2.0)
    >>> [(link.name, link.bandwidth) for link in wiring.route(0, 3)][:2]
    [('w0.up', 1000000000.0), ('leaf0.up1', 500000000.0)]
    """
    devices = len(places) - 1
    if leaves is not None and leaves * per_leaf != devices:
        words = f"{leaves} leaves of {per_leaf} are {leaves * per_leaf} devices, but the cluster has {devices}"
        raise Invalid([Complaint(("leaves",), f"{words}; leave leaves or devices out")])
    spine = per_leaf * bandwidth / (spines * oversubscription)
    stages = [
        Stage("", 1, 1, bandwidth if up is None else up, bandwidth, latency),
        Stage("leaf", per_leaf, spines, spine, spine, latency),
    ]
    return changed(tree(places, stages, routing, top="spine"), len(places), changes)
