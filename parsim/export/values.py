"""Values of a scenario, and their paths, in a few letters.

plan.schedule  {kind: zb-auto, limit: 6}                schedule  zb-auto(limit=6)
plan           {data: 8, tensor: 1} or {data: 4, tensor: 2}      tensor=1, data=8 or tensor=2, data=4
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from parsim.core.escape import printable

SHOWN = 30  # letters of a value
LEFT_OUT = "-"  # stands for a key that a mapping lacks


def written(value: Any) -> str:
    """Write a value in a few characters.

    >>> written([1, 2]), written({"kind": "zb-auto", "limit": 6})
    ('[1, 2]', 'zb-auto(limit=6)')
    """
    text = _whole(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 4]} ..."


def unlike(values: Sequence[Any]) -> list[str]:
    """Write the values of a choice; of mappings only what differs, and first what differs most.

    >>> unlike([{"data": 8, "tensor": 1, "pipeline": 2}, {"data": 4, "tensor": 2, "pipeline": 2}])
    ['data=8, tensor=1', 'data=4, tensor=2']
    >>> unlike([1, "1"])
    ['1', '1 #2']
    """
    if len(values) > 1 and all(isinstance(value, dict) and "kind" not in value for value in values):
        keys = dict.fromkeys(key for value in values for key in value)
        count = {key: len({_whole(value.get(key)) for value in values}) for key in keys}
        differ = sorted((key for key in keys if count[key] > 1), key=lambda key: -count[key])
        words = [", ".join(f"{key}={_whole(value[key])}" for key in differ if key in value) for value in values]
    else:
        words = [_whole(value) for value in values]
    return numbered(words)


def spread(sets: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return *sets* of values by path, with mappings of one kind replaced by the keys in which they differ.

    >>> spread([{"plan": {"data": 8, "bucket": "1 GB"}}, {"plan": {"tensor": 8, "bucket": "1 GB"}}])
    [{'plan.data': 8, 'plan.tensor': '-'}, {'plan.data': '-', 'plan.tensor': 8}]
    """
    found: list[dict[str, Any]] = [{} for _ in sets]
    for path in sets[0]:
        values = [one[path] for one in sets]
        keys = _differing(values)
        inner = [{f"{path}.{key}": value.get(key, LEFT_OUT) for key in keys} for value in values] if keys else []
        for one, more in zip(found, spread(inner) if keys else [{path: value} for value in values], strict=True):
            one.update(more)
    return found


def _differing(values: Sequence[Any]) -> list[str]:
    """Return the keys in which mappings of one kind differ; empty where they are none."""
    if not all(isinstance(value, dict) for value in values) or len({_whole(one.get("kind")) for one in values}) > 1:
        return []
    keys = dict.fromkeys(key for value in values for key in value)
    return [key for key in keys if len({_whole(value.get(key, LEFT_OUT)) for value in values}) > 1]


def endings(varied: Sequence[str], known: Iterable[str] = ()) -> dict[str, str]:
    """Return the shortest suffix of each *varied* path that no other varied or *known* path has.

    >>> endings(["cluster.devices", "cluster.topology.latency", "plan.latency"])
    {'cluster.devices': 'devices', 'cluster.topology.latency': 'topology.latency', 'plan.latency': 'plan.latency'}
    >>> endings(["workload.tasks[1].compute"], ["workload.tasks[0].compute", "workload.tasks[1].compute"])
    {'workload.tasks[1].compute': 'tasks[1].compute'}
    """
    steps = {path: path.split(".") for path in varied}
    last = {mine[-1] for mine in steps.values()}
    near = [path.split(".") for path in {*varied, *known} if path.rpartition(".")[2] in last]
    found = {}
    for path, mine in steps.items():
        lengths = range(1, len(mine) + 1)
        alone = (n for n in lengths if sum(other[-n:] == mine[-n:] for other in near) == 1)
        found[path] = ".".join(mine[-next(alone, len(mine)) :])
    return found


def numbered(labels: Sequence[str]) -> list[str]:
    """Number repeated labels.

    >>> numbered(["a", "b", "a"])
    ['a', 'b', 'a #2']
    """
    seen: dict[str, int] = {}
    found = []
    for label in labels:
        seen[label] = seen.get(label, 0) + 1
        found.append(label if seen[label] == 1 else f"{label} #{seen[label]}")
    return found


def _whole(value: Any) -> str:
    """Write a value, however long."""
    if isinstance(value, dict) and isinstance(value.get("kind"), str):
        more = ", ".join(f"{key}={written(said)}" for key, said in value.items() if key != "kind")
        value = f"{value['kind']}({more})" if more else value["kind"]
    return printable(value if isinstance(value, str) else json.dumps(value))
