"""A discrete-event simulator of parallel training clusters.

    run = parsim.simulate("scenarios/01_five_tasks_data.yaml", set={"cluster.devices": 4})
    run.ledger, run.timeline, run.metrics, run.to_dict(), run.save("out")

    run = parsim.replay("scenarios/01_five_tasks_data.yaml")        the same work in real processes
    parsim.calibrate(scenario)                                      measure its kernels on this machine
    parsim.use("mine.py")                                           add your own policies, kernels, ...
    parsim.compare(scenario, set={"policy": ["fifo", "mine"]})      which variant is faster, and why
    parsim.explain(scenario), parsim.scaling(scenario), parsim.splits(scenario)
    parsim.plan(scenario)                                           the best plans of a scenario with choices
    parsim.sweep(scenario, store="mine.db")                         all rows of a scenario with choices

Names are imported on first use, so that `parsim --help` starts fast.
"""

import importlib
import sys
from typing import TYPE_CHECKING, Any

from parsim.core.version import __version__ as __version__

if TYPE_CHECKING:
    from parsim.core.errors import Fault, ManyPlayed, ParsimError, RunError, ScenarioError, Silence, Stalled, Unfinished
    from parsim.core.profile import Profile
    from parsim.core.timeline import Timeline
    from parsim.entries.registry import use
    from parsim.measure import Calibration, calibrate
    from parsim.metrics.ledger import Ledger
    from parsim.predict import Replay, replay
    from parsim.run import Result
    from parsim.study.compare import compare
    from parsim.study.comparison import Comparison
    from parsim.study.explain import Explanation, explain
    from parsim.study.plan.planning import Planning, plan
    from parsim.study.repeat import Repeated, repeat
    from parsim.study.scaling import Scaling, scaling
    from parsim.study.single import simulate
    from parsim.study.splits import Splits, splits
    from parsim.study.sweep.sweeping import sweep
    from parsim.study.sweep.swept import Sweep

__all__ = [
    "Calibration",
    "Comparison",
    "Explanation",
    "Fault",
    "Ledger",
    "ManyPlayed",
    "ParsimError",
    "Planning",
    "Profile",
    "Repeated",
    "Replay",
    "Result",
    "RunError",
    "Scaling",
    "ScenarioError",
    "Silence",
    "Splits",
    "Stalled",
    "Sweep",
    "Timeline",
    "Unfinished",
    "calibrate",
    "compare",
    "explain",
    "plan",
    "repeat",
    "replay",
    "scaling",
    "simulate",
    "splits",
    "sweep",
    "use",
]

_HOMES = {
    "Calibration": "parsim.measure",
    "Comparison": "parsim.study.comparison",
    "Explanation": "parsim.study.explain",
    "Ledger": "parsim.metrics.ledger",
    "Planning": "parsim.study.plan.planning",
    "Profile": "parsim.core.profile",
    "Repeated": "parsim.study.repeat",
    "Replay": "parsim.predict",
    "Result": "parsim.run",
    "Scaling": "parsim.study.scaling",
    "Splits": "parsim.study.splits",
    "Sweep": "parsim.study.sweep.swept",
    "Timeline": "parsim.core.timeline",
    "calibrate": "parsim.measure",
    "compare": "parsim.study.compare",
    "explain": "parsim.study.explain",
    "plan": "parsim.study.plan.planning",
    "repeat": "parsim.study.repeat",
    "replay": "parsim.predict",
    "scaling": "parsim.study.scaling",
    "simulate": "parsim.study.single",
    "splits": "parsim.study.splits",
    "sweep": "parsim.study.sweep.sweeping",
    "use": "parsim.entries.registry",
}

_SHOWN = ("Result", "simulate")  # whose results are widgets in a notebook


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'parsim' has no attribute {name!r}")
    found = getattr(importlib.import_module(_HOMES.get(name, "parsim.core.errors")), name)
    if name in _SHOWN and "IPython" in sys.modules:
        importlib.import_module("parsim.page.notebook").install()
    return found


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
