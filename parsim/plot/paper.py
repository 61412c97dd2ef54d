"""The sheets of all pictures: sizes, axes of time and of lanes, and conversion to bytes.

+------------------------------+
| title                        |      inches around the data: Margins
|      +----------------+      |
| lane |      data      | text |
|      +----------------+      |
|            time              |
+------------------------------+
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, SubFigure
from matplotlib.text import Text
from matplotlib.ticker import LogLocator

from parsim.core.quantities import number, unit_of
from parsim.export.table import short
from parsim.export.text import ticks
from parsim.plot import style
from parsim.plot.letters import families, make_writable, warn, written

TITLE = 90  # cells
LETTER = 0.115  # inches, width of a letter of a title
NAME = 12  # cells of a lane's name
APART = 60.0  # least number of points between two ticks of an axis of time
STEPS = (  # the last value over the first, up to which a logarithmic axis has these ticks
    (8.0, (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)),
    (40.0, (1.0, 2.0, 5.0)),
    (1000.0, (1.0, 3.0)),
    (math.inf, (1.0,)),
)
ROOM = 1.01  # of the time, so that the last span is completely visible


class Margins(NamedTuple):
    """Inches around the data."""

    left: float = 1.3
    right: float = 1.75
    top: float = 0.8
    bottom: float = 0.55


class Point(NamedTuple):
    """A point (1/72 inch) in units of the data."""

    x: float
    y: float


class Sheet(Figure):
    """A figure that draws only letters that its fonts have, for any text."""

    def draw(self, renderer: Any) -> None:
        """Draw the figure in fonts that have its letters."""
        for text in self.findobj(Text):
            make_writable(text)
        super().draw(renderer)


def settings() -> dict[Any, Any]:
    """Return matplotlib's defaults with parsim's settings, so that no user's matplotlibrc changes a picture."""
    own = {name: value for name, value in matplotlib.rcParamsDefault.items() if name != "backend"}
    return own | style.PICTURE


def ours() -> AbstractContextManager[None]:
    """Use parsim's settings within the block."""
    return matplotlib.rc_context(settings())


def figure(width: float, height: float) -> Figure:
    """Return an empty sheet of *width* x *height* inches without a window."""
    made = Sheet(figsize=(width, height))
    FigureCanvasAgg(made)
    return made


def page(width: float, height: float, margins: Margins) -> Axes:
    """Return axes of *width* x *height* inches on their own sheet."""
    left, right, top, bottom = margins
    all_width, all_height = left + width + right, top + height + bottom
    sheet = figure(all_width, all_height)
    return sheet.add_axes((left / all_width, bottom / all_height, width / all_width, height / all_height))


def headline(sheet: Figure | SubFigure, left: float, words: str) -> None:
    """Write a title at the top of *sheet*, *left* inches from its edge."""
    sheet = _whole(sheet)
    width, height = sheet.get_size_inches().tolist()
    room = int((width - left) / LETTER)
    title = short(written(words, "bold"), min(room, TITLE))
    make_writable(sheet.text(left / width, 1 - 0.28 / height, title, fontsize=11, fontweight="bold", va="center"))


def explain(axes: Axes, handles: Sequence[Any], words: Sequence[str]) -> None:
    """Put a legend with *handles* on the right of the data."""
    numbers = [str(number) for number in range(len(words))]  # matplotlib ignores labels such as _w0
    legend = axes.legend(handles, numbers, loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, borderaxespad=0)
    for text, word in zip(legend.get_texts(), words, strict=True):
        text.set_text(word)
        make_writable(text)


def files(name: str, sheet: Figure | SubFigure) -> dict[str, bytes]:
    """Write *sheet* as PNG and SVG; the same sheet gives the same bytes."""
    with ours():
        made = {f"{name}.{form}": _bytes(sheet, form) for form in ("png", "svg")}
    warn()
    return made


def png(sheet: Figure | SubFigure) -> bytes:
    """Write *sheet* as PNG alone."""
    with ours():
        made = _bytes(sheet, "png")
    warn()
    return made


def _whole(sheet: Figure | SubFigure) -> Figure:
    """Return the whole figure; axes may be on a subfigure."""
    return sheet if isinstance(sheet, Figure) else sheet.figure


def _bytes(sheet: Figure | SubFigure, form: str) -> bytes:
    buffer, metadata = io.BytesIO(), {"Date": None} if form == "svg" else {"Software": "parsim"}
    _whole(sheet).savefig(buffer, format=form, dpi=150, metadata=metadata)
    return buffer.getvalue()


def point(axes: Axes) -> Point:
    """Return the size of one point in units of the data."""
    width, height = size(axes)
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    return Point((right - left) / width, abs(top - bottom) / height)


def size(axes: Axes) -> tuple[float, float]:
    """Return width and height of *axes* in points."""
    dots = axes.figure.dpi / 72
    return axes.bbox.width / dots, axes.bbox.height / dots


def time_axis(axes: Axes, last_s: float, more: str = "") -> None:
    """Make x an axis of seconds from 0 to *last_s*, labelled in the unit that reads best; *more* extends its label."""
    unit = unit_of(last_s)
    axes.set_xlim(0.0, last_s * ROOM)
    marks = ticks(last_s, min(max(size(axes)[0] / APART, 1.0), 10.0))
    axes.set_xticks(marks, [number(mark / unit.seconds) for mark in marks])
    axes.set_xlabel(f"time ({unit.name}){more}")


def log_ticks(low: float, high: float) -> LogLocator:
    """Return the ticks of a logarithmic axis from *low* to *high*."""
    return LogLocator(subs=next(steps for most, steps in STEPS if high / low <= most))


def lane_axis(axes: Axes, names: Sequence[str], word: str, middle: float = 0.0) -> None:
    """Make y an axis of lanes, the first on top, each named at its *middle* (down from its place).

    If lanes are too thin for their names, only some are named.
    """
    lanes = max(len(names), 1)
    thick = size(axes)[1] / (lanes + 0.2)
    letters = 9.0 if thick >= 12.0 else 7.0
    some = range(0, len(names), max(int(-(-(letters + 1.0) // thick)), 1))
    axes.set_ylim(lanes - 0.4, -0.6)
    words = [short(written(names[lane]), NAME) for lane in some]
    axes.set_yticks(
        [lane + middle for lane in some], words, fontsize=letters, fontfamily=families("".join(words)), parse_math=False
    )
    axes.tick_params(axis="y", length=0)
    axes.set_ylabel(word)
