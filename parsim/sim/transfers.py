"""Transfers over the network and stated delays: when they start, and when they arrive."""

from __future__ import annotations

import math

import numpy as np

from parsim.core.cluster import Path
from parsim.sim.network import Network
from parsim.sim.record import Transfers
from parsim.sim.ticks import Ticks


class Wires:
    """Starts transfers, and says at each instant which have arrived.

    A transfer first waits its route's latency, using no bandwidth; then it joins the network.
    """

    def __init__(self, network: Network, ticks: Ticks) -> None:
        self.rows: list[list[int]] = []  # thing, worker, start, end
        self.nominal: list[float] = []  # s; NaN: as long as it took
        self._ticks = ticks
        self._network = network
        self._joining: dict[int, list[tuple[int, Path, float, float]]] = {}

    def delay(self, thing: int, worker: int, start: int, end: int) -> None:
        """Record a stated delay: its end is known, nothing is shared."""
        self._record(thing, worker, start, end, math.nan)

    def send(self, thing: int, worker: int, path: Path, size: float, limit: float, now: int) -> int:
        """Start a transfer; return the instant at which it joins the network."""
        row = self._record(thing, worker, now, now, path.seconds(size, limit))
        join = now + self._ticks.of(path.latency)
        self._joining.setdefault(join, []).append((row, path, size, limit))
        return join

    def arrived(self, now: int) -> list[tuple[int, int]]:
        """Return (thing, worker) of the transfers that end now."""
        rows = self._network.finished(now)
        for row in rows:
            self.rows[row][3] = now
        return [(self.rows[row][0], self.rows[row][1]) for row in rows]

    def settle(self, now: int) -> int:
        """Let those join whose latency is paid, share the links anew; return the network's next instant, or NEVER."""
        for row, path, size, limit in self._joining.pop(now, ()):
            self._network.join(row, path.ways, size, limit, now)
        return self._network.settle(now)

    def transfers(self) -> Transfers:
        """Return all transfers that have arrived."""
        thing, worker, start, end = zip(*self.rows, strict=True) if self.rows else ([],) * 4
        start_s, end_s, nominal = self._ticks.times(start), self._ticks.times(end), np.array(self.nominal)
        return Transfers(
            np.array(thing, dtype=np.int64),
            np.array(worker, dtype=np.int64),
            start_s,
            end_s,
            np.where(np.isnan(nominal), end_s - start_s, nominal),
        )

    def _record(self, thing: int, worker: int, start: int, end: int, nominal: float) -> int:
        self.rows.append([thing, worker, start, end])
        self.nominal.append(nominal)
        return len(self.rows) - 1
