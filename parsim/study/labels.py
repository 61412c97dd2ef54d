"""Labels of variants: only what distinguishes them.

one file, policies tried            policy=fifo      policy=heft
two files                           one              other
files of one name in two folders    before/one       after/one
both                                one, policy=fifo ...
nothing                             one              one #2
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from parsim.core.escape import printable
from parsim.scenario.scenario import Scenario

SHOWN = 30  # letters of a value


def labelled(
    names: Sequence[str], varied: Sequence[str], sets: Sequence[Mapping[str, Any]], known: Iterable[str] = ()
) -> list[str]:
    """Label each combination of *names* and *sets*, with the values of the paths *varied* only.

    *known* are the paths of the scenarios: a shortened path in a label matches only one of them.

    >>> labelled(["one", "other"], ["plan.depth"], [{"plan.depth": 2, "seed": 7}, {"plan.depth": 3, "seed": 7}])
    ['one, depth=2', 'one, depth=3', 'other, depth=2', 'other, depth=3']
    """
    words = endings(varied, known)
    said = [[f"{word}={written(values[path])}" for path, word in words.items()] for values in sets]
    alone = len(names) == 1 and bool(varied)
    return _numbered([", ".join(choice if alone else [name, *choice]) for name in names for choice in said])


def names(scenarios: Sequence[Scenario]) -> list[str]:
    """Name scenarios by their files, and by their folders too where file names are equal."""
    count = Counter(scenario.name for scenario in scenarios)
    return [scenario.name if count[scenario.name] == 1 else _with_folder(scenario) for scenario in scenarios]


def _with_folder(scenario: Scenario) -> str:
    folder = PurePath(os.path.abspath(scenario.file)).parent.name if os.path.exists(scenario.file) else ""
    return printable(f"{folder}/{scenario.name}") if folder else scenario.name


def written(value: Any) -> str:
    """Write a value in a few characters.

    >>> written([1, 2]), written({"kind": "zb-auto", "limit": 6})
    ('[1, 2]', 'zb-auto(limit=6)')
    """
    if isinstance(value, dict) and isinstance(value.get("kind"), str):
        more = ", ".join(f"{key}={written(said)}" for key, said in value.items() if key != "kind")
        value = f"{value['kind']}({more})" if more else value["kind"]
    text = printable(value if isinstance(value, str) else json.dumps(value))
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 4]} ..."


def paths(value: Any, path: str = "") -> Iterator[str]:
    """Yield the dotted path of every value in a mapping or a list.

    >>> list(paths({"tasks": [{"compute": "1 s"}]}))
    ['tasks', 'tasks[0]', 'tasks[0].compute']
    """
    steps: Iterable[tuple[str, Any]] = ()
    if isinstance(value, dict):
        steps = ((f"{path}.{key}" if path else str(key), held) for key, held in value.items())
    elif isinstance(value, list):
        steps = ((f"{path}[{place}]", held) for place, held in enumerate(value))
    for step, held in steps:
        yield step
        yield from paths(held, step)


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
    endings = {}
    for path, mine in steps.items():
        lengths = range(1, len(mine) + 1)
        unlike = (n for n in lengths if sum(other[-n:] == mine[-n:] for other in near) == 1)
        endings[path] = ".".join(mine[-next(unlike, len(mine)) :])
    return endings


def _numbered(labels: Sequence[str]) -> list[str]:
    """Number repeated labels.

    >>> _numbered(["a", "b", "a"])
    ['a', 'b', 'a #2']
    """
    seen: Counter[str] = Counter()
    numbered = []
    for label in labels:
        seen[label] += 1
        numbered.append(label if seen[label] == 1 else f"{label} #{seen[label]}")
    return numbered
