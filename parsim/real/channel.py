"""A pipe between the host and a worker that carries messages in batches.

sender    post a   post b   flush              each message is its length, then its bytes
receiver                          receive      -> [a, b]: one read fetches all that is there

The host's end does not block: bytes that the pipe does not accept wait for the next `flush`. So host and worker cannot
block each other, however long their messages are.
"""

from __future__ import annotations

import os
from struct import Struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

LENGTH = Struct("!Q")
CHUNK = 1 << 16  # B, read at once


class Channel:
    """One end of a pipe."""

    def __init__(self, pipe: Connection[Any, Any]) -> None:
        self._pipe, self._file = pipe, pipe.fileno()
        self._pending = bytearray()  # to be sent
        self._come = bytearray()  # received, not a whole message yet

    def fileno(self) -> int:
        """Return the file that selectors listen to."""
        return self._file

    def never_block(self) -> None:
        """Let `flush` return when the pipe is full."""
        os.set_blocking(self._file, False)

    def post(self, message: bytes) -> None:
        """Queue a message for the next `flush`."""
        self._pending += LENGTH.pack(len(message))
        self._pending += message

    def flush(self) -> bool:
        """Send the queued messages; return whether all were sent. Raises `OSError` if the other end is closed."""
        while self._pending:
            try:
                sent = os.write(self._file, self._pending)
            except BlockingIOError:
                return False
            del self._pending[:sent]
        return True

    def send(self, message: bytes) -> None:
        """Send a message."""
        self.post(message)
        self.flush()

    def receive(self) -> list[bytes]:
        """Wait for bytes; return all complete messages. Raises `EOFError` if the other end is closed."""
        come = os.read(self._file, CHUNK)
        if not come:
            raise EOFError
        self._come += come
        messages, start = [], 0
        while (first := start + LENGTH.size) <= len(self._come):
            end = first + LENGTH.unpack_from(self._come, start)[0]
            if end > len(self._come):
                break
            messages.append(bytes(self._come[first:end]))
            start = end
        del self._come[:start]
        return messages

    def doing(self, task: int) -> None:
        """Do nothing: the host knows how this process ends."""

    def close(self) -> None:
        """Close this end of the pipe."""
        self._pipe.close()
