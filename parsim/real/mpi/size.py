"""How many ranks a scenario needs, one for the host and one for each worker, and how many a machine has cores for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from parsim.core.errors import Complaint, Fault, ScenarioError
from parsim.real.transport import Crew, Transport


def wrong_size(ranks: int, workers: int) -> ScenarioError:
    """Return the error for so many *ranks*, 0 without `mpiexec`."""
    need = f"the host and {workers} worker{'s' * (workers > 1)} need {workers + 1} ranks"
    has = f"and mpiexec has started {ranks}" if ranks else "which mpiexec starts"
    how = f"write mpiexec -n {workers + 1} parsim replay --clock mpi SCENARIO"
    return ScenarioError([Fault("--clock", 0, 0, "clock", f"{need}, {has}; {how}")])


class Seat(NamedTuple):
    """Where a rank runs."""

    machine: str
    cores: frozenset[int]  # that it may use


def crowded(seats: Sequence[Seat]) -> list[str]:
    """Say where ranks take turns.

    >>> crowded([Seat("a", frozenset({0, 1})), Seat("a", frozenset({0, 1})), Seat("b", frozenset({0}))])
    []
    >>> crowded([Seat("a", frozenset({0})), Seat("a", frozenset({0}))])
    ['2 ranks share 1 core of a, so they take turns and tasks take longer']
    """
    found = []
    for machine in dict.fromkeys(seat.machine for seat in seats):
        here = [seat.cores for seat in seats if seat.machine == machine]
        cores = len(frozenset().union(*here))
        if len(here) > cores:
            count = f"{cores} core{'s' * (cores > 1)}"
            found.append(f"{len(here)} ranks share {count} of {machine}, so they take turns and tasks take longer")
    return found


class NoJob:
    """What `--clock mpi` has without `mpiexec`: no workers, so that it refuses every scenario."""

    ready = 0

    def about(self) -> dict[str, Any]:
        """Return an empty mapping: there are no links."""
        return {}

    def complaints(self, workers: int) -> list[Complaint]:
        """Refuse every scenario."""
        raise wrong_size(0, workers)

    def notes(self, workers: int) -> list[str]:
        """Return an empty list: nothing runs."""
        return []

    def clocks(self) -> None:
        """Return None: there is no clock to align."""

    def __call__(self, crew: Crew) -> Transport:
        """Refuse every crew."""
        raise wrong_size(0, len(crew.workers))
