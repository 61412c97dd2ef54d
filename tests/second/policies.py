"""Who takes what (contract, section 4, the table of policies); those that plan ahead are given their plan.

A policy answers `choose(worker)`: a ready task, or None. `home(task)` is the worker that it names beforehand, or None.
"""

from fractions import Fraction


def mean(values):
    values = list(values)
    return sum(values, Fraction(0)) / len(values)


class ByRank:
    """No homes: the best ready task that may run there and fits; ties go to the lower task."""

    names_homes = False

    def __init__(self, simulator):
        self.simulator, self.problem = simulator, simulator.problem

    def home(self, task):
        return None

    def became_ready(self, task, releaser):
        pass

    def choose(self, worker):
        fitting = [
            task for task in self.simulator.ready if self.may(worker, task) and self.simulator.fits(task, worker)
        ]
        return min(fitting, key=lambda task: (self.rank(task), task), default=None)

    def may(self, worker, task):
        return worker in self.problem.tasks[task].seconds


class Fifo(ByRank):
    """What became ready first: by instant, then by number."""

    def rank(self, task):
        return self.simulator.ready_at[task]


class ListOrder(ByRank):
    """The lowest number."""

    def rank(self, task):
        return 0


class ShortestFirst(ByRank):
    """The shortest mean compute over its workers."""

    def rank(self, task):
        return mean(self.problem.tasks[task].seconds.values())


class LongestFirst(ShortestFirst):
    def rank(self, task):
        return -super().rank(task)


class CriticalPath(ByRank):
    """The largest upward rank: mean compute and mean transfers on the way to the end."""

    def __init__(self, simulator):
        super().__init__(simulator)
        self.known = {}

    def rank(self, task):
        return -self.upward(task)

    def upward(self, task):
        if task not in self.known:
            rest = [self.mean_transfer(task, child) + self.upward(child) for child in self.problem.children[task]]
            self.known[task] = mean(self.problem.tasks[task].seconds.values()) + max(rest, default=0)
        return self.known[task]

    def mean_transfer(self, parent, child):
        """As for T_c (section 1): bytes over all pairs of different devices that may run the two; a delay in full."""
        edge = self.problem.edges[parent, child]
        if edge.size == 0:
            return edge.delay
        ends = [self.problem.devices_of(task) for task in (parent, child)]
        pairs = [(a, b) for a in ends[0] for b in ends[1] if a != b]
        network, names = self.simulator.network, [device.name for device in self.problem.devices]
        ways = [network.nominal((names[a], names[b]), edge.size) for a, b in pairs]
        return mean(ways) if ways else Fraction(0)


class WorkStealing(ByRank):
    """The newest of its own deque that fits; where none does, the oldest that fits of the longest, then of the next."""

    def __init__(self, simulator):
        super().__init__(simulator)
        self.deque_of = {}  # by task, in the order of becoming ready, pass by pass
        self.roots = 0

    def became_ready(self, task, releaser):
        """Join the deque of whoever released it (roots go round), or of the first worker allowed to run it."""
        if releaser is None:
            releaser, self.roots = self.roots % len(self.problem.workers), self.roots + 1
        able = self.problem.tasks[task].seconds
        self.deque_of[task] = releaser if releaser in able else min(able)

    def deque(self, worker):
        return [task for task, owner in self.deque_of.items() if owner == worker and task in self.simulator.ready]

    def choose(self, worker):
        deques = [self.deque(other) for other in range(len(self.problem.workers))]
        longest_first = sorted(deques, key=len, reverse=True)  # of equal ones the lower worker's
        wanted = [*reversed(deques[worker]), *(task for deque in longest_first for task in deque)]
        return next((t for t in wanted if self.may(worker, t) and self.simulator.fits(t, worker)), None)


class WithHomes:
    """Every task has a home; a worker waits for the first of its order."""

    names_homes = True
    has_a_plan = False

    def __init__(self, simulator):
        self.simulator, self.problem = simulator, simulator.problem
        tasks = [task for task in range(len(self.problem.tasks)) if task not in simulator.lanes.of]
        self.homes = {task: self.home_of(task) for task in tasks}

    def home(self, task):
        return self.homes[task]

    def became_ready(self, task, releaser):
        pass

    def choose(self, worker):
        task = self.next(worker)
        return task if task is not None and self.simulator.fits(task, worker) else None

    def host_may_send(self, task):
        """Say whether all but `prefetch` of the tasks before it have started."""
        order = self.order(self.homes[task])
        before = order[: order.index(task)]
        return sum(other not in self.simulator.start for other in before) <= self.problem.prefetch


class RoundRobin(WithHomes):
    """Home: the number modulo the workers that may run it and whose device could hold it; there, by becoming ready."""

    def home_of(self, task):
        able = [worker for worker in self.problem.tasks[task].seconds if self.simulator.memory.could_hold(task, worker)]
        return able[task % len(able)]

    def order(self, worker):
        """Return all tasks of the worker that are ready or were, in the order of becoming ready."""
        mine = [task for task in self.simulator.ready_at if self.homes.get(task) == worker]
        return sorted(mine, key=lambda task: (self.simulator.ready_at[task], task))

    def next(self, worker):
        return next((task for task in self.order(worker) if task in self.simulator.ready), None)


class Planned(WithHomes):
    """The next of an order that is known beforehand: that of a pipeline's schedule, or of a plan that is given."""

    has_a_plan = True

    def home_of(self, task):
        return next(worker for worker, line in enumerate(self.problem.plan) if task in line)

    def order(self, worker):
        return self.problem.plan[worker]

    def next(self, worker):
        task = next((task for task in self.order(worker) if task not in self.simulator.taken), None)
        return task if task in self.simulator.ready else None


POLICIES = {
    "fifo": Fifo,
    "list_order": ListOrder,
    "spt": ShortestFirst,
    "lpt": LongestFirst,
    "critical_path": CriticalPath,
    "work_stealing": WorkStealing,
    "round_robin": RoundRobin,
    **dict.fromkeys(("in_order", "heft", "cpop", "peft"), Planned),
}
