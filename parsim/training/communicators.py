"""The collectives of groups of devices, by the algorithm that the plan names; alike ones are made once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from parsim.collectives import algorithm_of, collective, collectives
from parsim.core.algorithm import Question, operations_of, rounds_of
from parsim.core.cluster import Cluster
from parsim.core.collective import Collective
from parsim.core.rounds import EQUAL, Group, Shares, group_of
from parsim.core.schema import Ask
from parsim.core.script import Script

AUTO = "auto"


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
        self._known: dict[tuple[Group, str, float, Shares], Collective] = {}
        self._scripts: dict[tuple[Group, str, float], Script] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Pickle the collectives made so far, which longer runs have, too, without the network's functions."""
        return {"_groups": self._groups, "_known": self._known, "_scripts": self._scripts}

    def of(self, operation: str, size: float, devices: Sequence[int], shares: Shares = EQUAL) -> Collective:
        """Return a collective of *devices*, whose members are their places, of a buffer of *size* bytes."""
        group = self.group(devices)
        key = group, operation, size, shares
        if key not in self._known:
            question = Question(operation, size, 1, group)
            self._known[key] = collective(self._ask(operation), question, range(len(devices)), shares=shares)
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
        key = tuple(devices)
        if key not in self._groups:
            self._groups[key] = group_of(self._cluster, key)
        return self._groups[key]
