r"""Torus: a grid of devices whose rows and columns close to rings.

         w0 <=> w1 <=> w2 <=> (w0)        sides: [3, 2]: w0 w1 w2 is the first row
          ^      ^      ^
          v      v      v                 w0 -> w5: by w2 (the short way round), then down to w5
         w3 <=> w4 <=> w5 <=> (w3)
          ^      ^      ^                 hops of a transfer = sum over the sides of min(d, side - d)
         (w0)   (w1)   (w2)               seconds of a lone one = hops * latency + size / bandwidth

Device x + sides[0] y + sides[0] sides[1] z stands at (x, y, z). Each device has a link to each neighbour. Routes lead
along the first side, then the second, then the third (dimension order), each the short way round; half way round, in
the direction of rising numbers. The host has a link of its own to and from each device. So TPU pods are wired: 2-D for
v5e, 3-D for v4 and v5p (Jouppi et al., TPU v4, ISCA 2023). Dally and Towles, Principles and Practices of
Interconnection Networks, 2004, chapters 5 and 8.
"""

from __future__ import annotations

import math
from functools import cache
from itertools import accumulate
from operator import mul

import numpy as np

from parsim.core.alike import Alike
from parsim.core.columns import NONE, Ints
from parsim.core.errors import Complaint, Invalid
from parsim.core.schema import Count
from parsim.core.units import BytesPerSecond, Seconds
from parsim.core.wiring import Link, Pairs, Places, Routes, Tier, Wiring
from parsim.topologies import topologies
from parsim.topologies.changes import Changes, changed
from parsim.topologies.grid import grid_of


@topologies.add("torus", devices=lambda sides: math.prod(sides))
def torus(
    places: tuple[str, ...],
    sides: list[Count],
    bandwidth: BytesPerSecond,
    latency: Seconds = 0.0,
    back: BytesPerSecond | None = None,
    changes: Changes = None,
) -> Wiring:
    """Wire the devices of a grid to their neighbours, and the ends of each row.

    Parameters
    ----------
    places : the devices' names, then the host's.
    sides : devices along each side, two numbers for a 2-D torus, three for a 3-D one.
    bandwidth : bytes a second of each link.
    latency : seconds of each link; a transfer pays one for each hop.
    back : bytes a second of the links in the direction of falling numbers; left out: bandwidth.
    changes : links that differ from the others.

    >>> wiring = torus((*(f"w{index}" for index in range(6)), "host"), sides=[3, 2], bandwidth=1e9)
    >>> [link.name for link in wiring.route(0, 5)], [link.name for link in wiring.route(6, 5)]
    (['w0>w2', 'w2>w5'], ['host>w5'])
    """
    host = len(places) - 1
    if math.prod(sides) != host:
        words = f"{' x '.join(map(str, sides))} = {math.prod(sides)} devices, but the cluster has {host}"
        raise Invalid([Complaint(("sides",), f"{words}; write sides whose product is {host}, or leave devices out")])
    steps = [1, *accumulate(sides, mul)]  # how far apart the numbers of neighbours are
    ways, grid = 2 * len(sides), 2 * len(sides) * host

    def numbers(sources: Ints, targets: Ints) -> Ints:
        here, columns, between = sources.copy(), list[Ints](), (sources != host) & (targets != host)
        for side, (length, step) in enumerate(zip(sides, steps, strict=False)):
            ahead = np.where(between, (targets // step - sources // step) % length, 0)
            falling = ahead > length - ahead
            left = np.where(falling, length - ahead, ahead)
            while left.any():
                columns.append(np.where(left > 0, ways * here + 2 * side + falling, NONE))
                at = here // step % length
                beside = np.where(falling, at - 1, at + 1) % length
                here, left = np.where(left > 0, here + (beside - at) * step, here), np.maximum(left - 1, 0)
        ends = np.where(targets == host, grid + 2 * sources, np.where(sources == host, grid + 2 * targets + 1, NONE))
        return np.stack([*columns, ends], axis=1)

    def link(number: int) -> Link:
        if number >= grid:
            name = places[(number - grid) // 2]
            return Link(f"host>{name}" if number % 2 else f"{name}>host", bandwidth, latency)
        device, way = divmod(number, ways)
        length, step, falling = sides[way // 2], steps[way // 2], way % 2
        at = device // step % length
        other = device + ((at - 1 if falling else at + 1) % length - at) * step
        return Link(f"{places[device]}>{places[other]}", back if falling and back is not None else bandwidth, latency)

    tiers = tuple(Tier(name, size) for name, size in zip(("row", "plane"), steps[1:-1], strict=False))
    wiring = Wiring(Routes(numbers, link, grid + 2 * host), _by_hops(sides), tiers=tiers)
    return changed(wiring._replace(sketch=lambda: grid_of(places[:-1], sides)), len(places), changes)


def _by_hops(sides: list[Count]) -> Alike:
    """Return the `alike` of a torus: ways of one number of hops, with those in falling directions apart."""
    host, shape = math.prod(sides), sides[::-1]

    @cache
    def sorts() -> Ints:
        """Return the sort of each way that starts at the first device, (devices,)."""
        ahead = np.stack(np.unravel_index(np.arange(host), shape))
        short = np.minimum(ahead, np.array(shape)[:, None] - ahead)
        found: Ints = 2 * short.sum(axis=0) + (ahead > short).any(axis=0)
        return found

    def alike(sources: Places, targets: Places) -> Pairs:
        there = [np.bincount([one for one in some if one != host], minlength=host) for some in (sources, targets)]
        first, second = (np.fft.fftn(some.reshape(shape)) for some in there)
        pairs = np.rint(np.fft.ifftn(first.conj() * second).real).astype(np.int64).ravel()
        pairs[0] = 0  # from a device to itself
        sort = sorts()
        counts = np.bincount(sort, weights=pairs)
        yield from ((0, int(np.argmax(sort == one)), int(counts[one])) for one in np.flatnonzero(counts).tolist())
        if host in sources and there[1].any():
            yield host, 0, int(there[1].sum())
        if host in targets and there[0].any():
            yield 0, host, int(there[0].sum())

    return alike
