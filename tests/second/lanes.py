"""Communication lanes (contract, section 3, "Tasks: any graph"): a send takes no slot of its worker."""


class Lanes:
    def __init__(self, simulator):
        self.simulator, self.problem = simulator, simulator.problem
        self.of = {task: what.lane for task, what in enumerate(self.problem.tasks) if what.lane}
        self.ready_at = {}  # instants, by task, of those that have not started
        self.busy = {}  # by (worker, lane): the task that it does, until all that it hands on has arrived
        self.to_leave = []  # (task, consumer): the task has ended, and nothing has left yet
        self.to_arrive = {}  # by task that has ended: the consumers that have not got what it hands on

    def place(self, task):
        return min(self.problem.tasks[task].seconds), self.of[task]

    def fix(self, task):
        """Say whether lanes name the only worker of a task beforehand: theirs, and those that wait for them."""
        return task in self.of or any(edge.parent in self.of for edge in self.problem.tasks[task].after)

    # A task of a lane.

    def became_ready(self, task):
        self.ready_at[task] = self.simulator.now
        self.start_next()

    def start_next(self):
        """Lanes that are free start what became ready first: by instant, then by number."""
        for task in self.order():
            if self.place(task) not in self.busy:
                del self.ready_at[task]
                self.busy[self.place(task)] = task
                self.simulator.start_task(task, self.place(task)[0])

    def order(self):
        return sorted(self.ready_at, key=lambda task: (self.ready_at[task], task))

    def ended(self, task):
        """Note what it hands on; where nothing travels, it needs nothing any more."""
        worker, inputs = self.simulator.worker_of, self.simulator.inputs
        edges = [(child, self.problem.edges[task, child]) for child in self.problem.children[task]]
        consumers = [c for c, edge in edges if inputs.travels(edge, worker(c)) or inputs.delayed(edge, worker(c))]
        self.to_arrive[task] = set(consumers)
        self.to_leave += [(task, consumer) for consumer in consumers]
        self.free(task)

    def hand_on(self):
        """Step 3: by number of the task, then of its consumer, as far as there is room."""
        for pair in sorted(self.to_leave):
            if self.has_room(*pair):
                self.to_leave.remove(pair)
                self.simulator.inputs.start(*pair)

    def has_room(self, task, consumer):
        memory, device = self.simulator.memory, self.problem.device_of(self.simulator.worker_of(consumer))
        return memory.reserved(device) + self.problem.edges[task, consumer].size <= memory.limit(device)

    def arrived(self, task, consumer):
        if task in self.to_arrive:
            self.to_arrive[task].discard(consumer)
            self.free(task)

    def free(self, task):
        """Once all that a task hands on has arrived, the lane is free."""
        if not self.to_arrive[task]:
            del self.busy[self.place(task)]
            self.simulator.memory.ended(task)

    def awaited(self, task):
        """Say whether something that a lane sends to this task has not arrived."""
        return any(task in consumers for consumers in self.to_arrive.values())
