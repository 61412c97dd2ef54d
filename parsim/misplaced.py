"""Say where a key or a preset of a workload belongs, and whether the cost may state times.

workload: {microbatches: 4}                           belongs to plan
workload: {kind: transformer, preset: mixtral-8x7b}   is a preset of kind: mixture
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from parsim.core.annotations import Either, mark_of
from parsim.core.choice import Choice
from parsim.core.errors import Complaint
from parsim.core.graph import TaskGraph
from parsim.core.schema import Ask
from parsim.scenario.schema import key_of, parameters
from parsim.workloads import workloads


def placed(complaint: Complaint, values: Mapping[str, Any], plan: Callable[..., Any]) -> Complaint:
    """Return the complaint with the place of what it names, if that is known; *plan* is the class of the plan."""
    section, key = complaint.path if len(complaint.path) == 2 else ("", "")
    if section != "workload":
        return complaint
    if complaint.at == "key" and str(key) in map(key_of, parameters(plan)):
        return complaint._replace(message=f"belongs to plan; write it there: 'plan: {{{key}: ...}}'")
    if key == "preset":
        name = values["workload"]["preset"]
        kinds = [kind for kind, entry in workloads.entries().items() if name in _presets(entry)]
        return complaint._replace(message=f"'{name}' is a preset of kind: {kinds[0]}") if kinds else complaint
    return complaint


def _presets(entry: Callable[..., Any]) -> Collection[object]:
    """Return the names of the presets of a workload."""
    known = parameters(entry)
    mark = mark_of(known["preset"][0]) if "preset" in known else None
    marks = map(mark_of, mark.members) if isinstance(mark, Either) else (mark,)
    return next((list(one.meanings) for one in marks if isinstance(one, Choice)), [])


def about_compute(ask: Ask, graph: TaskGraph | None) -> list[Complaint]:
    """Return complaints about the key `compute`, which is for workloads that do not state seconds themselves."""
    complaints = []
    if graph is not None and "compute" in ask.arguments:
        given = ask.arguments["compute"] is not None
        if given and graph.stated.size:
            complaints.append(Complaint(("compute",), "the workload already states times; leave compute out", "key"))
        if not given and len(graph) and not graph.stated.size:
            complaints.append(Complaint(("compute",), "is missing; write for example 'compute: 1 s'"))
    return complaints
