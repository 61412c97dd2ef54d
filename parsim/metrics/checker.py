"""Check a timeline against its job, independently of the engine: every rule is tested on the spans.

An empty answer proves that tasks ran once, on allowed workers, one at a time, and after their inputs; that all required
transfers took place, no faster than their links; that no device exceeded its memory; and that all other time is idle.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from parsim.core.graph import Bools, Floats, Ints
from parsim.core.job import Job
from parsim.core.timeline import STEPS, Timeline
from parsim.core.tolerance import CLOSE
from parsim.metrics.collective_checks import Ran, check_collective
from parsim.metrics.ledger import ledger
from parsim.metrics.memory import usage
from parsim.metrics.network_checks import Travelled, check_network, received
from parsim.metrics.slowdown import lost


def check(job: Job, timeline: Timeline) -> list[str]:
    """Return a sentence for every rule that *timeline* breaks; an empty list proves it."""
    proof = _Proof(job, timeline)
    broken = [*proof.tasks_once()]
    if broken:
        return broken  # the other rules need a span for each task
    rules = (
        proof.spans_in_order,
        proof.places,
        proof.one_at_a_time,
        proof.durations,
        proof.transfers_once,
        proof.inputs_first,
        proof.transfers_after_parents,
        proof.sends_first,
        proof.delays,
        proof.steps_around,
        proof.network,
        proof.collectives,
        proof.memory,
        proof.idleness,
        proof.identity,
    )
    return [sentence for rule in rules for sentence in rule()]


@dataclass(frozen=True)
class _Proof:
    job: Job
    timeline: Timeline

    @cached_property
    def tolerance(self) -> float:
        return CLOSE * max(self.timeline.makespan_s, 1e-300)

    @cached_property
    def row(self) -> Ints:
        """The row of each task's compute span, (tasks,)."""
        rows = np.flatnonzero(self.timeline.of_tasks)
        row = np.full(len(self.job.graph), -1)
        row[self.timeline.number[rows]] = rows
        return row

    @cached_property
    def start(self) -> Floats:
        return self.timeline.start_s[self.row]

    @cached_property
    def end(self) -> Floats:
        return self.timeline.end_s[self.row]

    @cached_property
    def worker(self) -> Ints:
        return self.timeline.workers.code[self.row]

    @cached_property
    def device(self) -> Ints:
        return np.array(self.job.cluster.device_of_worker)[self.worker]

    def name(self, task: int) -> str:
        return str(self.job.graph.names[task])

    def tasks_once(self) -> Iterator[str]:
        numbers = self.timeline.number[self.timeline.of_tasks]
        tasks = len(self.job.graph)
        if len(numbers) and (numbers.min() < 0 or numbers.max() >= tasks):
            yield "a compute span has a number that is not a task's"
            return
        times = np.bincount(numbers, minlength=tasks)
        for task in np.flatnonzero(times != 1).tolist():
            yield f"task {self.name(task)} ran {times[task]} times"

    def spans_in_order(self) -> Iterator[str]:
        for row in np.flatnonzero(~(self.timeline.start_s <= self.timeline.end_s)).tolist():
            yield f"span {self.timeline.task[row]} ends before it starts"
        for row in np.flatnonzero(~(self.timeline.start_s >= 0)).tolist():
            yield f"span {self.timeline.task[row]} starts before time 0"

    def places(self) -> Iterator[str]:
        graph = self.job.graph
        for index, allowed in enumerate(graph.places):
            mine = np.flatnonzero(graph.place == index)
            for task in mine[~np.isin(self.worker[mine], allowed)].tolist():
                yield f"task {self.name(task)} ran on {self.timeline.worker[self.row[task]]}, where it must not run"

    def one_at_a_time(self) -> Iterator[str]:
        """A worker computes one task at a time. A communication lane is free once everything it sent has arrived."""
        table, lane, until = self.job.graph.transfers, self.worker.copy(), self.end.copy()
        if self.job.graph.lanes:
            lane += len(self.job.cluster.workers) * self.job.graph.lane
            sent = np.flatnonzero((self.moved >= 0) & (table.lane > 0))
            np.maximum.at(until, table.parent[sent], self.timeline.end_s[self.moved[sent]])
        order = np.lexsort((until, self.start, lane))
        before, after = order[:-1], order[1:]
        overlap = (lane[before] == lane[after]) & (self.start[after] < until[before] - self.tolerance)
        for first, second in zip(before[overlap].tolist(), after[overlap].tolist(), strict=True):
            yield f"tasks {self.name(first)} and {self.name(second)} overlap on one lane of a worker"

    def durations(self) -> Iterator[str]:
        """On the simulated clock a task lasts its nominal seconds times its luck, and what communication costs it."""
        if self.job.clock != "simulated":
            return
        graph, luck = self.job.graph, self.job.cost.luck(self.job.seed, len(self.job.graph))
        expected = np.empty(len(luck))
        for index, device in enumerate(self.job.cluster.devices):
            here = self.device == index
            if here.any():
                expected[here] = self.job.cost.expected(graph, index, device)[here]
        expected += graph.priced if len(graph.priced) else 0.0
        took, drawn, nominal = self.end - self.start, expected * luck, self.timeline.nominal_s[self.row]
        drawn += lost(self.job, self.timeline)
        for each in self.job.graph.collectives:  # no cost states how long they take
            members = list(each.members)
            least = each.alone(self.job.cluster, self.device[members])
            drawn[members], expected[members] = took[members], np.maximum(nominal[members], least)
            for place in np.flatnonzero(took[members] < least - self.tolerance).tolist():
                yield f"task {self.name(members[place])} took less time than its links allow"
        for task in np.flatnonzero(~(np.abs(took - drawn) <= self.tolerance)).tolist():
            yield f"task {self.name(task)} took {took[task]:g} s, but its cost is {drawn[task]:g} s"
        for task in np.flatnonzero(~(np.abs(nominal - expected) <= self.tolerance)).tolist():
            yield f"task {self.name(task)} has the nominal time {nominal[task]:g} s, not {expected[task]:g} s"

    @cached_property
    def moved(self) -> Ints:
        """The row of each transfer that took place, by transfer; -1: none."""
        rows = np.flatnonzero(self.timeline.transfer >= 0)
        row = np.full(len(self.job.graph.transfers), -1)
        row[self.timeline.transfer[rows]] = rows
        return row

    @cached_property
    def travelling(self) -> Bools:
        """Whether each transfer of the graph has to take place over the network, by transfer."""
        source, target = self.ends
        table = self.job.graph.transfers
        travelling: Bools = (source != target) & ((table.size > 0) | table.flows)  # flows must, even those of 0 bytes
        return travelling

    @cached_property
    def ends(self) -> tuple[Ints, Ints]:
        """The source and the target of each transfer of the graph."""
        return self.job.graph.transfers.ends(self.device, self.job.cluster.host)

    def transfers_once(self) -> Iterator[str]:
        rows, times = np.unique(self.timeline.transfer[self.timeline.transfer >= 0], return_counts=True)
        for transfer in rows[times > 1].tolist():
            yield f"transfer {self.timeline.task[self.moved[transfer]]} took place twice"
        delayed = self.job.graph.transfers.delayed(self.worker)
        for transfer in np.flatnonzero(self.travelling & (self.moved < 0)).tolist():
            yield f"transfer number {transfer} of the graph never took place"
        for transfer in np.flatnonzero(~self.travelling & ~delayed & (self.moved >= 0)).tolist():
            yield f"transfer {self.timeline.task[self.moved[transfer]]} took place, though it was not needed"

    def inputs_first(self) -> Iterator[str]:
        graph, edges, slack = self.job.graph, self.job.graph.edges, self.tolerance
        ready = self.end[edges.parent] + np.where(
            self.worker[edges.parent] != self.worker[edges.child], edges.delay, 0.0
        )
        for edge in np.flatnonzero(~(self.start[edges.child] >= ready - slack)).tolist():
            parent, child = int(edges.parent[edge]), int(edges.child[edge])
            yield f"task {self.name(child)} started before the output of {self.name(parent)} was there"
        inward = np.flatnonzero((self.moved >= 0) & (graph.transfers.child >= 0))
        child_of = graph.transfers.child[inward]
        late = self.timeline.end_s[self.moved[inward]] > self.start[child_of] + slack
        for transfer, child in zip(inward[late].tolist(), child_of[late].tolist(), strict=True):
            yield f"task {self.name(child)} started before {self.timeline.task[self.moved[transfer]]} had arrived"

    def transfers_after_parents(self) -> Iterator[str]:
        table = self.job.graph.transfers
        parents_end = np.where(table.flows, table.start, self._begun)
        sent = table.parent >= 0
        parents_end[sent] = self.end[table.parent[sent]]
        there = np.flatnonzero(self.moved >= 0)
        early = self.timeline.start_s[self.moved[there]] < parents_end[there] - self.tolerance
        for transfer in there[early].tolist():
            yield f"transfer {self.timeline.task[self.moved[transfer]]} started before its parent had ended"

    def sends_first(self) -> Iterator[str]:
        """Where sends are blocking, a worker goes on when all that its task sent has arrived."""
        if self.job.graph.sends != "blocking":
            return
        order = np.lexsort((self.start, self.worker))
        order = order[self.job.graph.computes[order]]  # communication lanes go on
        before, after = order[:-1], order[1:]
        same = self.worker[before] == self.worker[after]
        arrived, edges = np.full(len(self.start), -np.inf), self.job.graph.edges
        there = np.flatnonzero(self.moved[: len(edges)] >= 0)
        np.maximum.at(arrived, edges.parent[there], self.timeline.end_s[self.moved[there]])
        early = same & (self.start[after] < arrived[before] - self.tolerance)
        for one, other in zip(before[early].tolist(), after[early].tolist(), strict=True):
            names = self.job.graph.names
            yield f"{names[other]} started before all had arrived that {names[one]} sent"

    def delays(self) -> Iterator[str]:
        """A stated delay ends at the parent's end + delay."""
        edges = self.job.graph.edges
        over = self.end[edges.parent] + edges.delay
        moved = self.moved[: len(edges)]  # the first rows of the table are the edges
        paid = np.flatnonzero((moved >= 0) & (edges.delay > 0))
        wrong = ~(np.abs(self.timeline.end_s[moved[paid]] - over[paid]) <= self.tolerance)
        for edge in paid[wrong].tolist():
            name = self.timeline.task[moved[edge]]
            yield f"delay {name} does not end {edges.delay[edge]:g} s after its parent"

    @cached_property
    def _steps(self) -> dict[str, int]:
        return {kind: row for row, kind in enumerate(self.timeline.kind.tolist()) if kind in STEPS}

    @cached_property
    def _begun(self) -> float:
        """When the last step before the first task ended."""
        rows = [row for kind, row in self._steps.items() if kind in STEPS[:3]]
        return max((float(self.timeline.end_s[row]) for row in rows), default=0.0)

    def steps_around(self) -> Iterator[str]:
        if self.job.clock == "simulated":
            for step, seconds in zip(STEPS, self.job.steps, strict=True):
                if (seconds > 0) != (step in self._steps):
                    yield f"step {step} should take {seconds:g} s, but has {'no' if seconds else 'a'} span"
        own = self.timeline.owned
        if own.any() and self.timeline.start_s[own].min() < self._begun - self.tolerance:
            yield "a task or transfer started before the steps split, create and allocate were over"
        done = self.timeline.end_s[own].max(initial=0.0)
        for step in STEPS[3:]:
            if step in self._steps and self.timeline.start_s[self._steps[step]] < done - self.tolerance:
                yield f"step {step} started before everything had arrived"

    def network(self) -> Iterator[str]:
        """What travelled took its route, no faster than its links, and no slower than with its share of them."""
        if self.job.clock == "simulated":
            parts = self._travelled(), received(self.job, self.timeline, self.device)
            both: Iterator[Any] = map(np.concatenate, zip(*parts, strict=True))
            yield from check_network(self.job, self.timeline, Travelled(*both), self.tolerance)

    def collectives(self) -> Iterator[str]:
        """Members receive all bytes once, and enter a round after the one before."""
        ran = Ran(self.start, self.end, self.device, self.job.graph.names, really=self.job.clock == "replayed")
        for each in self.job.graph.collectives:
            yield from check_collective(each, self.timeline, ran, self.job.cluster, self.tolerance)

    def _travelled(self) -> Travelled:
        """Return all of the graph's transfers that travelled over the network."""
        table, (source, target) = self.job.graph.transfers, self.ends
        there = np.flatnonzero((self.moved >= 0) & self.travelling)
        once = np.ones(len(there), np.int64)
        return Travelled(
            self.moved[there], table.size[there], source[there], target[there], table.limit[there], once, once, once
        )

    def memory(self) -> Iterator[str]:
        for device, (moments, used) in zip(self.job.cluster.devices, usage(self.job, self.timeline), strict=True):
            if used.max(initial=0.0) > device.memory * (1 + CLOSE):
                when = moments[int(np.argmax(used))]
                yield f"{device.name} held {used.max():.12g} B at {when:g} s, but has only {device.memory:.12g} B"

    def idleness(self) -> Iterator[str]:
        yield from idleness(self.timeline, self.tolerance)

    def identity(self) -> Iterator[str]:
        terms = ledger(self.timeline, self.job.cluster.stands_for, 0.0)
        largest = max(terms.makespan_s, terms.busy_nominal_s, terms.idle_s, abs(terms.contention_s), terms.hidden_s)
        if abs(terms.difference_s()) > CLOSE * largest:
            yield f"the sum of the ledger differs from the makespan by {terms.difference_s():g} s"


