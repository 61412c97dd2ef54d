"""Standard streams that the caller has closed, as in `parsim run mine.yaml >&-`.

A file that is opened later must not get the number of one of them, or what is printed would end up in it.
"""

from __future__ import annotations

import errno
import io
import os
import sys


class Closed(io.TextIOBase):
    """Standard output that nobody can write to: an answer that would be lost is told."""

    def writable(self) -> bool:
        """Take what is printed, and complain of it."""
        return True

    def write(self, text: str) -> int:
        """Raise `OSError`."""
        raise OSError(errno.EBADF, "it is closed, so that the answer is lost")


def occupy() -> None:
    """Open in place of each closed stream what takes up its number."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # it gets the lowest number that is free
    if sys.stdout is None:
        sys.stdout = Closed()
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - open until the end
