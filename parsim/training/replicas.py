"""The task graph of training by degrees of parallelism: a template for every replica and iteration, and groups.

    template   rank 0 |0F0|0B0|0U|     x replicas x iterations, numbered device by device
               rank 1 |1F0|1B0|1U|

A task has a copy on every device of a group; these copies are the members of one collective.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from parsim.core.classes import firsts, numbered
from parsim.core.cluster import Cluster
from parsim.core.collective import Collective, Phase, Phases, Unfolded
from parsim.core.columns import Floats, Ints, Numbered, packed
from parsim.core.graph import Edges, TaskGraph
from parsim.training.degrees import ORDER
from parsim.training.exchange import Exchanged
from parsim.training.graph import graph_of
from parsim.training.pricing import priced
from parsim.training.program import Training
from parsim.training.sharded import ShardedTraining
from parsim.training.tasks import KINDS, LANES, Tasks
from parsim.training.template import Template, template_of


def tasks_of(training: Training) -> TaskGraph:
    """Make the task graph of a training, by degrees of parallelism or by a split."""
    return Replicas(training).made() if isinstance(training, ShardedTraining) else graph_of(training)


def repriced(graph: TaskGraph, cluster: Cluster) -> TaskGraph:
    """Return a task graph whose exchanges take as long as on another network, by the same algorithms."""
    training = graph.program
    if not isinstance(training, ShardedTraining):
        return graph
    own = training.parallelism
    prices = priced(own.prices, own.part, cluster, own.communicators)
    other = replace(training, parallelism=own._replace(prices=prices))
    return replace(graph, program=other, priced=np.tile(Replicas(other).priced(), other.iterations))


class Group(NamedTuple):
    """A group of devices that communicate."""

    devices: Ints  # (ranks,)
    member: Ints  # (ranks,) which of `classes` plays each
    classes: Ints  # (members,)


class Replicas:
    """The tasks of all devices that are played, in all iterations.

    Attributes
    ----------
    of, first : the class of each device, and the device that is played for each class (see `Fold`). Below, a device is
        the number of its class.
    rank, sort : the rank of the pipeline, and the sort of layers, of each device played.
    source, device : the task of the template, and the device, of each task of an iteration.
    start : the first task of each device, and one after the last.
    within : the place of each task of the template among those of its rank.
    task : the task of an iteration for each replica of which a device is played and each task of the template,
        (replicas, tasks of the template).
    """

    def __init__(self, training: ShardedTraining) -> None:
        self.training: ShardedTraining = training
        self.template: Template = template_of(training)
        self.tasks, degrees = self.template.tasks, training.parallelism.part
        self.sorts: list[Tasks] = [one.tasks for one in training.template]
        self.of, self.first = training.fold.of, training.fold.first
        self.sort = np.minimum(degrees.expert_rank[self.first], len(self.sorts) - 1)  # (devices played,)
        columns = self.tasks.columns
        self.rank = degrees.coordinate("pipeline")[self.first]  # (devices played,)
        of_rank = [np.flatnonzero(columns["rank"] == rank) for rank in range(degrees.pipeline)]
        counts = np.array([len(of_rank[rank]) for rank in self.rank])
        self.start = np.concatenate([[0], np.cumsum(counts)])  # the first task of each device
        self.source = np.concatenate([of_rank[rank] for rank in self.rank])  # (tasks of an iteration,) in the template
        self.device = np.repeat(np.arange(len(self.first)), counts)
        self.columns = {name: column[self.source] for name, column in columns.items()} | {"recipe": self._recipe()}
        self.within = np.empty(len(columns["rank"]), np.int64)
        for tasks in of_rank:
            self.within[tasks] = np.arange(len(tasks))
        devices = degrees.by_rank
        replicas = np.isin(devices, self.first).any(axis=0)
        played = self.of[devices[:, replicas]]  # (ranks, replicas of which a device is played)
        self._known: dict[tuple[int, bytes], tuple[Sequence[Phase], Phases]] = {}  # kept: an id is that of one list
        self.task = self.start[played[columns["rank"]].T] + self.within  # (replicas, tasks of the template)

    def made(self) -> TaskGraph:
        """Put the graph together."""
        training, times = self.training, self.training.iterations
        column = {name: np.tile(values, times) for name, values in self.columns.items()}
        device = np.tile(self.device, times)
        return TaskGraph(
            fold=training.fold,
            names=self.names(device),
            kinds=KINDS,
            kind=column["kind"],
            units=(column["lane"] == 0).astype(np.float64),
            continues=np.tile(self.tasks.continues[self.source], times),
            places=tuple((number,) for number in range(len(self.rank))),
            place=device,
            edges=self.edges(),
            recipes=tuple(recipe for tasks in self.sorts for recipe in tasks.recipes),
            recipe=column["recipe"],
            precision=training.precision,
            orders=tuple(self.orders(column["lane"], device)),
            lanes=LANES,
            lane=column["lane"],
            priced=np.tile(self.priced(), times),
            sends=training.cut.sends,
            collectives=tuple(self.collectives()),
            program=training,
        )

    def _recipe(self) -> Ints:
        """Return what each task runs, whose recipes are those of the sort of its device, (tasks of an iteration,)."""
        before = np.cumsum([0, *(len(tasks.recipes) for tasks in self.sorts[:-1])])
        table = np.stack([first + tasks.columns["recipe"] for first, tasks in zip(before, self.sorts, strict=True)])
        found: Ints = table[self.sort[self.device], self.source]
        return found

    def orders(self, lane: Ints, device: Ints) -> Iterator[Sequence[int]]:
        """Yield the tasks that each device computes, in order."""
        computes = np.flatnonzero(lane == 0)
        by_device = computes[np.argsort(device[computes], kind="stable")]
        ends = np.searchsorted(device[by_device], np.arange(len(self.rank) + 1)).tolist()
        return (packed(by_device[a:b]) for a, b in pairwise(ends))

    def priced(self) -> Floats:
        """Return the seconds of priced exchanges, (tasks of an iteration,)."""
        prices, priced = self.training.parallelism.prices, self.tasks.priced
        known = {id(some): some for some in priced}
        table = np.zeros((len(known), len(self.rank)))
        for number, some in enumerate(known.values()):
            for one in some:
                table[number] += prices[one][self.first]
        numbers = {key: number for number, key in enumerate(known)}
        row = np.array([numbers[id(some)] for some in priced])
        return np.asarray(table[row[self.source], self.device])

    # -- dependencies

    @property
    def between(self) -> tuple[Ints, Ints]:
        """The tasks of an iteration that renew weights, and those of the next that wait for each, (pairs,)."""
        renewed, waiting = np.array(self.template.between, np.int64).reshape(-1, 2).T
        return self.task[:, renewed].ravel(), self.task[:, waiting].ravel()

    def released_s(self, ends_s: Floats) -> Floats:
        """Return when what begins the next iteration may start, given when tasks of this one end, (replicas, tasks)."""
        waits = set(self.tasks.child)
        columns = self.tasks.columns
        for rank in range(self.training.parallelism.part.pipeline):  # a rank computes in order
            waits.update(np.flatnonzero((columns["rank"] == rank) & (columns["lane"] == 0)).tolist()[1:])
        first = [task for task in range(len(self.tasks.sorts)) if task not in waits]
        found = np.zeros(self.task.shape)
        for renewed, waiting in self.template.between:
            found[:, waiting] = np.maximum(found[:, waiting], ends_s[self.task[:, renewed]])
        return found[:, first]

    def edges(self) -> Edges:
        """Return all dependencies, by parent and child."""
        times, count = self.training.iterations, len(self.source)
        parent, child, size = self.tasks.ends
        renewed, waiting = self.between
        parts = [
            (self.task[:, parent], self.task[:, child], np.tile(size, len(self.task)), np.arange(times)),
            (renewed, waiting + count, np.zeros(len(renewed)), np.arange(times - 1)),
        ]
        rows = [
            (
                (before.ravel() + count * iteration[:, None]).ravel(),
                (after.ravel() + count * iteration[:, None]).ravel(),
                np.tile(bytes_, len(iteration)),
            )
            for before, after, bytes_, iteration in parts
        ]
        parent, child, size = (np.concatenate(column) for column in zip(*rows, strict=True))
        order = np.lexsort((-size, child, parent))
        parent, child, size = parent[order], child[order], size[order]
        new = np.append(True, (parent[1:] != parent[:-1]) | (child[1:] != child[:-1]))
        return Edges(parent[new], child[new], size[new], np.zeros(int(new.sum())))

    def collectives(self) -> Iterator[Collective]:
        """Yield the collectives of every group of which a device is played, in every iteration."""
        count, rank, within = len(self.source), self.tasks.columns["rank"].tolist(), self.within.tolist()
        members, exchanges = self.tasks.members, self.tasks.exchanges
        groups = {name: self._groups(name) for name in {one.communicator for one in exchanges}}
        known: dict[tuple[int, Exchanged], list[tuple[Collective, list[int]]]] = {}
        for iteration in range(self.training.iterations):
            for task, one in zip(members, exchanges, strict=True):
                key = rank[task], one
                if key not in known:
                    known[key] = [self._among(group, one) for group in groups[one.communicator][rank[task]]]
                place = within[task] + iteration * count
                for made, starts in known[key]:
                    yield Collective(tuple([start + place for start in starts]), *made[1:])

    def _among(self, group: Group, exchange: Exchanged) -> tuple[Collective, list[int]]:
        """Return a collective of the classes of a group, and the first tasks of its members."""
        communicator, operation, size, _, shares = exchange
        one = self.training.parallelism.collective(operation, size, communicator, group.devices, shares)
        found = one._replace(
            phases=self._phases(one.phases, group.member),
            communicator=communicator.split()[-1],
            unfolded=self._unfolded(one, group),
        )
        return found, self.start[group.classes].tolist()

    def _groups(self, communicator: str) -> list[list[Group]]:
        """Return the groups of each rank of the pipeline; of those with the same classes, the first one."""
        degrees = self.training.parallelism.part
        found = degrees.groups(communicator)
        classes = self.of[found]
        once = np.sort(np.unique(classes.min(axis=1), return_index=True)[1])
        rows: list[list[Group]] = [[] for _ in range(degrees.pipeline)]
        for group in once.tolist():
            member = numbered(classes[group])
            rows[self.rank[classes[group, 0]]].append(Group(found[group], member, classes[group][firsts(member)]))
        return rows

    def _phases(self, phases: Sequence[Phase], member: Ints) -> Sequence[Phase]:
        """Return what classes send each other in *phases*, given the class of each member; equal phases are one."""
        if len(member) == member.max() + 1:
            return phases
        key = id(phases), member.tobytes()
        if key not in self._known:
            made = {id(each): _of_classes(each, member) for each in {id(each): each for each in phases}.values()}
            self._known[key] = phases, Phases(made[id(each)] for each in phases)
        return self._known[key][1]

    def _unfolded(self, one: Collective, group: Group) -> Unfolded | None:
        fold = self.training.fold
        folds = len(fold.first) < fold.devices
        return Unfolded(one.phases, fold.whole, tuple(group.devices.tolist()), group.member) if folds else None

    # -- names

    def names(self, device: Ints) -> Numbered:
        """Return the names of tasks: those of a pipeline, with the piece, the lane, the replica and the iteration."""
        degrees = self.training.parallelism.part
        shared = [name for name in ORDER if name not in ("expert", "pipeline") and getattr(degrees, name) > 1]
        all_ranks = [degrees.coordinate(name)[self.first].tolist() for name in shared]
        of_device = [
            "".join(f"{name[0]}{ranks[one]}" for name, ranks in zip(shared, all_ranks, strict=True))
            for one in range(len(self.first))
        ]
        source, count = packed(self.source), len(self.source) if self.training.iterations > 1 else 0
        return Numbered(partial(_name, self.tasks, source, of_device, packed(device), count), len(device))


def _of_classes(phase: Phase, member: Ints) -> Phase:
    """Return what the first member of each class receives in a phase, by class, given the class of each member."""
    rows = np.isin(phase.target, firsts(member))
    return Phase(member[phase.source[rows]], member[phase.target[rows]], phase.size[rows], phase.flows[rows])


def _name(
    tasks: Tasks, source: Sequence[int], of_device: Sequence[str], device: Sequence[int], count: int, task: int
) -> str:
    """Return the name of a task; *count* is the number of tasks of an iteration where there are several."""
    iteration, within = divmod(task, count) if count else (0, task)
    name = tasks.names[source[within]]
    who = of_device[device[task]]
    return f"{name}{':' * bool(who)}{who}{f'@{iteration}' if count else ''}"
