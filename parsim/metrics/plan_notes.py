"""Notes on the plan of a pipeline: its shape, and what of it wastes devices or time.

41 ranks of 1 stage, 64 microbatches of 1 sample of 2048 tokens; 40 blocks, embedding and head make 41 stages
23 of 64 devices have no task ...         63 microbatches are unequal ...         one microbatch ...
"""

from __future__ import annotations

from collections.abc import Iterator

from parsim.core.job import Job
from parsim.training.program import Training


def plan_notes(job: Job) -> Iterator[str]:
    """Yield the notes on the plan of a pipeline; none where it is no pipeline."""
    program = job.graph.program
    if not job.graph.orders:
        return
    if isinstance(program, Training) and len(program.cut.orders) > 1:
        yield from _of_training(program)
    workers = int(job.cluster.stands_for.sum())
    idle = workers - job.ranks
    if idle:
        have = "device has" if idle == 1 else "devices have"
        yield f"{idle} of {workers} {have} no task; replicas (plan.data, without split) or more ranks would use them"


def _of_training(program: Training) -> Iterator[str]:
    """Yield the notes on the pipeline of a replica."""
    ranks, model = len(program.cut.orders), program.model
    sizes = [part.stop - part.start for part in program.cut.parts]
    count, few, many = len(sizes), min(sizes), max(sizes)
    tokens = f" of {model.batch[1]} tokens" if model.tokens and len(model.batch) > 1 else ""
    size = _counted(many, "sample") if few == many else f"{few} or {many} samples"
    stages = len(program.cut.stages)
    shape = f"{ranks} ranks of {_counted(stages // ranks, 'stage')}, {_counted(count, 'microbatch', 'es')} of {size}"
    yield f"{shape}{tokens}; {model.made_of} make {_counted(stages, 'stage')}"
    if count == 1:
        yield "one microbatch: no two ranks compute at the same time; more of them (plan.microbatches) make a pipeline"
    elif few != many:
        equal = max(number for number in range(1, count) if sum(sizes) % number == 0)
        more = next(number for number in range(count, sum(sizes) + 1) if sum(sizes) % number == 0)
        yield (
            f"{count} microbatches are unequal, and all ranks wait for the largest; {equal} or {more} of them are equal"
        )


def _counted(count: int, word: str, plural: str = "s") -> str:
    return f"{count} {word}{plural * (count != 1)}"
