"""`--clock`: real work in processes of this machine, or on the ranks of an MPI job.

    mpiexec -n 3 parsim replay --clock mpi ...      rank 0 goes on with the command; the others work for it

Only rank 0 prints, writes files and answers with an exit code.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec
from typing import TYPE_CHECKING, NoReturn

import click

from parsim.cli.options import option_fault
from parsim.cli.terminal import tell
from parsim.core.errors import ScenarioError

if TYPE_CHECKING:
    from parsim.real.mpi.job import MpiJob
    from parsim.real.transport import Launch

PATIENCE = 5.0  # s
PROCESSES, MPI = "processes", "mpi"
clock = click.option(
    "--clock", metavar="NAME", default=PROCESSES, help="Where it runs: processes (default), or mpi, under mpiexec."
)


def here() -> str:
    """Return the clock of this process: mpi where `mpiexec` has started it, else processes."""
    from parsim.real.mpi.supervisor import rank

    return PROCESSES if rank() is None else MPI


def workers_by(clock: str) -> Callable[[], AbstractContextManager[Launch | None, bool | None]]:
    """Return what starts the workers for a block and ends them after it; None stands for processes of this machine.

    In a process that is itself a worker, it works and does not return.
    """
    if clock == PROCESSES:
        return nullcontext
    from parsim.real.mpi.size import NoJob
    from parsim.real.mpi.supervisor import CHILD, rank, supervise

    try:
        _check(clock)
    except ScenarioError as wrong:
        _refuse(wrong, rank())
    if rank() is None:
        return lambda: nullcontext(NoJob())
    if CHILD not in os.environ:
        sys.exit(supervise())
    return _joined().launched


def _check(clock: str) -> None:
    from parsim.core.suggestions import did_you_mean

    if clock not in (PROCESSES, MPI):
        raise option_fault("--clock", did_you_mean(clock, (PROCESSES, MPI)))
    if clock == MPI and find_spec("mpi4py") is None:
        raise option_fault("--clock", "mpi needs mpi4py, which is not installed; write pip install mpi4py mpich")


def _refuse(wrong: ScenarioError, rank: int | None) -> NoReturn:
    """Let one rank tell what is wrong."""
    from parsim.real.mpi.supervisor import end_job

    if rank is None:
        raise wrong
    if not rank:
        tell(str(wrong))
        end_job(2)
    time.sleep(PATIENCE)  # rank 0 ends it
    os._exit(2)


def _joined() -> MpiJob:
    """Join the MPI job, as its host; workers do not return."""
    from parsim.real.mpi.supervisor import SIGNS, rank

    try:
        from parsim.real.mpi import job

        joined = job.host() if not rank() else job.work()
    except (ImportError, RuntimeError) as error:  # there is mpi4py, and no library of MPI
        why = f"mpi4py cannot use the library of MPI ({' '.join(str(error).split())[:200]}); write pip install mpich"
        _refuse(option_fault("--clock", why), rank())
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNS)  # blocked so far: to be stopped would leave shared memory behind
    return joined
