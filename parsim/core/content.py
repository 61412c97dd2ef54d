"""The bytes of a file that somebody named: whole, or a reason in plain words."""

from __future__ import annotations

import os

BIGGEST = 16 * 2**20  # B


def content(file: str) -> bytes:
    """Read a file that is not too big; else raise a `ValueError` that says why it cannot be read.

    >>> content("nowhere.stg")
    Traceback (most recent call last):
    ValueError: no such file
    """
    big = f"is larger than {BIGGEST // 2**20} MiB"
    try:
        with open(file, "rb") as opened:
            if os.fstat(opened.fileno()).st_size > BIGGEST:
                raise ValueError(big)
            data = opened.read(BIGGEST + 1)  # a pipe does not tell its size beforehand
    except FileNotFoundError:
        raise ValueError("no such file") from None
    except IsADirectoryError:
        inside = "scenario.json"  # where --out wrote it
        more = f", such as its {inside}" if os.path.isfile(os.path.join(file, inside)) else ""
        raise ValueError(f"is a folder; name a file{more}") from None
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror or error}") from None
    if len(data) > BIGGEST:
        raise ValueError(big)
    return data
