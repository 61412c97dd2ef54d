"""Starts processes that do not import the caller's script and do not receive the terminal's signals.

starting()       one thread of linear algebra; SIGINT and SIGHUP blocked; the caller's script is not imported
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from types import ModuleType
from typing import TYPE_CHECKING

from parsim.core.threads import STEADY

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerContext, SpawnContext


def start_context(preloaded: list[str]) -> ForkServerContext | SpawnContext:
    """Return how processes are started: forked from one that has loaded the modules *preloaded*, where that is safe."""
    if sys.platform == "linux":
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(preloaded)
        return context
    return multiprocessing.get_context("spawn")  # the libraries of macOS do not outlive a fork


@contextmanager
def starting(with_script: bool = False) -> Iterator[None]:
    """Allow processes to be started within the block; *with_script*: they need what the caller's script defines."""
    with main_replaced(with_script), _environment(STEADY), _signals_blocked():
        yield


@contextmanager
def main_replaced(needed: bool = False) -> Iterator[None]:
    """Keep new processes from running the caller's script again, unless the kernel itself is *needed* from there.

    Spawned processes import the main module anew; a script without `if __name__ == "__main__"` would replay for ever.
    """
    main = sys.modules["__main__"]
    if not needed:
        sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@contextmanager
def _signals_blocked() -> Iterator[None]:
    """Start processes with SIGINT and SIGHUP blocked; raise a signal received meanwhile once all have been started.

    Processes inherit the mask. In this one a thread of the linear algebra may take the signal all the same.
    """
    main = threading.current_thread() is threading.main_thread()
    signs = [one for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP) if main and callable(signal.getsignal(one))]
    heard: list[int] = []

    def note(number: int, frame: object) -> None:
        heard.append(number)

    before = {one: signal.signal(one, note) for one in signs}
    resource_tracker.ensure_running()  # to start it would take the mask off
    deaf = {signal.SIGINT, signal.SIGHUP}  # which a terminal sends to workers, too
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, deaf)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for one, handler in before.items():
            signal.signal(one, handler)
    for number in heard[:1]:
        signal.raise_signal(number)


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Add *values* to the environment of processes that are started meanwhile."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
