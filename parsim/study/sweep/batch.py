"""What a worker does: it plays a batch of rows of a space.

this process                                 a worker
(version, packed space, [17, 18, 19])  -->   three rows
                                       <--   three outcomes
"""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Sequence
from time import time

from parsim.core.threads import one_thread
from parsim.core.version import __version__
from parsim.study.row import judged, played
from parsim.study.runner import Setting
from parsim.study.space import Space
from parsim.study.sweep.store import Played


class OtherVersion(Exception):
    """A worker has another version of parsim, which may play other rows."""


def batch(version: str, setting: Setting | None, packed: bytes, rows: Sequence[int]) -> list[Played]:
    """Play rows in a worker; *setting*: what it needs besides the space.

    The space is *packed*, since a worker of another version might not be able to read it, and has to say so first.
    """
    if version != __version__:
        raise OtherVersion(__version__)
    if setting is not None:
        setting.enter()
    space: Space = pickle.loads(packed)  # a worker that has unpacked it before gets the same one
    with one_thread(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [play(space, row) for row in rows]


def play(space: Space, row: int) -> Played:
    """Play a row of a space."""
    started = time()
    outcome = judged(space, row, played(space.scenario_of(row)))
    return Played(row, outcome, started, time())
