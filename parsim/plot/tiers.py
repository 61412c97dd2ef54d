"""What a picture of a network shows: its spots and wires, and the tier of each link."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from parsim.core.cluster import Cluster
from parsim.core.errors import RunError
from parsim.core.job import Job
from parsim.core.sketch import Sketch, Spot, Wire, circle
from parsim.core.wiring import Link, Routes

MOST = 2000  # devices that are drawn


def drawn_cluster(job: Job) -> Cluster:
    """Return the cluster of which a picture shows the network: where devices are folded, with all that they stand for.

    Of a cluster of equal parts, it is one of them.
    """
    return job.graph.fold.whole if job.graph.fold else job.cluster


def tiers(cluster: Cluster) -> dict[str, str]:
    """Return the tier of each link by its name, in the order in which they are drawn."""
    sketch, links = drawing(cluster)
    return {links[number].name: wire.tier for wire in sketch.wires for number in wire.links}


def drawing(cluster: Cluster) -> tuple[Sketch, Mapping[int, Link]]:
    """Return the sketch of a topology and its links by number; for one without a sketch, routes between places."""
    if cluster.host > MOST:
        raise RunError(f"a network of {cluster.host} devices has no room in a picture; the most are {MOST}")
    sketch, route = cluster.wiring.sketch(), cluster.wiring.route
    if sketch.spots and isinstance(route, Routes):
        return sketch, {number: route.link(number) for wire in sketch.wires for number in wire.links}
    return _routes(cluster)


def _routes(cluster: Cluster) -> tuple[Sketch, dict[int, Link]]:
    """Return a drawing with a spot for each link, between the places whose routes lead over it."""
    places, spots = cluster.places, circle(cluster.places)
    numbers: dict[Link, int] = {}
    near: dict[int, list[int]] = {}
    joined: dict[tuple[int, int], None] = {}
    for one in range(len(places)):
        for other in range(len(places)):
            route = cluster.wiring.route(one, other) if one != other else None
            steps = [len(places) + numbers.setdefault(link, len(numbers)) for link in route or ()]
            for step in steps:
                near.setdefault(step, []).extend((one, other))
            joined |= dict.fromkeys(zip([one, *steps], [*steps, other], strict=True)) if steps else {}
    for link, number in numbers.items():
        at = [spots[place] for place in near[len(places) + number]]
        x, y = sum(spot.x for spot in at) / len(at), sum(spot.y for spot in at) / len(at)
        spots.append(Spot(link.name, 0.9 * x, 0.9 * y, "card"))
    wires = [Wire((max(one, other) - len(places),), one, other, "routes") for one, other in joined]
    return Sketch(tuple(_apart(spots)), tuple(wires)), {number: link for link, number in numbers.items()}


def _apart(spots: Sequence[Spot]) -> list[Spot]:
    """Move spots of one position apart, each a little higher than the last."""
    taken: dict[tuple[float, float], int] = {}
    found = []
    for spot in spots:
        key = round(spot.x, 1), round(spot.y, 1)
        taken[key] = taken.get(key, -1) + 1
        found.append(spot._replace(y=spot.y + 0.55 * taken[key]))
    return found
