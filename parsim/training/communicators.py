"""The collectives of groups of devices, by the algorithm that the plan names; alike ones are made once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from parsim.collectives import algorithm_of, collective, collectives
from parsim.core.algorithm import Question, operations_of, rounds_of
from parsim.core.cluster import Cluster
from parsim.core.collective import Collective, Phase, Phases
from parsim.core.rounds import EQUAL, Group, Shares, groups_of
from parsim.core.schema import Ask
from parsim.core.script import Script
from parsim.training.degrees import REPETITIONS

AUTO = "auto"


class NotRepeated(Exception):
    """Says that equal parts of a cluster do more than send to their neighbours, so that one does not tell of all."""


class Communicators:
    """Makes the collectives of groups of devices.

    Parameters
    ----------
    cluster : whose network they use.
    algorithm : who sends what to whom; operations that it does not have are as `auto` chooses.
    """

    def __init__(self, cluster: Cluster, algorithm: Ask) -> None:
        self._cluster, self._algorithm = cluster, algorithm
        self._groups: dict[tuple[int, ...], Group] = {}
        self._known: dict[tuple[Group, str, float, Shares, int], Collective] = {}
        self._scripts: dict[tuple[Group, str, float], Script] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Pickle the collectives made so far, which longer runs have, too, without the network's functions."""
        return {"_groups": self._groups, "_known": self._known, "_scripts": self._scripts}

    def of(
        self, operation: str, size: float, devices: Sequence[int], shares: Shares = EQUAL, times: int = 1
    ) -> Collective:
        """Return a collective of *devices*, whose members are their places, of a buffer of *size* bytes.

        With *times* above 1 they are the members of one of so many equal parts of a cluster, side by side; the members
        of the other parts do the same. `NotRepeated` is raised where one sends farther than to the next part.
        """
        group = self.group(devices)
        key = group, operation, size, shares, times
        if key not in self._known:
            question = Question(operation, size, 1, _repeated(group, times))
            made = collective(self._ask(operation), question, range(len(devices) * times), shares=shares)
            self._known[key] = made if times == 1 else _in_part(made, len(devices))
        return self._known[key]

    def script(self, operation: str, size: float, devices: Sequence[int]) -> Script:
        """Return what each of *devices* does in each round of the same collective."""
        key = self.group(devices), operation, size
        if key not in self._scripts:
            question = Question(operation, size, 1, key[0])
            rounds = rounds_of(algorithm_of(self._ask(operation), question), question)
            self._scripts[key] = Script(operation, len(devices), rounds)
        return self._scripts[key]

    def _ask(self, operation: str) -> Ask:
        mine = operation in operations_of(self._algorithm.entry)
        return self._algorithm if mine else Ask(AUTO, collectives[AUTO])

    def group(self, devices: Sequence[int]) -> Group:
        """Return the nodes of *devices*, and the ways within and between them."""
        return self.groups([devices])[0]

    def groups(self, every: Sequence[Sequence[int]]) -> list[Group]:
        """Return the nodes of each group of devices, and the ways within and between them."""
        keys = [tuple(devices) for devices in every]
        new = [key for key in keys if key not in self._groups]
        if new:
            self._groups.update(zip(new, groups_of(self._cluster, new), strict=True))
        return [self._groups[key] for key in keys]


def _repeated(group: Group, times: int) -> Group:
    """Return the group that has as many times the ranks, each time on further nodes."""
    nodes = np.array(group.node)
    if times == 1 or not nodes.any():
        return group._replace(node=group.node * times)
    all_nodes = np.arange(times)[:, None] * (int(nodes.max()) + 1) + nodes
    return group._replace(node=tuple(all_nodes.ravel().tolist()))


def _in_part(whole: Collective, members: int) -> Collective:
    """Return what the first *members* receive, and from which of them those of the other parts stand for."""
    made = {id(each): _received(each, len(whole.members), members) for each, _ in whole.different()}
    return whole._replace(members=whole.members[:members], phases=Phases(made[id(each)] for each in whole.phases))


def _received(phase: Phase, ranks: int, members: int) -> Phase:
    farther = (phase.target - phase.source) % ranks
    if (np.minimum(farther, ranks - farther) > members // REPETITIONS).any():
        raise NotRepeated
    here = phase.target < members
    return Phase(phase.source[here] % members, phase.target[here], phase.size[here], phase.flows[here])
