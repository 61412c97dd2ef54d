"""Schedules with the two halves of backward, for `--with`: one as in ZB-H1, and orders that are drawn."""

import random

from parsim.core.op import Op
from parsim.core.schema import Whole
from parsim.schedules import schedules


@schedules.add("delayed")
def delayed(ranks: int, microbatches: int) -> list[list[Op]]:
    """Put off W as ZB-H1 does: 1F1B whose W of rank r come r microbatches late (Qi et al., ICLR 2024, figure 3)."""
    return [_rank(stage, min(ranks - stage, microbatches), microbatches) for stage in range(ranks)]


def _rank(stage, warmup, microbatches):
    order = [Op(stage, "F", i) for i in range(warmup)]
    for i in range(microbatches):
        order.append(Op(stage, "I", i))
        order += [Op(stage, "W", i - stage)] if i >= stage else []
        order += [Op(stage, "F", i + warmup)] if i + warmup < microbatches else []
    done = max(microbatches - stage, 0)
    return order + [Op(stage, "W", i) for i in range(done, microbatches)]


@schedules.add("drawn")
def drawn(ranks: int, microbatches: int, draw: Whole = 0) -> list[list[Op]]:
    """Draw any order that can be played: whole backwards and halves of them in turn, each W some time after its I."""
    luck = random.Random(draw)
    whole = {(stage, i): luck.random() < 0.4 for stage in range(ranks) for i in range(microbatches)}
    orders, done = [[] for _ in range(ranks)], set()
    left = [Op(stage, kind, i) for (stage, i), one in whole.items() for kind in ("FB" if one else "FIW")]
    while left:
        op = luck.choice([op for op in left if _may_run(op, ranks, done)])
        left.remove(op)
        orders[op.stage].append(op)
        done.add(op if op.kind in "FW" else (op.stage, op.microbatch))
    return orders


def _may_run(op, ranks, done):
    """Say whether all that *op* waits for is done: forwards, and whole backwards or their first halves by place."""
    stage, kind, i = op
    if kind == "F":
        return not stage or Op(stage - 1, "F", i) in done
    if kind == "W":
        return (stage, i) in done
    return Op(stage, "F", i) in done and (stage + 1 == ranks or (stage + 1, i) in done)


@schedules.add("torn")
def torn(ranks: int, microbatches: int) -> list[list[Op]]:
    """Compute the weight halves of each rank on the rank before: what I has left would have to travel."""
    whole = [[Op(stage, kind, i) for kind in "FI" for i in range(microbatches)] for stage in range(ranks)]
    for stage in range(ranks):
        whole[(stage - 1) % ranks] += [Op(stage, "W", i) for i in range(microbatches)]
    return whole
