"""Degrees of parallelism: how many devices share each kind of work, and which devices form a group.

    devices = data x tensor x pipeline x context        order: [tensor, context, expert, data, pipeline]

    data 2, tensor 2, pipeline 2        stage 0                 stage 1
                            replica 0   w0 w1  <- tensor group  w4 w5
                            replica 1   w2 w3                   w6 w7
                                        |
                                        data groups are (w0 w2), (w1 w3), ...; w0 sends to w4

`order` lists the kinds from the innermost on: neighbours in number share the first. Groups of experts lie within
data x context and add no devices.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple, get_args

import numpy as np

from parsim.core.columns import Ints
from parsim.core.errors import Complaint
from parsim.core.rounds import MOST_RANKS

Degree = Literal["tensor", "context", "expert", "data", "pipeline"]
ORDER: tuple[Degree, ...] = get_args(Degree)
REMEMBERED = 1024  # devices whose groups are remembered: many plans have the same degrees
REPETITIONS = 4  # of the wiring in a part at least, so that a send to the next one stays within a quarter of it


class Degrees(NamedTuple):
    """How many devices share each kind of work.

    >>> Degrees(data=2, tensor=2, pipeline=2).groups("data").tolist()
    [[0, 2], [1, 3], [4, 6], [5, 7]]
    """

    data: int = 1
    tensor: int = 1
    pipeline: int = 1
    context: int = 1
    expert: int = 1
    order: tuple[Degree, ...] = ORDER

    def parts(self, period: int) -> int:
        """Return into how many equal parts the data ranks can be cut, if the wiring repeats after *period* devices.

        Each has at least four repetitions, whole groups of experts, and data ranks that follow each other.
        """
        inner = self.order[: self.order.index("data")]
        apart = math.prod(getattr(self, name) for name in inner if name != "expert")  # devices from rank to rank
        beside = "context" not in inner and self.context > 1
        scattered = self.expert > 1 and self.order.index("expert") > max(map(self.order.index, ("context", "data")))
        unit = math.lcm(period // math.gcd(period, apart), self.expert)
        if beside or scattered or apart * self.data % period or self.data % unit:
            return 1
        most = self.data // unit // REPETITIONS
        return next((times for times in range(most, 1, -1) if self.data // unit % times == 0), 1)

    def numbers_of_part(self, times: int) -> Ints:
        """Return the numbers that the devices of the first part have among all, (devices of a part,)."""
        part, found, stride = self.part(times), np.zeros(self.devices // times, np.int64), 1
        for name in self.order:
            if name != "expert":
                found += stride * part.coordinate(name)
                stride *= getattr(self, name)
        return found

    def part(self, times: int) -> Degrees:
        """Return the degrees of one of so many equal parts, side by side along the data ranks."""
        return self._replace(data=self.data // times)

    @property
    def devices(self) -> int:
        """The number of devices."""
        return self.data * self.tensor * self.pipeline * self.context

    def coordinate(self, degree: Degree) -> Ints:
        """Return the rank of each device in its group of a degree other than expert, (devices,)."""
        stride = 1
        for name in self.order:
            if name == degree:
                break
            stride *= getattr(self, name) if name != "expert" else 1
        found: Ints = np.arange(self.devices) // stride % getattr(self, degree)
        return found

    @property
    def by_rank(self) -> Ints:
        """The devices of each rank of the pipeline, (ranks, replicas)."""
        rank = self.coordinate("pipeline")
        return np.stack([np.flatnonzero(rank == one) for one in range(self.pipeline)])

    def groups(self, communicator: str) -> Ints:
        """Return the devices of each group of a communicator, (groups, ranks).

        Gradients of dense layers go over `data`, which is data x context; those of experts over `expert data`.
        """
        return (_remembered if self.devices <= REMEMBERED else Degrees.grouped)(self, communicator)

    def grouped(self, communicator: str) -> Ints:
        """Find the groups of a communicator."""
        tensor, pipeline, share = self.coordinate("tensor"), self.coordinate("pipeline"), self._share
        group, rank = self._experts
        keys = {
            "tensor": (share, pipeline),
            "context": (tensor, pipeline, self.coordinate("data")),
            "data": (tensor, pipeline),
            "expert": (tensor, pipeline, group),
            "expert data": (tensor, pipeline, rank),
        }[communicator]
        return _grouped(keys)

    @property
    def _share(self) -> Ints:
        """The rank of each device in data x context, in the order of `order`, (devices,)."""
        data, context = self.coordinate("data"), self.coordinate("context")
        if self.order.index("context") < self.order.index("data"):
            return context + self.context * data
        return data + self.data * context

    @property
    def _experts(self) -> tuple[Ints, Ints]:
        """The group of experts of each device, and its rank in it, (devices,) each."""
        place, others = self.order.index("expert"), (self.order.index("context"), self.order.index("data"))
        if place < max(others):
            return self._share // self.expert, self._share % self.expert
        groups = self.data * self.context // self.expert
        return self._share % groups, self._share // groups

    @property
    def expert_rank(self) -> Ints:
        """The rank of each device in its group of experts, (devices,)."""
        return self._experts[1]

    def complaints(self, workers: int) -> Iterator[Complaint]:
        """Yield what is wrong with the degrees on so many workers."""
        if sorted(self.order) != sorted(ORDER):
            yield Complaint(("plan", "order"), f"must have each of {', '.join(ORDER)} once")
        elif self.devices != workers:
            told = " x ".join(f"{name} {getattr(self, name)}" for name in ("data", "tensor", "pipeline", "context"))
            why = f"{told} are {self.devices} devices, and the cluster has {workers}"
            yield Complaint(("plan",), why, code="not_divisible")
        ranks = {"tensor": self.tensor, "data": self.data * self.context}
        for name, among in ranks.items():
            if among > MOST_RANKS:
                told = "data x context = " if name == "data" and self.context > 1 else ""
                why = f"{told}{among} ranks are more than {MOST_RANKS}, the most that communicate; use fewer"
                yield Complaint(("plan", name if name == "tensor" or self.data > 1 else "context"), why)
        if self.data * self.context % self.expert:
            why = f"{self.expert} does not divide data x context = {self.data * self.context}, which experts share"
            yield uneven("expert", why)


def uneven(key: str, why: str) -> Complaint:
    """Return a complaint about a key of the plan that does not divide what it must."""
    return Complaint(("plan", key), why, code="not_divisible")


@lru_cache(64)
def _remembered(degrees: Degrees, communicator: str) -> Ints:
    found = degrees.grouped(communicator)
    found.flags.writeable = False  # many share it
    return found


def about_batch(rows: int, data: int, parts: int | None, each: int | None) -> Iterator[Complaint]:
    """Yield a complaint unless *data* replicas get equal shares of a batch, and microbatches equal parts of these.

    There are *parts* microbatches of *each* samples; None: the other gives it.
    """
    if rows % data:
        yield uneven("data", f"a batch of {rows} samples is not divisible by {data} replicas")
    elif parts and rows // data % parts:
        why = f"the {rows // data} samples of a replica are not divisible by {parts} microbatches"
        yield uneven("microbatches", why)
    elif each and not parts and rows // data % each:
        why = f"the {rows // data} samples of a replica are not divisible by microbatches of {each}"
        yield uneven("microbatch_size", why)


def _grouped(keys: Sequence[Ints]) -> Ints:
    """Return the places with equal keys, (groups, places of each), by the first place."""
    order = np.lexsort((np.arange(len(keys[0])), *keys))
    columns = np.stack(keys)[:, order]
    starts = np.flatnonzero(np.append(True, np.any(columns[:, 1:] != columns[:, :-1], axis=0)))
    groups = order.reshape(len(starts), -1)
    return groups[np.argsort(groups[:, 0])]
