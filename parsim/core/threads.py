"""Threads of the linear algebra behind NumPy: one, so that a kernel's seconds are those of one core.

A new process gets environment variables before it loads the library (`STEADY`); in this process, where the library is
loaded already, threadpoolctl sets the number (`one_thread`).
"""

from __future__ import annotations

from contextlib import AbstractContextManager

ONE = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1")
KEPT = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(1 << 30)}  # memory once got is kept:
STEADY = ONE | KEPT  # an array as large as one before costs no new pages, so that kernels take the same time again


def one_thread() -> AbstractContextManager[object]:
    """Let NumPy compute on one thread within the block."""
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[object] = threadpool_limits(1, user_api="blas")
    return limits


def threads() -> int | None:
    """Return on how many threads NumPy computes here; None where its library does not say."""
    from threadpoolctl import threadpool_info

    found = (library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas")
    return next(found, None)
