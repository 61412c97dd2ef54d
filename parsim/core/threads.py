"""Limit NumPy's linear algebra to one thread, so that kernels are measured on one core.

A new process gets environment variables before it loads the library (`STEADY`); in this process, where the library is
loaded already, threadpoolctl sets the number (`one_thread`).
"""

from __future__ import annotations

from contextlib import AbstractContextManager

ONE = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1")
KEPT = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(1 << 30)}  # glibc keeps freed memory,
STEADY = ONE | KEPT  # so that later arrays need no new pages, and kernels take equal times


def one_thread() -> AbstractContextManager[object]:
    """Limit NumPy to one thread within the block."""
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[object] = threadpool_limits(1, user_api="blas")
    return limits


def threads() -> int | None:
    """Return the number of threads of NumPy; None if its library does not report it."""
    from threadpoolctl import threadpool_info

    found = (library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas")
    return next(found, None)
