"""A plan whose training is really computed."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from parsim.training.plan import TrainingPlan
from parsim.training.shards import Shards


@dataclass(frozen=True, kw_only=True)
class ComputedPlan(TrainingPlan):
    """A plan whose training is really computed: the loss is that of all logits, which tensor ranks gather."""

    @property
    def shards(self) -> Shards:
        """What a device holds of each layer."""
        return super().shards._replace(whole_logits=True)


def really(settled: dict[str, Any]) -> dict[str, Any]:
    """Return the sections of a scenario whose training is really computed, in fp64, as NumPy kernels do."""
    workload, plan = settled.get("workload"), settled.get("plan")
    made = dict(settled)
    if isinstance(plan, TrainingPlan):
        made["plan"] = ComputedPlan(**{field.name: getattr(plan, field.name) for field in fields(plan)})
    if workload is not None and "precision" in workload.arguments:
        made["workload"] = workload._replace(arguments={**workload.arguments, "precision": "fp64"})
    return made
