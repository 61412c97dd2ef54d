"""The work of a worker: tasks that the host orders one by one, or those of a device whose order is fixed."""

from __future__ import annotations

from collections.abc import Sequence

from parsim.real.rank import follow
from parsim.real.transport import Messages, Place, Store
from parsim.real.worker import compute


def work(channel: Messages, program: bytes, arenas: Sequence[Store], place: Place) -> None:
    """Work until the host says stop, or a task fails."""
    if place.ways is None:
        compute(channel, program, arenas, place)
    else:
        follow(channel, program, place)
