"""A discrete-event simulator of parallel training clusters.

    run = parsim.simulate("scenarios/01_five_tasks_data.yaml", set={"cluster.devices": 4})
    run.ledger, run.timeline, run.metrics, run.to_dict(), run.save("out")

    run = parsim.replay("scenarios/01_five_tasks_data.yaml")        the same work in real processes

Names are imported when they are first used, so that `parsim --help` need not wait for the engine.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from parsim.core.errors import Fault, ParsimError, RunError, ScenarioError, Stalled
    from parsim.core.timeline import Timeline
    from parsim.metrics.ledger import Ledger
    from parsim.run import Replay, Result, replay, simulate

__version__ = "0.1.0"
__all__ = [
    "Fault",
    "Ledger",
    "ParsimError",
    "Replay",
    "Result",
    "RunError",
    "ScenarioError",
    "Stalled",
    "Timeline",
    "replay",
    "simulate",
]

_HOMES = {
    "Ledger": "parsim.metrics.ledger",
    "Replay": "parsim.run",
    "Result": "parsim.run",
    "Timeline": "parsim.core.timeline",
    "replay": "parsim.run",
    "simulate": "parsim.run",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'parsim' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES.get(name, "parsim.core.errors")), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
