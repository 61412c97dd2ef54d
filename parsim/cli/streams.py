"""Handle standard streams that the caller has closed, as in `parsim run mine.yaml >&-`.

A file that is opened later must not get the number of a closed stream, or output would end up in the file.
"""

from __future__ import annotations

import errno
import io
import os
import sys


class Closed(io.TextIOBase):
    """A closed standard output: printing raises an error, so that no answer is lost silently."""

    def writable(self) -> bool:
        """Return True, so that `write` is called and raises."""
        return True

    def write(self, text: str) -> int:
        """Raise `OSError`."""
        raise OSError(errno.EBADF, "it is closed, so the answer is lost")


def occupy() -> None:
    """Open a file in place of each closed stream, to occupy its number."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # it gets the lowest free number
    if sys.stdout is None:
        sys.stdout = Closed()
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - open until the end
