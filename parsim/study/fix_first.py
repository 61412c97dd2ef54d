"""The change that is worth making first, in words.

the run fits        the change with the largest gain; bounds only where nothing else gains
it does not fit     the change with which it fits, of these the shortest run
nothing fits        as if it fitted, and the sentence says what would still not fit

A lower precision changes the model's numbers, so it comes last.
"""

from __future__ import annotations

from collections.abc import Sequence

from parsim.study.change import Change, ends
from parsim.study.fitting import LOWER, smallest


def fix_first(changes: Sequence[Change], own_s: float, lacks: str) -> str:
    """Say which of the *changes*, the largest gain first, is worth making first.

    *own_s* is the makespan, or the iteration, without a change. *lacks* says which device of the run has too little
    memory; empty: none.

    >>> changes = [Change("pipeline_depth", "4 ranks", 2.0, 1.0, lacks="w0 holds 9 GB of 8 GB")]
    >>> fix_first(changes, 3.0, "w0 holds 10 GB of 8 GB")
    'Fix first: 4 ranks. The run would end after 2 s, 1 s (33.3 %) sooner, but it would not fit: w0 holds 9 GB of 8 GB.'
    """
    least = smallest(changes) if lacks else None
    gaining = (change for change in changes if change.compared_gain_s > 0)
    gains = sorted(gaining, key=lambda one: (one.bound, bool(one.lacks), one.change == LOWER))
    if not gains and not least:
        return "None of these changes shortens the run."
    first = least or gains[0]
    told = ends(first, own_s)
    effect = f"It would fit into memory, and {told}" if least else told[0].upper() + told[1:]
    but = f", but it would not fit: {first.lacks}" if first.lacks else ""
    return f"Fix first: {first.words}. {effect}{but}."
