"""A job: a scenario that is ready to be played."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from operator import add
from typing import Any, Literal, NamedTuple, Protocol, get_args, runtime_checkable

import numpy as np

from parsim.core.cluster import Cluster, Device
from parsim.core.errors import Complaint
from parsim.core.graph import Floats, TaskGraph

Engine = Literal["auto", "simpy", "path"]
ENGINES: tuple[Engine, ...] = get_args(Engine)
BEFORE = 3  # steps before the first task: split, create, allocate


class Remarks(NamedTuple):
    """The remarks of a cost on a job before it is played: complaints with paths from `cost`, and notes."""

    complaints: Sequence[Complaint] = ()
    notes: Sequence[str] = ()


def silence(graph: TaskGraph, cluster: Cluster) -> Remarks:
    """Return no remarks."""
    return Remarks()


def properties(index: int, device: Device) -> Hashable:
    """Return the properties that seconds may depend on: all except the name and `stands_for`."""
    return device._replace(name="", stands_for=1)


def no_luck(seed: int, tasks: int) -> Floats:
    """Return 1 for each task: it takes as long as expected."""
    return np.ones(tasks)


def unknown(size: Floats) -> Floats:
    """Return NaN: the seconds of transfers are unknown."""
    return np.full(len(size), np.nan)


class Cost(NamedTuple):
    """The seconds of tasks: expected seconds, and random factors (luck).

    `expected(graph, index, device)` returns the seconds of each task on a device, (tasks,), NaN where it may not run.
    `luck(seed, tasks)` returns the factor of each task, (tasks,); the factor of task i depends only on (seed, i).
    `remarks(graph, cluster)` returns what is wrong or doubtful. `travel(size)` returns the measured seconds of a
    hand-over of *size* bytes on this machine, (transfers,), NaN where they were not measured. `handed` is the part of
    every task's expected seconds that is its hand-over to a worker process.
    """

    expected: Callable[[TaskGraph, int, Device], Floats]  # (graph, index of the device, the device)
    luck: Callable[[int, int], Floats]
    remarks: Callable[[TaskGraph, Cluster], Remarks] = silence
    travel: Callable[[Floats], Floats] = unknown
    handed: float = 0.0  # s, the hand-over within each task's expected seconds
    alike: Callable[[int, Device], Hashable] = properties  # devices of equal values share a column


class Room(Protocol):
    """The memory of devices under a plan that is being made."""

    def holds(self, task: int, worker: int) -> bool:
        """Return whether the worker's device could hold *task* besides the tasks planned so far."""

    def put(self, task: int, worker: int) -> None:
        """Record that *task* is planned on *worker*, after its parents."""


class Endless:
    """The room of a cluster in which no device has a limit of memory.

    >>> Endless().holds(0, 0)
    True
    """

    def holds(self, task: int, worker: int) -> bool:
        """Return True."""
        return True

    def put(self, task: int, worker: int) -> None:
        """Do nothing."""


def everything(task: int, worker: int) -> bool:
    """Return True: no device has a limit."""
    return True


def nowhen() -> float:
    """Return a constant: no clock is running."""
    return 0.0


class Estimate(NamedTuple):
    """What a policy may know of time and memory: expected seconds, without random factors."""

    compute: tuple[list[float], ...]  # [worker][task] expected s, NaN where it may not run; equal devices share a list
    transfer: Callable[[int, int, int], float]  # (edge, source worker, target worker) -> nominal s
    arrival: Callable[[int, int], float]  # (task, worker) -> nominal s of its input from the host
    mean_compute: Callable[[], Floats]  # (tasks,) mean s over the workers that may run it
    mean_transfer: Callable[[], Floats]  # (edges,) mean nominal s over distinct workers
    holds: Callable[[int, int], bool] = everything  # (task, worker) -> whether an empty device holds it
    room: Callable[[], Room] = Endless  # returns an empty `Room`, for policies that plan ahead
    instant: Callable[[], float] = nowhen  # the current time in a unit of the clock; equal within an instant

    def able(self, task: int, workers: tuple[int, ...]) -> tuple[int, ...]:
        """Return the *workers* whose device could hold *task*, or all if none could."""
        if self.holds is everything:
            return workers
        return tuple(worker for worker in workers if self.holds(task, worker)) or workers


