"""A scenario made ready to play."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import add
from typing import Any, Literal, NamedTuple, Protocol, get_args, runtime_checkable

import numpy as np

from parsim.core.cluster import Cluster, Device
from parsim.core.errors import Complaint
from parsim.core.graph import Floats, TaskGraph

Engine = Literal["auto", "simpy", "path"]
ENGINES: tuple[Engine, ...] = get_args(Engine)
BEFORE = 3  # steps ahead of the first task: split, create, allocate


class Remarks(NamedTuple):
    """What a cost has to say of a job before it is played: complaints, by path from `cost`, and notes."""

    complaints: Sequence[Complaint] = ()
    notes: Sequence[str] = ()


def silence(graph: TaskGraph, cluster: Cluster) -> Remarks:
    """Remark on nothing."""
    return Remarks()


def properties(index: int, device: Device) -> Hashable:
    """Return what the seconds on a device may depend on: all but its name, and for how many it stands."""
    return device._replace(name="", stands_for=1)


def unknown(size: Floats) -> Floats:
    """Answer that nothing is known of the seconds of transfers."""
    return np.full(len(size), np.nan)


class Cost(NamedTuple):
    """How many seconds tasks take: what is expected, and the luck of the draw.

    `expected(graph, index, device)` are seconds per task on that device, shape (tasks,), NaN where it may not run.
    `luck(seed, tasks)` is the factor of each task, shape (tasks,); that of task i depends on (seed, i) alone.
    `remarks(graph, cluster)` says what is wrong or doubtful. `travel(size)` are the seconds that a hand-over of so many
    bytes was measured to take on this machine, (transfers,), NaN where it was not. `handed` are the seconds of every
    task's expected that are its hand-over to a worker process.
    """

    expected: Callable[[TaskGraph, int, Device], Floats]  # (graph, index of the device, the device)
    luck: Callable[[int, int], Floats]
    remarks: Callable[[TaskGraph, Cluster], Remarks] = silence
    travel: Callable[[Floats], Floats] = unknown
    handed: float = 0.0  # s of each task's expected that are its hand-over to a worker process
    alike: Callable[[int, Device], Hashable] = properties  # devices of equal answers share a column of expected s


class Room(Protocol):
    """What the devices hold under a plan in the making."""

    def holds(self, task: int, worker: int) -> bool:
        """Say whether the worker's device could hold *task*, given what is planned so far."""

    def put(self, task: int, worker: int) -> None:
        """Hear that *task* is planned on *worker*; its parents were planned before it."""


class Endless:
    """Room where no device has a limit.

    >>> Endless().holds(0, 0)
    True
    """

    def holds(self, task: int, worker: int) -> bool:
        """Answer that there is room."""
        return True

    def put(self, task: int, worker: int) -> None:
        """Do nothing."""


def everything(task: int, worker: int) -> bool:
    """Answer that the worker's device could hold the task: no device has a limit."""
    return True


def nowhen() -> float:
    """Answer the same at any time: no clock is running."""
    return 0.0


class Estimate(NamedTuple):
    """What a policy may know of time and room: expected seconds, never the draw."""

    compute: tuple[list[float], ...]  # [worker][task] expected s; NaN: may not run; equal devices share a list
    transfer: Callable[[int, int, int], float]  # (edge, from worker, to worker) -> nominal s
    arrival: Callable[[int, int], float]  # (task, worker) -> nominal s of what the host sends it
    mean_compute: Callable[[], Floats]  # (tasks,) mean s over the workers that may run it
    mean_transfer: Callable[[], Floats]  # (edges,) mean nominal s over distinct workers
    holds: Callable[[int, int], bool] = everything  # (task, worker) -> could its device hold the task, even empty?
    room: Callable[[], Room] = Endless  # a fresh account of room, for policies that plan ahead
    instant: Callable[[], float] = nowhen  # when it is, in a unit of the clock's own; equal within an instant

    def able(self, task: int, workers: tuple[int, ...]) -> tuple[int, ...]:
        """Return those of the *workers* whose device could hold *task*, or all where none could."""
        if self.holds is everything:
            return workers
        return tuple(worker for worker in workers if self.holds(task, worker)) or workers


class Policy(Protocol):
    """Which ready task does an idle worker take? Knows nothing of the engine."""

    def prepare(self, graph: TaskGraph, workers: tuple[tuple[int, ...], ...], estimate: Estimate) -> None:
        """Get ready; `workers[k]` are the workers that may run a task of place set k."""

    def home(self, task: int) -> int | None:
        """Name the worker of *task* beforehand, or None."""

    def ready(self, task: int, by: int | None) -> None:
        """Hear that every parent of *task* has ended, the last on worker *by* (None: a root)."""

    def take(self, worker: int, fits: Callable[[int], bool]) -> int | None:
        """Choose a ready task for *worker*, or None; `fits(task)` says whether there is room for it."""


@runtime_checkable
class Ordered(Policy, Protocol):
    """A policy that fixes each worker's order before the clock starts."""

    def order_of(self, worker: int) -> Sequence[int]:
        """Return the tasks of *worker* in the order in which it will take them."""


class Theory(NamedTuple):
    """T_total = N/P (T_s + T_c), computed before the clock starts."""

    n: float
    p: int
    t_s: float
    t_c: float

    @property
    def t_total_s(self) -> float:
        """Seconds that N units on P workers take where nobody ever waits."""
        return self.n / self.p * (self.t_s + self.t_c)

    def to_dict(self) -> dict[str, float]:
        """Return the terms as in the contract."""
        n = int(self.n) if self.n.is_integer() else self.n
        return {"n": n, "p": self.p, "t_s": self.t_s, "t_c": self.t_c, "t_total_s": self.t_total_s}


@dataclass(frozen=True)
class Job:
    """All that a clock needs to play."""

    name: str
    sha256: str
    graph: TaskGraph
    cluster: Cluster
    policy: Callable[[], Policy]
    policy_name: str
    cost: Cost
    steps: tuple[float, ...]  # (5,) s, in the order of timeline.STEPS
    prefetch: int
    seed: int
    clock: str
    values: dict[str, Any]  # the scenario that was asked for, as its YAML would hold it
    notes: Sequence[str] = ()  # what its reader should know
    engine: Engine = "auto"  # what plays it on the simulated clock

    @cached_property
    def begun_s(self) -> float:
        """When split, create and allocate are over and the first task may start, added up in their order."""
        return reduce(add, self.steps[:BEFORE], 0.0)

    @cached_property
    def copies(self) -> Floats:
        """How many tasks each task stands for, (tasks,): as many as the worker that runs it.

        Where those that may run it differ, it is the mean over them, as if each were as likely to run it.
        """
        weights = self.cluster.stands_for
        if weights.min() == weights.max():
            return np.broadcast_to(np.float64(weights[0]), len(self.graph))
        means = np.array([weights[list(allowed)].mean() for allowed in self.graph.places])
        return np.asarray(means[self.graph.place])

    @cached_property
    def flow_copies(self) -> Floats:
        """How many flows each flow stands for, (flows,): as many as the device that owns it."""
        flows = self.graph.flows
        owner = np.where(flows.target == self.cluster.host, flows.source, flows.target)
        return np.array([float(device.stands_for) for device in self.cluster.devices])[owner]

    @property
    def n(self) -> float:
        """N of the theory: units of work, flows counted as one each."""
        return float((self.graph.units * self.copies).sum()) + float(self.flow_copies.sum())
