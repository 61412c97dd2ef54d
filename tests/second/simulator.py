"""The clock and its passes (contract, section 4): `Simulator(problem).play()` makes a `Timeline`, or raises `Stall`."""

import math
from dataclasses import dataclass
from fractions import Fraction

from second.inputs import Inputs
from second.lanes import Lanes
from second.memory import Memory
from second.network import Network
from second.policies import POLICIES


class Stall(Exception):
    """Tasks are left, and nothing can happen any more."""


class Refused(Exception):
    """A task is too large for every device that may run it."""


@dataclass(frozen=True)
class Timeline:
    tasks: dict  # name: (worker, start, end)
    transfers: dict  # name: (start, end); delays, flows and what the host gives and takes among them
    makespan: Fraction
    peaks: tuple  # bytes by device


class Simulator:
    def __init__(self, problem):
        self.problem = problem
        self.workers = range(len(problem.workers))
        self.network = Network(problem.links, problem.routes)
        self.memory = Memory(self)
        self.inputs = Inputs(self)
        self.lanes = Lanes(self)
        self.ready_at = {}  # instants, by task
        self.ready = set()  # ready, and not taken
        self.taken = {}  # task: worker
        self.start, self.end = {}, {}
        self.ended = []  # in the order of ending: by instant, by pass, by number
        self.held = {worker: [] for worker in self.workers}  # in the order of taking; the running task comes first
        self.received_at_start = []  # (parent, child): outputs to free in the next pass
        if not all(self.memory.some_device_could_hold(task) for task in range(len(problem.tasks))):
            raise Refused
        self.policy = POLICIES[problem.policy](self)

    # Time.

    def play(self):
        self.network.now = self.problem.seconds_of("split", "create", "allocate")
        self.first_pass()
        while True:
            while self.something_new():
                self.one_pass()
            self.memory.note_peaks()
            instant = self.next_instant()
            if instant == math.inf:
                break
            self.network.advance(instant)
        if len(self.ended) < len(self.problem.tasks):
            raise Stall
        return self.timeline()

    @property
    def now(self):
        return self.network.now

    def running(self):
        return [task for task in self.start if task not in self.ended]

    def next_instant(self):
        ends = [self.end[task] for task in self.running()]
        return min([*ends, self.inputs.next_instant(), self.network.next_change()], default=math.inf)

    def something_new(self):
        ending = any(self.end[task] == self.now for task in self.running())
        arriving = self.inputs.next_instant() == self.now or self.network.has_arrived()
        return ending or arriving or bool(self.received_at_start)

    def timeline(self):
        names = [name for name, _ in self.problem.workers]
        tasks = {
            what.name: (f"{names[self.taken[t]]} {what.lane}".strip(), self.start[t], self.end[t])
            for t, what in enumerate(self.problem.tasks)
        }
        ends = [end for *_, end in [*tasks.values(), *self.inputs.finished.values()]]
        last = max(ends, default=self.problem.seconds_of("split", "create", "allocate"))
        last += self.problem.seconds_of("gather", "merge")
        return Timeline(tasks, self.inputs.finished, last, tuple(self.memory.peaks))

    # A pass.

    def first_pass(self):
        self.inputs.offer_host_inputs()
        self.inputs.start_flows()
        self.release([task for task, what in enumerate(self.problem.tasks) if not what.after])
        self.ask()

    def one_pass(self):
        received, self.received_at_start = self.received_at_start, []  # of the pass before
        ended = self.ends()
        self.free_and_receive(ended, received)
        self.inputs.start_early(ended)
        self.inputs.start_flows()
        self.lanes.hand_on()
        self.lanes.start_next()
        self.release(range(len(self.problem.tasks)))
        self.ask()

    def ends(self):
        """Step 1: all tasks that end, by number; each frees its worker, which starts the next that it holds."""
        ended = sorted(task for task in self.running() if self.end[task] == self.now)
        for task in ended:
            self.ended.append(task)
            if task in self.lanes.of:
                continue
            self.held[self.taken[task]].remove(task)
            self.start_next(self.taken[task])
        return ended

    def free_and_receive(self, ended, received):
        """Step 2: room is freed and results leave; delays are over, transfers arrive, and held tasks start."""
        for parent, child in received:
            self.memory.received(parent, child)
        for task in ended:
            if task in self.lanes.of:
                self.lanes.ended(task)
                continue
            self.memory.ended(task)
            self.inputs.send_result(task)
        self.inputs.arrive()

    def release(self, tasks):
        """Step 4: tasks whose last parent has ended, and whose sends by lanes have arrived, become ready, by number."""
        for task in tasks:
            edges = self.problem.tasks[task].after
            if task in self.ready_at or not all(edge.parent in self.ended for edge in edges):
                continue
            if self.lanes.awaited(task):
                continue
            self.ready_at[task] = self.now
            if task in self.lanes.of:
                self.lanes.became_ready(task)
                continue
            self.ready.add(task)
            self.policy.became_ready(task, self.releaser(edges))
            self.inputs.offer_host_inputs()

    def releaser(self, edges):
        """Return the worker of the parent that ended last, or None for a root."""
        parents = sorted((edge.parent for edge in edges), key=self.ended.index)
        return self.taken[parents[-1]] if parents else None

    def ask(self):
        """Step 5: the workers ask in rounds and in their order, until a round takes nothing."""
        asking = True
        while asking:
            asking = False
            for worker in self.asking_order():
                if len(self.held[worker]) > self.holds_beside():
                    continue
                task = self.policy.choose(worker)
                if task is not None:
                    self.take(task, worker)
                    asking = True

    def asking_order(self):
        return self.workers

    def holds_beside(self):
        """How many tasks a worker may hold and ask for one more; a policy with homes takes one at a time."""
        return 0 if self.policy.names_homes else self.problem.prefetch

    # Taking and starting.

    def fits(self, task, worker):
        return self.memory.fits(task, self.problem.device_of(worker))

    def take(self, task, worker):
        """Bind a task to a worker; its inputs that are not on their way yet start to travel."""
        self.taken[task] = worker
        self.ready.remove(task)
        self.held[worker].append(task)
        self.inputs.start_all(task, worker)
        self.start_next(worker)

    def start_next(self, worker):
        """Start the task that the worker has held longest, if the worker is free and the inputs are there."""
        if not self.held[worker]:
            return
        task = self.held[worker][0]
        if task in self.start or self.inputs.awaited[task]:
            return
        self.start_task(task, worker)
        self.inputs.offer_host_inputs()

    def start_task(self, task, worker):
        self.taken[task] = worker
        self.start[task] = self.now
        self.end[task] = self.now + self.problem.tasks[task].seconds[worker] * self.problem.luck[task]
        for edge in self.problem.tasks[task].after:
            if self.memory.still_needed(edge.parent, task) and not self.same_device(edge.parent, task):
                self.received_at_start.append((edge.parent, task))

    # Places.

    def worker_of(self, task):
        """Return the worker that has taken a task, or else its home, or None."""
        if self.lanes.fix(task):
            return min(self.problem.tasks[task].seconds)
        return self.taken[task] if task in self.taken else self.policy.home(task)

    def same_device(self, one, other):
        return self.problem.device_of(self.taken[one]) == self.problem.device_of(self.worker_of(other))
