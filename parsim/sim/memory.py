"""Room on devices: what taken tasks have reserved, and whether another task fits.

    capacity |weights|inputs of a|a: memory + output|.......room.......|

Taking a task reserves all that it still needs; an early input reserves its own bytes. The bytes in use at each moment,
and their peak, are computed from the timeline (`metrics.memory`).
"""

from __future__ import annotations

from parsim.core.cluster import Cluster, Device
from parsim.core.columns import NONE, filled
from parsim.core.graph import TaskGraph

ROUNDING = 1e-12  # relative: sums of equal parts of a size may miss the whole by a few ulps


def limit(device: Device) -> float:
    """Return the most bytes that *device* may be asked to hold."""
    return device.memory * (1 + ROUNDING)


class Weights:
    """The groups of weights on every device. The first task of a group on a device loads them, and they stay."""

    def __init__(self, graph: TaskGraph) -> None:
        self._group = graph.group.tolist() if len(graph.group) else [NONE] * len(graph)
        self._size: list[float] = graph.group_size.tolist()
        self._loaded: set[tuple[int, int]] = set()  # (device, group)

    def missing(self, task: int, device: int) -> float:
        """Return the bytes of the weights of *task* that are not yet on *device*."""
        group = self._group[task]
        return 0.0 if group == NONE or (device, group) in self._loaded else self._size[group]

    def load(self, task: int, device: int) -> None:
        """Put the weights of *task* on *device*."""
        self._loaded.add((device, self._group[task]))


class Rooms:
    """Reservations on every device.

    `held[device]` are the bytes reserved.
    """

    def __init__(self, graph: TaskGraph, cluster: Cluster) -> None:
        tasks = len(graph)
        self._limits = [limit(device) for device in cluster.devices]
        self.held = [0.0] * len(cluster.devices)
        self._memory: list[float] = filled(graph.memory, tasks).tolist()
        self._output: list[float] = filled(graph.output, tasks).tolist()
        self._weights = Weights(graph)
        self._inputs = [0.0] * tasks  # bytes reserved for inputs, per task
        self._consumers = [0] * tasks  # consumers that still need the output, per task

    def need(self, task: int, device: int, inputs: float) -> float:
        """Return the bytes that *task* still needs on *device*, *inputs* being those that must yet travel."""
        return self._memory[task] + self._output[task] + self._weights.missing(task, device) + inputs

    def has(self, size: float, device: int) -> bool:
        """Say whether *size* more bytes fit on *device*."""
        return self.held[device] + size <= self._limits[device]

    def take(self, task: int, device: int, inputs: float, consumers: int) -> None:
        """Reserve all that *task* still needs."""
        self.held[device] += self.need(task, device, inputs)
        self._inputs[task] += inputs
        self._consumers[task] = consumers
        self._weights.load(task, device)

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
        """Count one consumer of the output of *task* as done; return True if it was the last."""
        self._consumers[task] -= 1
        if self._consumers[task]:
            return False
        self.held[device] -= self._output[task]
        return True
