"""The collectives of groups of devices, by the algorithm that the plan names; alike ones are made once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from parsim.collectives import collective, collectives
from parsim.core.algorithm import Question, operations_of
from parsim.core.cluster import Cluster
from parsim.core.collective import Collective
from parsim.core.rounds import EQUAL, Group, Shares, group_of
from parsim.core.schema import Ask

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

    def __getstate__(self) -> dict[str, Any]:
        """Pickle the collectives made so far, which longer runs have, too, without the network's functions."""
        return {"_groups": self._groups, "_known": self._known}

    def of(self, operation: str, size: float, devices: Sequence[int], shares: Shares = EQUAL) -> Collective:
        """Return a collective of *devices*, whose members are their places, of a buffer of *size* bytes."""
        group = self._group(tuple(devices))
        key = group, operation, size, shares
        if key not in self._known:
            mine = operation in operations_of(self._algorithm.entry)
            ask = self._algorithm if mine else Ask(AUTO, collectives[AUTO])
            question = Question(operation, size, 1, group)
            self._known[key] = collective(ask, question, range(len(devices)), shares=shares)
        return self._known[key]

    def _group(self, devices: tuple[int, ...]) -> Group:
        if devices not in self._groups:
            self._groups[devices] = group_of(self._cluster, devices)
        return self._groups[devices]
