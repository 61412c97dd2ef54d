"""The memory of devices in words: a table of kinds at the peak, and what does not fit.

       peak     of  weights  optimizer  activations
w0  95.2 GB  80 GB    12 GB      22 GB      61.2 GB
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from parsim.core.quantities import size
from parsim.export.table import short, table
from parsim.export.text import ends, folded

TOLD = 3  # sentences about devices that lack memory


def kinds(devices: Sequence[Mapping[str, Any]]) -> list[str]:
    """Write a line for each device with the bytes of each kind at its peak; kinds of which there is nothing are out."""
    rows = kind_rows(devices)
    if not rows:
        return []
    lines = table([[short(first, 10), *rest] for first, *rest in rows])
    return [lines[0], *folded(lines[1:], sum(1 for device in devices if device.get("memory")) - len(lines) + 1)]


def kind_rows(devices: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Return a head, and of each device name, peak, capacity and bytes by kind; of many, the first and the last."""
    told = [device for device in devices if device.get("memory")]
    there = [kind for kind in (told[0]["memory"]["by_kind"] if told else ()) if _any(told, kind)]
    rows = []
    for device in ends(told) if there else ():
        memory = device["memory"]
        limit = "-" if memory["capacity_bytes"] is None else size(memory["capacity_bytes"])
        bytes_ = (size(memory["by_kind"][kind]) for kind in there)
        rows.append([str(device["name"]), size(memory["peak_bytes"]), limit, *bytes_])
    return [["", "peak", "of", *there], *rows] if rows else []


def _any(devices: Sequence[Mapping[str, Any]], kind: str) -> bool:
    return any(device["memory"]["by_kind"][kind] for device in devices)


def shortages(devices: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say which devices lack memory, and of what they hold most; alike devices share a sentence.

    >>> by_kind = {"weights": 15e9, "buffers": 80e9}
    >>> memory = {"fits": False, "peak_bytes": 95e9, "capacity_bytes": 80e9, "by_kind": by_kind}
    >>> shortages([{"name": name, "memory": memory} for name in ("w0", "w1")])
    ['w0 and w1 need 95 GB each, 15 GB more than their 80 GB: buffers 80 GB, weights 15 GB']
    """
    alike: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for device in devices:
        memory = device["memory"]
        if memory and not memory["fits"]:
            key = memory["capacity_bytes"], *memory["by_kind"].values()
            alike.setdefault(key, []).append(device)
    groups = sorted(alike.values(), key=lambda group: _lacks(group[0]["memory"]), reverse=True)
    more = sum(map(_many, groups[TOLD:]))
    rest = [f"{more} more device{'s' * (more != 1)} need more memory than they have"] if more > 1 else []
    return [*map(_sentence, groups[: TOLD + (more == 1)]), *rest]


def _lacks(memory: Mapping[str, Any]) -> float:
    return float(memory["peak_bytes"] - memory["capacity_bytes"])


def _many(group: Sequence[Mapping[str, Any]]) -> int:
    """Return the number of devices for which those of a group stand."""
    return sum(device.get("stands_for", 1) for device in group)


def _sentence(group: Sequence[Mapping[str, Any]]) -> str:
    memory, names, many = group[0]["memory"], [str(device["name"]) for device in group], _many(group)
    who = names[0] if many == 1 else f"{names[0]} and {names[1] if many == len(names) == 2 else f'{many - 1} more'}"
    needs, each, its = ("needs", "", "its") if many == 1 else ("need", " each", "their")
    sorted_ = sorted(memory["by_kind"].items(), key=lambda item: -item[1])
    held = ", ".join(f"{kind} {size(bytes_)}" for kind, bytes_ in sorted_ if bytes_)
    lacks = f"{size(_lacks(memory))} more than {its} {size(memory['capacity_bytes'])}"
    return f"{who} {needs} {size(memory['peak_bytes'])}{each}, {lacks}: {held}"
