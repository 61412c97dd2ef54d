"""Labels of variants: only what distinguishes them.

one file, policies tried            policy=fifo      policy=heft
two files                           one              other
files of one name in two folders    before/one       after/one
both                                one, policy=fifo ...
nothing                             one              one #2
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from parsim.core.escape import printable
from parsim.export.values import endings, numbered, written
from parsim.scenario.scenario import Scenario


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
    return numbered([", ".join(choice if alone else [name, *choice]) for name in names for choice in said])


def names(scenarios: Sequence[Scenario]) -> list[str]:
    """Name scenarios by their files, and by their folders too where file names are equal."""
    count = Counter(scenario.name for scenario in scenarios)
    return [scenario.name if count[scenario.name] == 1 else _with_folder(scenario) for scenario in scenarios]


def _with_folder(scenario: Scenario) -> str:
    folder = PurePath(os.path.abspath(scenario.file)).parent.name if os.path.exists(scenario.file) else ""
    return printable(f"{folder}/{scenario.name}") if folder else scenario.name


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
