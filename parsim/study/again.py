"""Play a run from a folder again: what only a run knows, such as the memory of devices over time, is not in its files.

out/scenario.json  --play-->  the same makespan as out/result.json, else another version of parsim wrote the folder
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from parsim.build import build
from parsim.core.cluster import Folding
from parsim.core.errors import Fault, ScenarioError
from parsim.export.folder import SCENARIO, Kept, read_scenario
from parsim.reading import load
from parsim.run import Result, run
from parsim.scenario.scenario import Scenario


def again(kept: Kept) -> Result:
    """Return the run in a folder, played again under its old name; what would make it fit is what the folder says."""
    result = run(build(scenario_of(kept), folding(kept)))
    unchanged(kept, result)
    fits = str(kept.facts.get("fit_first") or "")
    return replace(result, search=lambda job, timeline: fits)


def folding(kept: Kept) -> Folding:
    """Return what plays the same devices as the run in a folder: on, if some of them stood for others."""
    return "on" if any(device.get("stands_for", 1) > 1 for device in kept.facts["devices"]) else "off"


def scenario_of(kept: Kept) -> Scenario:
    """Return the scenario in a folder; its faults name that file."""
    values, file = read_scenario(kept.folder), str(kept.folder / SCENARIO)
    with read_from(file):
        return replace(load(values), file=file, name=kept.name)


def unchanged(kept: Kept, result: Result) -> None:
    """Raise `ScenarioError` if the run in a folder had another makespan than *result*, which played it again."""
    then, now = kept.ledger.makespan_s, result.timeline.makespan_s
    if then != now:
        message = f"now takes {now!r} s, but took {then!r} s when the folder was written"
        more = "another version of parsim wrote the folder, or a file was changed; run the scenario again"
        raise ScenarioError([Fault(str(kept.folder / SCENARIO), 0, 0, "makespan_s", f"{message}; {more}")])


@contextmanager
def read_from(file: str) -> Iterator[None]:
    """Name the file in faults of its values."""
    try:
        yield
    except ScenarioError as wrong:
        raise ScenarioError(fault._replace(file=file) for fault in wrong.faults) from None
