"""Say where a key, or a preset of a workload, belongs.

plan: {policy: heft}                                  belongs to the top level
workload: {microbatches: 4}                           belongs to plan
workload: {kind: transformer, preset: mixtral-8x7b}   is a preset of kind: mixture
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from parsim.core.annotations import Either, mark_of
from parsim.core.choice import Choice
from parsim.core.errors import Complaint
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


def raised(complaint: Complaint, top: Collection[str]) -> Complaint:
    """Return the complaint about a key of a section that belongs to the *top* level; others are unchanged."""
    if complaint.at != "key" or len(complaint.path) != 2 or complaint.path[1] not in top:
        return complaint
    return complaint._replace(message=f"belongs to the top level; write it there: '{complaint.path[1]}: ...'")


def _presets(entry: Callable[..., Any]) -> Collection[object]:
    """Return the names of the presets of a workload."""
    known = parameters(entry)
    mark = mark_of(known["preset"][0]) if "preset" in known else None
    marks = map(mark_of, mark.members) if isinstance(mark, Either) else (mark,)
    return next((list(one.meanings) for one in marks if isinstance(one, Choice)), [])
