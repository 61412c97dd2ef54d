r"""Ring: every device is connected to the next and to the one before, the last to the first.

        w0 <=> w1             w0 -> w1      w0>w1
         ^      ^             w0 -> w2      w0>w1, w1>w2: half way round, in the direction of rising numbers
         v      v             w0 -> w3      w0>w3
        w3 <=> w2
                              seconds of a lone transfer = hops * latency + size / bandwidth

A torus with one side: routes lead the short way round, and the host has a link of its own to and from each device
(Dally and Towles, Principles and Practices of Interconnection Networks, 2004, chapter 5).
"""

from __future__ import annotations

from parsim.core.units import BytesPerSecond, Seconds
from parsim.core.wiring import Wiring
from parsim.topologies import topologies
from parsim.topologies.changes import Changes
from parsim.topologies.torus import torus


@topologies.add("ring")
def ring(
    places: tuple[str, ...],
    bandwidth: BytesPerSecond,
    latency: Seconds = 0.0,
    back: BytesPerSecond | None = None,
    changes: Changes = None,
) -> Wiring:
    """Wire each device to its two neighbours.

    Parameters
    ----------
    places : the devices' names, then the host's.
    bandwidth : bytes a second of each link.
    latency : seconds of each link; a transfer pays one for each hop.
    back : bytes a second of the links in the direction of falling numbers; left out: bandwidth.
    changes : links that differ from the others.

    >>> wiring = ring(("w0", "w1", "w2", "w3", "host"), bandwidth=1e9)
    >>> [[link.name for link in wiring.route(0, target)] for target in (1, 2, 3)]
    [['w0>w1'], ['w0>w1', 'w1>w2'], ['w0>w3']]
    """
    return torus(places, [len(places) - 1], bandwidth, latency, back, changes)
