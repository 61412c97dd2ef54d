"""Engines: executors that play the rows of a sweep in other processes.

processes          the cores of this machine; a worker that dies is replaced
dask               a scheduler and workers of Dask on this machine
tcp://HOST:PORT    the workers of a Dask scheduler that is there
mpi                the ranks that mpiexec has started
"""
