"""Threads of the linear algebra behind NumPy: one, so that a kernel's seconds are those of one core.

A process that is started anew is told by its environment, before it loads the library (`STEADY`); in this process,
where it is loaded already, by a call of the library itself (`one_thread`).
"""

from __future__ import annotations

import ctypes
import glob
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np

ONE = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1")
KEPT = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(1 << 30)}  # memory once got is kept:
STEADY = ONE | KEPT  # an array as large as one before costs no new pages, so that kernels take the same time again
_ENDINGS = ("64_", "")


@contextmanager
def one_thread() -> Iterator[None]:
    """Let NumPy compute on one thread, and put things back."""
    library = _library()
    if library is None:
        yield
        return
    read, write = library
    before = read()
    write(1)
    try:
        yield
    finally:
        write(before)


def threads() -> int | None:
    """Return on how many threads NumPy computes here; None where its library does not say."""
    library = _library()
    return None if library is None else int(library[0]())


@cache
def _library() -> tuple[Any, Any] | None:
    """Find the functions that read and set the threads of the OpenBLAS that NumPy's wheel brings along."""
    beside = os.path.join(os.path.dirname(np.__file__), os.pardir, "numpy.libs", "*openblas*")
    within = os.path.join(os.path.dirname(np.__file__), ".dylibs", "*openblas*")
    for file in [*glob.glob(beside), *glob.glob(within)]:
        try:
            library = ctypes.CDLL(file)
        except OSError:
            continue
        for prefix in ("scipy_openblas", "openblas"):
            for ending in _ENDINGS:
                names = f"{prefix}_get_num_threads{ending}", f"{prefix}_set_num_threads{ending}"
                if all(hasattr(library, name) for name in names):
                    return getattr(library, names[0]), getattr(library, names[1])
    return None
