"""Make one device of a scenario slower, whatever way its cluster is written.

devices: 4              [w0, {name: w1, speed: 0.5}, w2, w3]
devices: [hub, a, b]    [hub, {name: a, speed: 0.5}, b]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from parsim.core.errors import Complaint, Invalid
from parsim.page.request import Slow


def listed(cluster: Any, names: Sequence[str], slow: Slow) -> list[Any]:
    """Return the list of devices in which one is *slow*.

    Parameters
    ----------
    cluster : the section of the scenario.
    names : the names of all devices.
    slow : which one, and how slow; a number beyond the last device raises `Invalid`.

    >>> listed({"devices": 3}, ["w0", "w1", "w2"], Slow(1, 0.5))
    ['w0', {'name': 'w1', 'speed': 0.5}, 'w2']
    """
    written = cluster.get("devices") if isinstance(cluster, Mapping) else None
    devices = list(written) if isinstance(written, list) else list(names)
    if not 0 <= slow.device < len(devices):
        raise Invalid([Complaint(("cluster", "devices"), f"has {len(devices)} devices; none has number {slow.device}")])
    one = devices[slow.device]
    own = dict(one) if isinstance(one, Mapping) else {"name": one}
    devices[slow.device] = {**own, "speed": slow.speed}
    return devices
