"""What one device of a computed training does, in order: what it computes, exchanges and gets from others.

    compute    0F0   0F1   0B0     0B1         each waits for its parents
    data                       0B0     0B1     in an order that all members of a collective have
    from w1          0F0                       in the order in which w1 sends

The order of a lane is that of the computing that its tasks wait for. One thread that runs each task right after what it
waits for would come to the end, and each lane keeps that order. So lanes never wait for each other in a circle.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from typing import NamedTuple

import numpy as np

from parsim.core.kernel import Shape
from parsim.training.computed import ComputedTraining
from parsim.training.device import Device
from parsim.training.layout import FORWARD
from parsim.training.tasks import Duty


class Coming(NamedTuple):
    """What another device sends."""

    task: int  # of the other device
    shape: Shape


class Course:
    """The tasks of one device.

    Parameters
    ----------
    training : all of it.
    number : of the device.
    """

    def __init__(self, training: ComputedTraining, number: int) -> None:
        self.training, self.number = training, number
        lane = np.tile(training.replicas.columns["lane"], training.iterations)
        mine = np.flatnonzero(np.tile(training.replicas.device, training.iterations) == number)
        self.computes: list[int] = mine[lane[mine] == 0].tolist()
        self.lane: dict[int, int] = dict(zip(mine.tolist(), lane[mine].tolist(), strict=True))

    @cached_property
    def parents(self) -> dict[int, list[int]]:
        """What each task waits for."""
        edges, found = self.training.edges, defaultdict[int, list[int]](list)
        for parent, child in zip(edges.parent.tolist(), edges.child.tolist(), strict=True):
            if child in self.lane:
                found[child].append(parent)
        return found

    @cached_property
    def lanes(self) -> dict[int, list[int]]:
        """The tasks of each lane, in order."""
        turn = {task: place for place, task in enumerate(self.computes)}
        found = defaultdict[int, list[int]](list)
        for task, lane in self.lane.items():
            if lane:
                turn[task] = max((turn[parent] for parent in self.parents[task] if parent in turn), default=-1)
                found[lane].append(task)
        return {lane: sorted(tasks, key=lambda task: (turn[task], task)) for lane, tasks in sorted(found.items())}

    @cached_property
    def coming(self) -> dict[tuple[int, int], list[Coming]]:
        """What others send, by device and lane, in order."""
        found: dict[tuple[int, int], list[Coming]] = {}
        training = self.training
        others = {training.device_of(parent) for parents in self.parents.values() for parent in parents}
        for other in sorted(others - {self.number}):
            for lane, tasks in Course(training, other).lanes.items():
                mine = [task for task in tasks if training.receiver(task) == self.number]
                if mine:
                    found[other, lane] = [Coming(task, self.shape(training.duty(task))) for task in mine]
        return found

    def shape(self, duty: Duty) -> Shape:
        """Return the shape of what a stage hands on: its output, or the gradient of its input."""
        action, cut = duty.action, self.training.cut
        part, layers = cut.parts[action.microbatch], cut.stages[action.stage]
        place = layers.stop if action.kind == FORWARD else layers.start
        return self.training.stages.given(place, part.stop - part.start)[place]

    @cached_property
    def numbers(self) -> dict[int, int]:
        """The most numbers that this device has in the buffer of each lane."""
        device, found = Device(self.training, self.number), dict[int, int]()
        for lane, tasks in self.lanes.items():
            for task in tasks:
                found[lane] = max(found.get(lane, 0), self._numbers(device, task))
        return found

    def _numbers(self, device: Device, task: int) -> int:
        duty = self.training.duty(task)
        if duty.verb == "send":
            return int(np.prod(self.shape(duty)))
        one = self.training.meeting_of[task]
        return one.numbers if duty.verb == "exchange" else device.numbers(duty, one.operation)

    @cached_property
    def ways(self) -> set[tuple[int, int]]:
        """The devices to which this one sends, and the lanes, (target, lane) each."""
        return {
            (target, lane) for lane, tasks in self.lanes.items() for task in tasks for target in self._targets(task)
        }

    def _targets(self, task: int) -> set[int]:
        training = self.training
        one = training.meeting_of.get(task)
        if one is None:
            return {training.receiver(task)}
        steps = one.script.steps[one.members.index(task)]
        return {training.device_of(one.members[send.target]) for step in steps for send in step.sends}
