"""What runs in a worker process whose order is fixed: it computes its tasks, its lanes exchange, and nobody orders it.

    main thread    |0F0|0B0|      |0U|
    data                   |0B0|           a thread for each lane, and one for each way on which others send
    host           <-- what has ended, several tasks at once --

Each task waits for its parents; lanes do their tasks in an order that their members have in common.
"""

from __future__ import annotations

import os
import pickle
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from time import monotonic
from typing import Any, NamedTuple

import numpy as np

from parsim.core.columns import NONE
from parsim.core.errors import told
from parsim.real.transport import Messages, Peers, Place
from parsim.real.worker import READY, Failure, warm
from parsim.training.computed import ComputedTraining
from parsim.training.course import Coming, Course
from parsim.training.device import Device

EVERY = 0.05  # s, after which the host hears of what has ended
SWITCH = 1e-4  # s, after which threads take turns


class Receipt(NamedTuple):
    """What a task got from another; times are those of the machine's monotonic clock."""

    sender: int  # task
    receiver: int  # task; NONE: those that wait for the sender's
    start: float
    end: float
    size: float  # B


class Ended(NamedTuple):
    """A task that has ended."""

    task: int
    start: float
    end: float
    value: Any  # what it leaves to the merge, or None
    receipts: tuple[Receipt, ...]
    beside: tuple[tuple[float, float], ...]  # when a lane copied to its buffer, or from there


class Rank:
    """The work of one device.

    Parameters
    ----------
    channel : the way to the host.
    program : the training.
    own : the device.
    ways : to the other workers.
    """

    def __init__(self, channel: Messages, program: ComputedTraining, own: int, ways: Peers) -> None:
        self.channel, self.program, self.own, self.ways = channel, program, own, ways
        self.course, self.device = Course(program, own), Device(program, own)
        self._done: set[int] = set()
        self._changed = threading.Condition()
        self._ended: list[Ended] = []
        self._came: list[Receipt] = []
        self._speaking, self._told_s = threading.Lock(), 0.0

    def prepare(self) -> None:
        """Draw weights and data, and look everything up once, before the clock starts."""
        self.device.prepare()
        _ = self.course.parents, self.course.lanes, self.course.coming, self.program.meeting_of
        self.ways.open()
        sys.setswitchinterval(SWITCH)

    def run(self) -> None:
        """Do all tasks; ends the process where one fails, or where another worker is gone."""
        jobs: list[Callable[[], None]] = [partial(self._lane, *one) for one in self.course.lanes.items()]
        jobs += [partial(self._receive, *way, some) for way, some in self.course.coming.items()]
        threads = [threading.Thread(target=self._guarded, args=(job,), daemon=True) for job in jobs]
        for thread in threads:
            thread.start()
        self._guarded(self._compute)
        for thread in threads:
            thread.join()
        self._tell()

    def _guarded(self, job: Callable[[], None]) -> None:
        try:
            job()
        except (EOFError, BrokenPipeError):
            threading.Event().wait()  # another worker is gone, of which the host hears; it ends this one, too

    # -- on each thread

    def _compute(self) -> None:
        for task in self.course.computes:
            self._wait(task)
            start = monotonic()
            with self._reported(task), np.errstate(over="ignore", invalid="ignore"):
                value = self.device.compute(self.program.duty(task))
                self._end(Ended(task, start, monotonic(), value, (), ()))

    def _lane(self, lane: int, tasks: list[int]) -> None:
        for task in tasks:
            self._wait(task)
            with self._reported(task):
                if task in self.program.meeting_of:
                    self._meet(lane, task)
                else:
                    self._send(lane, task)

    @contextmanager
    def _reported(self, task: int) -> Iterator[None]:
        """Report what fails in a task; that another worker is gone, the host hears anyway."""
        try:
            yield
        except (EOFError, BrokenPipeError):
            raise
        except BaseException as error:  # also what would end the process: the host is to hear why
            self._say(tuple(Failure(task, told(error))))
            threading.Event().wait()

    def _send(self, lane: int, task: int) -> None:
        start = monotonic()
        self._end(Ended(task, start, start, None, (), ()))
        self.ways.send(self.program.receiver(task), lane, self.device.sent(self.program.duty(task)))

    def _meet(self, lane: int, task: int) -> None:
        """Play a collective with its other members."""
        one, duty = self.program.meeting_of[task], self.program.duty(task)
        members = [self.program.device_of(member) for member in one.members]
        start = monotonic()
        buffer = self.ways.buffer(lane, self.device.numbers(duty, one.operation))
        self.device.fill(duty, one.operation, buffer)
        filled, receipts = monotonic(), list[Receipt]()
        for step in one.script.steps[one.members.index(task)]:
            moves = self.ways.step(lane, members, one.script, step, buffer)
            for take, move in zip(step.takes, moves, strict=True):
                size = one.size * len(take.pieces) / one.script.pieces
                receipts.append(Receipt(one.members[take.source], task, move.start, move.end, size))
        played = monotonic()
        self.device.take(duty, one.operation, buffer)
        end = monotonic()
        self._end(Ended(task, start, end, None, tuple(receipts), ((start, filled), (played, end))))

    def _receive(self, source: int, lane: int, some: list[Coming]) -> None:
        for task, shape in some:
            with self._reported(task):
                array, move = self.ways.receive(source, lane, shape)
                self.device.came(self.program.duty(task), array)
            with self._changed:
                self._came.append(Receipt(task, NONE, move.start, move.end, float(array.nbytes)))
                self._note(task)

    # -- between threads

    def _wait(self, task: int) -> None:
        """Wait until the parents of a task have ended, and what others sent has come."""
        parents = self.course.parents.get(task, ())
        with self._changed:
            self._changed.wait_for(lambda: self._done.issuperset(parents))

    def _end(self, ended: Ended) -> None:
        """Note that a task has ended; tell the host now and then."""
        with self._changed:
            self._ended.append(ended)
            self._note(ended.task)
        if ended.end - self._told_s > EVERY:
            self._tell()

    def _note(self, task: int) -> None:
        self._done.add(task)
        self._changed.notify_all()

    def _tell(self) -> None:
        """Tell the host what has ended, and what has come."""
        with self._changed:
            ended, came, self._ended, self._came = self._ended, self._came, [], []
            self._told_s = monotonic()
        self._say((self.own, list(map(tuple, ended)), list(map(tuple, came))))

    def _say(self, message: tuple[Any, ...]) -> None:
        try:
            with self._speaking:
                self.channel.send(pickle.dumps(message))
        except OSError:
            os._exit(1)


def follow(channel: Messages, program: bytes, place: Place) -> None:
    """Do the tasks of one device as soon as the host says so; a task that fails ends it."""
    assert place.ways is not None
    try:
        rank = Rank(channel, pickle.loads(program), place.own, place.ways)
        rank.prepare()
        warm(place.memory)
    except Exception as error:
        channel.send(pickle.dumps((NONE, f"cannot load the training: {told(error)}")))
        return
    channel.send(READY)
    try:
        channel.receive()
        rank.run()
        channel.receive()  # the host has all
    except (EOFError, OSError):
        os._exit(1)
