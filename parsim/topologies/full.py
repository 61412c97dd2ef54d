r"""Full: one link from every place to every other, host included.

        w0 <====> w1           each arrow of each pair is a link of its own: `w0>w1`, `w1>w0`, ...
         ^ ^     ^ ^           D devices and the host have (D + 1) D links
         |  \    /  |
         v   v v   v           seconds of a lone transfer = latency + size / bandwidth
        w2 <-> host

Two transfers share only where they go from the same place to the same place. Without such, this is the
alpha-beta model: seconds = alpha + beta size (Hockney, Parallel Computing 20, 1994).
"""

from __future__ import annotations

from itertools import permutations

from parsim.core.cluster import Link, Route, Wiring
from parsim.core.units import BytesPerSecond, Seconds
from parsim.topologies import topologies


@topologies.add("full")
def full(places: tuple[str, ...], bandwidth: BytesPerSecond, latency: Seconds = 0.0) -> Wiring:
    """Wire each ordered pair of places by a link of its own.

    Parameters
    ----------
    places : the devices' names, then the host's.
    bandwidth : of each link.
    latency : of each link, paid once by every transfer.

    >>> wiring = full(("w0", "w1", "host"), bandwidth=1e7)
    >>> [link.name for link in wiring.links]
    ['w0>w1', 'w0>host', 'w1>w0', 'w1>host', 'host>w0', 'host>w1']
    >>> wiring.links[wiring.route(1, 2)[0]].name
    'w1>host'
    """
    others = len(places) - 1
    links = [Link(f"{source}>{target}", bandwidth, latency) for source, target in permutations(places, 2)]

    def route(source: int, target: int) -> Route:
        return (source * others + target - (target > source),)  # no place has a link to itself: skip one

    return Wiring(tuple(links), route)