def idleness(timeline: Timeline, tolerance: float) -> Iterator[str]:
    """Yield the idle intervals that overlap a span or another interval of their worker by more than *tolerance*."""
    idle, own = timeline.idle, timeline.owned & ~timeline.members
    start = np.concatenate([timeline.start_s[own], idle.start_s])
    end = np.concatenate([timeline.end_s[own], idle.end_s])
    worker = np.concatenate([timeline.workers.code[own], idle.worker])
    is_idle = np.concatenate([np.zeros(own.sum(), dtype=bool), np.ones(len(idle.start_s), dtype=bool)])
    long = end > start
    start, end, worker, is_idle = start[long], end[long], worker[long], is_idle[long]
    for who, name in enumerate(timeline.workers.table):
        mine = worker == who
        order = np.lexsort((end[mine], start[mine]))
        begins, idling = start[mine][order], is_idle[mine][order]
        reach = np.concatenate(([-np.inf], np.maximum.accumulate(end[mine][order])[:-1]))
        idle_end = np.concatenate(([-np.inf], np.maximum.accumulate(np.where(idling, end[mine][order], -np.inf))[:-1]))
        clash = (idling & (begins < reach - tolerance)) | (begins < idle_end - tolerance)
        if clash.any():
            yield f"{name} is marked idle at {begins[clash][0]:g} s, but one of its spans takes place then"
