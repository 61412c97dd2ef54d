"""Plays a job in one pass, without events, if every worker's order is fixed and no link is shared.

    start of a task = the latest of   the end of the task before it on its worker
                                      the arrival of each of its inputs
                                      with blocking sends, the arrival of what the task before it sent

The order of a worker is one more parent per task, so starts are longest paths through the graph (Kelley, Critical-path
planning and scheduling, Operations Research 9(3), 1961). Each transfer is assumed to be alone on its links. If the
result confirms this, the record equals that of the engine; otherwise the engine must play (`Undecided`).
"""

from __future__ import annotations

import math
from itertools import chain
from typing import NamedTuple

import numpy as np

from parsim.core.columns import NEVER, in_chunks, no_ints
from parsim.core.graph import Bools, Floats, Ints
from parsim.core.job import BEFORE
from parsim.core.paths import longest_paths
from parsim.sim.network import WINDOW
from parsim.sim.prepared import Prepared
from parsim.sim.record import Record, Transfers, intervals, ready_times
from parsim.sim.state import NOBODY


class Undecided(Exception):
    """Raised if the longest path cannot play the job; the message says why."""


def refusal(ready: Prepared) -> str:
    """Return why the longest path cannot play a job; empty: it can, unless transfers share a link."""
    job = ready.job
    if job.clock != "simulated":
        return f"the {job.clock} clock runs the kernels"
    if not ready.orders and len(job.graph):
        return f"the policy {job.policy_name} decides during the run"
    if job.graph.lanes:
        return f"tasks run on communication lane {job.graph.lanes[0]}"
    if job.cluster.limited:
        return f"device {job.cluster.devices[job.cluster.limited[0]].name} has limited memory"
    if job.cluster.slows:
        return "a device computes slower while it communicates"
    if ready.ticks.dtype is object:
        return "its times do not fit a clock of 64 bits"
    return ""


class Sent(NamedTuple):
    """What travels, a row each; times are ticks."""

    transfer: Ints
    worker: Ints
    start: Ints
    join: Ints  # when the latency has passed
    end: Ints
    nominal: Floats  # s; NaN: as long as it took
    route: Ints  # number in `Routes`; -1: none


class Routes:
    """The routes between places, each asked for once."""

    def __init__(self, ready: Prepared) -> None:
        self._cluster, self._ticks = ready.job.cluster, ready.ticks
        self._latency: list[float] = []  # s
        self._bandwidth: list[float] = []  # B/s
        self._rate: list[float] = []  # B/s that a transfer gets with all that it stands for
        self.links: list[tuple[int, ...]] = []  # of each route

    def between(self, source: Ints, target: Ints) -> Ints:
        """Return the number of the route of each pair of places, (pairs,)."""
        places = len(self._cluster.places)
        pairs, where = np.unique(source * np.int64(places) + target, return_inverse=True)
        first = len(self.links)
        for pair in pairs.tolist():
            path = self._cluster.path(*divmod(pair, places))
            assert path is not None, "the scenario was checked"
            for link in path.links:
                if link in self._cluster.profiles:
                    name = self._cluster.links[link].name
                    raise Undecided(f"the bandwidth of link {name} changes during the run")
            self._latency.append(path.latency)
            self._bandwidth.append(path.bandwidth)
            shares = (self._cluster.capacities[link] / weight for link, weight in path.ways)
            self._rate.append(min(shares, default=math.inf))
            self.links.append(tuple(dict.fromkeys(path.links)))
        return np.asarray(first + where)

    def crossed(self, route: Ints, rows: Ints) -> tuple[Ints, Ints]:
        """Return each of the *rows* once for every link that its route takes, and the number of the link."""
        count = np.array([len(links) for links in self.links])
        first = np.concatenate(([0], np.cumsum(count)))
        links = np.fromiter(chain.from_iterable(self.links), np.int64, first[-1])
        many = count[route[rows]]
        ends = np.cumsum(many)
        return np.repeat(rows, many), links[np.repeat(first[route[rows]] - ends + many, many) + np.arange(many.sum())]

    def hops(self, route: Ints, size: Floats, limit: Floats | float = math.inf) -> tuple[Ints, Ints, Floats]:
        """Return ticks of latency, ticks of carrying, and nominal seconds of transfers that are alone, (transfers,)."""
        latency = np.array(self._latency)[route]
        seconds = size / np.minimum(np.array(self._bandwidth)[route], limit)
        carrying = size / np.minimum(np.array(self._rate)[route], limit)
        return self._ticks.column(latency), self._ticks.column(carrying), latency + seconds


