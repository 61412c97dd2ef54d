"""A space of plans around the plan of a file, which `parsim plan` searches. Its first row is the plan of the file.

data: 8, tensor: 4, pipeline: 2    ->    data: {in: [8, 1, 2, ...]}, ...    require: [... == devices, peak_memory < ...]
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parsim.formats.found import Said

SIZES = ("cluster.devices", "workload.blocks", "workload.batch")
DEGREES = ("data", "tensor", "pipeline")
MOST_SAMPLES = 8  # of a microbatch
MOST_REPLICAS = 4096
WIDEST = 8  # tensor ranks
DEEPEST = 16  # stages
FIRST, REQUIRE = "first: ", "require"
PLAIN = "1f1b"  # the schedule that any number of stages can have
ONE_STAGE = f"pipeline > 1 or schedule == '{PLAIN}'"
CHUNKS = (f"chunks == 1 or schedule != '{PLAIN}'", f"chunks > 1 or schedule == '{PLAIN}'")


def around(values: Mapping[str, Said]) -> dict[str, Said]:
    """Return the plan of a file with choices, each with the file's own value first, and `require`.

    >>> values = {"cluster.devices": Said(8, ""), "workload.blocks": Said(4, ""), "workload.batch": Said(8, "")}
    >>> found = around(values | {"plan.data": Said(2, "--nnodes"), "plan.tensor": Said(4, "")})
    >>> found["plan.data"]
    Said(value={'in': [2, 1, 4, 8]}, source='first: --nnodes', at=(1, 1))
    >>> found["require"].value
    ['data * tensor * pipeline == devices', 'peak_memory < 0.95 * memory']
    """
    plan = {path.partition(".")[2]: said for path, said in values.items() if path.startswith("plan.")}
    others = _degrees(values, plan) | _of_pipeline(plan) | {"recompute": _recompute(values, plan)}
    own = {key: Said(1, "") for key in others} | {"recompute": Said("none", "")} | plan
    made = {key: _choice(own[key], others.get(key, ())) for key in dict.fromkeys((*DEGREES, *plan, *others))}
    return {**{f"plan.{key}": said for key, said in made.items()}, REQUIRE: Said(_conditions(made), "")}


def _degrees(values: Mapping[str, Said], plan: Mapping[str, Said]) -> dict[str, Any]:
    """Return the sizes that devices, blocks and batch can be shared out in."""
    devices, blocks, batch = (int(values[path].value) for path in SIZES)
    replicas = devices // (int(plan["context"].value) if "context" in plan else 1)
    most = {"data": MOST_REPLICAS, "tensor": WIDEST, "pipeline": min(blocks, DEEPEST)}
    found = {key: _divisors(replicas, number) for key, number in most.items()}
    return found | {"microbatch_size": _divisors(batch, MOST_SAMPLES)}


def _of_pipeline(plan: Mapping[str, Said]) -> dict[str, Any]:
    """Return what a pipeline of another depth can have, where the file's own values fit its own depth alone."""
    found: dict[str, Any] = {}
    if "schedule" in plan and plan["schedule"].value != PLAIN:
        found["schedule"] = [PLAIN]
        if "chunks" in plan:
            found["chunks"] = [1]
    if "stages" in plan and isinstance(plan["stages"].value, list):
        found["stages"] = ["count"]
    return found


def _recompute(values: Mapping[str, Said], plan: Mapping[str, Said]) -> list[str]:
    """Return what backward can compute again. Without plain attention, `selective` is the same as `none`."""
    attention = values.get("workload.attention")
    if attention is not None and attention.value == "plain":
        return ["none", "selective", "full"]
    same = "recompute" in plan and plan["recompute"].value == "selective"
    return ["full"] if same else ["none", "full"]


def _choice(own: Said, others: Any) -> Said:
    """Return a value, or where there are others a choice that begins with it."""
    more = [other for other in others if other != own.value]
    return own._replace(value={"in": [own.value, *more]}, source=own.source and FIRST + own.source) if more else own


def _conditions(plan: Mapping[str, Said]) -> list[str]:
    """Return what a plan must meet: as many devices as there are, and room; a schedule that is there for something."""
    degrees = (*DEGREES, *["context"] * ("context" in plan))
    found = [f"{' * '.join(degrees)} == devices", "peak_memory < 0.95 * memory"]
    choices = [key for key in ("schedule", "chunks") if key in plan and isinstance(plan[key].value, dict)]
    return found + [ONE_STAGE] * ("schedule" in choices) + [*CHUNKS] * ("chunks" in choices)


def _divisors(number: int, most: int) -> list[int]:
    """Return the divisors of a number up to *most*."""
    return [one for one in range(1, min(number, most) + 1) if number % one == 0]
