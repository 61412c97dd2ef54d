"""Star: every device is connected to one switch by a link up and a link down, both of one bandwidth.

              host
               |               w0 -> w1     w0.up, w1.down      both latencies
            (switch)           host -> w1   w1.down
       up ^ | down  ^ |        w0 -> host   w0.up
          | v       | v
           w0        w1        seconds of a lone transfer = links * latency + size / bandwidth

It is a `switch` with equal links. The host is in the switch and has no link: it can send to every device at full speed.
Transfers share only the pair of links of each device, as on a full-bisection ("non-blocking") switch
(Dally and Towles, Principles and Practices of Interconnection Networks, 2004, chapter 6).
"""

from __future__ import annotations

from parsim.core.units import BytesPerSecond, Seconds
from parsim.core.wiring import Wiring
from parsim.topologies import topologies
from parsim.topologies.switch import switch


@topologies.add("star", period=lambda: 1)
def star(places: tuple[str, ...], bandwidth: BytesPerSecond, latency: Seconds = 0.0) -> Wiring:
    """Wire each device to one switch by links of one bandwidth.

    Parameters
    ----------
    places : the devices' names, then the host's.
    bandwidth : bytes a second of each link.
    latency : seconds of each link; from device to device it is paid twice.

    >>> wiring = star(("w0", "w1", "host"), bandwidth=1e7)
    >>> [link.name for link in wiring.route(0, 1)], [link.name for link in wiring.route(2, 1)]
    (['w0.up', 'w1.down'], ['w1.down'])
    """
    return switch(places, bandwidth, latency)