class Policy(Protocol):
    """Chooses the ready task that an idle worker takes, independently of the engine."""

    def prepare(self, graph: TaskGraph, workers: tuple[tuple[int, ...], ...], estimate: Estimate) -> None:
        """Prepare for a run; `workers[k]` are the workers that may run a task of place set k."""

    def home(self, task: int) -> int | None:
        """Return the worker of *task*, or None if it is not fixed beforehand."""

    def ready(self, task: int, by: int | None) -> None:
        """Add a ready task: its parents have ended, the last one on worker *by* (None: it has no parents)."""

    def take(self, worker: int, fits: Callable[[int], bool]) -> int | None:
        """Return a ready task for *worker*, or None; `fits(task)` returns whether there is room for it."""


@runtime_checkable
class Ordered(Policy, Protocol):
    """A policy that fixes each worker's order before the clock starts."""

    def order_of(self, worker: int) -> Sequence[int]:
        """Return the tasks of *worker* in the order in which it will take them."""


@runtime_checkable
class Queued(Policy, Protocol):
    """A policy that names each task's worker beforehand, and lets it take tasks in the order of becoming ready."""

    queues: Sequence[Sequence[int]]  # [worker] the ready tasks that it will take


class Theory(NamedTuple):
    """T_total = N/P (T_s + T_c), computed before the clock starts."""

    n: float
    p: int
    t_s: float
    t_c: float

    @property
    def t_total_s(self) -> float:
        """The seconds of N units on P workers without waiting."""
        return self.n / self.p * (self.t_s + self.t_c)

    def to_dict(self) -> dict[str, float]:
        """Return the terms as in the contract."""
        n = int(self.n) if self.n.is_integer() else self.n
        return {"n": n, "p": self.p, "t_s": self.t_s, "t_c": self.t_c, "t_total_s": self.t_total_s}


@dataclass(frozen=True)
class Job:
    """Everything that a clock needs to play a scenario."""

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
    values: dict[str, Any]  # the scenario's values, as in YAML
    notes: Sequence[str] = ()  # notes for the user
    engine: Engine = "auto"  # the engine of the simulated clock
    memories: Sequence[float] = ()  # B of each device, where tasks never wait for memory; empty: they do

    def beyond_memory(self) -> Job:
        """Return a job that is played all the same where devices lack memory."""
        memories = tuple(device.memory for device in self.cluster.devices)
        return replace(self, cluster=self.cluster.without_limits(), memories=memories)

    @cached_property
    def expected_s(self) -> list[Floats]:
        """The expected seconds of the tasks on every device, (tasks,) each; alike devices share a column."""
        made: dict[Hashable, Floats] = {}
        stated_per_device = self.graph.stated.ndim == 2
        found = []
        for index, device in enumerate(self.cluster.devices):
            key = index if stated_per_device else self.cost.alike(index, device)
            if key not in made:
                made[key] = self.cost.expected(self.graph, index, device)
                if len(self.graph.priced):
                    made[key] = made[key] + self.graph.priced
            found.append(made[key])
        return found

    @cached_property
    def begun_s(self) -> float:
        """When the steps before the first task are over, added up in their order."""
        return reduce(add, self.steps[:BEFORE], 0.0)

    @cached_property
    def copies(self) -> Floats:
        """How many tasks each task stands for, (tasks,): as many as its worker.

        If its allowed workers differ, it is their mean, as if each were equally likely to run it.
        """
        weights = self.cluster.stands_for
        if weights.min() == weights.max():
            return np.broadcast_to(np.float64(weights[0]), len(self.graph))
        means = np.array([weights[list(allowed)].mean() for allowed in self.graph.places])
        return np.asarray(means[self.graph.place])

    @property
    def ranks(self) -> int:
        """How many workers have a rank of a pipeline; all of them where there are no ranks."""
        return int(self.cluster.stands_for[: len(self.graph.orders) or None].sum())

    @cached_property
    def flow_copies(self) -> Floats:
        """How many flows each flow stands for, (flows,): as many as its device."""
        flows = self.graph.flows
        owner = np.where(flows.target == self.cluster.host, flows.source, flows.target)
        return np.array([float(device.stands_for) for device in self.cluster.devices])[owner]

    @property
    def n(self) -> float:
        """N of the theory: units of work, where each flow is one."""
        return float((self.graph.counted * self.copies).sum()) + float(self.flow_copies.sum())
