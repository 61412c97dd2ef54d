r"""The network of a cluster: devices, switches, cards, and the links between them, coloured by tier or by load.

         (switch)           tier devices: blue lines       with loads: grey for idle links, dark for busy ones
        /   |    \
    [w0]  [w1]  [w2]

A line stands for the links of both directions; the thicker it is, the more bytes a second.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PathCollection
from matplotlib.colors import Normalize
from matplotlib.lines import Line2D
from matplotlib.path import Path

from parsim.core.cluster import Cluster
from parsim.core.quantities import number as digits
from parsim.core.quantities import size as bytes_in_words
from parsim.core.sketch import Sketch, Spot, Wire
from parsim.core.wiring import Link
from parsim.export.text import ticks
from parsim.plot import style
from parsim.plot.letters import make_writable, written
from parsim.plot.paper import LETTER as TITLED
from parsim.plot.paper import Margins, explain, headline, page
from parsim.plot.paper import size as points
from parsim.plot.tiers import drawing

INCHES = 0.62  # of a device, in a small cluster
MARK = 0.8  # units around spots
SCALED = 1.9  # inches beside the data: of the scale of loads
LEGEND, LETTER = 0.6, 0.085  # of a legend without words, and of each letter of its words
WIDE, TALL = 17.0, 11.0  # inches of data at most
SMALLEST = 4.0  # points of a readable letter
CROWD = 1000  # wires, beyond which they are thin
COLOURS = "viridis_r"
SCALE = "load over the run,\nof the fuller direction"
Loads = Mapping[str, float]  # by the name of a link


def network(cluster: Cluster, axes: Axes, loads: Loads | None = None) -> Axes:
    """Draw the network of *cluster* on *axes*; links are coloured by their tier, or by *loads* where these are given.

    Of the two directions of a line, the more loaded one counts.
    """
    sketch, links = drawing(cluster)
    xs, ys = _room(sketch)
    axes.set_xlim(*xs)
    axes.set_ylim(*ys)
    axes.set_aspect("equal")
    axes.set_axis_off()
    if loads is None:
        _by_tier(axes, sketch, links)
    else:
        _by_load(axes, sketch, links, loads)
    inches = axes.get_window_extent().width / axes.figure.dpi / (xs[1] - xs[0])
    for spot in sketch.spots:
        _mark(axes, spot, 72 * inches)
    if not sketch.wires:
        axes.set_title("no topology: nothing can travel", fontsize=9.0)
    return axes


def sheet(cluster: Cluster, title: str) -> Axes:
    """Return empty axes of a fitting size."""
    sketch, links = drawing(cluster)
    (left, right), (low, high) = _room(sketch)
    inches = min(INCHES, WIDE / (right - left), TALL / (high - low))
    wide, tall = max((right - left) * inches, 2.0), max((high - low) * inches, 1.2)
    words = max(
        (len(_told(tier, sketch, links)) for tier in {wire.tier for wire in sketch.wires if wire.tier}), default=0
    )
    beside = max(SCALED, LEGEND + LETTER * words, TITLED * len(title) - wide)
    margins = Margins(left=0.2, right=beside, top=0.6, bottom=0.2)
    axes = page(wide, tall, margins)
    headline(axes.figure, margins.left, title)
    return axes


def _room(sketch: Sketch) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the least and the largest x and y of spots and bowed lines, with room for marks."""
    spots, bowed = sketch.spots, [wire for wire in sketch.wires if wire.bow]
    middles = [_aside(spots[wire.source], spots[wire.target], wire.bow / 2) for wire in bowed]
    x, y = np.array([*((spot.x, spot.y) for spot in spots), *middles]).T
    return (x.min() - MARK, x.max() + MARK), (y.min() - MARK, y.max() + MARK)


def _by_tier(axes: Axes, sketch: Sketch, links: Mapping[int, Link]) -> None:
    """Draw the wires of each tier in its colour, and explain the colours."""
    tiers = dict.fromkeys(wire.tier for wire in sketch.wires)
    looks = dict(zip(filter(None, tiers), style.TIERS * len(tiers), strict=False))
    for tier in tiers:
        _lines(axes, sketch, links, [wire for wire in sketch.wires if wire.tier == tier], looks.get(tier, style.LINE))
    handles = [Line2D([], [], color=face, linewidth=2.0) for face in looks.values()]
    explain(axes, handles, [_told(tier, sketch, links) for tier in looks])


