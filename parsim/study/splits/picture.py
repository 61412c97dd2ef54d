"""Prepare the picture of the two splits: a panel for each variable, and bars for the costs of each split."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable

from matplotlib.figure import Figure

from parsim.core.quantities import seconds, size, unit_of
from parsim.core.units import BYTES, BYTES_PER_SECOND, SECONDS
from parsim.plot import splits as plot
from parsim.study.splits.crossings import NEITHER
from parsim.study.splits.report import sentence, settings, starts
from parsim.study.splits.runs import Figures, Refused
from parsim.study.splits.sweep import Found, Sweep
from parsim.study.splits.variables import SPLITS, Variable

LETTERS = 165  # of a line of the sheet


def picture(found: Found) -> Figure:
    """Draw the study."""
    title = f"{found.name}: the same work, split by data and by layers"
    foot = "\n".join(textwrap.wrap(sentence(found), LETTERS, break_on_hyphens=False))
    return plot.splits(title, [settings(found), foot], [_panel(sweep) for sweep in found.sweeps], _costs(found))


def _panel(sweep: Sweep) -> plot.Panel:
    name, scale = _unit(sweep.variable, sweep.here)
    lines = {
        split: plot.Line([_makespan(figures) for figures in sweep.figures[split]], sweep.t_total_s[split])
        for split in SPLITS
    }
    courses = {"T_total": sweep.predicted, "run": sweep.found}
    return plot.Panel(
        title=sweep.variable.words,
        note=_note(sweep),
        axis=f"{sweep.variable.words} ({name})" if name else sweep.variable.words,
        counted=sweep.values == tuple(range(1, len(sweep.values) + 1)),
        here=sweep.here / scale,
        values=[value / scale for value in sweep.values],
        lines=lines,
        winners={name: [(start / scale, winner) for start, winner in course] for name, course in courses.items()},
    )


def _note(sweep: Sweep) -> str:
    """Write where the lines cross, as predicted and as found."""
    places = [starts(sweep.variable, course) for course in (sweep.predicted, sweep.found)]
    if places == ["none", "none"]:
        return _alone(sweep.found[0].winner) if sweep.found else "no difference"
    if sweep.agrees:
        return f"crossing at {places[1]}, as predicted"
    return f"{'no crossing' if places[1] == 'none' else f'found {places[1]}'}, predicted {places[0]}"


def _alone(winner: str) -> str:
    return "neither can be played" if winner == NEITHER else f"no crossing, {winner} is faster"


def _makespan(figures: Figures | Refused) -> float:
    return math.nan if isinstance(figures, Refused) else figures.makespan_s


def _unit(variable: Variable, value: float) -> tuple[str, float]:
    """Choose the unit in which *value* reads best: its name and its size."""
    if variable.dimension is SECONDS:
        return unit_of(value)
    if variable.dimension in (BYTES, BYTES_PER_SECOND):
        _, name = variable.say(value).split()
        return name, 1000.0 ** ("B", "kB", "MB", "GB", "TB", "PB").index(name.removesuffix("/s"))
    return "", 1.0


def _costs(found: Found) -> list[plot.Costs]:
    wanted: tuple[tuple[str, Callable[[Figures], list[float]], Callable[[float], str]], ...] = (
        ("makespan", lambda cost: [cost.makespan_s], lambda value: seconds(value, 3)),
        ("peak memory of a device", lambda cost: [cost.peak_memory_bytes], size),
        ("bytes moved", lambda cost: [cost.moved_bytes], size),
        ("waiting (hatched: idle)", lambda cost: [cost.transfer_s, cost.idle_s], lambda value: seconds(value, 3)),
    )
    return [_cost(found, title, ask, say) for title, ask, say in wanted]


def _cost(found: Found, title: str, ask: Callable[[Figures], list[float]], say: Callable[[float], str]) -> plot.Costs:
    parts = {split: ask(cost) if isinstance(cost, Figures) else [] for split, cost in found.costs.items()}
    words = {split: say(sum(held)) if held else "cannot be played" for split, held in parts.items()}
    return plot.Costs(title, parts, words)
