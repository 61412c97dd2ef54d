"""Replicas of one small cluster and its work: played whole, or one for all of a group.

replica 0   a0 --> b0        links of one replica: a0.out, a0.in, ...
replica 1   a1 --> b1        links of all: core between devices, hub.in and hub.out from and to the host
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from parsim.build import build
from parsim.core.cluster import Cluster, Device, Link, Wiring, unit_weight
from parsim.core.graph import Edges, Flows, TaskGraph
from parsim.policies import policies
from parsim.scenario.scenario import load

SHARED = ("core", "hub.in", "hub.out")


@dataclass(frozen=True)
class Task:
    """A task of every replica, on one of its devices; `after` are (task, bytes, seconds of delay)."""

    device: int
    seconds: float
    given: float = 0.0
    result: float = 0.0
    memory: float = 0.0
    output: float = 0.0
    after: tuple[tuple[int, float, float], ...] = ()


@dataclass(frozen=True)
class Flow:
    """A flow of every replica, from one of its devices to the host, or to another of its devices."""

    source: int
    target: int  # -1: the host
    size: float
    start: float = 0.0
    limit: float = math.inf


@dataclass(frozen=True)
class Replicas:
    """`groups` are (replicas, speed) each; `slots` are those of every device."""

    groups: tuple[tuple[int, float], ...]
    devices: int
    tasks: tuple[Task, ...] = ()
    flows: tuple[Flow, ...] = ()
    slots: int = 1
    shared: float = 1e6  # B/s of the links of all
    own: float = 5e6  # B/s of the links of each device
    latency: float = 0.0

    def whole(self, policy="fifo", **more):
        """Return the job in which every replica is played."""
        groups = tuple((1, speed) for copies, speed in self.groups for _ in range(copies))
        return replace(self, groups=groups).folded(policy, **more)

    def origin(self):
        """Return the folded replica of which each replica of the whole is a copy."""
        return [number for number, (copies, _) in enumerate(self.groups) for _ in range(copies)]

    def folded(self, policy="fifo", on_links=True, **more):
        """Return the job in which one replica is played for each group."""
        minimal = {"kind": "tasks", "tasks": [{"name": "none", "compute": "1 s"}]}
        job = build(load({"cluster": {"devices": 1}, "workload": minimal, "policy": policy}))
        made = {"cluster": self.cluster(on_links), "graph": self.graph(), "policy": policies[policy]}
        return replace(job, **made, policy_name=policy, **more)

    def cluster(self, on_links):
        """Return the devices, with weights *on_links* that several replicas share, or without."""
        devices = tuple(
            Device(f"d{device}r{replica}", speed=speed, slots=self.slots, stands_for=copies)
            for replica, (copies, speed) in enumerate(self.groups)
            for device in range(self.devices)
        )
        host = len(devices)

        def route(source, target):
            way = [Link(f"{devices[source].name}.out", self.own, self.latency)] if source != host else []
            between = "hub.in" if source == host else "hub.out" if target == host else "core"
            way.append(Link(between, self.shared, self.latency))
            return (*way, *([Link(f"{devices[target].name}.in", self.own)] if target != host else []))

        def weight(source, target, link):
            return float(devices[target if source == host else source].stands_for) if link in SHARED else 1.0

        return Cluster(devices, Wiring(route, weight=weight if on_links else unit_weight))

    def graph(self):
        """Return the tasks of all replicas, those of the first one first."""
        count, many = len(self.groups), len(self.tasks)
        places = tuple(
            tuple(range(device * self.slots, (device + 1) * self.slots)) for device in range(count * self.devices)
        )
        shift = np.repeat(np.arange(count), many)

        def column(name):
            return np.tile([getattr(task, name) for task in self.tasks], count).astype(np.float64)

        edges = [(parent, child, *what) for child, task in enumerate(self.tasks) for parent, *what in task.after]
        parent, child, size, delay = np.tile(np.array(edges, dtype=np.float64).reshape(-1, 4), (count, 1)).T
        by = np.repeat(np.arange(count), len(edges)) * many
        return TaskGraph(
            names=[f"t{task}r{replica}" for replica in range(count) for task in range(many)],
            kinds=("compute",),
            kind=np.zeros(count * many, int),
            units=np.ones(count * many),
            places=places,
            place=(column("device") + shift * self.devices).astype(np.int64),
            stated=column("seconds"),
            edges=Edges((parent + by).astype(np.int64), (child + by).astype(np.int64), size, delay),
            given=column("given"),
            result=column("result"),
            memory=column("memory"),
            output=column("output"),
            flows=self.sent(count),
        )

    def sent(self, count):
        """Return the flows of all replicas."""
        rows = [(flow, replica) for replica in range(count) for flow in self.flows]
        host = count * self.devices
        return Flows(
            names=[f"f{number % len(self.flows)}r{replica}" for number, (_, replica) in enumerate(rows)],
            source=np.array([replica * self.devices + flow.source for flow, replica in rows], np.int64),
            target=np.array(
                [host if flow.target < 0 else replica * self.devices + flow.target for flow, replica in rows], np.int64
            ),
            size=np.array([flow.size for flow, _ in rows], float),
            limit=np.array([flow.limit for flow, _ in rows], float),
            start=np.array([flow.start for flow, _ in rows], float),
        )