class LongestPath:
    """Plays a job that `refusal` lets through."""

    def __init__(self, ready: Prepared) -> None:
        self.ready, self.job, self.graph = ready, ready.job, ready.job.graph
        self.begun = sum(map(ready.ticks.of, self.job.steps[:BEFORE]))
        self.worker = np.array(ready.homes, dtype=np.int64)
        self.device, self.host = np.array(self.job.cluster.device_of_worker), self.job.cluster.host
        self.routes = Routes(ready)
        self.order = np.fromiter(chain.from_iterable(ready.orders), np.int32, len(self.graph))
        self.place = np.empty_like(self.order)  # of each task along `order`
        self.place[self.order] = np.arange(len(self.order), dtype=np.int32)
        turns = [np.arange(len(order), dtype=np.int32) for order in ready.orders]
        self.turn = np.concatenate(turns or [self.order])  # along `order`

    def play(self) -> Record:
        """Return what happens; raises `Undecided` where orders wait for each other, or transfers share a link."""
        return self._record(*self._times())

    def bounds_s(self) -> tuple[float, float]:
        """Return when the first steps are over, and when everything has ended and arrived; raises as `play` does."""
        _, ends, sent = self._times()
        done = max(int(ends.max(initial=self.begun)), int(sent.end.max(initial=0)))
        begun_s, done_s = self.ready.ticks.times([self.begun, done]).tolist()
        return begun_s, done_s

    def _times(self) -> tuple[Ints, Ints, Sent]:
        """Return starts and ends of tasks, and what travels when."""
        sent, took = self._sent(), self._took()
        opener = self._openers(sent)
        starts = self._starts(took, sent, opener)
        if NEVER in starts:
            raise Undecided("the workers' orders wait for each other")
        ends = starts + took
        left = self._left(starts, ends, sent, opener)
        sent = sent._replace(start=left, join=left + sent.join, end=left + sent.end)
        self._check(starts, ends, sent)
        return starts, ends, sent

    # -- what travels

    def _sent(self) -> Sent:
        """Return all that travels; times count from when it leaves."""
        table, ticks = self.graph.transfers, self.ready.ticks
        source, target = table.ends(self.device[self.worker], self.host)
        delayed = table.delayed(self.worker)
        carried = (source != target) & ((table.size > 0) | table.flows) & ~delayed
        moved = np.flatnonzero(delayed | carried)
        latency, carrying = np.zeros((2, len(moved)), dtype=np.int64)
        nominal, route = np.full(len(moved), np.nan), np.full(len(moved), -1)
        latency[delayed[moved]] = ticks.column(table.delay[delayed])
        mine = carried[moved]
        if mine.any():
            route[mine] = self.routes.between(source[carried], target[carried])
            hops = self.routes.hops(route[mine], table.size[carried], table.limit[carried])
            latency[mine], carrying[mine], nominal[mine] = hops
        return Sent(
            moved, self._owners(moved, target), np.zeros_like(moved), latency, latency + carrying, nominal, route
        )

    def _owners(self, moved: Ints, target: Ints) -> Ints:
        """Return the worker that each transfer belongs to: that of its child, of its parent, or the first there."""
        table = self.graph.transfers
        task = np.where(table.child[moved] >= 0, table.child[moved], table.parent[moved])
        flow = task < 0
        owner = np.empty(len(moved), np.int64)
        owner[~flow] = self.worker[task[~flow]]
        place = np.where(target[moved[flow]] == self.host, table.source[moved[flow]], target[moved[flow]])
        owner[flow] = np.searchsorted(self.device, place)
        return owner

    # -- the paths

    def _starts(self, took: Ints, sent: Sent, opener: Ints) -> Ints:
        """Return when tasks start: after parents, the task before on their worker, and their input from the host."""
        graph, table = self.graph, self.graph.transfers
        lag = np.zeros(len(graph.edges), dtype=np.int64)
        edges, given = table.edges[sent.transfer], table.given[sent.transfer]
        lag[sent.transfer[edges]] = sent.end[edges]
        held = np.zeros(len(graph), dtype=np.int64)  # from the end of a task until its worker goes on
        if graph.sends == "blocking":
            np.maximum.at(held, table.parent[sent.transfer[edges]], sent.end[edges])
        behind = np.flatnonzero(self.turn)  # along `order`
        before, after = self.order[behind - 1], self.order[behind]
        needed = self._needed(lag)
        earliest = np.full(len(graph), self.begun)
        at_once, later = given & (opener == NOBODY), opener != NOBODY
        earliest[table.child[sent.transfer[at_once]]] += sent.end[at_once]
        return longest_paths(
            np.concatenate([graph.edges.parent[needed], before, opener[later]]),
            np.concatenate([graph.edges.child[needed], after, table.child[sent.transfer[later]]]),
            np.concatenate([lag[needed], held[before], sent.end[later] - took[opener[later]]]),  # from its start
            took,
            earliest,
        )

    def _needed(self, lag: Ints) -> Ints:
        """Return the edges that do not follow from the order of a worker."""
        parent, child = self.graph.edges.parent, self.graph.edges.child
        kept = (self.worker[parent] == self.worker[child]) & (self.place[parent] < self.place[child]) & (lag == 0)
        return np.flatnonzero(~kept)

    def _openers(self, sent: Sent) -> Ints:
        """Return the task whose start releases each transfer, or NOBODY; only inputs from the host wait for a start."""
        ahead = 1 + self.job.prefetch
        opener = np.full(len(sent.transfer), NOBODY)
        given = self.graph.transfers.given[sent.transfer]
        mine = self.place[self.graph.transfers.child[sent.transfer[given]]]
        opener[given] = np.where(self.turn[mine] < ahead, NOBODY, self.order[np.maximum(mine - ahead, 0)])
        return opener

    def _left(self, starts: Ints, ends: Ints, sent: Sent, opener: Ints) -> Ints:
        """Return when each transfer leaves, (transfers,)."""
        table = self.graph.transfers
        parent, flow, opened = table.parent[sent.transfer], table.flows[sent.transfer], opener != NOBODY
        left = np.full(len(sent.transfer), self.begun)
        left[parent >= 0] = ends[parent[parent >= 0]]
        left[opened] = starts[opener[opened]]
        left[flow] = self.ready.ticks.column(table.start[sent.transfer[flow]])
        return left

    # -- the record

    def _took(self) -> Ints:
        """Return the ticks of every task on its worker, (tasks,)."""
        took, distinct = np.zeros(len(self.graph), dtype=np.int64), {id(row): row for row in self.ready.lasts}
        rows = np.array([id(row) for row in self.ready.lasts])[self.worker]
        for key, row in distinct.items():
            mine = rows == key
            took[mine] = np.asarray(row)[mine]
        return took

    def _check(self, starts: Ints, ends: Ints, sent: Sent) -> None:
        """Check that no two transfers share a link, and that no instant lies in the window before an end."""
        network = np.flatnonzero((sent.route >= 0) & (sent.end > sent.join))
        if not len(network):
            return
        row, link = self.routes.crossed(sent.route, network)
        order = np.lexsort((sent.end[row], sent.join[row], link))
        row, link = row[order], link[order]
        meet = np.flatnonzero((link[1:] == link[:-1]) & (sent.join[row[1:]] < sent.end[row[:-1]]))
        if len(meet):
            name = self.job.cluster.links[int(link[meet[0]])].name
            raise Undecided(f"transfers share link {name}")
        instants = np.sort(np.concatenate([starts, ends, sent.start, sent.join, sent.end]))
        end = sent.end[network]
        before = instants[np.maximum(np.searchsorted(instants, end) - 1, 0)]
        few, many = WINDOW
        if np.any((before < end) & (end <= before + before * few // many)):
            raise Undecided("a transfer ends a few ulps after something else")

    def _record(self, starts: Ints, ends: Ints, sent: Sent) -> Record:
        ticks = self.ready.ticks
        begun_s, start_s, end_s = float(ticks.times([self.begun])[0]), ticks.times(starts), ticks.times(ends)
        ready_s = ready_times(self.graph, end_s, begun_s, Transfers.none())
        freed = np.full(len(starts), begun_s)
        behind = np.flatnonzero(self.turn)
        freed[self.order[behind]] = end_s[self.order[behind - 1]]
        sent_s, there_s = ticks.times(sent.start), ticks.times(sent.end)
        nominal = np.where(np.isnan(sent.nominal), there_s - sent_s, sent.nominal)
        owner, since, until, idle_from = gaps(
            len(self.device),
            np.concatenate([self.worker, sent.worker]),
            np.concatenate([starts, sent.start]),
            np.concatenate([ends, sent.end]),
        )
        return Record(
            engine="path",
            begun_s=begun_s,
            worker=self.worker,
            ready_s=ready_s,
            taken_s=np.maximum(ready_s, freed),
            start_s=start_s,
            end_s=end_s,
            transfers=Transfers(sent.transfer, sent.worker, sent_s, there_s, nominal),
            idle=np.column_stack([owner.astype(np.float64), ticks.times(since), ticks.times(until)]),
            idle_from=ticks.times(idle_from).tolist(),
            starved=intervals([]),
            overhead=intervals([]),
        )


def gaps(workers: int, owner: Ints, start: Ints, end: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Return the intervals before and between the spans of each worker, and when its last span ended (0: no span).

    >>> worker, since, until, last = gaps(2, np.array([0, 0]), np.array([1, 5]), np.array([3, 6]))
    >>> worker.tolist(), since.tolist(), until.tolist(), last.tolist()
    ([0, 0], [0, 3], [1, 5], [6, 0])
    """
    found = [_gaps(owner[rows], start[rows], end[rows]) for rows in in_chunks(owner)]
    columns = zip(*found, strict=True) if found else 3 * [[no_ints()]]
    last = np.zeros(workers, dtype=np.int64)
    np.maximum.at(last, owner, end)
    return (*(np.concatenate(column) for column in columns), last)  # type: ignore[return-value]


def _gaps(owner: Ints, start: Ints, end: Ints) -> tuple[Ints, Ints, Ints]:
    """Return the intervals before and between the spans of some workers."""
    order = np.lexsort((start, owner))
    owner, start, end = owner[order], start[order], end[order]
    instants, rank = np.unique(end, return_inverse=True)
    latest = np.maximum.accumulate(owner * len(instants) + rank)  # grows with the worker
    before = np.zeros_like(start)
    same: Bools = owner[1:] == owner[:-1]
    before[1:][same] = instants[latest[:-1][same] % max(len(instants), 1)]
    idle = before < start
    return owner[idle], before[idle], start[idle]
