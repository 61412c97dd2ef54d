"""The work of a worker: tasks that the host orders one by one, or those of a device whose order is fixed."""

from __future__ import annotations

from collections.abc import Sequence

from parsim.real.transport import Messages, Place, Store


def work(channel: Messages, program: bytes, arenas: Sequence[Store], place: Place) -> None:
    """Work until the host says stop, or a task fails."""
    if place.ways is None:
        from parsim.real.worker import compute

        compute(channel, program, arenas, place)
    else:
        from parsim.real.rank import follow  # which loads all of training

        follow(channel, program, place)
