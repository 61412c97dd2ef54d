"""The ranks of an MPI job as workers; rank 0 is the host."""
