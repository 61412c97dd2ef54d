"""Transfers: any traffic on any network.

    flows: [{name: f0, from: h0, to: h1, size: 1 GB, start: 0 s, limit: 250 MB/s}]

A flow first waits for the sum of its route's latencies, without using bandwidth, then drains at its max-min fair rate.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from parsim.core.cluster import Cluster
from parsim.core.errors import Complaint, Invalid, Path, about_doubles
from parsim.core.graph import Flows, TaskGraph, no_floats, no_ints
from parsim.core.schema import Name
from parsim.core.suggestions import Known
from parsim.core.units import Bytes, BytesPerSecond, Seconds
from parsim.workloads import workloads


@dataclass(frozen=True)
class FlowRow:
    """One flow of the list.

    Parameters
    ----------
    name : unique name of the flow.
    from_ : device where the flow starts, or host.
    to : device where the flow ends, or host.
    size : bytes of the flow.
    start : instant at which the flow starts.
    limit : largest rate of the flow; left out: no limit.
    """

    name: Name
    from_: Name
    to: Name
    size: Bytes
    start: Seconds = 0.0
    limit: BytesPerSecond = math.inf


@dataclass(frozen=True)
class NoPlan:
    """The plan of flows, which has no keys, since flows are not split."""


@workloads.add("transfers")
def transfers(cluster: Cluster, plan: NoPlan, flows: list[FlowRow]) -> TaskGraph:
    """Make the listed flows, in the file's order, without tasks.

    Parameters
    ----------
    flows : the flows, in the order of their numbers.
    """
    places = {name: place for place, name in enumerate(cluster.places)}
    complaints = [*about_doubles("flows", [row.name for row in flows]), *_about_places(flows, places)]
    if not flows:
        complaints = [Complaint(("flows",), "is empty; at least one flow is needed")]
    if complaints:
        raise Invalid(complaints)
    return TaskGraph(
        names=(),
        kinds=(),
        kind=no_ints(),
        units=no_floats(),
        places=(),
        place=no_ints(),
        flows=Flows(
            names=[row.name for row in flows],
            source=np.array([places[row.from_] for row in flows]),
            target=np.array([places[row.to] for row in flows]),
            size=np.array([row.size for row in flows]),
            limit=np.array([row.limit for row in flows]),
            start=np.array([row.start for row in flows]),
        ),
        where=where,
    )


def where(what: str, index: int) -> Path:
    """Return the path of the flow in the scenario."""
    return ("flows", index)


def _about_places(flows: Sequence[FlowRow], places: Collection[str]) -> list[Complaint]:
    complaints, known = [], Known(places)
    for index, row in enumerate(flows):
        ends = {"from": row.from_, "to": row.to}
        unknown = {key: name for key, name in ends.items() if name not in places}
        complaints += [Complaint(("flows", index, key), known.did_you_mean(name)) for key, name in unknown.items()]
        if not unknown and row.from_ == row.to:
            complaints.append(Complaint(("flows", index, "to"), f"'{row.to}' sends to itself; name another place"))
    return complaints
