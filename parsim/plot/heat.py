"""A heat map of two choices: in each cell the best time over all others, or why there is none.

pipeline 4 | ≤1.35 1.22  xxxxx |   best iteration time (s)
         2 | 1.18  1.16  xxxxx |   :: scale
         1 | 1.01 [0.96] ///// |   xx too little memory     a cell without time, by the most frequent reason
             1     2     4         // degrees do not divide
                tensor             [] the fastest row       ≤: bounds cut rows that may be faster
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from parsim.core.columns import Floats
from parsim.core.errors import RunError
from parsim.core.quantities import number
from parsim.core.suggestions import did_you_mean
from parsim.export.table import short
from parsim.plot import style
from parsim.plot.area import Area, on, own
from parsim.plot.gantt import rectangles
from parsim.plot.letters import make_writable, width, written
from parsim.plot.paper import log_ticks, size
from parsim.plot.scales import colours
from parsim.plot.space import WHY, Choice, Rows, far, unit
from parsim.plot.value_axis import across, below, longest, up, upright, values

CELL, MOST = (0.72, 0.42), (9.0, 7.0)  # inches of a cell at least where all have room, and of all
LEAST = 7.0  # inches of the whole width, which few cells fill
NAMED, ABOVE, BESIDE = 0.3, 0.1, 2.2  # inches of a choice's name, above the cells, and of the legend beside them
BAR, THIN, ENTRY = 1.4, 0.16, 0.21  # inches of the scale's height and width, and of an entry of the legend
UNTRIED = ("failed", "cut", "running", "no row")  # reasons that are no refusals
NAME = 40  # cells of a choice's name
LARGEST, SMALLEST = 8.5, 5.0  # points of a time in a cell


class Cells(NamedTuple):
    """The cells of two choices."""

    across: Choice
    up: Choice
    time_s: Floats  # (values of up, values of across), NaN where no row counts
    why: dict[tuple[int, int], str]  # of the cells without time
    unproven: set[tuple[int, int]]  # cells of which a row that bounds cut may be faster

    @property
    def codes(self) -> list[str]:
        """The reasons that occur."""
        return [code for code in style.REFUSED if code in self.why.values()]


def heat(rows: Rows, title: str, axes: Axes | None = None, over: Sequence[str] = ()) -> Axes:
    """Draw the best time over two choices, given by their paths or names; left out: those that change it most."""
    cells = _cells(rows, *(_named(rows, over) if over else _widest(rows)))
    words = values(cells.across), values(cells.up)
    wide, tall = (min(cell, most / len(each)) * len(each) for cell, most, each in zip(CELL, MOST, words, strict=True))
    left, right = 0.6 + longest(words[1]), _beside(cells)
    wide = max(wide, LEAST - left - right)
    stand = upright(words[0], wide)
    foot = below(words[0], stand) + NAMED
    beside = (BAR + 0.5) * bool(len(rows.played)) + ENTRY * (len(cells.codes) + 2)
    whole = left + wide + right, ABOVE + max(tall + foot, beside) + 0.1
    best = f"best {rows.time}" + " of those played" * bool(cells.unproven)
    what = f"{title}: {best}, over two choices"
    area = own(*whole, what, rows.counted) if axes is None else on(axes, *whole)
    made = area.axes(left, whole[1] - ABOVE - tall, wide, tall)
    _axes(made, cells)
    across(made, np.arange(len(words[0]), dtype=float), words[0], stand)
    up(made, np.arange(len(words[1]), dtype=float), words[1])
    _reasons(made, cells)
    name, seconds = unit(rows.time_s[rows.played], "s")
    if len(rows.played):
        scale = area.axes(left + wide + 0.3, whole[1] - ABOVE - 0.25 - BAR, THIN, BAR)
        _times(made, scale, cells, seconds)
        area.write(left + wide + 0.3, whole[1] - ABOVE - 0.08, f"best {rows.time} ({name})", fontsize=8.5)
    _legend(area, left + wide + 0.3, cells)
    return made if axes is None else axes


def _named(rows: Rows, over: Sequence[str]) -> list[Choice]:
    known = {name: choice for choice in (*rows.sections, *rows.choices) for name in (choice.name, choice.path)}
    for name in over:
        if name not in known:
            raise ValueError(did_you_mean(name, [each for each in known if ("." in each) == ("." in name)]))
    if len(over) != 2 or known[over[0]].path == known[over[1]].path:
        raise ValueError(f"a heat map is over two choices, not {', '.join(over)}")
    return [known[name] for name in over]


def _widest(rows: Rows) -> list[Choice]:
    """Return the two choices between whose values the best time differs most."""
    if len(rows.varied) < 2:
        raise RunError(f"a heat map needs two choices with several values, and there is {len(rows.varied) or 'none'}")
    differ = [-_differs(rows, choice) for choice in rows.varied]
    return [rows.varied[each] for each in sorted(np.argsort(differ, kind="stable")[:2].tolist())]


def _differs(rows: Rows, choice: Choice) -> float:
    """Return the longest best time of a value over the shortest."""
    _, first = np.unique(choice.value[rows.played], return_index=True)
    best = rows.time_s[rows.played][first]
    return float(best.max() / best.min()) if len(best) and best.min() > 0 else 1.0


def _cells(rows: Rows, across: Choice, up: Choice) -> Cells:
    time_s = np.full((len(up.words), len(across.words)), np.nan)
    last = rows.played[::-1]  # the fastest of a cell is written last
    time_s[up.value[last], across.value[last]] = rows.time_s[last]
    reasons: dict[tuple[int, int], Counter[str]] = {}
    for row in np.flatnonzero(np.isnan(time_s[up.value, across.value])).tolist():
        reasons.setdefault((int(up.value[row]), int(across.value[row])), Counter())[rows.why(row)] += 1
    without = (divmod(cell, len(across.words)) for cell in np.flatnonzero(np.isnan(time_s)).tolist())
    why = {cell: _known(reasons[cell]) if cell in reasons else "no row" for cell in without}
    open_to = rows.unproven(up.value * len(across.words) + across.value)
    unproven = {divmod(cell, len(across.words)) for cell in open_to} - set(why)
    return Cells(across, up, time_s, why, unproven)


def _known(found: Counter[str]) -> str:
    """Return the most frequent reason; "failed" if it has no hatch."""
    why = min(found, key=lambda why: (-found[why], why))
    return why if why in style.REFUSED else "failed"


def _axes(axes: Axes, cells: Cells) -> None:
    axes.set_xlim(-0.5, len(cells.across.words) - 0.5)
    axes.set_ylim(-0.5, len(cells.up.words) - 0.5)
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    for write, choice in ((axes.set_xlabel, cells.across), (axes.set_ylabel, cells.up)):
        make_writable(write(short(written(choice.name, "bold"), NAME), fontweight="bold"))


def _reasons(axes: Axes, cells: Cells) -> None:
    """Hatch the cells without time."""
    for code in cells.codes:
        at = np.array([(x, y) for (y, x), why in cells.why.items() if why == code], float)
        boxes = rectangles(at[:, 0] - 0.5, at[:, 0] + 0.5, at[:, 1] + 0.5, at[:, 1] - 0.5)
        axes.add_collection(PathCollection(boxes, **_hatched(code)), autolim=False)


def _hatched(code: str) -> dict[str, Any]:
    face, hatch = style.REFUSED[code]
    return {"facecolor": face, "hatch": hatch, "edgecolor": style.LINE, "linewidth": 0.5}


def _times(axes: Axes, scale: Axes, cells: Cells, seconds: float) -> None:
    """Colour the cells by their times, explain the colours on *scale*, and write the times where they fit."""
    times = cells.time_s / seconds
    known = times[np.isfinite(times)]
    of = colours(known)
    edges = (np.arange(count + 1) - 0.5 for count in times.shape[::-1])
    mesh = axes.pcolormesh(*edges, np.ma.masked_invalid(times), edgecolors=style.WHITE, linewidth=0.5)
    mesh.set(norm=of.norm, cmap=of.cmap)
    ticks = log_ticks(known.min(), known.max()) if far(known) else None
    axes.figure.colorbar(of, cax=scale, ticks=ticks, format="{x:g}")
    scale.minorticks_off()
    scale.tick_params(labelsize=8)
    y, x = np.unravel_index(np.nanargmin(times), times.shape)
    for colour, thick in ((style.WHITE, 4.0), (style.BLACK, 2.0)):
        axes.add_patch(
            Rectangle((x - 0.5, y - 0.5), 1, 1, fill=False, edgecolor=colour, linewidth=thick, clip_on=False, zorder=3)
        )
    places = [(up, across) for up, across in np.argwhere(np.isfinite(times)).tolist()]
    words = {cell: "≤" * (cell in cells.unproven) + number(times[cell], 3) for cell in places}
    _written(axes, times, of, (int(y), int(x)), words)


def _written(
    axes: Axes, times: Floats, of: ScalarMappable, best: tuple[int, int], words: dict[tuple[int, int], str]
) -> None:
    wide, tall = (each / count for each, count in zip(size(axes), times.shape[::-1], strict=True))
    letters = min(LARGEST, 0.6 * tall, (wide - 4) / max(width(word, 1.0) for word in words.values()))
    if letters < SMALLEST:
        at_most = [cell for cell, word in words.items() if word.startswith("≤")]
        axes.plot([x for _, x in at_most], [y for y, _ in at_most], **_DOT)
        return
    faces = of.to_rgba(np.nan_to_num(times))
    for cell, word in words.items():
        ink = style.Look(to_hex(tuple(faces[cell]))).ink
        weight = "bold" if cell == best else "normal"
        axes.text(
            cell[1], cell[0], word, color=ink, fontsize=letters, ha="center", va="center_baseline", fontweight=weight
        )


_DOT: dict[str, Any] = {
    "marker": "o",
    "markersize": 2.5,
    "markerfacecolor": style.WHITE,
    "markeredgecolor": style.BLACK,
    "markeredgewidth": 0.5,
    "linestyle": "",
}


def _beside(cells: Cells) -> float:
    """Return the inches beside the cells, in which the legend has room."""
    return max(BESIDE, 0.95 + max(width(word, 8.5) for word in _entries(cells)) / 72)


def _entries(cells: Cells) -> dict[str, Artist]:
    """Return what the legend explains, by its words."""
    found: dict[str, Artist] = {}
    for code in cells.codes:
        word = WHY.get(code, code)
        found[word if code in UNTRIED else f"refused: {word}"] = Patch(**_hatched(code))
    if np.isfinite(cells.time_s).any():
        found["the fastest row"] = Patch(facecolor=style.WHITE, edgecolor=style.BLACK, linewidth=2.0)
    if cells.unproven:
        found["or ≤: bounds cut rows that may be faster"] = Line2D([], [], **_DOT)
    return found


def _legend(area: Area, left: float, cells: Cells) -> None:
    entries = _entries(cells)
    top = area.tall - ABOVE - (BAR + 0.45) * bool(np.isfinite(cells.time_s).any())
    area.column(left, top, list(entries.values()), list(entries))
