"""A thread that renews a lease while rows play, however long one takes."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread

OFTEN_S = 15.0  # between two renewals


class Renewal:
    """Calls *renew* now and then, until it is stopped."""

    def __init__(self, renew: Callable[[], None]) -> None:
        self._renew, self._stopped = renew, Event()
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Wait for a renewal that is under way, and begin no other."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(OFTEN_S):
            self._renew()
