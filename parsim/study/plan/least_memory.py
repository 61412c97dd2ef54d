"""What devices hold at least under a plan: the state of the model, and what ops keep in the order of their rank.

order of rank 0    0F0  0F1  0F2  0B0  0F3  0B1 ..
activations         1    2    3    3    3    3  ..        known without a clock; what travels comes on top
"""

from __future__ import annotations

import numpy as np

from parsim.core.columns import Floats
from parsim.core.job import Job
from parsim.metrics import sharded_memory
from parsim.metrics.held import ACTIVATIONS, KINDS, WORKSPACE
from parsim.training.layout import BACKWARD, FORWARD, INPUT_GRAD, WEIGHT_GRAD
from parsim.training.sharded import ShardedTraining


def least_memory(job: Job, program: ShardedTraining) -> tuple[tuple[float, ...], float, str]:
    """Return what the fullest device holds at least of each kind (B), its capacity (B), and its name."""
    always, by_rank = sharded_memory.always(program), program.parallelism.part.by_rank
    part = program.cut.parts[0]
    stages = [program.stages.price(stage, part.stop - part.start) for stage in range(program.layout.stages)]
    sizes = np.array([[one.kept, one.halfway, one.workspace] for one in stages]).T  # (3, stages)
    held = np.array([always[devices[0]] + _in_flight(program, rank, sizes) for rank, devices in enumerate(by_rank)])
    fullest = int(held.sum(axis=1).argmax())
    least = min((job.cluster.devices[one] for one in by_rank[fullest]), key=lambda one: one.memory)
    return tuple(held[fullest].tolist()), least.memory, least.name


def _in_flight(program: ShardedTraining, rank: int, sizes: Floats) -> Floats:
    """Return what the ops of a rank hold at the moment when they hold most, (kinds,).

    *sizes* has the bytes that a stage keeps, holds halfway, and works in, (3, stages).
    """
    ops = program.layout.ops
    rows = slice(*ops.first[rank : rank + 2].tolist())
    kind, stage = ops.kind[rows], ops.stage[rows]
    kept, halfway, workspace = sizes[:, stage]
    halved, backward = kind == INPUT_GRAD, (kind == BACKWARD) | (kind == INPUT_GRAD)
    before = np.where(kind == FORWARD, kept, 0.0)  # what an op takes at its start, and what it leaves at its end
    after = np.where(backward, -kept, 0.0) + np.where(halved, halfway, 0.0)
    after -= np.where(kind == WEIGHT_GRAD, halfway, 0.0)
    held, used = np.cumsum(before + np.concatenate([[0.0], after[:-1]])), np.where(backward, workspace, 0.0)
    most = int((held + used).argmax())
    found = np.zeros(len(KINDS))
    found[ACTIVATIONS], found[WORKSPACE] = held[most], used[most]
    return found
