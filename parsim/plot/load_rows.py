"""The load of links over time by rows: of each link, or of many links by tier.

w0>w1            ##   ##                100 %     mean 12 %       up to 16 links have a row each
                 ##   ##                0         25 GB/s
within nodes  ...##...##..              100 %     mean 3 %        more: a row for each tier, with the mean of its links
             ::::##:::##::              0         busiest 26 %: n0.nic0.out      and the fullest link of each moment
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from parsim.core.graph import Floats
from parsim.core.job import Job
from parsim.core.quantities import number, size
from parsim.core.timeline import Timeline, shared_name
from parsim.export.table import short
from parsim.metrics.link_loads import Load, loads
from parsim.plot.tiers import MOST, drawn_cluster, tiers

FEW = 16  # links up to which each has a row
STEPS = 1_000  # of the run: as many as the eye can tell apart
NAME = 18  # cells of a link's name beside its tier


class Row(NamedTuple):
    """A lane: a link, or the links of a tier that carry anything."""

    name: str
    mean: Floats  # (steps,) share of the bandwidth, of the links of the lane
    most: Floats  # (steps,) of the fullest link of each moment
    words: tuple[str, str]


def rows(job: Job, timeline: Timeline) -> list[Row]:
    """Return the rows of a run."""
    found, cluster = loads(job, timeline), drawn_cluster(job)
    many = len(found) > 1 and (cluster is job.cluster or cluster.host <= MOST)
    return rows_of(found, tiers(cluster) if many else {}, timeline.makespan_s)


def rows_of(loads: Sequence[Load], tier: Mapping[str, str], makespan_s: float) -> list[Row]:
    """Return a row for each link, or of many links one for each tier.

    Parameters
    ----------
    loads : what the links carry.
    tier : the tier of each link by its name, in the order of rows; the links of a tier come as people count.
    makespan_s : where the run ends.
    """
    place = {name: number for number, name in enumerate(tier)}
    ordered = sorted(loads, key=lambda one: place.get(one.link.name, len(place)))
    if len(ordered) <= FEW:
        order = [*dict.fromkeys(tier.values()), ""]
        ordered.sort(key=lambda one: (order.index(tier.get(one.link.name, "")), counted(one.link.name)))
        return [_link(one, makespan_s) for one in ordered]
    groups: dict[str, list[Load]] = {}
    for one in ordered:
        groups.setdefault(tier.get(one.link.name, "links"), []).append(one)
    return [_tier(name, mine, makespan_s) for name, mine in groups.items()]


def counted(name: str) -> str:
    """Return a key that sorts names as people count.

    >>> sorted(["w10>w2", "w2>w10", "w2>w3"], key=counted)
    ['w2>w3', 'w2>w10', 'w10>w2']
    """
    return re.sub("[0-9]+", lambda digits: digits[0].zfill(9), name)


def _link(one: Load, makespan_s: float) -> Row:
    share, name = one.shares(np.linspace(0.0, makespan_s, STEPS + 1)), shared_name(one.link.name, one.stands_for - 1)
    return Row(name, share, share, (f"mean {_percent(_mean(one, makespan_s))}", _rate([one])))


def _tier(name: str, loads: Sequence[Load], makespan_s: float) -> Row:
    times = np.linspace(0.0, makespan_s, STEPS + 1)
    shares = [one.shares(times) for one in loads]
    means, counts = [_mean(one, makespan_s) for one in loads], [one.stands_for for one in loads]
    busiest = int(np.argmax(means))
    words = (
        f"{sum(counts)} x {_rate(loads)}: mean {_percent(float(np.average(means, weights=counts)))}",
        f"busiest {_percent(means[busiest])}: {short(loads[busiest].link.name, NAME)}",
    )
    return Row(name, np.average(shares, axis=0, weights=counts), np.max(shares, axis=0), words)


def _mean(one: Load, makespan_s: float) -> float:
    return one.shares(np.array([0.0, makespan_s])).item()


def _rate(loads: Sequence[Load]) -> str:
    rates = [one.link.bandwidth for one in loads]
    low, high = size(min(rates)), size(max(rates))
    return f"{high}/s" if low == high else f"{low}/s to {high}/s"


def _percent(share: float) -> str:
    return f"{number(100 * share, 2)} %"
