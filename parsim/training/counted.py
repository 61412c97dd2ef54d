"""What of a training by degrees of parallelism is only counted, and what to write instead."""

from __future__ import annotations

from collections.abc import Iterator

from parsim.core.errors import Complaint
from parsim.training.sharded import ShardedTraining

SIMULATED = "or use clock: simulated"


def about_degrees(training: ShardedTraining) -> Iterator[Complaint]:
    """Yield why a training by degrees of parallelism cannot be computed."""
    own, recompute = training.parallelism, training.cut.recompute
    for name in ("context", "expert"):
        if getattr(own.degrees, name) > 1:
            why = f"ranks of {name} are counted and not computed; leave {name} out, {SIMULATED}"
            yield Complaint(("plan", name), why)
    if own.degrees.tensor > 1 and not own.one_by_one:
        why = "exchanges within layers are priced as one; write detail: layers, which plays them"
        yield Complaint(("plan", "detail"), f"{why}, {SIMULATED}")
    if set(recompute) != {"none"}:
        why = "recomputation is counted and not computed under degrees of parallelism; leave recompute out"
        yield Complaint(("plan", "recompute"), f"{why}, {SIMULATED}")
