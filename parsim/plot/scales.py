"""Axes and colours of amounts, logarithmic where these spread far."""

from __future__ import annotations

from typing import Literal

import matplotlib
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.ticker import NullLocator

from parsim.core.columns import Floats
from parsim.plot import style
from parsim.plot.paper import log_ticks
from parsim.plot.space import far


def scale(axes: Axes, side: Literal["x", "y"], amounts: Floats) -> None:
    """Make *side* the axis of *amounts*, all known."""
    axis = axes.xaxis if side == "x" else axes.yaxis
    if far(amounts):
        axes.set(**{f"{side}scale": "log"})
        axis.set_major_locator(log_ticks(amounts.min(), amounts.max()))
        axis.set_minor_locator(NullLocator())
    axis.set_major_formatter("{x:g}")


def colours(amounts: Floats) -> ScalarMappable:
    """Return the colours of *amounts*, all known, from dark to light."""
    low, high = amounts.min(), amounts.max()
    around = (low, high) if high > low else (0.9 * low, 1.1 * low or 1.0)
    norm = LogNorm(*around) if far(amounts) else Normalize(*around)
    return ScalarMappable(norm, matplotlib.colormaps[style.TIMES])
