"""A small profile in a file, for entries that read one."""

from __future__ import annotations

import json
import os
from functools import cache
from tempfile import TemporaryDirectory

from parsim.core.kernel import Call
from parsim.core.machine import machine
from parsim.core.profile import Profile, Row, Timing
from parsim.kernels import price


@cache
def _folder() -> TemporaryDirectory[str]:
    """Make a folder that is removed when Python ends."""
    return TemporaryDirectory(prefix="parsim")


@cache
def profile() -> str:
    """Write a profile like `parsim calibrate`: a kernel of 1 ms, transfers of 1 ms and 10 MB/s."""
    call, timing = Call("double", (), "forward", ((),)), Timing(1e-3, 0.0, 9, 0)
    rows = {call: Row(*price(call), {"alone": timing, "busy": timing})}
    file = os.path.join(_folder().name, "profile.json")
    with open(file, "w", encoding="utf-8") as out:
        json.dump(Profile(machine(), {}, rows, 1e-3, 1e-7, 0.0).to_dict(), out)
    return file
