"""Choose what to change in a plan by degrees of parallelism, with the same devices and the same batch.

                   data 4, tensor 2, pipeline 2
other_degrees      data 8, tensor 1 | data 8, pipeline 1 | data 2, tensor 4 | ...    one larger, another as much smaller
microbatch_size    twice as large | half as large
other_sharding     each of the others
bucket             four times as large | a quarter
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from itertools import permutations
from math import gcd
from typing import Any

from parsim.core.quantities import size
from parsim.core.schema import kind_of
from parsim.scenario.scenario import Scenario
from parsim.shardings import shardings
from parsim.study import counterfactual as other
from parsim.study.change import Trial
from parsim.training.sharded import ShardedTraining

BUCKETS = (4.0, 0.25)  # times as large
SMALLER = (4, 8)  # times as small, where the run does not fit
SAME = {"fsdp": "zero3"}  # another name of the same sharding


def trials(scenario: Scenario, training: ShardedTraining) -> Iterator[Trial]:
    """Yield changes of the plan of a *training*, one at a time."""
    degrees, size = training.parallelism.degrees, microbatch_size(training)
    for up, down in permutations(("data", "tensor", "pipeline", "context"), 2):
        factor = _least_factor(getattr(degrees, down))
        used = up != "context" or degrees.context > 1
        if factor > 1 and used:
            changed = {up: getattr(degrees, up) * factor, down: getattr(degrees, down) // factor}
            yield _degrees(scenario, training, changed)
    if degrees.expert > 1:
        factor = _least_factor(degrees.expert)
        for expert in (degrees.expert * factor, degrees.expert // factor):
            yield _degrees(scenario, training, {"expert": expert})
    for each in (2 * size, size // 2):
        if each and training.model.rows // degrees.data % each == 0:
            yield of_microbatches(scenario, training, each)
    if training.parallelism.copies.dense > 1:
        yield from _of_data_ranks(scenario, training)


def smaller_microbatches(scenario: Scenario, training: ShardedTraining) -> Iterator[Trial]:
    """Yield smaller microbatches than `trials` does."""
    own = microbatch_size(training)
    yield from (of_microbatches(scenario, training, own // times) for times in SMALLER if own % times == 0)


def microbatch_size(training: ShardedTraining) -> int:
    """Return the samples of a microbatch."""
    return training.model.rows // training.parallelism.degrees.data // len(training.cut.parts)


def batched(rows: int, data: int, each: int) -> dict[str, Any]:
    """Return the settings of a batch of *rows* on *data* replicas, in microbatches of *each*, or of fewer if need be.

    >>> batched(64, 4, 2)
    {'workload.batch': 64, 'plan.data': 4, 'plan.microbatches': 8, 'plan.microbatch_size': 2}
    """
    each = gcd(each, rows // data) or 1
    parts = max(rows // data // each, 1)
    return {"workload.batch": rows, "plan.data": data, "plan.microbatches": parts, "plan.microbatch_size": each}


def _degrees(scenario: Scenario, training: ShardedTraining, changed: Mapping[str, int]) -> Trial:
    degrees = training.parallelism.degrees
    words = ", ".join(f"{name} {value} instead of {getattr(degrees, name)}" for name, value in changed.items())
    batch = batched(training.model.rows, changed.get("data", degrees.data), microbatch_size(training))
    settings = {**batch, **{f"plan.{name}": value for name, value in changed.items()}}
    if "pipeline" in changed and isinstance((scenario.values.get("plan") or {}).get("stages"), list):
        settings["plan.stages"] = "cost"
    return _trial(scenario, "other_degrees", words, settings, [f"plan.{name}" for name in changed])


def of_microbatches(scenario: Scenario, training: ShardedTraining, each: int) -> Trial:
    """Return the trial of microbatches of *each* samples."""
    settings = batched(training.model.rows, training.parallelism.degrees.data, each)
    words = f"microbatches of {each} instead of {microbatch_size(training)}"
    return _trial(scenario, "microbatch_size", words, settings, ["plan.microbatch_size"])


def _of_data_ranks(scenario: Scenario, training: ShardedTraining) -> Iterator[Trial]:
    """Yield what data ranks may share, and how much they add up at once."""
    own = kind_of((scenario.values.get("plan") or {}).get("sharding") or "none")
    for name in shardings.entries():
        if name not in (own, SAME.get(own), *SAME):
            words = f"sharding: {name} instead of {own}"
            yield _trial(scenario, "other_sharding", words, {"plan.sharding": name}, ["plan.sharding"])
    bucket = training.parallelism.bucket
    for times in BUCKETS if bucket else ():
        words = f"buckets of {size(bucket * times)} instead of {size(bucket)}"
        yield _trial(scenario, "bucket", words, {"plan.bucket": f"{bucket * times:.0f} B"}, ["plan.bucket"])


def _trial(scenario: Scenario, change: str, words: str, settings: dict[str, Any], told: list[str]) -> Trial:
    what = ", ".join(f"{path}={settings[path]}" for path in told)
    return Trial(change, words, partial(other.planned, scenario, settings), what)


def _least_factor(count: int) -> int:
    """Return the least prime factor of a count; 1 has none, and gives 1.

    >>> [_least_factor(count) for count in (1, 2, 9, 35)]
    [1, 2, 3, 5]
    """
    return next((factor for factor in range(2, count + 1) if count % factor == 0), 1)
