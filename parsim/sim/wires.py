"""Transfers over the network and stated delays: when they start, and when they arrive."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from parsim.core.cluster import Path
from parsim.sim.network import Network
from parsim.sim.record import Transfers


class Wires:
    """Starts transfers, and says at each instant which have arrived.

    A transfer first waits its route's latency, using no bandwidth; then it joins the network.
    """

    def __init__(self, capacities: Sequence[float]) -> None:
        self.rows: list[list[float]] = []  # thing, worker, start, end, nominal
        self._network = Network(capacities)
        self._joining: dict[float, list[tuple[int, Path, float, float]]] = {}

    def delay(self, thing: int, worker: int, start: float, end: float) -> None:
        """Record a stated delay: its end is known, nothing is shared."""
        self._record(thing, worker, start, end, end - start)

    def send(self, thing: int, worker: int, path: Path, size: float, limit: float, now: float) -> float:
        """Start a transfer; return the instant at which it joins the network."""
        row = self._record(thing, worker, now, now, path.seconds(size, limit))
        join = now + path.latency
        self._joining.setdefault(join, []).append((row, path, size, limit))
        return join

    def arrived(self, now: float) -> list[tuple[int, int]]:
        """Return (thing, worker) of the transfers that end now."""
        rows = self._network.finished(now)
        for row in rows:
            self.rows[row][3] = now
        return [(int(self.rows[row][0]), int(self.rows[row][1])) for row in rows]

    def settle(self, now: float) -> float:
        """Let those join whose latency is paid, share the links anew; return the next instant of the network."""
        for row, path, size, limit in self._joining.pop(now, ()):
            self._network.join(row, path.links, size, limit, now)
        return self._network.settle(now)

    def transfers(self) -> Transfers:
        """Return all transfers that have arrived."""
        thing, worker, start, end, nominal = zip(*self.rows, strict=True) if self.rows else ([],) * 5
        return Transfers(
            np.array(thing, dtype=np.int64),
            np.array(worker, dtype=np.int64),
            np.array(start, dtype=np.float64),
            np.array(end, dtype=np.float64),
            np.array(nominal, dtype=np.float64),
        )

    def _record(self, thing: int, worker: int, start: float, end: float, nominal: float) -> int:
        self.rows.append([thing, worker, start, end, nominal])
        return len(self.rows) - 1
