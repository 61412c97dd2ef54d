"""Which device could hold a task. Checks of the scenario and policies that plan ahead use this rule.

    memory + output + what the host gives + weights + inputs that must travel  <=  the device's memory

Without a plan, an input needs room only if its parent cannot run on the device; with a plan, every input from another
device does. Weights stay on a device, so a plan adds them up.
"""

from __future__ import annotations

import math

import numpy as np

from parsim.core.columns import filled
from parsim.core.graph import Bools, Floats, TaskGraph
from parsim.core.job import Job
from parsim.sim.memory import Weights, limit


def devices_of(job: Job) -> list[tuple[int, ...]]:
    """Return, for each place set of the graph, the devices of its workers."""
    device = job.cluster.device_of_worker
    return [tuple(sorted({device[worker] for worker in allowed})) for allowed in job.graph.places]


def own_needs(graph: TaskGraph) -> Floats:
    """Return the bytes that each task needs for itself, weights and inputs from other tasks apart, (tasks,)."""
    tasks = len(graph)
    return filled(graph.memory, tasks) + filled(graph.output, tasks) + filled(graph.given, tasks)


def weights_of(graph: TaskGraph) -> Floats:
    """Return the bytes of the weights that each task uses, (tasks,)."""
    return np.where(graph.group >= 0, graph.group_size[graph.group], 0.0) if len(graph.group) else np.zeros(len(graph))


def least_needs(job: Job) -> dict[int, Floats]:
    """Return, for every device with a limit, the bytes that each task needs there at least, (tasks,).

    Infinite where no worker of the device may run the task. Devices that may run the same tasks share a column.
    """
    graph, edges, devices = job.graph, job.graph.edges, devices_of(job)
    own = own_needs(graph) + weights_of(graph) if job.cluster.limited else np.empty(0)
    sets = [frozenset(allowed) for allowed in devices]
    made: dict[tuple[bool, ...], Floats] = {}
    found = {}
    for device in job.cluster.limited:
        reach = tuple(device in allowed for allowed in sets)  # place sets whose tasks may run here
        if reach not in made:
            here = np.array(reach, dtype=bool)[graph.place]
            foreign = ~here[edges.parent]
            inputs = np.bincount(edges.child[foreign], weights=edges.size[foreign], minlength=len(graph))
            made[reach] = np.where(here, own + inputs, np.inf)
        found[device] = made[reach]
    return found


class Holding:
    """The memory of every device under a plan: what is planned there, and whether one more task could run."""

    def __init__(self, job: Job) -> None:
        graph, devices = job.graph, job.cluster.devices
        self._device = job.cluster.device_of_worker
        self._limits = [limit(device) for device in devices]
        self._could: dict[int, Bools] = {
            device: need <= self._limits[device] for device, need in least_needs(job).items()
        }
        self._own = own_needs(graph).tolist()
        self._parents, self._parent, self._size = graph.parents, graph.edges.parent.tolist(), graph.edges.size.tolist()
        self._put: dict[int, int] = {}  # task -> device
        self._weights = Weights(graph)
        self._loaded = [0.0] * len(devices)  # [device] B of weights
        self._largest = [0.0] * len(devices)  # [device] B, the most that a task needs beside the weights

    def holds(self, task: int, worker: int) -> bool:
        """Return whether the worker's device could hold *task* beside all that is planned there."""
        device = self._device[worker]
        if self._limits[device] == math.inf:
            return True
        if not self._put or not self._could[device][task]:
            return bool(self._could[device][task])
        weights = self._loaded[device] + self._weights.missing(task, device)
        return weights + max(self._largest[device], self._need(task, device)) <= self._limits[device]

    def put(self, task: int, worker: int) -> None:
        """Note that *task* is planned on *worker*."""
        device = self._device[worker]
        self._put[task] = device
        self._loaded[device] += self._weights.missing(task, device)
        self._largest[device] = max(self._largest[device], self._need(task, device))
        self._weights.load(task, device)

    def _need(self, task: int, device: int) -> float:
        need: float = self._own[task]
        for edge in self._parents.of(task):
            if self._put[self._parent[edge]] != device:
                need += self._size[edge]
        return need
