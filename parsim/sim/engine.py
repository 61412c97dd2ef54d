"""The simulated clock: plays a job on SimPy and records what happened.

One heap event stands for each distinct instant, not for each task, so coinciding ends cost one event together. What can
be derived from the record later (ready times, ends, causes) is not recorded here. An engine is composed of parts:
`state` (where tasks stand), `order` (the order of events within an instant), `spans` (what workers do) and, if anything
travels, memory is limited or there are communication lanes, `carrier`.
"""

from __future__ import annotations

import numpy as np
from simpy import Environment, Event

from parsim.core.columns import NEVER, Floats
from parsim.core.job import BEFORE, Job
from parsim.sim.carrier import Carrier
from parsim.sim.clock import Instants
from parsim.sim.inputs import Inputs
from parsim.sim.lanes import Lanes
from parsim.sim.network import Network
from parsim.sim.order import Hooks, order_of_events
from parsim.sim.prepared import Prepared
from parsim.sim.received import Received
from parsim.sim.record import Record, Transfers, intervals, ready_times
from parsim.sim.reservations import Reservations
from parsim.sim.slowdown import SlowedSpans
from parsim.sim.spans import Spans
from parsim.sim.stall import Stall
from parsim.sim.state import State
from parsim.sim.transfers import Transport


def ignore(event: Event) -> None:
    """Do nothing at an instant: the run is over."""


class Engine:
    """One run on the simulated clock.

    Parameters
    ----------
    state : where tasks stand.
    instants : SimPy's event for every instant of the run.
    spans : the spans of tasks.
    carrier : what carries inputs and results; None: see `carries`.
    """

    def __init__(self, state: State, instants: Instants, spans: Spans, carrier: Carrier | None) -> None:
        self.job, self.graph, self.ticks = state.job, state.graph, state.ready.ticks
        self.state, self.spans, self.carrier, self._instants = state, spans, carrier, instants
        self.clock = instants.env
        self.begun = sum(map(self.ticks.of, self.job.steps[:BEFORE]))

    def play(self) -> None:
        """Play until nothing moves any more."""
        self.begin()
        self.clock.run()

    def begin(self) -> None:
        """Put the first instant on the clock, which may be that of other runs, too."""
        self.state.agenda[self.begun] = []
        if self.carrier:
            self.carrier.depart()
        bind, hooks = (self.carrier.bind, self.carrier.hooks()) if self.carrier else (self.spans.start, Hooks())
        order = order_of_events(self.state, bind, hooks)
        begin, instant, clock = order.begin, order.instant, self.clock
        self._instants.call(lambda event: instant(clock.now))
        Instants(clock).call(lambda event: begin(clock.now)).at(self.begun)

    # -- what happened

    def record(self) -> Record:
        """Return what has happened when the clock has nothing left to do; tasks that never started are NaN."""
        return self.of_tasks()._replace(received=self.received())

    def of_tasks(self) -> Record:
        """Return the same without what members of collectives have received, which may be many rows."""
        self._instants.call(ignore)  # the callback refers to the engine and would keep it alive
        begun_s = float(self.ticks.times([self.begun])[0])
        times, spans = self.ticks.times, self.spans
        starts = self.ticks.whole(spans.starts)
        start_s, end_s = times(starts), times(np.where(starts < 0, NEVER, starts + spans.took()))
        end_s[self.unfinished()] = np.nan
        moved = self.moved()
        return Record(
            engine="simpy",
            begun_s=begun_s,
            worker=np.array(self.state.worker, dtype=np.int64),
            ready_s=ready_times(self.graph, end_s, begun_s, moved),
            taken_s=self.when_taken(start_s),
            start_s=start_s,
            end_s=end_s,
            transfers=moved,
            idle=spans.stretches(spans.idle),
            idle_from=times([int(since) for since in spans.idle_from]).tolist(),
            starved=self.starved(),
            overhead=intervals([]),
        )

    def moved(self) -> Transfers:
        """Return the transfers that have taken place."""
        return self.carrier.transport.transfers() if self.carrier else Transfers.none()

    def received(self) -> Received:
        """Return what members of collectives have received."""
        lanes = self.carrier.lanes if self.carrier else None
        return lanes.collectives.log.columns() if lanes else Received()

    def starved(self) -> Floats:
        """Return when workers waited for room, (stretches, 3)."""
        room = self.carrier.room if self.carrier else None
        return self.spans.stretches(room.waited() if room else [])

    def when_taken(self, start_s: Floats) -> Floats:
        """Return when each task was taken, given when it started, (tasks,)."""
        if not self.carrier:
            return start_s
        taken_s = self.ticks.times(self.carrier.taken)
        return np.where(np.isnan(taken_s), start_s, taken_s)

    def unfinished(self) -> list[int]:
        """Return the members of collectives that have not completed all phases."""
        members = self.carrier.lanes.collectives.members() if self.carrier and self.carrier.lanes else ()
        return [task for task in members if task not in self.spans.ends]

    def on_the_way(self) -> list[str]:
        """Return the names of the transfers that have not arrived."""
        transport = self.carrier.transport if self.carrier else None
        table, names = self.graph.transfers, self.graph.names
        return [table.name(transport.rows[row][0], names) for row in transport.travelling] if transport else []

    def unstarted(self) -> list[int]:
        """Return the tasks that have not started."""
        return [task for task, start in enumerate(self.spans.starts) if start == NEVER]

    def stall(self) -> Stall:
        """Return the description of a run that is stuck."""
        lanes = self.carrier.lanes if self.carrier else None
        room = self.carrier.room if self.carrier else None
        return Stall(self.state, room, self.unstarted(), lanes.story() if lanes else [], self._stopped())

    def _stopped(self) -> list[str]:
        """Tell which links carry nothing any more, and what travels."""
        network, links = self.carrier.transport.network if self.carrier else None, self.job.cluster.links
        still = [f"link {links[link].name} carries 0 B/s" for link in (network.stopped() if network else ())]
        return [*still, *(f"{name} has not arrived" for name in self.on_the_way())] if still else []

    def now_s(self) -> float:
        """Return what the clock shows, in seconds."""
        return self.ticks.seconds(int(self.clock.now))


def assembled(ready: Prepared, clock: Environment, network: Network) -> Engine:
    """Return an engine with all parts that the job needs, on a clock in its ticks and a network of its links."""
    state, instants = State(ready), Instants(clock)
    spans = (SlowedSpans if ready.job.cluster.slows else Spans)(state, instants)
    return Engine(state, instants, spans, _carrier(state, spans, network) if carries(ready.job) else None)


def _carrier(state: State, spans: Spans, network: Network) -> Carrier:
    cluster, inputs = state.job.cluster, Inputs(state)
    transport, room = Transport(cluster, network, spans), Reservations(state, inputs) if cluster.limited else None
    lanes = Lanes(state, spans, transport, inputs, room) if state.graph.lanes else None
    return Carrier(state, spans, transport, inputs, room, lanes)


def carries(job: Job) -> bool:
    """Return whether *job* needs a carrier: for transfers, memory, communication lanes, or tasks held ahead."""
    graph, table = job.graph, job.graph.transfers
    moves = bool(np.any(table.size > 0) or np.any(table.delay > 0)) or len(table) > table.first_flow
    return moves or bool(job.cluster.limited or graph.lanes or job.prefetch)
