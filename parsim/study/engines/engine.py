"""What plays calls: the engine of a sweep."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, Protocol

from parsim.core.errors import Fault, ScenarioError
from parsim.core.machine import cores

EXAMPLE = "tcp://HOST:PORT"


class Engine(Protocol):
    """Plays calls in workers."""

    @property
    def workers(self) -> int:
        """How many workers there are now."""

    def submit(self, function: Callable[..., Any], /, *args: Any) -> Future[Any]:
        """Call *function* in a worker."""

    def lost(self, error: BaseException) -> bool:
        """Return whether *error* says that the worker has died, so that another one may try again."""


class GivenExecutor:
    """Plays calls on an executor from the caller.

    Parameters
    ----------
    executor : its workers are processes, or what else it calls in; it has to replace those that die.
    """

    def __init__(self, executor: Executor) -> None:
        self.submit = executor.submit
        self.workers: int = getattr(executor, "_max_workers", None) or cores()

    def lost(self, error: BaseException) -> bool:
        """Return False: nobody replaces the workers of a broken executor."""
        return False


def refused(message: str) -> ScenarioError:
    """Return the error about an engine that cannot be used."""
    return ScenarioError([Fault("--engine", 0, 0, "engine", message)])
