"""A space of plans around the plan of a file, which `parsim plan` searches.

data: 8, tensor: 4, pipeline: 2    ->    data: {from: 1, to: 64, factor: 2}, ...    require: [... == devices]
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parsim.formats.found import Said

KEPT = ("context", "expert", "sequence_parallel", "sharding", "bucket")
MOST_SAMPLES = 8  # of a microbatch
WIDEST = 8  # tensor ranks
DEEPEST = 16  # stages


def around(values: Mapping[str, Said]) -> dict[str, Any]:
    """Return the sections of a space: `plan` with choices, and `require`.

    >>> found = around({"cluster.devices": Said(8, ""), "workload.blocks": Said(4, ""), "workload.batch": Said(8, "")})
    >>> found["plan"]["data"], found["plan"]["pipeline"], found["require"]
    ({'from': 1, 'to': 8, 'factor': 2}, {'from': 1, 'to': 4, 'factor': 2}, ['data * tensor * pipeline == devices'])
    """
    plan = {path.partition(".")[2]: said.value for path, said in values.items() if path.startswith("plan.")}
    devices, context = int(values["cluster.devices"].value), int(plan.get("context", 1))
    replicas, plain = devices // context, values.get("workload.attention", Said("", "")).value == "plain"
    made: dict[str, Any] = {
        "data": _divisors(replicas, replicas),
        "tensor": _divisors(replicas, WIDEST),
        "pipeline": _divisors(replicas, min(int(values["workload.blocks"].value), DEEPEST)),
        "microbatch_size": _divisors(int(values["workload.batch"].value), MOST_SAMPLES),
        "recompute": {"in": ["none", *["selective"] * plain, "full"]},
    }
    made |= {key: plan[key] for key in KEPT if key in plan}
    product = "data * tensor * pipeline" + " * context" * (context > 1)
    return {"plan": made, "require": [f"{product} == devices"]}


def _divisors(number: int, most: int) -> Any:
    """Return the divisors of a number up to *most*: all, or if the number has many the powers of two."""
    found = [one for one in range(1, min(number, most, 1000) + 1) if number % one == 0]
    doubled = [one for one in found if one & (one - 1) == 0]
    if len(found) == 1:
        return 1
    if found == doubled and found == [2**place for place in range(len(found))]:
        return {"from": 1, "to": found[-1], "factor": 2}
    return {"in": found}
