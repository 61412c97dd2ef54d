"""The pictures of the rows of a space, which a sweep and a search for plans have.

choices    time over each choice: a point for each row, and the best of each value
heat       the best time over two choices, and why cells are empty
pareto     the Pareto front of time, memory and cost
parallel   parallel coordinates: a line for each row over all choices and figures
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes

from parsim.core.errors import RunError
from parsim.core.suggestions import did_you_mean
from parsim.plot.coordinates import coordinates
from parsim.plot.heat import heat
from parsim.plot.letters import warn
from parsim.plot.over_choices import over_choices
from parsim.plot.paper import files, ours
from parsim.plot.pareto import pareto
from parsim.plot.space import Rows

Drawing = Callable[[Rows, str, Axes | None, Sequence[str]], Axes]


def _whole(draw: Callable[[Rows, str, Axes | None], Axes]) -> Drawing:
    """Return a drawing that shows all choices."""
    return lambda rows, name, axes, over: draw(rows, name, axes)


KINDS: Mapping[str, Drawing] = {
    "choices": _whole(over_choices),
    "heat": heat,
    "pareto": _whole(pareto),
    "parallel": _whole(coordinates),
}


def drawn(
    rows: Iterable[Mapping[str, Any]], name: str, kind: str, axes: Axes | None = None, over: Sequence[str] = ()
) -> Axes:
    """Draw the rows of the space *name* on *axes*, or on a sheet of their own.

    Parameters
    ----------
    rows : as `parsim sweep --json` gives them.
    name : of the scenario.
    kind : choices, heat, pareto, or parallel; an unknown kind raises `ValueError`.
    axes : where to draw; their place is divided into panels.
    over : the two choices of a heat map, by their paths; left out: those that change the best time most.

    Raises `RunError` where the rows have nothing to draw.
    """
    if kind not in KINDS:
        raise ValueError(did_you_mean(kind, KINDS))
    with ours():
        made = KINDS[kind](Rows(rows), name, axes, over)
    warn()
    return made


def pictures(rows: Iterable[Mapping[str, Any]], name: str, kind: str, over: Sequence[str] = ()) -> dict[str, bytes]:
    """Draw the rows as `KIND.png` and `KIND.svg`; the same rows give the same bytes."""
    return files(kind, drawn(rows, name, kind, over=over).figure)


def pictures_of(rows: Iterable[Mapping[str, Any]], name: str) -> dict[str, bytes]:
    """Draw all pictures for which the rows suffice, as files by their names."""
    known: list[Mapping[str, Any]] = list(rows)
    made: dict[str, bytes] = {}
    for kind in KINDS:
        try:
            made |= pictures(known, name, kind)
        except RunError:  # one choice has no heat map, and rows that were all refused have no front
            continue
    return made
