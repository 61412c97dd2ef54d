"""A training by degrees of parallelism that is really computed: a program of all devices, or of one.

    graph       0F0:d0 0B0:d0 ..   tasks of device 0       compute   by `Device` 0
                0F0:d1 0B0:d1 ..   of device 1             exchange  by the rounds of the shelf, on the devices' buffers

In one process all devices are there, and a collective is played when the last of its members has begun. Worker
processes have a device each, and play it with each other (`parsim.real`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from parsim.core.collective import Collective
from parsim.core.columns import NONE, packed
from parsim.core.graph import Edges
from parsim.core.kernel import ITEM, Tell
from parsim.core.script import Script, perform
from parsim.training.device import Device
from parsim.training.layout import FORWARD
from parsim.training.model import serial
from parsim.training.program import NOTHING
from parsim.training.replicas import Replicas
from parsim.training.sharded import ShardedTraining
from parsim.training.tasks import Duty

ALL = slice(None)


class Meeting(NamedTuple):
    """A collective that devices play."""

    members: tuple[int, ...]  # the task of each rank
    operation: str
    script: Script
    size: float  # B of the whole buffer

    @property
    def numbers(self) -> int:
        """The numbers of the whole buffer."""
        return round(self.size / ITEM)


@dataclass(frozen=True, kw_only=True)
class ComputedTraining(ShardedTraining):
    """A training by degrees of parallelism, and the program that computes it.

    Every plan by degrees has one; `about_degrees` says which of them cannot be computed.
    """

    def __getstate__(self) -> dict[str, Any]:
        """Pickle the fields, and the rounds of all collectives: another process has no network to choose them for."""
        _ = self.meetings  # makes the scripts, which travel with the communicators
        return super().__getstate__()

    @cached_property
    def replicas(self) -> Replicas:
        """The tasks of all devices."""
        return Replicas(self)

    @cached_property
    def edges(self) -> Edges:
        """All dependencies."""
        return self.replicas.edges()

    @cached_property
    def devices(self) -> list[Device]:
        """All devices, ready to compute."""
        found = [Device(self, number) for number in range(self.parallelism.degrees.devices)]
        for device in found:
            device.prepare()
        return found

    def duty(self, task: int) -> Duty:
        """Return what a task does."""
        return self._duties[int(self._source[task % len(self._source)])]

    def device_of(self, task: int) -> int:
        """Return the number of the device of a task."""
        return self._device[task % len(self._device)]

    @cached_property
    def _duties(self) -> list[Duty]:
        return list(self.replicas.tasks.duties)

    @cached_property
    def _source(self) -> Sequence[int]:
        return packed(self.replicas.source)

    @cached_property
    def _device(self) -> Sequence[int]:
        return packed(self.replicas.device)

    @cached_property
    def meetings(self) -> list[Meeting]:
        """The collectives, in the order of the graph."""
        return [
            Meeting(one.members, one.about.operation, self._script(one), one.about.size)
            for one in self.replicas.collectives()
        ]

    def _script(self, one: Collective) -> Script:
        devices = [self.device_of(task) for task in one.members]
        return self.parallelism.communicators.script(one.about.operation, one.about.size, devices)

    @cached_property
    def meeting_of(self) -> Mapping[int, Meeting]:
        """The collective of each task that is a member of one."""
        return {task: one for one in self.meetings for task in one.members}

    # -- the program in one process

    @property
    def given(self) -> Mapping[int, Sequence[Any]]:
        """Return an empty mapping: devices draw their rows themselves."""
        return {}

    def hands(self, edge: int) -> slice:
        """Return an empty slice: what tasks hand on lies in the devices."""
        return NOTHING

    def gathers(self, task: int, last: bool) -> slice:
        """Return the loss of a last forward, and the squares of the gradients of an update."""
        duty = self.duty(task)
        forward = duty.action.kind == FORWARD and duty.action.stage == len(self.cut.stages) - 1
        return ALL if duty.verb == "update" or (duty.verb == "compute" and forward) else NOTHING

    def prepare(self, tasks: Sequence[int]) -> None:
        """Draw the weights of all devices, and look up once what tasks need."""
        _ = self.devices, self.meeting_of, self._waited_for, self._receivers

    def watched(self, tell: Tell) -> ComputedTraining:
        """Return a copy that calls *tell* before every kernel call."""
        model = replace(self.own, layers=tuple(layer.watched(tell) for layer in self.own.layers))
        return replace(self, own=model, update=self.update.watched(tell), adding=self.adding.watched(tell))

    def compute(self, task: int, received: Sequence[Sequence[Any]]) -> list[Any]:
        """Compute a task on its device, or note that a member of a collective has begun."""
        duty, device = self.duty(task), self.devices[self.device_of(task)]
        if task in self.meeting_of:
            self._arrived.add(task)
            if self._arrived.issuperset(self.meeting_of[task].members):
                self._play(self.meeting_of[task])
            return []
        if duty.verb == "send":
            self._hand_over(task, device, duty)
            return []
        for parent in self._waited_for.get(task, ()):
            if parent not in self._played:
                self._play(self.meeting_of[parent])
        with np.errstate(over="ignore", invalid="ignore"):  # NaN and infinite losses are reported
            return [device.compute(duty)]

    @cached_property
    def _arrived(self) -> set[int]:
        return set()

    @cached_property
    def _played(self) -> set[int]:
        return set()

    @cached_property
    def _waited_for(self) -> dict[int, list[int]]:
        """The members of collectives that each task waits for."""
        edges, found = self.edges, dict[int, list[int]]()
        members = np.isin(edges.parent, np.fromiter(self.meeting_of, np.int64, len(self.meeting_of)))
        for parent, child in zip(edges.parent[members].tolist(), edges.child[members].tolist(), strict=True):
            found.setdefault(child, []).append(parent)
        return found

    def _play(self, one: Meeting) -> None:
        """Play a collective on the buffers of its devices."""
        there = [(self.devices[self.device_of(task)], self.duty(task)) for task in one.members]
        buffers = [np.empty(device.numbers(duty, one.operation)) for device, duty in there]
        for (device, duty), buffer in zip(there, buffers, strict=True):
            device.fill(duty, one.operation, buffer)
        perform(one.script, buffers)
        for (device, duty), buffer in zip(there, buffers, strict=True):
            device.take(duty, one.operation, buffer)
        self._played.update(one.members)

    def _hand_over(self, task: int, device: Device, duty: Duty) -> None:
        self.devices[self.receiver(task)].came(duty, device.sent(duty).copy())

    def receiver(self, task: int) -> int:
        """Return the device to which a task of a pipeline sends; NONE: it does not send."""
        return self._receivers.get(task % len(self._source), NONE)

    @cached_property
    def _receivers(self) -> dict[int, int]:
        edges, count = self.edges, len(self._source)
        sends = (edges.size > 0) & (edges.parent < count)
        return {
            parent: self.device_of(child)
            for parent, child in zip(edges.parent[sends].tolist(), edges.child[sends].tolist(), strict=True)
        }

    # -- the result

    def merge(self, values: list[Any]) -> dict[str, Any]:
        """Collect the loss and the norms of gradients of each iteration, in the order of layers."""
        tasks = [task for task in range(self.iterations * len(self._source)) if self.gathers(task, False) != NOTHING]
        return self.collected(dict(zip(tasks, values, strict=True)))

    def collected(self, values: Mapping[int, Any]) -> dict[str, Any]:
        """Return the result, given what each task leaves to it."""
        loss = [0.0] * self.iterations
        squares = [np.zeros(sum(map(len, self.weights))) for _ in loss]
        for task in sorted(values):
            iteration, value = task // len(self._source), values[task]
            if self.duty(task).verb != "update":
                loss[iteration] += value or 0.0
            else:
                counts, first = self._counts(task)
                squares[iteration][first : first + len(value)] += np.where(counts, value, 0.0)
        return {"loss": loss, "gradient_norm": [np.sqrt(some).tolist() for some in squares]}

    def _counts(self, task: int) -> tuple[list[bool], int]:
        """Return which gradients of an update are this device's alone, and the first of them in the model.

        Data ranks have equal gradients unless they share the optimizer, tensor ranks those of weights that all have.
        """
        stage, device = self.duty(task).action.stage, self.device_of(task)
        degrees = self.parallelism.degrees
        data, tensor = (int(degrees.coordinate(name)[device]) for name in ("data", "tensor"))
        alone = data == 0 or self.parallelism.sharding.optimizer
        divided = [
            one != other
            for number in self.cut.stages[stage]
            for one, other in zip(
                self.model.layers[number].weights.values(), self.own.layers[number].weights.values(), strict=True
            )
        ]
        return [alone and (tensor == 0 or one) for one in divided], sum(map(len, self.weights[:stage]))

    def serial(self) -> Any:
        """Return the result of one worker alone."""
        return serial(self.model, self.update.kernel, self.iterations)
