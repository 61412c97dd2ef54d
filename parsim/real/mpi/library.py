"""The library of MPI, which a rank initialises itself, once it can be told how it ends."""

import mpi4py

mpi4py.rc.initialize = False
mpi4py.rc.finalize = False  # a rank whose host has failed would wait for it

from mpi4py import MPI  # noqa: E402

__all__ = ["MPI"]
