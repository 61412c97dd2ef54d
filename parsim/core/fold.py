"""A fold: devices that play the same part are played once, and the one that is played stands for all of them.

w0 w1 w2 w3 ... w1023      of a data-parallel group at one switch, all alike
|                          w0 is played, and stands for 1,024: each of its transfers counts as often on its links
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from parsim.core.classes import firsts
from parsim.core.cluster import Cluster
from parsim.core.columns import Floats, Ints, no_ints
from parsim.core.wiring import Link, Route, Wiring

MANY = 1_000  # devices from which on a run may take minutes


@dataclass(frozen=True)
class Fold:
    """Which device is played for which.

    Attributes
    ----------
    of : the class of each device, (devices,); of a cluster of equal parts, of those of one.
    first : the device of each class that is played, (classes,), ascending.
    cluster : the devices that are played, and the links between them; the whole cluster if nothing is folded.
    whole : the whole cluster.
    why : why nothing is folded; empty if something is.
    links : the links of *whole* that carry anything, where something is folded.
    of_link : the class of each of them, (links,); the first link of a class is the one that is played.
    """

    of: Ints
    first: Ints
    cluster: Cluster
    whole: Cluster
    why: str = ""
    links: Sequence[Link] = ()
    of_link: Ints = field(default_factory=no_ints)

    def __getstate__(self) -> dict[str, Any]:
        """Pickle the devices without the network's functions."""
        unwired = {"cluster": Cluster(self.cluster.devices), "whole": Cluster(self.whole.devices)}
        return vars(self) | unwired

    @cached_property
    def played_links(self) -> dict[str, str]:
        """The link that is played for each link of *whole* that carries anything, by their names."""
        first = firsts(self.of_link)[self.of_link].tolist()
        return {link.name: self.links[place].name for link, place in zip(self.links, first, strict=True)}

    @cached_property
    def link_stands_for(self) -> dict[str, int]:
        """How many links each link that is played stands for, itself included, by its name."""
        counts = (np.bincount(self.of_link) * self.whole.times).tolist()
        return {
            self.links[place].name: count for place, count in zip(firsts(self.of_link).tolist(), counts, strict=True)
        }

    @property
    def notes(self) -> list[str]:
        """What to tell a reader: how many devices each one stands for, or why every device is played."""
        if self.why:
            return [f"every device is played, since {self.why}"]
        count = len(self.first)
        if count == self.devices:
            return []
        sizes = np.bincount(self.of) * self.whole.times
        each = f"{sizes.min()}" if sizes.min() == sizes.max() else f"{sizes.min()} to {sizes.max()}"
        played = "devices is played, which" if count == 1 else "devices are played, each of which"
        told = f"{count} of {self.devices} {played} stands for {each} that do the same at the same time"
        slow = "; so many classes hardly pay" if 2 * count > self.devices else ""
        return [f"{told}{slow}; --fold off plays all"]

    @property
    def warning(self) -> str:
        """What to tell before a run that will take minutes; empty: it will not."""
        if len(self.first) <= MANY or (self.devices == len(self.first) and not self.why):
            return ""
        why = f", since {self.why}" if self.why else ", since so many do different things"
        told = f"{len(self.first):,} of {self.devices:,} devices are played{why}"
        return f"{told}; this may take minutes, and fewer replicas show the same sooner"

    def to_dict(self) -> dict[str, Any]:
        """Return the fold as in section 2 of the contract."""
        return {"devices": self.devices, "played": len(self.first), "why_not": self.why or None}

    @property
    def devices(self) -> int:
        """How many devices there are, played or not."""
        return len(self.of) * self.whole.times


def every_device(cluster: Cluster, why: str = "") -> Fold:
    """Return the fold that plays every device, and *why* it does."""
    every = np.arange(len(cluster.devices))
    return Fold(every, every, cluster, cluster, why)


class Ways(NamedTuple):
    """How classes of devices send to each other, a row for each pair of them.

    Attributes
    ----------
    source, target : the classes, (pairs,).
    routes : the links that stand for those of the way, in travel order.
    weights : how many transfers cross each link if each of the class receives one, (pairs,) of (hops,).
    links : all links that carry anything.
    of_link : the class of each, (links,).
    """

    source: Ints
    target: Ints
    routes: list[Route]
    weights: list[Floats]
    links: Sequence[Link]
    of_link: Ints


def folded(cluster: Cluster, of: Ints, first: Ints, ways: Ways) -> Fold:
    """Return the fold of a cluster by the classes of its devices."""
    counts = np.bincount(of) * cluster.times
    devices = tuple(
        cluster.devices[device]._replace(stands_for=count)
        for device, count in zip(first.tolist(), counts.tolist(), strict=True)
    )
    pairs = list(zip(ways.source.tolist(), ways.target.tolist(), strict=True))
    routes = dict(zip(pairs, ways.routes, strict=True))
    weights = {
        (*pair, link.name): float(weight)
        for pair, route, weighs in zip(pairs, ways.routes, ways.weights, strict=True)
        for link, weight in zip(route, weighs, strict=True)
    }
    wiring = Wiring(
        route=lambda source, target: routes.get((source, target)),
        weight=lambda source, target, link: weights[source, target, link],
    )
    return Fold(of, first, Cluster(devices, wiring), cluster, links=ways.links, of_link=ways.of_link)
