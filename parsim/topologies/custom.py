r"""Custom: links and routes given one by one.

        h0 ---- L1 ----> h1               links:  [{name: L1, bandwidth: 1 GB/s, latency: 1 ms},
         \                                          {name: L2, bandwidth: 2 GB/s}]
          `--- L1, L2 ----> h2            routes: [{from: h0, to: h1, over: [L1]}, {from: h0, to: h2, over: [L1, L2]}]

        seconds of a lone transfer = sum of the latencies + size / least bandwidth on its route

        profile: [{at: 2 s, bandwidth: 0 B/s}, {at: 3 s, bandwidth: 1 GB/s}]        of a link that is down for 1 s

A link is one shared resource for all routes over it. A route is directed: the way back is a separate route.
The same model as SimGrid's platform files with `<link>` and `<route>` (Casanova et al., JPDC 74, 2014).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from parsim.core.cluster import Link, Pairs, Places, Wiring
from parsim.core.errors import Complaint, Invalid, about_doubles
from parsim.core.schema import Name
from parsim.core.suggestions import Known
from parsim.core.units import BytesPerSecond, Seconds
from parsim.topologies import topologies
from parsim.topologies.profiles import Change, about_profile, profile_of


@dataclass(frozen=True)
class LinkRow:
    """One shared resource.

    Parameters
    ----------
    name : unique name of the link.
    bandwidth : bytes a second, shared by all transfers over the link.
    latency : seconds from one end to the other, paid once by every transfer.
    profile : other bandwidths from some time on; left out: the bandwidth never changes.
    """

    EXAMPLE: ClassVar[str] = "{name: L1, bandwidth: 400 Gbit/s}"

    name: Name
    bandwidth: BytesPerSecond
    latency: Seconds = 0.0
    profile: list[Change] | None = None


@dataclass(frozen=True)
class RouteRow:
    """The way from one place to another, over links in travel order.

    Parameters
    ----------
    from_ : device where the route starts, or host.
    to : device where the route ends, or host; the way back is a separate route.
    over : names of the links, in travel order.
    """

    EXAMPLE: ClassVar[str] = "{from: w0, to: w1, over: [L1]}"

    from_: Name
    to: Name
    over: list[Name]


@topologies.add("custom")
def custom(places: tuple[str, ...], links: list[LinkRow], routes: list[RouteRow]) -> Wiring:
    """Wire places by links and routes given one by one.

    Parameters
    ----------
    places : the devices' names, then the host's.
    links : the links; each is one shared resource.
    routes : the links from one place to another; places without a route cannot communicate.

    >>> l1, l2 = LinkRow("L1", 1e9, 1e-3), LinkRow("L2", 2e9)
    >>> wiring = custom(("h0", "h1", "host"), [l1, l2], [RouteRow("h0", "h1", ["L1", "L2"])])
    >>> [link.name for link in wiring.route(0, 1)], wiring.route(1, 0)
    (['L1', 'L2'], None)
    """
    complaints = [*about_doubles("links", [link.name for link in links]), *_about_routes(places, links, routes)]
    for index, row in enumerate(links):
        complaints += [complaint.below("links", index, "profile") for complaint in about_profile(row.profile)]
    if complaints:
        raise Invalid(complaints)
    place = {name: index for index, name in enumerate(places)}
    link = {row.name: Link(row.name, row.bandwidth, row.latency, profile_of(row.profile)) for row in links}
    table = {(place[row.from_], place[row.to]): tuple(link[name] for name in row.over) for row in routes}

    def listed(sources: Places, targets: Places) -> Pairs:
        starts, ends = set(sources), set(targets)
        return ((a, b, 1) for a, b in table if a in starts and b in ends)

    return Wiring(lambda source, target: table.get((source, target)), listed)


def _about_routes(places: Sequence[str], links: Sequence[LinkRow], routes: Sequence[RouteRow]) -> Iterator[Complaint]:
    first: dict[tuple[str, str], int] = {}
    known, names = set(places), {link.name for link in links}
    of_places, of_links = Known(places), Known(names)
    for index, row in enumerate(routes):
        for key, place in (("from", row.from_), ("to", row.to)):
            if place not in known:
                yield Complaint(("routes", index, key), of_places.did_you_mean(place))
        if row.from_ == row.to:
            message = f"the route from '{row.from_}' leads back to '{row.to}'; name two different places"
            yield Complaint(("routes", index, "to"), message)
        earlier = first.setdefault((row.from_, row.to), index)
        if earlier != index:
            message = f"routes[{earlier}] already leads from '{row.from_}' to '{row.to}'; keep one of the two"
            yield Complaint(("routes", index), message)
        if not row.over:
            yield Complaint(("routes", index, "over"), "an empty list names no link; name at least one")
        before: set[str] = set()
        for step, link in enumerate(row.over):
            if link not in names:
                yield Complaint(("routes", index, "over", step), of_links.did_you_mean(link))
            elif link in before:
                message = f"'{link}' is on this route already; name each link once"
                yield Complaint(("routes", index, "over", step), message)
            before.add(link)
