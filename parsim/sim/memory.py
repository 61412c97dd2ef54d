"""Room on devices: what taken tasks have reserved, and whether another task fits.

    capacity |weights|inputs of a|a: memory + output|.......room.......|

Taking a task reserves all that it still needs; an input that travels early reserves its own bytes. What is really
used at each moment, and its peak, is read off the timeline (`metrics.memory`).
"""

from __future__ import annotations

from parsim.core.cluster import Cluster
from parsim.core.graph import Floats, TaskGraph

ROUNDING = 1e-12  # relative: sums of equal parts of a size may miss the whole by a few ulps


def column(values: Floats, tasks: int) -> list[float]:
    """Return a column as a list, zeros where the graph has none."""
    return values.tolist() if len(values) else [0.0] * tasks


class Rooms:
    """Reservations on every device.

    `held[device]` are the bytes reserved.
    """

    def __init__(self, graph: TaskGraph, cluster: Cluster) -> None:
        tasks = len(graph)
        self.capacity = [device.memory for device in cluster.devices]
        self.held = [0.0] * len(cluster.devices)
        self._memory = column(graph.memory, tasks)
        self._output = column(graph.output, tasks)
        self._group = graph.group.tolist() if len(graph.group) else [-1] * tasks
        self._group_size = graph.group_size.tolist()
        self._loaded: set[tuple[int, int]] = set()  # (device, weight group)
        self._inputs = [0.0] * tasks  # bytes reserved for inputs, per task
        self._consumers = [0] * tasks  # who still needs the output

    def need(self, task: int, device: int, inputs: float) -> float:
        """Return the bytes that *task* still needs on *device*, *inputs* being those that must yet travel."""
        group = self._group[task]
        weights = 0.0 if group < 0 or (device, group) in self._loaded else self._group_size[group]
        return self._memory[task] + self._output[task] + weights + inputs

    def has(self, size: float, device: int) -> bool:
        """Say whether *size* more bytes fit on *device*."""
        return self.held[device] + size <= self.capacity[device] * (1 + ROUNDING)

    def take(self, task: int, device: int, inputs: float, consumers: int) -> None:
        """Reserve all that *task* still needs."""
        self.held[device] += self.need(task, device, inputs)
        self._inputs[task] += inputs
        self._consumers[task] = consumers
        if self._group[task] >= 0:
            self._loaded.add((device, self._group[task]))

    def receive(self, task: int, device: int, size: float) -> None:
        """Reserve an input of *task* that travels before the task is taken."""
        self.held[device] += size
        self._inputs[task] += size

    def end(self, task: int, device: int) -> None:
        """Release what only the running *task* needed."""
        self.held[device] -= self._memory[task] + self._inputs[task]
        if not self._consumers[task]:
            self.held[device] -= self._output[task]

    def consume(self, task: int, device: int) -> bool:
        """Hear that one consumer of the output of *task*, which has ended, needs it no more; say if it was the last."""
        self._consumers[task] -= 1
        if self._consumers[task]:
            return False
        self.held[device] -= self._output[task]
        return True
