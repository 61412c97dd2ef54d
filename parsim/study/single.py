"""Play one scenario, and say what would make it fit where it does not fit into memory.

simulate(scenario)                        the run
    .report(), .to_dict(), .fit_first     search for a change that fits, since that plays the scenario again
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from parsim.build import build
from parsim.core.cluster import FOLDINGS, Folding
from parsim.core.errors import ManyPlayed, Unfinished
from parsim.core.job import ENGINES, Engine, Job
from parsim.core.suggestions import did_you_mean
from parsim.core.timeline import Timeline
from parsim.reading import load
from parsim.run import Result, run
from parsim.scenario.scenario import Scenario, Source
from parsim.sim.cut import Cut


def simulate(
    source: Source, set: Mapping[str, Any] | None = None, engine: Engine = "auto", fold: Folding = "auto"
) -> Result:
    """Play a scenario on its clock, simulated or live.

    Parameters
    ----------
    source : a path, or the scenario's YAML as Python values.
    set : values that replace the scenario's, by dotted path.
    engine : what plays it on the simulated clock: simpy; path, the longest path, which is faster and writes the same
        bytes, but can only play fixed orders on links that nobody shares; or auto, which tries path from 2,000 tasks
        on. The result says which it was. Another name is a `ValueError`.
    fold : whether devices that do the same at the same time are played once: off; on, an error where none do; or auto,
        which folds more than 64 devices where it can. Figures are those of all devices, to rounding.

    Raises `ScenarioError` where the input is wrong or *engine* cannot play it, `RunError` where the run fails,
    `Unfinished` where somebody interrupts the live clock.

    >>> five = {"kind": "items", "data": [1, 2, 3, 4, 5], "kernel": "double", "merge": "sum"}
    >>> scenario = {"cluster": {"devices": 2}, "workload": five, "plan": {"split": "data"},
    ...             "cost": {"kind": "constant", "compute": "1 s"}}
    >>> run = simulate(scenario)
    >>> run.timeline.makespan_s, run.value, run.theory.t_total_s
    (3.0, 30, 2.5)
    """
    if engine not in ENGINES:
        raise ValueError(f"engine: {did_you_mean(engine, ENGINES)}")
    if fold not in FOLDINGS:
        raise ValueError(f"fold: {did_you_mean(fold, FOLDINGS)}")
    try:
        scenario = load(source, set)
        job = build(scenario, fold)
        if job.graph.fold and job.graph.fold.warning:
            warnings.warn(ManyPlayed(job.graph.fold.warning), stacklevel=2)
        return replace(run(replace(job, engine=engine)), search=partial(_search, scenario))
    except Cut as cut:
        raise Unfinished(str(cut), cut.timeline) from None


def _search(scenario: Scenario, job: Job, timeline: Timeline) -> str:
    if not job.memories:
        return ""
    from parsim.study.smallest import fit_first  # most runs fit, and need none of this

    return fit_first(scenario, job, timeline)
