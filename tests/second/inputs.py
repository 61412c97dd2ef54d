"""What travels between tasks, the host and devices, and when it may start (contract, section 4, "Early transfers")."""

import math

from second.early import EarlyRoom
from second.problem import HOST


class Inputs:
    """Inputs are pairs (sender, task), the sender being a task or HOST; results are pairs (task, HOST)."""

    def __init__(self, simulator):
        self.simulator, self.problem = simulator, simulator.problem
        self.network, self.memory = simulator.network, simulator.memory
        self.room = EarlyRoom(simulator)
        self.awaited = [set() for _ in self.problem.tasks]  # senders whose input has started and is not there yet
        self.started = set()  # inputs that travel, or did
        self.offered = set()  # tasks whose input from the host had its chance to travel early
        self.delays = {}  # by input, the instant at which it is over
        self.flows = list(self.problem.flows)  # those of `transfers` that have not started
        self.finished = {}  # by name: (start, end)

    # What has to travel.

    def travels(self, edge, worker):
        """Bytes between the workers of one device move at once."""
        device = self.problem.device_of
        return edge.size > 0 and device(self.simulator.worker_of(edge.parent)) != device(worker)

    def delayed(self, edge, worker):
        """A delay is paid between distinct workers."""
        return edge.delay > 0 and self.simulator.worker_of(edge.parent) != worker

    def all_of(self, task, worker):
        """Yield the senders whose bytes or delays have to reach this worker."""
        if self.problem.tasks[task].given:
            yield HOST
        for edge in self.problem.tasks[task].after:
            if self.travels(edge, worker) or self.delayed(edge, worker):
                yield edge.parent

    # How it starts.

    def start_all(self, task, worker):
        """When a task is taken, start what is not on its way yet."""
        for sender in self.all_of(task, worker):
            if (sender, task) not in self.started:
                self.start(sender, task)

    def start(self, sender, task):
        """Start an input; a delay that is over already leaves no span."""
        self.started.add((sender, task))
        place = self.problem.place_of(self.simulator.worker_of(task))
        if sender == HOST:
            self.send(sender, task, (HOST, place), self.problem.tasks[task].given)
        elif self.problem.edges[sender, task].size:
            way = (self.problem.place_of(self.simulator.taken[sender]), place)
            self.send(sender, task, way, self.problem.edges[sender, task].size)
        elif self.delay_over(sender, task) > self.simulator.now:
            self.awaited[task].add(sender)
            self.delays[sender, task] = self.delay_over(sender, task)
            self.finished[self.name(sender, task)] = (self.simulator.now, self.delays[sender, task])

    def send(self, sender, task, way, size):
        self.awaited[task].add(sender)
        self.memory.on_the_way(sender, task)
        self.network.start((sender, task), way, size)

    def delay_over(self, sender, task):
        return self.simulator.end[sender] + self.problem.edges[sender, task].delay

    def send_result(self, task):
        result = self.problem.tasks[task].result
        if result:
            place = self.problem.place_of(self.simulator.taken[task])
            self.network.start((task, HOST), (place, HOST), result)

    def start_flows(self):
        """Flows of `transfers` start at their stated instants."""
        for flow in [flow for flow in self.flows if flow.start <= self.simulator.now]:
            self.flows.remove(flow)
            self.network.start((flow.name, None), (flow.source, flow.target), flow.size, flow.limit)

    # How it starts early, under a policy that names homes.

    def start_early(self, ended):
        """Step 3: by number of the ended task, then by number of the consumer."""
        if not self.simulator.policy.names_homes:
            return
        for parent in [task for task in ended if task not in self.simulator.lanes.of]:
            for child in self.problem.children[parent]:
                home, edge = self.simulator.worker_of(child), self.problem.edges[parent, child]
                if self.delayed(edge, home) or (self.travels(edge, home) and self.room.has(child, edge.size)):
                    self.start(parent, child)

    def offer_host_inputs(self):
        """Start what the host may give now, by worker and place; what finds no room waits until its task is taken."""
        if not self.simulator.policy.names_homes:
            return
        for worker in self.simulator.workers:
            for task in self.simulator.policy.order(worker):
                given = self.problem.tasks[task].given
                if given and task not in self.offered and self.simulator.policy.host_may_send(task):
                    self.offered.add(task)
                    if (HOST, task) not in self.started and self.room.has(task, given):
                        self.start(HOST, task)

    # How it arrives.

    def next_instant(self):
        """Return when a delay is over or a flow starts."""
        return min([*self.delays.values(), *(flow.start for flow in self.flows)], default=math.inf)

    def arrive(self):
        """Delays are over; transfers have arrived, in the order in which they joined the network."""
        for pair in sorted(pair for pair, over in self.delays.items() if over == self.simulator.now):
            del self.delays[pair]
            self.is_there(*pair)
        for moving in self.network.arrived():
            sender, receiver = moving.what
            self.finished[self.name(sender, receiver)] = (moving.start, self.simulator.now)
            if receiver == HOST:
                self.memory.received(sender, HOST)
            elif receiver is not None:
                self.is_there(sender, receiver)

    def is_there(self, sender, task):
        if sender != HOST:
            self.memory.received(sender, task)
        self.awaited[task].discard(sender)
        self.simulator.lanes.arrived(sender, task)
        if task in self.simulator.taken:
            self.simulator.start_next(self.simulator.taken[task])

    def name(self, sender, receiver):
        if receiver is None:
            return sender  # a flow
        return ">".join(HOST if end == HOST else self.problem.tasks[end].name for end in (sender, receiver))
