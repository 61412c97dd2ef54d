"""Names of spans: a task has its own name, a transfer has PARENT>CHILD, a step has its word.

tasks a, b, a>b; an edge a -> b       the transfer from a to b has the name of the third task: refused
tasks merge, ...; plan.steps.merge    the step on the host has the name of the first task: refused
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from parsim.core.cluster import HOST, Cluster
from parsim.core.graph import Edges, no_ints
from parsim.core.plan import Plan
from parsim.core.timeline import STEPS

JOINT = ">"


def words(cluster: Cluster, plan: Plan) -> dict[str, str]:
    """Return the words that are reserved in a timeline besides the names of tasks, each with its meaning."""
    found = {step: f"the step plan.steps.{step}" for step in STEPS if getattr(plan.steps, step) > 0}
    if cluster.limited:
        found["memory"] = "the cause of waiting for room"
    return found | {"policy": "the cause of waiting for the policy"}


def transfers(names: Sequence[str], edges: Edges, workers: float) -> Iterator[tuple[str, str]]:
    """Yield source and target task of each possible transfer; there is none if *workers* is 1."""
    travel = np.flatnonzero((edges.size > 0) | (edges.delay > 0)) if workers > 1 else no_ints()
    for parent, child in zip(edges.parent[travel].tolist(), edges.child[travel].tolist(), strict=True):
        yield names[parent], names[child]


def about_shared(
    names: Sequence[str], transfers: Iterable[tuple[str, str]], others: Mapping[str, str]
) -> Iterator[tuple[int, str]]:
    """Yield each task whose name is also that of a transfer, or one of the *others*, with a message.

    >>> list(about_shared(["a", "b", "a>b"], [("a", "b")], {}))
    [(2, "'a>b' is also the name of the transfer from a to b; choose another name")]
    >>> list(about_shared(["a", "b>c", "a>b", "c"], [("a", "b>c"), ("a>b", "c")], {}))
    [(2, "the transfers from a to b>c and from a>b to c both have the name 'a>b>c'; choose another name")]
    """
    odd = {name: task for task, name in enumerate(names) if JOINT in name or name == HOST or name in others}
    for name in odd.keys() & others.keys():
        yield odd[name], f"'{name}' is also the name of {others[name]}; choose another name"
    ends: dict[str, tuple[str, str]] = {}
    for pair in transfers if odd else ():
        way = JOINT.join(pair)
        if way in odd:
            yield odd[way], f"'{way}' is also the name of the transfer from {pair[0]} to {pair[1]}; choose another name"
        first = ends.setdefault(way, pair)
        if first != pair:
            both = f"the transfers from {first[0]} to {first[1]} and from {pair[0]} to {pair[1]}"
            task = max(odd[name] for name in (*first, *pair) if name in odd)
            yield task, f"{both} both have the name '{way}'; choose another name"


def about_ways(places: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Yield each place whose name gives two ways between places the same name, with a message.

    >>> list(about_ways(["a", "b>c", "a>b", "c"]))
    [(2, "the ways from a to b>c and from a>b to c both have the name 'a>b>c'; choose another name")]
    """
    odd = [place for place, name in enumerate(places) if JOINT in name]
    number = {name: place for place, name in enumerate(places)} if odd else {}
    heads: dict[str, list[tuple[str, str]]] = {}  # of a>m: m -> (a, a>m)
    for name in map(places.__getitem__, odd):
        for head, middle in _halves(name):
            if head in number:
                heads.setdefault(middle, []).append((head, name))
    for name in map(places.__getitem__, odd):
        for middle, tail in _halves(name):
            for head, longer in heads.get(middle, ()) if tail in number else ():
                if head != name and longer != tail:
                    both = f"the ways from {head} to {name} and from {longer} to {tail}"
                    place = max(number[name], number[longer])
                    yield place, f"{both} both have the name '{head}>{name}'; choose another name"


def _halves(name: str) -> Iterator[tuple[str, str]]:
    """Yield both parts of *name* for each position of `>` in it."""
    parts = name.split(JOINT)
    for cut in range(1, len(parts)):
        yield JOINT.join(parts[:cut]), JOINT.join(parts[cut:])
