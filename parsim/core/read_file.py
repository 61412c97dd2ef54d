"""Read the bytes of a user's file, or raise a plain reason."""

from __future__ import annotations

import errno
import os
import stat
from typing import BinaryIO

BIGGEST = 16 * 2**20  # B


def opened(file: str | os.PathLike[str]) -> BinaryIO:
    """Open a file to read its bytes. Pipes and devices, which may block forever, raise `OSError`."""
    if "\0" in os.fspath(file):  # the message depends on the version of Python
        raise ValueError("embedded null byte")
    mode = os.stat(file).st_mode
    if stat.S_ISDIR(mode):  # Windows would only report missing permission
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is a pipe or a device; name a regular file")
    return open(file, "rb")


def content(file: str) -> bytes:
    """Read a file of limited size. If it cannot be read, raise a `ValueError` with the reason.

    >>> content("nowhere.stg")
    Traceback (most recent call last):
    ValueError: no such file
    """
    big = f"is larger than {BIGGEST // 2**20} MiB"
    try:
        with opened(file) as held:
            if os.fstat(held.fileno()).st_size > BIGGEST:
                raise ValueError(big)
            data = held.read(BIGGEST + 1)  # the file may grow
    except FileNotFoundError:
        raise ValueError("no such file") from None
    except IsADirectoryError:
        inside = "scenario.json"  # a folder that --out wrote
        more = f", such as its {inside}" if os.path.isfile(os.path.join(file, inside)) else ""
        raise ValueError(f"is a folder; name a file{more}") from None
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror or error}") from None
    if len(data) > BIGGEST:
        raise ValueError(big)
    return data
