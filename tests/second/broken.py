"""The second simulator with one rule broken at a time: where to put what, to show that each is noticed."""

import math
from fractions import Fraction

from second import policies, reading, schedules
from second.early import EarlyRoom
from second.inputs import Inputs
from second.lanes import Lanes
from second.memory import Memory
from second.network import Network
from second.simulator import Simulator

START, TAKE, ENDED, START_NEXT = Network.start, Simulator.take, Memory.ended, Simulator.start_next
HAS_ROOM, LANE_ENDED = Lanes.has_room, Lanes.ended
READ_TOPOLOGY = reading.read_topology


def higher_task(self, worker):
    fitting = [task for task in self.simulator.ready if self.may(worker, task) and self.simulator.fits(task, worker)]
    return min(fitting, key=lambda task: (self.rank(task), -task), default=None)


def ends_at_once(self, task, worker):
    TAKE(self, task, worker)
    ended = self.ends()
    self.free_and_receive(ended, [])
    self.inputs.start_early(ended)
    self.release(sorted({child for task in ended for child in self.problem.children[task]}))


def split_equally(self, flows):
    """Every link gives each of its flows the same, and what one cannot use is lost."""
    crossing = [name for links, _ in flows for name in links]
    return [min(limit, *(self.links[n].bandwidth / crossing.count(n) for n in links)) for links, limit in flows]


def forget_output(self, task):
    ENDED(self, task)
    self.needed_by[task] = set()


def receive_in_the_same_pass(self):
    ended = self.ends()
    received, self.received_at_start = self.received_at_start, []
    self.free_and_receive(ended, received)
    self.inputs.start_early(ended)
    self.inputs.start_flows()
    self.release(sorted({child for task in ended for child in self.problem.children[task]}))
    self.ask()


def arrival(self, task):
    return list(self.simulator.ready_at).index(task)


def order_of_arrival(self, worker):
    return [task for task in self.simulator.ready_at if self.homes.get(task) == worker]


def inputs_until_the_start(self, worker):
    START_NEXT(self, worker)
    self.memory.travelling = {pair for pair in self.memory.travelling if pair[1] not in self.start}


def take_all_in_one_turn(self):
    for worker in self.workers:
        task = 0
        while task is not None and len(self.held[worker]) <= self.holds_beside():
            task = self.policy.choose(worker)
            if task is not None:
                self.take(task, worker)


def overtake(self, worker):
    if not any(task in self.start for task in self.held[worker]):
        self.held[worker].sort(key=lambda task: bool(self.inputs.awaited[task]))
    START_NEXT(self, worker)


def any_slot_receives(self, parent, consumer):
    self.needed_by[parent].discard(consumer)


def weights_once_a_task(self, tasks):
    return sum((size for task in tasks for _, size in self.tasks[task].weights), Fraction(0))


def room_now(self, task, size):
    device = self.problem.device_of(self.simulator.policy.home(task))
    return self.memory.reserved(device) + size <= self.memory.limit(device)


def highest_releaser(self, edges):
    last = max(edges, key=lambda edge: (self.end[edge.parent], edge.parent), default=None)
    return None if last is None else self.taken[last.parent]


def roots_to_the_first(self, task, releaser):
    able = self.problem.tasks[task].seconds
    self.deque_of[task] = releaser if releaser in able else min(able)  # no root goes round


def chosen(wanted):
    """Make a `choose` for work_stealing from a function of the own deque and all others, the longest first."""

    def choose(self, worker):
        deques = [self.deque(other) for other in self.simulator.workers]
        tasks = wanted(deques[worker], sorted(deques, key=len, reverse=True))
        return next((t for t in tasks if self.may(worker, t) and self.simulator.fits(t, worker)), None)

    return choose


def steal_the_newest(own, others):
    return [*reversed(own), *(task for deque in others for task in reversed(deque))]


def own_oldest(own, others):
    return [*own, *(task for deque in others for task in deque)]


def steal_from_the_shortest(own, others):
    return [*reversed(own), *(task for deque in reversed(others) for task in deque)]


def wait_with_a_deque(own, others):
    return [*reversed(own)] if own else [task for deque in others for task in deque]


def warm_up_longer(ranks, many):
    return schedules.one_forward_one_backward(ranks + 1, many)[:ranks]


def half_duplex(topology, names):
    links, routes = READ_TOPOLOGY(topology, names)
    if topology is None or topology["kind"] != "star":
        return links, routes
    return links, {way: tuple((name, "up") for name, _ in route) for way, route in routes.items()}


def free_at_the_end(self, task):
    if self.busy.get(self.place(task)) == task:
        del self.busy[self.place(task)]
    if not self.to_arrive[task]:
        self.simulator.memory.ended(task)


def one_after_the_other(self):
    for task, consumer in sorted(self.to_leave):
        under_way = any((task, other) in self.simulator.inputs.started for other in self.to_arrive[task])
        if not under_way and self.has_room(task, consumer):
            self.to_leave.remove((task, consumer))
            self.simulator.inputs.start(task, consumer)


def keep_nothing(self, task):
    LANE_ENDED(self, task)
    self.simulator.memory.ended(task)


def leave_by_arrival(self):
    for pair in [*self.to_leave]:
        if self.has_room(*pair):
            self.to_leave.remove(pair)
            self.simulator.inputs.start(*pair)


