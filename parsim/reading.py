"""Read a scenario and check it while reading, so that faults in a large file are found early.

file  --scenario.load-->  Scenario
|        ^
excerpt  complaints        every 50,000 values
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from parsim.core.errors import Complaint, Path, dotted
from parsim.core.suggestions import did_you_mean
from parsim.costs import costs
from parsim.entries.registry import Shelf
from parsim.policies import policies
from parsim.scenario.excerpt import Excerpt
from parsim.scenario.scenario import Scenario, Source, from_bytes, no_mapping
from parsim.scenario.scenario import load as read
from parsim.scenario.schema import key_of, parameters
from parsim.sections import plan_class, sections
from parsim.topologies import topologies
from parsim.workloads import workloads

PLAN: Path = ("plan",)  # its keys depend on the kind of the workload
SHELVES: dict[Path, Shelf] = {
    ("workload",): workloads,
    ("policy",): policies,
    ("cost",): costs,
    ("cluster", "topology"): topologies,
    PLAN: workloads,
}


def load(source: Source, set: Mapping[str, Any] | None = None) -> Scenario:
    """Read a scenario like `parsim.scenario.scenario.load`; a large file is checked while it is read."""
    return read(source, set, partial(_about, set or {}))


def read_text(text: str, file: str) -> Scenario:
    """Read a scenario from *text*, as if *file* held it."""
    return from_bytes(text.encode(), file, partial(_about, {}))


def _about(set: Mapping[str, Any], open: Sequence[Any], path: Path) -> Iterable[Complaint]:
    """Return complaints about the values read so far, except those that *set* replaces."""
    excerpt = Excerpt(open, path)
    if not isinstance(excerpt.values, dict):
        return [Complaint((), no_mapping(excerpt.values))]
    found = [*_complaints(excerpt), *_about_undecided(excerpt)]
    return [told for told in found if not any(_meet(dotted(told.path), str(text)) for text in set)]


def _complaints(excerpt: Excerpt) -> list[Complaint]:
    return list(excerpt.placed(sections(excerpt.values)[1]))


def _meet(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def _about_undecided(excerpt: Excerpt) -> list[Complaint]:
    """Complain of what is being read in a section whose kind is not known yet, where it is wrong for every kind."""
    path, open = excerpt.path, excerpt.open
    for section, shelf in SHELVES.items():
        depth = len(section)
        if path[:depth] != section or depth >= len(open) or _decided(open[0] if section == PLAN else open[depth]):
            continue
        keys = {name: _keys(entry, section) for name, entry in shelf.entries().items()}
        able = [name for name, known in keys.items() if path[depth] in known]
        if not able:
            known = {key for known in keys.values() for key in known}
            return [Complaint(path[: depth + 1], did_you_mean(str(path[depth]), known, "key"), "key")]
        found = [_as_if(excerpt, section, name) for name in able]
        return max(found, key=lambda told: max(len(one.path) for one in told)) if all(found) else []
    return []


def _decided(held: Any) -> bool:
    """Return whether the kind of *held* is known; for a scenario, the kind of its workload."""
    return not isinstance(held, dict) or not held.keys().isdisjoint({"kind", "workload"})


def _keys(entry: Callable[..., Any], section: Path) -> set[str]:
    form = plan_class(entry) if section == PLAN else entry
    return {"kind", *map(key_of, parameters(form))}


def _as_if(excerpt: Excerpt, section: Path, kind: str) -> list[Complaint]:
    """Return complaints about the current values of *section*, assuming this *kind*."""
    held = excerpt.values
    for step in ("workload",) if section == PLAN else section:
        held = held.setdefault(step, {})
    held["kind"] = kind
    way = excerpt.path[: len(section) + 1]
    return [told for told in _complaints(excerpt) if told.path[: len(way)] == way]
