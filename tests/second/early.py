"""Whether an input may start early (contract, section 4, "Early transfers"): it must not cause a stall."""

from fractions import Fraction


class EarlyRoom:
    def __init__(self, simulator):
        self.simulator, self.problem, self.memory = simulator, simulator.problem, simulator.memory

    def has(self, task, size):
        """Say whether there is room now, and whether it cannot take room that earlier tasks still need."""
        device = self.problem.device_of(self.simulator.policy.home(task))
        limit = self.memory.limit(device)
        if self.memory.reserved(device) + size > limit:
            return False
        return all(self.needed_for(other, device) + size <= limit for other in self.earlier(task, device))

    def tasks_of(self, device):
        """Return the tasks of a device, in their order where it is known."""
        if self.ordered(device):
            return self.simulator.policy.order(self.workers_of(device)[0])
        return [t for t, home in self.simulator.policy.homes.items() if self.problem.device_of(home) == device]

    def workers_of(self, device):
        return [worker for worker in self.simulator.workers if self.problem.device_of(worker) == device]

    def ordered(self, device):
        """Say whether the tasks of a device follow one another in an order that is known beforehand."""
        return self.simulator.policy.has_a_plan and self.problem.devices[device].slots == 1

    def before(self, task, device):
        """Return the tasks of the device that have surely ended when this one starts."""
        tasks = self.tasks_of(device)
        return tasks[: tasks.index(task)] if self.ordered(device) else []

    def earlier(self, task, device):
        """Return the tasks that count as earlier, and are not taken yet: without an order all others."""
        tasks = self.before(task, device) if self.ordered(device) else self.tasks_of(device)
        return [other for other in tasks if other != task and other not in self.simulator.taken]

    def needed_for(self, task, device):
        """What an untaken task needs, with the weights, outputs and early inputs that may be there when it starts."""
        before = self.before(task, device)
        others = [other for other in self.tasks_of(device) if other != task and other not in before]
        own = self.memory.own_need(task) + sum((size for _, size in self.memory.inputs(task, device)), Fraction(0))
        weights = self.memory.weights([*before, task] if self.ordered(device) else [*others, task])
        left = before if self.ordered(device) else others
        outputs = [self.problem.tasks[t].output for t in left if self.may_be_there(t, before)]
        inputs = [
            self.memory.input_size(sender, other)
            for sender, other in self.memory.travelling
            if other in others and other not in self.simulator.taken
        ]
        return own + weights + sum(outputs, Fraction(0)) + sum(inputs, Fraction(0))

    def may_be_there(self, parent, before):
        """Say whether an output may be on the device: somebody needs it that has not surely ended."""
        return bool(self.memory.needed_by[parent] - set(before))
