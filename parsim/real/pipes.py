"""Worker processes on this machine: a pipe to each, and arrays in shared memory.

host  --orders-->   worker process       one pipe each; arrays lie in shared memory
      <--reports--
"""

from __future__ import annotations

import os
import selectors
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any

from parsim.core.errors import Complaint
from parsim.core.machine import cores
from parsim.real.arena import Arena
from parsim.real.channel import Channel
from parsim.real.start import start_context, starting
from parsim.real.transport import Crew, Place, Said, Way
from parsim.real.ways import Network, Ways
from parsim.real.work import work
from parsim.real.worker import STOP, serve

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerProcess, SpawnProcess

MOST_PROCESSES = 128  # on this machine, at once
PATIENCE = 5.0  # s that a worker told to stop may take
PRELOADED = [
    "numpy",
    "parsim.real.worker",
    "parsim.entries.function",
    "parsim.kernels",
]  # once, for all workers of all replays


class Processes:
    """Worker processes on this machine."""

    ready = 2

    def about(self) -> dict[str, Any]:
        """Return that they are processes."""
        return {"links": Pipes.engine}

    def complaints(self, workers: int) -> list[Complaint]:
        """Refuse more than the machine can be asked for."""
        if workers <= MOST_PROCESSES:
            return []
        many = f"makes {workers} workers, but replay starts at most {MOST_PROCESSES} processes; write fewer devices"
        return [Complaint(("cluster", "devices"), many)]

    def notes(self, workers: int) -> list[str]:
        """Say whether they take turns."""
        there = cores()
        if workers <= there:
            return []
        return [f"{workers} workers share {there} cores of this machine, so they take turns and tasks take longer"]

    def clocks(self) -> None:
        """Return None: processes of a machine have one clock."""

    def __call__(self, crew: Crew) -> Pipes:
        """Return pipes to new processes."""
        return Pipes(crew)


class Pipes:
    """A process and a pipe for each worker. Arena k belongs to worker k, the last one to the host."""

    engine = "processes"

    def __init__(self, crew: Crew) -> None:
        self._names = crew.workers
        self._processes: list[ForkServerProcess | SpawnProcess] = []
        self._channels: list[Channel] = []
        self._full: set[int] = set()  # workers whose pipes are full
        self._signs = selectors.DefaultSelector()
        self._network: Network | None = None
        self.arenas = [Arena.new(owner) for owner in range(len(crew.workers) + 1)]
        for arena, size in zip(self.arenas, crew.shared, strict=False):
            arena.expect(size)

    def ways(self, ways: Sequence[Way], numbers: Mapping[tuple[int, int], int]) -> Sequence[Ways]:
        """Make buffers and pipes between workers."""
        self._network = Network(len(self._names), ways, numbers)
        return self._network.of

    def start(self, program: bytes, places: Sequence[Place]) -> None:
        """Start every process."""
        context = start_context(PRELOADED)
        with starting(b"__main__" in program):
            for place, name in zip(places, self._names, strict=True):
                ours, theirs = context.Pipe()
                process = context.Process(
                    target=serve,
                    args=(theirs, program, self.arenas, place, dict(os.environ), work),
                    name=f"parsim {name}",
                    daemon=True,
                )
                self._channels.append(Channel(ours))
                self._processes.append(process)
                process.start()
                theirs.close()  # so that the pipe ends when the process does
        if self._network:
            self._network.handed_over()
        for worker, (channel, process) in enumerate(zip(self._channels, self._processes, strict=True)):
            channel.never_block()
            self._signs.register(channel, selectors.EVENT_READ, (worker, True))
            self._signs.register(process.sentinel, selectors.EVENT_READ, (worker, False))

    def post(self, worker: int, message: bytes) -> None:
        """Queue a message."""
        self._channels[worker].post(message)

    def flush(self, worker: int) -> None:
        """Send the queued messages of a worker; the rest follows when its pipe has room."""
        channel = self._channels[worker]
        with suppress(OSError):  # its pipe is closed: it has ended
            full = not channel.flush()
            if full != (worker in self._full):
                self._full ^= {worker}
                listen = selectors.EVENT_READ | (selectors.EVENT_WRITE if full else 0)
                self._signs.modify(channel, listen, (worker, True))

    def listen(self, timeout_s: float | None) -> list[Said]:
        """Wait for signs of workers."""
        signs = self._signs.select(timeout_s)
        speaking = {worker for key, _ in signs for worker, speaks in [key.data] if speaks}
        said = []
        for key, what in signs:
            worker, _ = key.data
            if worker not in speaking:
                said.append(Said(worker, [], gone=True))  # and nothing is left in its pipe
                continue
            if what & selectors.EVENT_WRITE:
                self.flush(worker)
            said.append(self._receive(worker) if what & selectors.EVENT_READ else Said(worker, [], gone=False))
        return said

    def _receive(self, worker: int) -> Said:
        try:
            return Said(worker, self._channels[worker].receive(), gone=False)
        except (EOFError, OSError):
            return Said(worker, [], gone=True)

    def fate(self, worker: int) -> str:
        """Tell how a process has ended."""
        process = self._processes[worker]
        process.join(PATIENCE)
        signals = {-one: f"was killed by {one.name}" for one in signal.Signals}
        return signals.get(process.exitcode or 0, f"ended with exit code {process.exitcode}")

    def seconds(self, worker: int, stamp: float) -> float:
        """Return the stamp: all processes of a machine have one monotonic clock."""
        return stamp

    def dismiss(self) -> None:
        """Let every process end."""
        for channel in self._channels:
            with suppress(OSError):  # it has done its work, and died since
                channel.send(STOP)
        end = monotonic() + PATIENCE
        for process in self._processes:
            process.join(max(end - monotonic(), 0.0))

    def end(self) -> None:
        """Leave no process and no shared memory behind."""
        self._signs.close()
        started = [process for process in self._processes if process.pid is not None]
        for process in started:
            process.kill()
        for process in started:
            process.join()
            process.close()
        for channel in self._channels:
            channel.close()
        for arena in self.arenas:
            arena.close()
        if self._network:
            self._network.end()