def spare_room(self, task, consumer):
    size, homes = self.problem.edges[task, consumer].size, self.simulator.policy.names_homes
    spared = homes and consumer not in self.of
    return self.simulator.inputs.room.has(consumer, size) if spared else HAS_ROOM(self, task, consumer)


BROKEN = {
    "ties go to the higher worker": (Simulator, "asking_order", lambda self: reversed(self.workers)),
    "ties go to the higher task": (policies.ByRank, "choose", higher_task),
    "a task of 0 s ends in the pass of its start": (Simulator, "take", ends_at_once),
    "a worker holds one task too many": (Simulator, "holds_beside", lambda self: self.problem.prefetch + 1),
    "prefetch counts where tasks have homes": (Simulator, "holds_beside", lambda self: self.problem.prefetch),
    "no prefetch": (Simulator, "holds_beside", lambda self: 0),
    "a worker takes all that it may before the next is asked": (Simulator, "ask", take_all_in_one_turn),
    "a held task overtakes another": (Simulator, "start_next", overtake),
    "a link is split equally": (Network, "fair", split_equally),
    "no latency": (Network, "latency", lambda self, route: Fraction(0)),
    "the latency of the first link only": (Network, "latency", lambda self, route: self.links[route[0]].latency),
    "no limits of flows": (Network, "start", lambda self, *what: START(self, *what[:3])),
    "up and down are one link": (reading, "read_topology", half_duplex),
    "a delay begins when its task is taken": (
        Inputs,
        "delay_over",
        lambda self, sender, task: self.simulator.now + self.problem.edges[sender, task].delay,
    ),
    "no delays between slots": (
        Inputs,
        "delayed",
        lambda self, edge, worker: (
            edge.delay > 0 and self.device_of(self.worker_of(edge.parent)) != self.device_of(worker)
        ),
    ),
    "an output is freed when its task ends": (Memory, "ended", forget_output),
    "an output is freed in the pass in which its consumer starts": (Simulator, "one_pass", receive_in_the_same_pass),
    "a delay between slots frees the output": (Memory, "received", any_slot_receives),
    "inputs take no room": (Memory, "inputs", lambda self, task, device: ()),
    "inputs leave when their task starts": (Simulator, "start_next", inputs_until_the_start),
    "weights once for every task": (Memory, "weights", weights_once_a_task),
    "no weights": (Memory, "weights", lambda self, tasks: Fraction(0)),
    "what is taken is not reserved": (Memory, "reserved", Memory.used),
    "no limits of memory": (Memory, "limit", lambda self, device: math.inf),
    "early inputs take the room of earlier tasks": (EarlyRoom, "has", room_now),
    "no early inputs": (EarlyRoom, "has", lambda self, task, size: False),
    "the host sends all at once": (
        policies.WithHomes,
        "host_may_send",
        lambda self, task: True,
    ),
    "fifo goes by arrival": (policies.Fifo, "rank", arrival),
    "round_robin goes by arrival": (policies.RoundRobin, "order", order_of_arrival),
    "lpt goes by the longest": (
        policies.LongestFirst,
        "rank",
        lambda self, task: -max(self.problem.tasks[task].seconds.values()),
    ),
    "critical_path sees no transfers": (policies.CriticalPath, "mean_transfer", lambda self, *pair: Fraction(0)),
    "of parents that end at one instant the highest releases": (Simulator, "releaser", highest_releaser),
    "all roots join the first deque": (policies.WorkStealing, "became_ready", roots_to_the_first),
    "the newest is stolen": (policies.WorkStealing, "choose", chosen(steal_the_newest)),
    "the oldest of the own deque": (policies.WorkStealing, "choose", chosen(own_oldest)),
    "the shortest deque is robbed": (policies.WorkStealing, "choose", chosen(steal_from_the_shortest)),
    "who has tasks steals none": (policies.WorkStealing, "choose", chosen(wait_with_a_deque)),
    "a lane does any number of tasks at a time": (
        Lanes,
        "place",
        lambda self, task: (min(self.problem.tasks[task].seconds), task),
    ),
    "a lane is free when its task has ended": (Lanes, "free", free_at_the_end),
    "a lane goes by number": (Lanes, "order", lambda self: sorted(self.ready_at)),
    "a lane goes by arrival": (Lanes, "order", lambda self: [*self.ready_at]),
    "what a lane hands on leaves one after the other": (Lanes, "hand_on", one_after_the_other),
    "a task is ready when the lane's task has ended": (Lanes, "awaited", lambda self, task: False),
    "what a lane sends needs no room": (Lanes, "has_room", lambda self, *pair: True),
    "what a lane sends spares the room of other tasks": (Lanes, "has_room", spare_room),
    "sends that wait for room leave by arrival": (Lanes, "hand_on", leave_by_arrival),
    "a task of a lane keeps nothing when it has ended": (Lanes, "ended", keep_nothing),
    "the larger subsets come last": (
        reading,
        "subset_size",
        lambda count, number, index: (count + index) // number,
    ),
    "no luck": (reading, "luck", lambda scenario, count: (Fraction(1),) * count),
    "1f1b warms up by one more": (reading, "SCHEDULES", schedules.SCHEDULES | {"1f1b": warm_up_longer}),
}
