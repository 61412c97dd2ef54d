"""Links of a topology that differ from the others: slower, farther, or with another bandwidth over time.

changes: [{link: n0.nic3.out, bandwidth: 5 GB/s}]                                 a slow card
changes: [{link: "w7.*", profile: [{at: 1 s, bandwidth: 0 B/s}]}]                 device w7 is cut off after a second
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from parsim.core.alike import grouped
from parsim.core.errors import Complaint, Invalid
from parsim.core.schema import Name
from parsim.core.suggestions import Known
from parsim.core.units import BytesPerSecond, Seconds
from parsim.core.wiring import Link, Routes, Wiring, each_pair
from parsim.topologies.profiles import Change, about_profile, profile_of

MOST_LINKS = 1_000_000  # whose names are looked up
MOST_PAIRS = 10_000_000  # of places that are looked at together


@dataclass(frozen=True)
class LinkChange:
    """Links that differ from what the topology says of all.

    Parameters
    ----------
    link : name of a link, or with * the names of several.
    bandwidth : bytes a second; left out: as the topology says.
    latency : seconds; left out: as the topology says.
    profile : other bandwidths from some time on; left out: the bandwidth never changes.
    """

    link: Name
    bandwidth: BytesPerSecond | None = None
    latency: Seconds | None = None
    profile: list[Change] | None = None

    def of(self, link: Link) -> Link:
        """Return *link* with the change."""
        return Link(
            link.name,
            link.bandwidth if self.bandwidth is None else self.bandwidth,
            link.latency if self.latency is None else self.latency,
            link.profile if self.profile is None else profile_of(self.profile),
        )


Changes = list[LinkChange] | None


def changed(wiring: Wiring, places: int, changes: Sequence[LinkChange] | None) -> Wiring:
    """Return *wiring* with the changes of its links; of several changes of one link the last counts.

    >>> each = Routes(lambda sources, targets: targets[:, None], lambda number: Link(f"to{number}", 1e9), 2)
    >>> changed(Wiring(each), 2, [LinkChange("to1", latency=1e-6)]).route(0, 1)
    (Link(name='to1', bandwidth=1000000000.0, latency=1e-06),)
    """
    if not changes:
        return wiring
    assert isinstance(wiring.route, Routes)
    routes, complaints = wiring.route, list[Complaint]()
    if routes.count > MOST_LINKS:
        raise Invalid([Complaint(("changes",), f"needs at most {MOST_LINKS} links, but there are {routes.count}")])
    names = {routes.link(number).name: number for number in range(routes.count)}
    known, made = Known(names), dict[int, Link]()
    for index, row in enumerate(changes):
        complaints += [one.below("changes", index, "profile") for one in about_profile(row.profile)]
        found = [names[row.link]] if row.link in names else []
        found = found or [number for name, number in names.items() if fnmatchcase(name, row.link)]
        if not found:
            complaints.append(Complaint(("changes", index, "link"), known.did_you_mean(row.link)))
        made |= {number: row.of(made.get(number) or routes.link(number)) for number in found}
    if complaints:
        raise Invalid(complaints)
    nominal = any(row.bandwidth is not None or row.latency is not None for row in changes)
    route = replace(routes, link=lambda number: made.get(number) or routes.link(number))
    alike = each_pair if places**2 > MOST_PAIRS else grouped(route)
    return wiring._replace(route=route, alike=alike if nominal else wiring.alike)
