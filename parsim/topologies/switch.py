r"""Switch: every device is connected to one switch by a link up and a link down, which may differ.

              host
               |               w0 -> w1     w0.up, w1.down      both latencies
            (switch)           host -> w1   w1.down
       up ^ | down  ^ |        w0 -> host   w0.up
          | v       | v
           w0        w1        seconds of a lone transfer = links * latency + size / least bandwidth

With `fabric`, all that passes the switch shares that bandwidth: the link `switch` is in the middle of every route.
Without it, the switch is non-blocking: transfers share the links of devices alone. The host is in the switch and has no
link: it can send to every device at full speed (Dally and Towles, Principles and Practices of Interconnection Networks,
2004, chapter 6).
"""

from __future__ import annotations

import numpy as np

from parsim.core.alike import nested
from parsim.core.columns import NONE, Ints
from parsim.core.sketch import Sketch, Spot, Wire, circle
from parsim.core.units import BytesPerSecond, Seconds
from parsim.core.wiring import Link, Routes, Wiring
from parsim.topologies import topologies
from parsim.topologies.changes import Changes, changed


@topologies.add("switch")
def switch(
    places: tuple[str, ...],
    bandwidth: BytesPerSecond,
    latency: Seconds = 0.0,
    up: BytesPerSecond | None = None,
    fabric: BytesPerSecond | None = None,
    changes: Changes = None,
) -> Wiring:
    """Wire each device to one switch.

    Parameters
    ----------
    places : the devices' names, then the host's.
    bandwidth : bytes a second of each link.
    latency : seconds of each link; from device to device it is paid twice.
    up : bytes a second of each link from a device to the switch; left out: bandwidth.
    fabric : bytes a second of all that passes the switch; left out: no limit.
    changes : links that differ from the others.

    >>> wiring = switch(("w0", "w1", "host"), bandwidth=1e9, up=1e8)
    >>> wiring.route(0, 1)
    (Link(name='w0.up', bandwidth=100000000.0, latency=0.0), Link(name='w1.down', bandwidth=1000000000.0, latency=0.0))
    >>> [link.name for link in switch(("w0", "w1", "host"), bandwidth=1e9, fabric=1e9).route(2, 1)]
    ['switch', 'w1.down']
    """
    host = len(places) - 1
    middle = 2 * host

    def numbers(sources: Ints, targets: Ints) -> Ints:
        through = np.full(len(sources), NONE if fabric is None else middle)
        leaving = np.where(sources == host, NONE, 2 * sources)
        return np.stack([leaving, through, np.where(targets == host, NONE, 2 * targets + 1)], axis=1)

    def link(number: int) -> Link:
        if number == middle and fabric is not None:
            return Link("switch", fabric)
        if number % 2:
            return Link(f"{places[number // 2]}.down", bandwidth, latency)
        return Link(f"{places[number // 2]}.up", bandwidth if up is None else up, latency)

    def sketch() -> Sketch:
        wires = [Wire((2 * device, 2 * device + 1), device, host, "devices") for device in range(host)]
        return Sketch((*circle(places[:-1]), Spot("switch", 0.0, 0.0, "switch")), tuple(wires))

    routes = Routes(numbers, link, middle + (fabric is not None))
    return changed(Wiring(routes, nested(host), sketch=sketch), len(places), changes)
