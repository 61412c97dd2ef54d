"""The ranks of an MPI job: `mpiexec -n 9 parsim sweep SCENARIO --engine mpi` has eight workers.

rank 0    goes on with the sweep
rank 1+   play what it sends, until its sweep ends
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from parsim.study.engines.engine import refused

ALONE = "mpi needs at least two ranks; write for example mpiexec -n 3 parsim sweep SCENARIO --engine mpi"


class Ranks:
    """The ranks besides this one.

    Parameters
    ----------
    executor : of mpi4py.
    workers : how many.
    """

    def __init__(self, executor: Any, workers: int) -> None:
        self._executor, self.workers = executor, workers

    def submit(self, function: Callable[..., Any], /, *args: Any) -> Future[Any]:
        """Call *function* on another rank."""
        future: Future[Any] = self._executor.submit(function, *args)
        return future

    def lost(self, error: BaseException) -> bool:
        """Return False: where a rank dies, MPI ends the whole job."""
        return False


@contextmanager
def ranks() -> Iterator[Ranks]:
    """Join the MPI job; ranks other than 0 work for it, and end when it has no more work."""
    try:
        from mpi4py import MPI
        from mpi4py.futures import MPICommExecutor
    except (ImportError, RuntimeError) as error:
        raise refused(f"mpi4py cannot use the library of MPI ({error}); write pip install mpich") from None
    world = MPI.COMM_WORLD
    if world.size < 2:
        raise refused(ALONE)
    with MPICommExecutor(world, root=0) as executor:
        if executor is not None:
            yield Ranks(executor, world.size - 1)
            return
    sys.exit(0)
