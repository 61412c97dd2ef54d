"""Remove the limits of memory from a cluster, so that no task is refused for lack of room.

{devices: 4, device: {speed: 2, memory: 1 GB}}   ->   {devices: 4, device: {speed: 2}}
"""

from __future__ import annotations

from typing import Any


def boundless(cluster: Any) -> Any:
    """Return the values of a cluster without its limits of memory.

    >>> boundless({"devices": [{"name": "w0", "memory": "1 GB"}, "w1"]})
    {'devices': [{'name': 'w0'}, 'w1']}
    """
    if isinstance(cluster, list):
        return [boundless(part) for part in cluster]
    if isinstance(cluster, dict):
        return {key: boundless(part) for key, part in cluster.items() if key != "memory"}
    return cluster
