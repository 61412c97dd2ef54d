"""The current machine, as named in a profile."""

from __future__ import annotations

import math
import os
import platform
import signal
from typing import Any

from parsim.core.errors import RunError


def machine() -> dict[str, Any]:
    """Return the name, the processor, and the number of cores that this process may use."""
    return {"name": platform.node(), "processor": _processor(), "cores": cores()}


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory() -> float:
    """Return the bytes of this machine's memory; infinite where it does not say."""
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError, OSError):
        return math.inf


def require_processes(command: str) -> None:
    """Raise `RunError` on a system without support for worker processes that share memory, such as Windows."""
    import mmap

    needed = ((os, ("fork", "WNOHANG")), (signal, ("SIGKILL", "pthread_sigmask")), (mmap, ("MAP_SHARED",)))
    if not all(hasattr(module, name) for module, names in needed for name in names):
        only = "needs worker processes that share memory, which only Linux and macOS have"
        raise RunError(f"{command} {only}; on this system use parsim run, with --set clock=live for real kernels")


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    except OSError:
        models = []
    return models[0] if models else platform.processor() or platform.machine()
