"""How many ranks a scenario needs: one for the host, and one for each worker."""

from __future__ import annotations

from typing import Any

from parsim.core.errors import Complaint, Fault, ScenarioError
from parsim.real.transport import Crew, Transport


def wrong_size(ranks: int, workers: int) -> ScenarioError:
    """Return the error for so many *ranks*, 0 without `mpiexec`."""
    need = f"the host and {workers} worker{'s' * (workers > 1)} need {workers + 1} ranks"
    has = f"and mpiexec has started {ranks}" if ranks else "which mpiexec starts"
    how = f"write mpiexec -n {workers + 1} parsim replay --clock mpi SCENARIO"
    return ScenarioError([Fault("--clock", 0, 0, "clock", f"{need}, {has}; {how}")])


class NoJob:
    """What `--clock mpi` has without `mpiexec`: no workers."""

    ready = 0

    def about(self) -> dict[str, Any]:
        """Return nothing."""
        return {}

    def complaints(self, workers: int) -> list[Complaint]:
        """Refuse every scenario."""
        raise wrong_size(0, workers)

    def notes(self, workers: int) -> list[str]:
        """Return nothing."""
        return []

    def clocks(self) -> None:
        """Return nothing."""

    def __call__(self, crew: Crew) -> Transport:
        """Refuse every crew."""
        raise wrong_size(0, len(crew.workers))
