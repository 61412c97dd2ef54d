"""What the player answers to a request: it plays the scenario of a page, and says what the page shows.

request   text, values by dotted path, a slow device
answer    the text as played, what `view.js` draws, figures, controls, options;  or faults with their lines
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from typing import Any

from parsim.build import build
from parsim.core.errors import Complaint, Fault, Invalid, ParsimError, Path, RunError, ScenarioError
from parsim.core.job import Job
from parsim.metrics.closed_forms import bound_formula, forms, lower_bound
from parsim.page import data
from parsim.page.bounds import MOST_BARS
from parsim.page.controls import Schema, controls
from parsim.page.edit import edited, written
from parsim.page.figures import figures, limits_of
from parsim.page.request import Request, Slow
from parsim.page.slow import listed
from parsim.reading import read_text
from parsim.run import run
from parsim.scenario.scenario import Scenario, changed

SHOWN = 128  # devices to choose a slow one from
MOST_SLOWED = 512  # devices of which one may be slow, where it breaks a fold


class Confined(Scenario):
    """A scenario whose text comes from a browser, and which may name files of one folder alone."""

    def near(self, path: Path, file: str) -> str:
        """Return the file that the value at *path* names; one outside the folder is wrong input."""
        found, home = super().near(path, file), os.path.realpath(os.path.dirname(self.file))
        if not os.path.realpath(found).startswith(os.path.join(home, "")):
            message = f"'{file}' is outside the folder of the scenario, and a page reads no other files"
            raise ScenarioError([self.fault(Complaint(path, message))])
        return found


def answer(request: Request, file: str, schema: Schema) -> dict[str, Any]:
    """Play the scenario of *request* as if *file* held it; whatever is wrong is part of the answer."""
    shown: dict[str, Any] = {"text": request.text}
    try:
        own = _read(request.text, file)
        if own.faults:
            raise own.error([])
        now = changed(own, request.values)
        if now.faults:
            raise ScenarioError(now.faults)
        shown["controls"] = [control._asdict() for control in controls(schema, now.values, own.values)]
        shown["text"] = edited(request.text, request.values)
        slowed = _slow(_read(shown["text"], file), request.slow)
        shown["text"] = edited(shown["text"], slowed)
        shown["sets"] = _sets({**request.values, **slowed})
        return shown | _played(_read(shown["text"], file), shown["text"])
    except ScenarioError as wrong:
        return shown | {"faults": [_told(fault) for fault in wrong.faults]}
    except Invalid as invalid:  # a control without a place in the text
        return shown | {"faults": [_told(own.fault(complaint)) for complaint in invalid.complaints]}
    except ParsimError as failed:
        return shown | {"failed": str(failed)}


def _read(text: str, file: str) -> Confined:
    return Confined(**vars(read_text(text, file)))


def _slow(scenario: Scenario, slow: Slow | None) -> dict[str, Any]:
    """Return the list of devices with one that is slow, by its dotted path."""
    if slow is None or slow.speed == 1:
        return {}
    cluster = scenario.values.get("cluster")
    count = cluster.get("devices") if isinstance(cluster, Mapping) else None
    if isinstance(count, list):
        names: list[str] = []
    elif isinstance(count, int):
        names = [f"w{number}" for number in range(count)]
    else:  # the topology or the plan says it
        names = [f"w{number}" for number in range(_devices(build(scenario)))]
    return {"cluster.devices": listed(cluster, names, slow)}


def _devices(job: Job) -> int:
    """Return how many devices there are; one that is slow is refused where most of them would no longer be folded."""
    fold = job.graph.fold
    count = len(job.cluster.devices) if fold is None else fold.devices
    if fold is not None and len(fold.first) < count > MOST_SLOWED:
        told = f"one slow device of {count:,} makes most of them differ, so that all would be played by themselves"
        raise RunError(f"{told}; choose degrees of parallelism that need {MOST_SLOWED:,} devices or fewer")
    return count


def _played(scenario: Scenario, text: str) -> dict[str, Any]:
    job = build(scenario)
    result = run(job)
    bars = len(result.timeline.start_s)
    if bars > MOST_BARS:
        return {"failed": f"the run has {bars:,} bars, and a page shows {MOST_BARS:,} at most; play a smaller scenario"}
    page = data.of(result, text)
    known = forms(job)
    return {
        "data": page,
        "figures": [_figure(figure._asdict()) for figure in figures(page["facts"], known)],
        "forms": [form._asdict() | {"limits": limits_of(form)} for form in known],
        "bound": None if known else {"formula": bound_formula(job), "makespan_s": lower_bound(job)},
        "devices": [device.name for device in job.cluster.devices[:SHOWN]],
    }


def _figure(figure: dict[str, Any]) -> dict[str, Any]:
    known = figure["known"]
    return figure | {"known": known._asdict() if known is not None else None}


def _sets(values: Mapping[str, Any]) -> str:
    """Return the options with which a command sets *values*.

    >>> _sets({"plan.microbatches": 16, "workload.send": "5 us"})
    " --set plan.microbatches=16 --set 'workload.send=5 us'"
    """
    return "".join(f" --set {shlex.quote(f'{path}={written(value)}')}" for path, value in values.items())


def _told(fault: Fault) -> dict[str, Any]:
    return {"line": fault.line, "column": fault.column, "path": fault.path, "message": fault.message}
