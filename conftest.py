"""Doctests of what needs mpi4py are skipped where it is missing."""

import importlib.util

collect_ignore_glob = [] if importlib.util.find_spec("mpi4py") else ["parsim/real/mpi/*"]