def _by_load(axes: Axes, sketch: Sketch, links: Mapping[int, Link], loads: Loads) -> None:
    """Draw the wires that carry anything in the colours of their loads, over those that carry nothing."""
    colours = ScalarMappable(Normalize(0.0, 1.0), matplotlib.colormaps[COLOURS])
    shares = [max((loads.get(links[number].name, 0.0) for number in wire.links), default=0.0) for wire in sketch.wires]
    carry = [wire for wire, share in zip(sketch.wires, shares, strict=True) if share]
    _lines(
        axes, sketch, links, [wire for wire, share in zip(sketch.wires, shares, strict=True) if not share], style.LINE
    )
    _lines(axes, sketch, links, carry, colours.to_rgba(np.array([share for share in shares if share])))
    _scale(axes, colours)


def _lines(axes: Axes, sketch: Sketch, links: Mapping[int, Link], wires: Sequence[Wire], face: Any) -> None:
    """Draw *wires* in the colour *face*, or each in its own; the thicker, the more they carry a second."""
    most = max((links[number].bandwidth for wire in sketch.wires for number in wire.links), default=1.0)
    wide = [max((links[number].bandwidth for number in wire.links), default=0.0) / most for wire in wires]
    many = len(wires) > CROWD
    look = {"facecolors": "none", "edgecolors": face, "zorder": 1}
    axes.add_collection(
        PathCollection(
            [_curve(sketch.spots[wire.source], sketch.spots[wire.target], wire.bow) for wire in wires],
            linewidths=[0.2 if many else 0.5 + 1.6 * math.sqrt(part) for part in wide],
            alpha=0.5 if many else 1.0,
            rasterized=many,
            **look,
        ),
        autolim=False,
    )


def _scale(axes: Axes, colours: ScalarMappable) -> None:
    """Draw the scale of loads on the right of the network."""
    inch = 72.0 / points(axes)[0]
    bar = axes.inset_axes((1.0 + 0.3 * inch, 0.2, 0.15 * inch, 0.6))
    marks = ticks(1.0, 5.0)
    axes.figure.colorbar(colours, cax=bar, ticks=marks, format=lambda share, _: f"{digits(100 * share, 3)} %")
    bar.set_title(SCALE, loc="left", fontsize=8.5, pad=10.0)


def _told(tier: str, sketch: Sketch, links: Mapping[int, Link]) -> str:
    """Write the bandwidths of a tier."""
    rates = {links[number].bandwidth for wire in sketch.wires if wire.tier == tier for number in wire.links}
    low, high = min(rates), max(rates)
    words = f"{bytes_in_words(low)}/s" if low == high else f"{bytes_in_words(low)}/s to {bytes_in_words(high)}/s"
    return f"{tier}: {words}"


def _curve(one: Spot, other: Spot, bow: float) -> Path:
    """Return a line, or a curve towards the point *bow* units to the right of its middle."""
    if not bow:
        return Path([(one.x, one.y), (other.x, other.y)])
    points = [(one.x, one.y), _aside(one, other, bow), (other.x, other.y)]
    return Path(points, [Path.MOVETO, Path.CURVE3, Path.CURVE3])


def _aside(one: Spot, other: Spot, far: float) -> tuple[float, float]:
    """Return the point *far* units to the right of the middle between two spots."""
    x, y = other.x - one.x, other.y - one.y
    length = math.hypot(x, y) or 1.0
    return (one.x + other.x) / 2 + far * y / length, (one.y + other.y) / 2 - far * x / length


BOXES = {
    "device": {"boxstyle": "round,pad=0.18", "facecolor": style.WHITE, "edgecolor": style.EDGE, "linewidth": 0.7},
    "switch": {"boxstyle": "round,pad=0.25", "facecolor": style.PALE, "edgecolor": style.BLACK, "linewidth": 0.7},
    "card": {"boxstyle": "square,pad=0.15", "facecolor": style.WHITE, "edgecolor": style.GREY, "linewidth": 0.5},
}


def _mark(axes: Axes, spot: Spot, points: float) -> None:
    """Write the name of a spot in a box, *points* wide for one unit; without room for letters, only the box."""
    name = written(spot.name)
    room = {"device": 0.7, "card": 0.7, "switch": 3.0}[spot.sort] * points
    letters = min(9.0, room / (0.62 * max(len(name), 2)))
    if letters >= SMALLEST:
        text = axes.text(spot.x, spot.y, name, fontsize=letters, ha="center", va="center", bbox=BOXES[spot.sort])
        make_writable(text)
    else:
        box = BOXES[spot.sort]
        axes.plot(
            spot.x, spot.y, "s", markersize=max(1.0, room / 2), mfc=box["facecolor"], mec=box["edgecolor"], mew=0.4
        )
