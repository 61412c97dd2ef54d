"""Checks of the answers of shelf entries from outside the package.

topologies         routes over links of positive bandwidth, none twice on a route, links of one name alike
costs              seconds and factors that are finite and not negative, one a task
workloads, parallel   columns that belong together, no cycle
schedules          each F once, each B (or I and W) once
collectives        rounds that do what their operation promises
shardings          what is shared, and how many layers are gathered ahead
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice, pairwise
from typing import Any

import numpy as np

from parsim.core.cluster import Device, Link, Pairs, Places, Route, Wiring, each_pair, unit_weight
from parsim.core.errors import Invalid, shown
from parsim.core.graph import Floats, TaskGraph
from parsim.core.job import Cost
from parsim.core.op import LETTERS, Action, Op, Overlap
from parsim.core.orders import refuse_chunks
from parsim.core.promises import WrongRounds, broken, drawn_rounds
from parsim.core.rounds import MOST_ROUNDS, Round
from parsim.core.schema import Ask
from parsim.core.sharding import Sharding
from parsim.core.wiring import Tier
from parsim.core.wrong_orders import SHOWN, Wrong, WrongOrders, drawn, miscounted, shape_words, stuck
from parsim.entries.external import Check, Who
from parsim.entries.graph_checks import about_graph


def anything(who: Who, given: Mapping[str, Any], answer: Any) -> Any:
    """Accept every answer: a kernel or a merge may return anything, including a function."""
    return answer


def wiring(who: Who, given: Mapping[str, Any], answer: Any) -> Wiring:
    """Check routes and their links whenever a route is asked for."""
    if not isinstance(answer, Wiring) or not all(map(callable, (answer.route, answer.alike, answer.weight))):
        raise who.error(f"returned {shown(answer)}; return a Wiring(route), where route(source, target) is a function")
    if not all(isinstance(tier, Tier) and isinstance(tier.size, int) and tier.size > 0 for tier in answer.tiers):
        raise who.error(f"returned the tiers {shown(answer.tiers)}; write each as Tier(name, size)")
    places = given.get("places", ())
    met: dict[str, Link] = {}

    def route(source: int, target: int) -> Route | None:
        ends = f"from {places[source]} to {places[target]}"
        found = who.call(answer.route, f"for the route {ends}", source, target)
        if found is None:
            return None
        wrong = next(_about_route(found, met), "")
        if wrong:
            said = tuple(link.name for link in found) if _are_links(found) else found
            raise who.error(f"returned {shown(said)} for the route {ends}; {wrong}", who.line_of(answer.route))
        return tuple(found)

    def alike(sources: Places, targets: Places) -> Pairs:
        for row in who.call(lambda: list(answer.alike(sources, targets)), "in alike"):
            if not (isinstance(row, tuple) and len(row) == 3 and all(isinstance(number, int) for number in row)):
                words = f"yields {shown(row)} in alike; yield whole numbers (source, target, pairs)"
                raise who.error(words, who.line_of(answer.alike))
            yield row

    def weight(source: int, target: int, link: str) -> float:
        found = who.call(answer.weight, f"for the weight on link {link}", source, target, link)
        if not (_is_amount(found) and found > 0):
            raise who.error(f"returned {shown(found)} for the weight on link {link}; return a number above 0")
        return float(found)

    return answer._replace(
        route=route,
        alike=each_pair if answer.alike is each_pair else alike,
        weight=unit_weight if answer.weight is unit_weight else weight,
    )


def _about_route(found: Any, met: dict[str, Link]) -> Iterator[str]:
    """Return what is wrong with a route; *met* are the links of earlier routes by name."""
    if not _are_links(found):
        yield "return a tuple of Link(name, bandwidth, latency), or None if there is no route"
        return
    if not found:
        yield "a route needs at least one link; return None if there is no route"
    for link in found:
        if not (_is_amount(link.bandwidth) and link.bandwidth > 0 and _is_amount(link.latency)):
            yield f"link {link.name} needs a bandwidth above 0 B/s and a latency of 0 s or more"
        yield from _about_profile(link)
        if met.setdefault(link.name, link) != link:
            yield f"link {link.name} was {shown(tuple(met[link.name]))} in another route; give each link its own name"
    twice = [name for name, times in Counter(link.name for link in found).items() if times > 1]
    yield from (f"it uses link {name} twice; use each link once" for name in twice)


def _about_profile(link: Link) -> Iterator[str]:
    rows = link.profile
    if not (isinstance(rows, tuple) and all(isinstance(row, tuple) and len(row) == 2 for row in rows)):
        yield f"link {link.name} needs a profile of pairs (time in s, bandwidth in B/s from then on)"
    elif not all(_is_amount(number) for row in rows for number in row):
        yield f"the profile of link {link.name} needs times of 0 s or more, and bandwidths of 0 B/s or more"
    elif any(later[0] <= earlier[0] for earlier, later in pairwise(rows)):
        yield f"the profile of link {link.name} needs times that ascend"


def _are_links(found: object) -> bool:
    return isinstance(found, list | tuple) and all(isinstance(link, Link) for link in found)


def _is_amount(number: object) -> bool:
    return isinstance(number, int | float) and not isinstance(number, bool) and 0 <= number < math.inf


def cost(who: Who, given: Mapping[str, Any], answer: Any) -> Cost:
    """Check seconds and luck whenever they are asked for."""
    if not isinstance(answer, Cost) or not (callable(answer.expected) and callable(answer.luck)):
        raise who.error(f"returned {shown(answer)}; return a Cost(expected, luck) of two functions")

    def expected(graph: TaskGraph, index: int, device: Device) -> Floats:
        found = who.call(answer.expected, f"for the seconds on {device.name}", graph, index, device)
        seconds = _column(who, answer.expected, found, len(graph), f"seconds on {device.name}")
        absent = np.isnan(graph.stated[:, index]) if graph.stated.ndim == 2 else np.zeros(len(graph), bool)
        return _amounts(who, answer.expected, np.where(absent, np.nan, seconds), ~absent, graph.names)

    def luck(seed: int, tasks: int) -> Floats:
        found = who.call(answer.luck, f"for the luck of seed {seed}", seed, tasks)
        factors = _column(who, answer.luck, found, tasks, "factors of luck")
        return _amounts(who, answer.luck, factors, np.ones(tasks, bool), range(tasks))

    return Cost(expected, luck, alike=lambda index, device: index)  # the cost may depend on the device's name or number


def _column(who: Who, function: Callable[..., Any], found: Any, tasks: int, what: str) -> Floats:
    try:
        column = np.asarray(found, np.float64)
    except (TypeError, ValueError):
        column = np.empty((0, 0))
    if column.shape != (tasks,):
        raise who.error(f"returned {shown(found)} as {what}; return an array of {tasks} numbers", who.line_of(function))
    return column


def _amounts(who: Who, function: Callable[..., Any], column: Floats, wanted: Any, names: Sequence[Any]) -> Floats:
    for task in np.flatnonzero(wanted & ~((column >= 0) & (column < np.inf))).tolist():
        words = f"returned {column[task]:g} for task {names[task]}; return a finite number, 0 or more"
        raise who.error(words, who.line_of(function))
    return column


def graph(who: Who, given: Mapping[str, Any], answer: Any) -> TaskGraph:
    """Check that the columns of a graph belong together."""
    if not isinstance(answer, TaskGraph):
        raise who.error(f"returned {shown(answer)}; return a TaskGraph")
    workers = len(given["cluster"].workers) if "cluster" in given else given.get("workers", math.inf)
    places = len(given["cluster"].places) if "cluster" in given else 0
    wrong = who.call(lambda: next(about_graph(answer, workers, places), ""), "with its graph")
    if wrong:
        raise who.error(f"made a graph that cannot be played: {wrong}")
    return replace(answer, where=lambda what, number: tuple(who.call(answer.where, "in where", what, number)))


def orders(who: Who, given: Mapping[str, Any], answer: Any) -> list[list[Action]]:
    """Check that every action is in the orders once."""
    ranks, chunks, microbatches = (given.get(key, 1) for key in ("ranks", "chunks", "microbatches"))
    rows = answer if isinstance(answer, list | tuple) else ()
    if len(rows) != ranks or not all(isinstance(row, list | tuple) and row for row in rows):
        wanted = f"{ranks} lists of Op, one for each rank" if ranks != 1 else "1 list of Op in a list"
        raise who.error(f"returned {shown(answer)}; return {wanted}")
    wrong = list(_strange(rows)) or miscounted(rows, ranks * chunks, microbatches)
    if wrong and chunks != 1 and not (list(_strange(rows)) or miscounted(rows, ranks, microbatches)):
        refuse_chunks(who.name, chunks)
    if wrong := wrong or stuck(rows)[:SHOWN]:
        *most, last = shape_words(ranks, microbatches, chunks)
        said = who.error(f"with {', '.join(most)} and {last}: {wrong[0].message}")
        raise WrongOrders(str(said), wrong, drawn([[_said(one) for one in row] for row in rows], wrong))
    return [list(row) for row in rows]


def _strange(rows: Sequence[Sequence[Any]]) -> Iterator[Wrong]:
    """Yield the first thing that is no action."""
    strange = ((rank, at, one) for rank, row in enumerate(rows) for at, one in enumerate(row) if not _is_action(one))
    for rank, at, one in islice(strange, 1):
        yield Wrong(rank, at, _said(one), f"rank {rank} holds {_said(one)}; {WANTED}")


def _said(given: Any) -> str:
    return str(given) if isinstance(given, Op | Overlap) else shown(given)


WANTED = "write an Op(stage, kind, microbatch) of kind F, B, I or W, or an Overlap of an F and a B"


def _is_action(given: Any) -> bool:
    if isinstance(given, Overlap):
        return all(map(_is_action, given)) and (given.forward.kind, given.backward.kind) == ("F", "B")
    return (
        isinstance(given, Op)
        and given.kind in tuple(LETTERS)
        and all(isinstance(number, int) and not isinstance(number, bool) for number in (given.stage, given.microbatch))
    )


def rounds(who: Who, given: Mapping[str, Any], answer: Any) -> list[Round] | Ask:
    """Check that rounds do what the operation promises. The choice of another algorithm passes."""
    if isinstance(answer, Ask):
        return answer
    operation, ranks = given["operation"], given["ranks"]
    shape, refused = f"for {operation} of {ranks} ranks", list[Invalid]()

    def read() -> list[Any]:
        try:
            return list(islice(answer, MOST_ROUNDS + 1))
        except Invalid as invalid:
            refused.append(invalid)
            return []

    rows: list[Round] = who.call(read, shape)
    if refused:
        raise refused[0]
    strange = next((one for one in rows if not _is_round(one)), None)
    if strange is not None:
        words = "yield a Round(source, target, piece, add) of three arrays of whole numbers, equally long"
        raise who.error(f"yields {shown(strange)} {shape}; {words}")
    found = broken(operation, ranks, rows) if len(rows) <= MOST_ROUNDS else []
    if found:
        raise WrongRounds(str(who.error(f"{shape}: {found[0].message}")), drawn_rounds(rows, found[0]))
    return rows


def sharding(who: Who, given: Mapping[str, Any], answer: Any) -> Sharding:
    """Check what is shared, and how many layers are gathered ahead."""
    if not isinstance(answer, Sharding):
        raise who.error(f"returned {shown(answer)}; return a Sharding(optimizer, gradients, weights)")
    for name, said in answer._asdict().items():
        if name != "prefetch" and not isinstance(said, bool):
            raise who.error(f"returned a Sharding with {name}={shown(said)}; write True or False")
    if not isinstance(answer.prefetch, int) or isinstance(answer.prefetch, bool) or answer.prefetch < 0:
        raise who.error(f"returned a Sharding with prefetch={shown(answer.prefetch)}; write a whole number, 0 or more")
    return answer


def _is_round(given: Any) -> bool:
    if not isinstance(given, Round) or not (isinstance(given.flows, int) and given.flows > 0):
        return False
    columns = given[:3]
    if not all(isinstance(column, np.ndarray) and column.ndim == 1 for column in columns):
        return False
    kinds, lengths = {column.dtype.kind for column in columns}, {len(column) for column in columns}
    add = np.asarray(given.add)
    return kinds <= {"i", "u"} and len(lengths) == 1 and add.dtype == bool and add.shape in ((), given.source.shape)


CHECKS: dict[str, tuple[str, Check]] = {  # shelf -> the word for one entry, the check of its answers
    "policies": ("policy", anything),  # `checked_policy` checks its verbs, where the names of workers are known
    "topologies": ("topology", wiring),
    "kernels": ("kernel", anything),
    "merges": ("merge", anything),
    "workloads": ("workload", graph),
    "parallel": ("split", graph),
    "schedules": ("schedule", orders),
    "collectives": ("collective", rounds),
    "costs": ("cost", cost),
    "shardings": ("sharding", sharding),
}
