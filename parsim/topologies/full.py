r"""Full: one link from every place to every other place, including the host.

        w0 <====> w1           each arrow of each pair is a separate link: `w0>w1`, `w1>w0`, ...
         ^ ^     ^ ^           D devices and the host have (D + 1) D links
         |  \    /  |
         v   v v   v           seconds of a lone transfer = latency + size / bandwidth
        w2 <-> host

Two transfers share a link only if they have the same source and the same target. If none do, this is the
alpha-beta model: seconds = alpha + beta size (Hockney, Parallel Computing 20, 1994).
"""

from __future__ import annotations

from itertools import combinations

from parsim.core.alike import nested
from parsim.core.columns import Ints
from parsim.core.sketch import Sketch, Wire, circle
from parsim.core.units import BytesPerSecond, Seconds
from parsim.core.wiring import Link, Routes, Wiring
from parsim.topologies import topologies
from parsim.topologies.changes import Changes, changed


@topologies.add("full", period=lambda: 1)
def full(places: tuple[str, ...], bandwidth: BytesPerSecond, latency: Seconds = 0.0, changes: Changes = None) -> Wiring:
    """Wire each ordered pair of places by a separate link.

    Parameters
    ----------
    places : the devices' names, then the host's.
    bandwidth : bytes a second of each link.
    latency : seconds of each link, paid once by every transfer.
    changes : links that differ from the others.

    >>> full(("w0", "w1", "host"), bandwidth=1e7).route(1, 2)
    (Link(name='w1>host', bandwidth=10000000.0, latency=0.0),)
    """
    count = len(places)

    def numbers(sources: Ints, targets: Ints) -> Ints:
        return (sources * count + targets)[:, None]

    def link(number: int) -> Link:
        return Link(f"{places[number // count]}>{places[number % count]}", bandwidth, latency)

    def sketch() -> Sketch:
        pairs = combinations(range(count), 2)
        wires = [Wire((one * count + other, other * count + one), one, other, "pairs") for one, other in pairs]
        return Sketch(tuple(circle(places)), tuple(wires))

    return changed(Wiring(Routes(numbers, link, count * count), nested(count - 1), sketch=sketch), len(places), changes)
