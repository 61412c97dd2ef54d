"""Star: every device is connected to one switch by a link up and a link down.

              host
               |               w0 -> w1     w0.up, w1.down      both latencies
            (switch)           host -> w1   w1.down
       up ^ | down  ^ |        w0 -> host   w0.up
          | v       | v
           w0        w1        seconds of a lone transfer = links * latency + size / bandwidth

The host is in the switch and has no link: it can send to every device at full speed. Transfers share only the pair of
links of each device, as on a full-bisection ("non-blocking") switch
(Dally and Towles, Principles and Practices of Interconnection Networks, 2004, chapter 6).
"""

from __future__ import annotations

from parsim.core.cluster import Link, Route, Wiring, one_for_all
from parsim.core.units import BytesPerSecond, Seconds
from parsim.topologies import topologies


@topologies.add("star")
def star(places: tuple[str, ...], bandwidth: BytesPerSecond, latency: Seconds = 0.0) -> Wiring:
    """Wire each device to one switch.

    Parameters
    ----------
    places : the devices' names, then the host's.
    bandwidth : bytes a second of each link.
    latency : seconds of each link; from device to device it is paid twice.

    >>> wiring = star(("w0", "w1", "host"), bandwidth=1e7)
    >>> [link.name for link in wiring.route(0, 1)], [link.name for link in wiring.route(2, 1)]
    (['w0.up', 'w1.down'], ['w1.down'])
    """
    host = len(places) - 1

    def route(source: int, target: int) -> Route:
        up = () if source == host else (Link(f"{places[source]}.up", bandwidth, latency),)
        down = () if target == host else (Link(f"{places[target]}.down", bandwidth, latency),)
        return up + down

    return Wiring(route, one_for_all(host))
