"""Engines by name."""

from __future__ import annotations

from contextlib import AbstractContextManager
from importlib.util import find_spec

from parsim.core.suggestions import did_you_mean
from parsim.study.engines.engine import EXAMPLE, Engine, refused

AUTO, PROCESSES, DASK, MPI = "auto", "processes", "dask", "mpi"
ENGINES = (AUTO, PROCESSES, DASK, MPI)
NEEDED = {DASK: ("distributed", "parsim[cluster]"), MPI: ("mpi4py", "parsim[mpi]")}


def checked(name: str) -> str:
    """Return the name of an engine that is installed; anything else raises `ScenarioError`.

    >>> checked("tcp://127.0.0.1:8786")
    'tcp://127.0.0.1:8786'
    """
    if "://" not in name and name not in ENGINES:
        raise refused(f"{did_you_mean(name, ENGINES)}; a scheduler of Dask is written as {EXAMPLE}")
    module, extra = NEEDED.get(DASK if "://" in name else name, ("", ""))
    if module and find_spec(module) is None:
        raise refused(f"'{name}' needs {module}, which is not installed; write pip install '{extra}'")
    return name


def started(name: str, workers: int) -> AbstractContextManager[Engine]:
    """Return an engine for a block, with so many *workers* if it starts them itself."""
    if name == PROCESSES:
        from parsim.study.engines.processes import Processes

        return Processes(workers)
    from parsim.study.engines.dask_workers import joined, local

    return local(workers) if name == DASK else joined(name)
