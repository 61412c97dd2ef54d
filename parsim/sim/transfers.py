"""Transfers over the network and stated delays: when they start, and when they arrive."""

from __future__ import annotations

import math

import numpy as np

from parsim.core.cluster import Cluster, Path, Ways
from parsim.sim.network import Network, User
from parsim.sim.record import Transfers
from parsim.sim.spans import Spans
from parsim.sim.state import NOBODY


class Transport:
    """Starts transfers, and says at each instant which have arrived.

    A transfer first waits its route's latency, using no bandwidth; then it joins the network. A delay only lasts.

    Parameters
    ----------
    cluster : whose ways lead from place to place.
    network : the links that transfers share, also with those of other runs on the same clock.
    spans : what workers do; a transfer belongs to one.
    """

    def __init__(self, cluster: Cluster, network: Network, spans: Spans) -> None:
        self.rows: list[list[int]] = []  # transfer, worker, start, end
        self.nominal: list[float] = []  # s; NaN: as long as it took
        self.network, self.at = network, spans.at
        self._cluster, self._ticks, self._spans = cluster, spans.ticks, spans
        self._joining: dict[int, list[tuple[int, Ways, float, float]]] = {}
        self._posted: dict[int, list[tuple[int, Ways, float, User]]] = {}
        self.travelling: dict[int, None] = {}  # rows that have not arrived, but for delays
        self._heard: list[int] = []  # rows that have arrived and have not been returned
        self.delays: dict[int, list[tuple[int, int]]] = {}  # instant -> transfers whose delay is over, and workers

    def delay(self, transfer: int, worker: int, start: int, end: int) -> None:
        """Start a stated delay, whose end is known; it shares nothing."""
        self._spans.begin(worker, start)
        self._record(transfer, worker, start, end, math.nan)
        self._spans.end(worker, end)
        self.delays.setdefault(end, []).append((transfer, worker))
        self._spans.communication_begins(worker, start)
        self._spans.at(end)

    def send(
        self, transfer: int, worker: int, ends: tuple[int, int], size: float, now: int, limit: float = math.inf
    ) -> None:
        """Send *size* bytes between two places, at most at *limit* B/s."""
        path = self._path(ends)
        self._spans.begin(worker, now)
        self._spans.open[worker] += 1
        self._spans.communication_begins(worker, now)
        row = self._record(transfer, worker, now, now, path.seconds(size, limit))
        self.travelling[row] = None
        self._join(row, path, size, limit, now)

    def post(self, number: int, sent: tuple[Ways, float, int], user: User, now: int) -> None:
        """Carry the ways and bytes of a send, which joins the network at an instant; it is no row of the table."""
        ways, size, join = sent
        if join > now:
            self._posted.setdefault(join, []).append((number, ways, size, user))
            self._spans.at(join)
        else:
            self.network.join((self, ~number), ways, size, math.inf, now, user)

    def over(self, now: int) -> list[int]:
        """Return the transfers whose delay is over now."""
        over = self.delays.pop(now)
        for _, worker in over:
            self._spans.communication_ends(worker, now)
        return [transfer for transfer, _ in over]

    def arrived(self, now: int) -> list[tuple[int, int]]:
        """Return (transfer, worker) of the transfers that end now; of what was posted, (~number, NOBODY)."""
        for transport, row in self.network.finished(now):
            transport._heard.append(row)
            if transport is not self:
                transport._spans.at(now)
        if not self._heard:
            return []
        heard, self._heard = self._heard, []
        found = []
        for row in heard:
            if row < 0:
                found.append((row, NOBODY))
                continue
            del self.travelling[row]
            transfer, worker, _, _ = self.rows[row]
            self.rows[row][3] = now
            self._spans.open[worker] -= 1
            self._spans.end(worker, now)
            self._spans.communication_ends(worker, now)
            found.append((transfer, worker))
        return found

    def settle(self, now: int) -> int:
        """Add transfers whose latency has passed and share the links anew; return when the next one ends, or NEVER."""
        if now in self._joining:
            for row, ways, size, limit in self._joining.pop(now):
                self.network.join((self, row), ways, size, limit, now)
        if now in self._posted:
            for number, ways, size, user in self._posted.pop(now):
                self.network.join((self, ~number), ways, size, math.inf, now, user)
        return self.network.settle(now)

    def transfers(self) -> Transfers:
        """Return all transfers that have arrived."""
        transfer, worker, start, end = zip(*self.rows, strict=True) if self.rows else ([],) * 4
        start_s, end_s, nominal = self._ticks.times(start), self._ticks.times(end), np.array(self.nominal)
        return Transfers(
            np.array(transfer, dtype=np.int64),
            np.array(worker, dtype=np.int64),
            start_s,
            end_s,
            np.where(np.isnan(nominal), end_s - start_s, nominal),
        )

    def _path(self, ends: tuple[int, int]) -> Path:
        path = self._cluster.path(*ends)
        if path is None:
            raise LookupError(f"no way from place {ends[0]} to {ends[1]}, though the scenario was checked")
        return path

    def _join(self, row: int, path: Path, size: float, limit: float, now: int) -> None:
        """Let a transfer join the network once its latency has passed."""
        join = now + self._ticks.of(path.latency)
        self._joining.setdefault(join, []).append((row, path.ways, size, limit))
        if join > now:
            self._spans.at(join)

    def _record(self, transfer: int, worker: int, start: int, end: int, nominal: float) -> int:
        self.rows.append([transfer, worker, start, end])
        self.nominal.append(nominal)
        return len(self.rows) - 1
