"""How many tasks a plan makes at least, counted before they are made.

    ranks x chunks x microbatches x 2      forwards and backwards in an iteration
      0B0 of three layers     |0B0|0B0.1|0B0.2|        by degrees, in pieces
      tensor                  |===|=====|=====|        and beside them tasks of lanes

Plans of too many are refused, since they would fill the memory of the machine first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from parsim.core.annotations import MOST
from parsim.core.errors import Complaint
from parsim.training.actions import Action, Actions
from parsim.training.layout import BACKWARD, WEIGHT_GRAD
from parsim.training.plan import TrainingPlan
from parsim.training.sharded import ShardedTraining

MOST_PLAYED = 4_000_000  # tasks by degrees of parallelism, some 2 kB each


def about_actions(plan: TrainingPlan, ranks: int, rows: int, iterations: int) -> Iterator[Complaint]:
    """Yield a complaint if a plan makes too many forwards and backwards of a batch of *rows* on so many *ranks*."""
    size = plan.microbatch_size
    parts = plan.microbatches or (-(-rows // (plan.data or 1) // size) if size else 1)
    chunks, most = plan.chunks or 1, MOST if plan.split else MOST_PLAYED
    tasks = 2 * iterations * ranks * chunks * parts
    if tasks > most:
        stated = [key for key in ("microbatches", "microbatch_size", "subsets", "chunks") if getattr(plan, key)]
        stated = stated[-1:] if chunks > parts else stated[:1]
        told = f"{ranks} ranks x {chunks} chunks x {parts} microbatches make {tasks} forwards and backwards"
        why = f"{told} in {iterations} iterations, but at most {most} tasks are allowed"
        yield Complaint(("iterations",) if iterations > chunks * parts or not stated else ("plan", stated[0]), why)


def ranks_of(plan: TrainingPlan, workers: int, layers: int, rows: int) -> int:
    """Return how many parts of the work a plan makes at once: subsets, ranks of a pipeline, or devices."""
    if plan.split == "data":
        return plan.subsets or min(workers, rows)
    return plan.pipeline or min(workers, layers) if plan.split else workers


def about_tasks(training: ShardedTraining) -> Iterator[Complaint]:
    """Yield a complaint if a plan by degrees makes too many tasks."""
    degrees = training.parallelism.part
    copies = training.iterations * -(-len(training.fold.first) // degrees.pipeline)
    if copies * len(training.cut.ops.kind) * len(training.own.layers) < MOST_PLAYED / 100:
        return  # a layer of an action makes far fewer
    tasks = copies * _of_replica(training)
    if tasks > MOST_PLAYED:
        told = f"makes at least {tasks} tasks on {len(training.fold.first)} devices in {training.iterations} iterations"
        why = "use fewer devices or microbatches, larger buckets, or detail: stages"
        yield Complaint(("plan",), f"{told}, but at most {MOST_PLAYED} are allowed; {why}")


def _of_replica(training: ShardedTraining) -> int:
    """Return the tasks of a replica in an iteration, but for sends and the last sums of gradients."""
    actions, ops = Actions(training), training.cut.ops
    rows = actions.rows
    columns = (ops.kind.tolist(), ops.stage.tolist(), ops.microbatch.tolist())
    sorts = Counter((kind, stage, rows[part]) for kind, stage, part in zip(*columns, strict=True))
    first = {rows[part]: part for part in range(len(rows))}
    each = ((Action(kind, stage, first[size]), count) for (kind, stage, size), count in sorts.items())
    return sum(count * _of_action(training, actions, action) for action, count in each)


def _of_action(training: ShardedTraining, actions: Actions, action: Action) -> int:
    """Return the tasks of an action."""
    own, rows = training.parallelism, actions.rows[action.microbatch]
    gathers = own.sharding.weights and action.kind != WEIGHT_GRAD
    sums = own.sharding.gradients and action.kind in (BACKWARD, WEIGHT_GRAD)
    shared = (gathers + sums) * (own.copies.dense > 1)
    tasks = 0
    for piece in actions.pieces(action.kind, action.stage, gathers, sums):
        for segment in actions.segments(action.kind, rows, piece.layers):
            some = (*segment.beside, *segment.after)
            tasks += 1 + (len(some) if own.one_by_one else len({one.communicator for one in some}))
        tasks += shared
    return tasks
