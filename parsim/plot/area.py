"""A part of a figure in which a picture of several panels is laid out in inches.

+-- wide ---------+         on a sheet of its own     the whole sheet, as large as the layout
| +----+  +----+  |         on axes that are given    their place, to which the layout is stretched
| |    |  |    | tall
| +----+  +----+  |
+-----------------+
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.text import Text

from parsim.export.table import wrapped
from parsim.plot import style
from parsim.plot.letters import make_writable
from parsim.plot.paper import figure, headline

HEAD, LINE = 0.46, 0.17  # inches of a sheet's title, and of a line below it
CELL = 0.078  # inches of a letter of these lines
EDGE = 0.3  # inches before a title


class Area(NamedTuple):
    """A layout of *wide* x *tall* inches at a place of a figure."""

    figure: Figure | SubFigure
    place: tuple[float, float, float, float]  # left, bottom, width, height, in parts of the figure
    wide: float
    tall: float

    def axes(self, left: float, bottom: float, wide: float, tall: float) -> Axes:
        """Return new axes."""
        x, y = self._at(left, bottom)
        _, _, width, height = self.place
        box = x, y, width * wide / self.wide, height * tall / self.tall
        made = self.figure.add_axes(box)
        made.spines["left"].set_visible(True)
        return made

    def write(self, left: float, bottom: float, words: str, **look: Any) -> Text:
        """Write *words* in the middle of a line."""
        text = self.figure.text(*self._at(left, bottom), words, va="center", **look)
        make_writable(text)
        return text

    def line(self, left: float, middle: float, handles: Sequence[Any], words: Sequence[str]) -> None:
        """Explain *handles* in a line."""
        self._legend("center left", left, middle, handles, words, ncols=max(len(words), 1))

    def column(self, left: float, top: float, handles: Sequence[Any], words: Sequence[str]) -> None:
        """Explain *handles* one below the other."""
        self._legend("upper left", left, top, handles, words, ncols=1)

    def _legend(
        self, corner: str, left: float, at: float, handles: Sequence[Any], words: Sequence[str], ncols: int
    ) -> None:
        where: dict[str, Any] = {"loc": corner, "bbox_to_anchor": self._at(left, at), "ncols": ncols}
        self.figure.legend(handles, words, frameon=False, fontsize=8.5, borderaxespad=0.0, borderpad=0.0, **where)

    def _at(self, left: float, bottom: float) -> tuple[float, float]:
        x, y, width, height = self.place
        return x + width * left / self.wide, y + height * bottom / self.tall


def own(wide: float, tall: float, title: str, below: str) -> Area:
    """Return a sheet with a *title* and lines *below* it, above a layout."""
    lines = wrapped(below, int((wide - 2 * EDGE) / CELL))
    head = HEAD + LINE * len(lines)
    sheet = figure(wide, tall + head)
    headline(sheet, EDGE, title)
    made = Area(sheet, (0.0, 0.0, 1.0, tall / (tall + head)), wide, tall)
    for number, words in enumerate(lines):
        made.write(EDGE, tall + head - HEAD - LINE * (number + 0.5), words, color=style.GREY, fontsize=8.5)
    return made


def on(axes: Axes, wide: float, tall: float) -> Area:
    """Return the place of given *axes*, which become empty."""
    axes.set_axis_off()
    left, bottom, width, height = axes.get_position().bounds
    return Area(axes.figure, (left, bottom, width, height), wide, tall)
