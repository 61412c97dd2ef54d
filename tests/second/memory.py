"""Room on devices (contract, section 3, "Memory"), counted anew at every question."""

from fractions import Fraction

from second.problem import HOST


class Memory:
    def __init__(self, simulator):
        self.simulator, self.problem, self.tasks = simulator, simulator.problem, simulator.problem.tasks
        self.devices = range(len(self.problem.devices))
        self.peaks = [Fraction(0)] * len(self.devices)
        self.travelling = set()  # (HOST or parent, task): inputs that have started, until the task ends
        self.needed_by = [self.who_needs(task) for task in range(len(self.tasks))]

    def who_needs(self, task):
        """Return who needs an output: the task until it ends, its consumers, and the host where it gets a result."""
        return {task, *self.problem.children[task], *([HOST] if self.tasks[task].result else [])}

    # What happens.

    def on_the_way(self, sender, task):
        self.travelling.add((sender, task))

    def ended(self, task):
        """A task that ends gives back its inputs, and the outputs of parents on its own device."""
        self.travelling = {pair for pair in self.travelling if pair[1] != task}
        self.needed_by[task].discard(task)
        for edge in self.tasks[task].after:
            if self.simulator.same_device(edge.parent, task):
                self.needed_by[edge.parent].discard(task)

    def received(self, parent, consumer):
        """A consumer on the same device needs the output until it ends."""
        if consumer == HOST or not self.simulator.same_device(parent, consumer):
            self.needed_by[parent].discard(consumer)

    def still_needed(self, parent, consumer):
        return consumer in self.needed_by[parent]

    def note_peaks(self):
        self.peaks = [max(peak, self.used(device)) for device, peak in enumerate(self.peaks)]

    # Room.

    def on(self, device, tasks):
        """Return those of the tasks that this device has been given."""
        taken = self.simulator.taken
        return [t for t in tasks if t in taken and self.problem.device_of(taken[t]) == device]

    def used(self, device):
        """What is on the device at this moment."""
        here = self.on(device, range(len(self.tasks)))
        started = [t for t in here if t in self.simulator.start]
        memory = sum(self.tasks[t].memory for t in started if t not in self.simulator.ended)
        output = sum(self.tasks[t].output for t in started if self.needed_by[t])
        return memory + output + self.inputs_on(device) + self.weights(started)

    def inputs_on(self, device):
        """Bytes of inputs that are here or on their way here."""
        place = self.simulator.worker_of
        return sum(
            (self.input_size(sender, task) for sender, task in self.travelling
             if self.problem.device_of(place(task)) == device),
            Fraction(0),
        )  # fmt: skip

    def input_size(self, sender, task):
        return self.tasks[task].given if sender == HOST else self.problem.edges[sender, task].size

    def weights(self, tasks):
        """Return the bytes of all parts that these tasks need, each part once."""
        return sum(dict(part for t in tasks for part in self.tasks[t].weights).values(), Fraction(0))

    def reserved(self, device):
        """What is on the device, and what the tasks that it has taken still need."""
        here = self.on(device, range(len(self.tasks)))
        started = [t for t in here if t in self.simulator.start]
        waiting = [t for t in here if t not in started]
        weights = self.weights(here) - self.weights(started)
        return self.used(device) + weights + sum(map(self.own_need, waiting))

    def fits(self, task, device):
        """To take a task is to reserve all that it still needs."""
        here = self.on(device, range(len(self.tasks)))
        weights = self.weights([*here, task]) - self.weights(here)
        need = self.own_need(task) + weights + self.inputs_to_come(task, device)
        return self.reserved(device) + need <= self.limit(device)

    def own_need(self, task):
        return self.tasks[task].memory + self.tasks[task].output

    def inputs_to_come(self, task, device):
        sent = self.simulator.inputs.started
        return sum((size for sender, size in self.inputs(task, device) if (sender, task) not in sent), Fraction(0))

    def inputs(self, task, device):
        """Yield (sender, bytes) of all inputs that travel to this device."""
        yield HOST, self.tasks[task].given
        for edge in self.tasks[task].after:
            if self.problem.device_of(self.simulator.worker_of(edge.parent)) != device:
                yield edge.parent, edge.size

    def could_hold(self, task, worker):
        """Say whether its device, empty, has room for it and for inputs whose parent cannot have run there."""
        device, need = self.problem.device_of(worker), self.tasks[task]
        foreign = [edge.size for edge in need.after if device not in self.problem.devices_of(edge.parent)]
        room = sum(foreign, self.own_need(task) + need.given + self.weights([task]))
        return room <= self.limit(device)

    def some_device_could_hold(self, task):
        return any(self.could_hold(task, worker) for worker in self.tasks[task].seconds)

    def limit(self, device):
        return self.problem.devices[device].memory
