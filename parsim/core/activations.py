"""How many activations a rank holds: each from its F to the last action that needs it, B, or W where halves are apart.

0F0 0F1 0I0 0W0 0I1 0W1
  1   2   2   2   1   1        while each action runs; an overlap holds what its F adds and what its B frees
"""

from __future__ import annotations

from collections.abc import Sequence

from parsim.core.op import Action, ops_of


def held(order: Sequence[Action]) -> list[int]:
    """Return the activations (of one stage and microbatch) that a rank holds during each action.

    >>> from parsim.core.op import action
    >>> held([action(text) for text in "0F0 0F1 0I0 0W0 0I1 0W1".split()])
    [1, 2, 2, 2, 1, 1]
    """
    halves = {(op.stage, op.microbatch) for op in ops_of(order) if op.kind == "W"}
    live, found = 0, []
    for action in order:
        ops = ops_of([action])
        live += sum(op.kind == "F" for op in ops)
        found.append(live)
        live -= sum(op.kind == "W" or (op.kind == "B" and op[::2] not in halves) for op in ops)
    return found
