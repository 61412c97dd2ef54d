"""A player of pipelines, written apart from the package: each action starts as soon as its rank and inputs allow."""

from parsim.core.op import ops_of


def waits_for(op, stages):
    """The (stage, way, microbatch) that *op* needs, ways being F, B (or I) and W."""
    if op.kind == "F":
        return [(op.stage - 1, "F", op.microbatch)] if op.stage else []
    if op.kind == "W":
        return [(op.stage, "B", op.microbatch)]
    later = [(op.stage + 1, "B", op.microbatch)] if op.stage + 1 < stages else []
    return [(op.stage, "F", op.microbatch), *later]


def way(op):
    return (op.stage, "B" if op.kind in "BI" else op.kind, op.microbatch)


def play(orders, forward=1, input_grad=1, weight_grad=1, send=0):
    """Return when each rank is done, or fail where nothing can move. Times are those of every stage."""
    seconds = {"F": forward, "B": input_grad + weight_grad, "I": input_grad, "W": weight_grad}
    stages = 1 + max(op.stage for order in orders for op in ops_of(order))
    rank_of = {way(op): rank for rank, order in enumerate(orders) for op in ops_of(order)}
    ends, at, clock = {}, [0] * len(orders), [0] * len(orders)
    while sum(at) < sum(map(len, orders)):
        before = sum(at)
        for rank, order in enumerate(orders):
            while at[rank] < len(order):
                ops = ops_of(order[at[rank] : at[rank] + 1])
                needed = [need for op in ops for need in waits_for(op, stages)]
                if any(need not in ends for need in needed):
                    break
                arrived = [ends[need] + send * (rank_of[need] != rank) for need in needed]
                clock[rank] = max([clock[rank], *arrived]) + sum(seconds[op.kind] for op in ops)
                ends.update((way(op), clock[rank]) for op in ops)
                at[rank] += 1
        stuck = [str(order[i]) for order, i in zip(orders, at, strict=True) if i < len(order)]
        assert sum(at) > before, f"deadlock at {stuck}"
    return clock


def busy(order, forward=1, input_grad=1, weight_grad=1):
    """The seconds of all actions of a rank."""
    seconds = {"F": forward, "B": input_grad + weight_grad, "I": input_grad, "W": weight_grad}
    return sum(seconds[op.kind] for op in ops_of(order))


def most_live(order):
    """The most activations held at once: a forward adds one, its last backward half frees it."""
    ops = ops_of(order)
    split = {(op.stage, op.microbatch) for op in ops if op.kind == "W"}
    live = most = 0
    for op in ops:
        freed = op.kind == "W" or (op.kind == "B" and (op.stage, op.microbatch) not in split)
        live += (op.kind == "F") - freed
        most = max(most, live)
    return most
