"""Colours and hatches of all pictures.

The palette is that of Okabe and Ito (2008), "Color Universal Design", which people with any colour vision can
distinguish. Hatches distinguish kinds and causes in grey print. Memory has colours of its own, of the muted scheme of
Tol (2021), "Colour Schemes", so that no kind of memory looks like a kind of task; neighbours differ in grey print.
"""

from __future__ import annotations

from typing import Any, NamedTuple

BLACK = "#000000"
ORANGE = "#E69F00"
SKY = "#56B4E9"
GREEN = "#009E73"
YELLOW = "#F0E442"
BLUE = "#0072B2"
VERMILLION = "#D55E00"
PURPLE = "#CC79A7"
WHITE = "#FFFFFF"
GREY = "#6E6E6E"
PALE = "#EFEFEF"
LINE = "#B8B8B8"


class Look(NamedTuple):
    """The fill of a bar."""

    face: str
    hatch: str = ""

    @property
    def ink(self) -> str:
        """The colour of text that is most legible on the fill."""
        red, green, blue = (int(self.face[i : i + 2], 16) for i in (1, 3, 5))
        return BLACK if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else WHITE


KINDS = {
    "compute": Look(BLUE),
    "forward": Look(BLUE),
    "backward": Look(GREEN, "///"),
    "input_grad": Look(SKY, "///"),
    "weight_grad": Look(YELLOW, "\\\\\\"),
    "overlap": Look("#00594A", "xxx"),
    "optimizer": Look(PURPLE, "xxx"),
    "receive": Look(SKY, "..."),
    "transfer": Look(ORANGE),
    "split": Look(GREY),
    "create": Look(GREY, "///"),
    "allocate": Look(GREY, "..."),
    "gather": Look(GREY, "\\\\\\"),
    "merge": Look(GREY, "xxx"),
}
EXCHANGES = {  # transfers of communicators; data as transfers in general, the others unlike work and T_total
    "data": Look(ORANGE),
    "tensor": Look("#5A0087"),
    "pipeline": Look("#1A1A1A"),
    "context": Look("#B4C3A5", "..."),
    "expert": Look("#A569FF", "\\\\\\"),
}
OTHER = Look(VERMILLION, "ooo")
WAITING = Look("#FCEBC5")  # pale orange: only transfers take place
CAUSES = {
    "steps": Look(PALE, "..."),
    "memory": Look(PALE, "xxx"),
    "overhead": Look(PALE, "+++"),
    "policy": Look(PALE, "ooo"),
    "fill": Look(PALE, "///"),
    "drain": Look(PALE, "\\\\\\"),
    "dependency": Look(PALE, "---"),
}
TERMS = {
    "deviation": Look(PURPLE, "///"),
    "contention": Look(ORANGE, "xxx"),
    "hidden": Look(SKY, "..."),
}
PIPELINE = {  # terms of a pipeline's makespan after the ideal compute
    "recompute_s": KINDS["backward"],
    "imbalance_s": TERMS["deviation"],
    "fill_s": CAUSES["fill"],
    "drain_s": CAUSES["drain"],
    "wait_s": CAUSES["dependency"],
    "exposed_send_s": KINDS["transfer"],
    "exposed_exchange_s": EXCHANGES["expert"],
    "steps_s": KINDS["split"],
}
GROUPS = (  # of tasks, each with the mark of a task without a name; four differ in grey print
    (Look(SKY), "o"),
    (Look(YELLOW), "s"),
    (Look(BLUE), "^"),
    (Look(VERMILLION), "D"),
    (Look(ORANGE), "v"),
    (Look(GREEN), "P"),
    (Look(PURPLE), "X"),
)
TIERS = (BLUE, ORANGE, GREEN, VERMILLION, PURPLE)  # of a network, from the devices outwards
PLAIN = (Look(LINE), "o")  # a task of no group
MEMORY = {  # by kind, from the bottom up
    "weights": Look("#332288"),
    "gradients": Look("#DDCC77"),
    "optimizer": Look("#882255"),
    "activations": Look("#CC6677"),
    "workspace": Look("#666633"),
    "buffers": Look("#AADDCC"),
}
THEORY = VERMILLION
MAKESPAN = BLACK
PATH = BLACK
CASING = WHITE  # around the path, so that it is visible on any bar
USED = Look(SKY)
LIMIT = VERMILLION
IDEAL = LINE
SIMULATED = Look(BLACK)
FORESEEN = Look(SKY)
EDGE = GREY
REFUSED = {  # cells of a heat map without a run, by the most frequent reason
    "memory": Look(PALE, "xxx"),
    "not_divisible": Look(PALE, "///"),
    "require": Look(PALE, "..."),
    "schedule": Look(PALE, "\\\\\\"),
    "unreachable": Look(PALE, "---"),
    "invalid": Look(PALE, "ooo"),
    "failed": Look(PALE, "+++"),
    "cut": Look(WHITE, "||"),
    "running": Look(WHITE, "**"),
    "no row": Look(PALE),
}
TIMES = "viridis"  # of rows: fast ones are dark; legible for all colour vision, and in grey print
SPLITS = {"data": (Look(BLUE), "o"), "layers": (Look(VERMILLION), "s")}  # each with a mark for its points
CROSSINGS: dict[str, dict[str, Any]] = {  # of the splits' lines, by T_total and by runs
    "T_total": {"color": BLACK, "linewidth": 1.0, "dashes": (6.0, 1.5, 1.0, 1.5)},
    "run": {"color": BLACK, "linewidth": 1.0},
}

FONT = "DejaVu Sans"  # part of matplotlib, so equal on every machine
FURTHER = (  # if installed, for Chinese, Japanese and Korean
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Droid Sans Fallback",
    "Microsoft YaHei",
    "SimHei",
    "PingFang SC",
    "Hiragino Sans GB",
    "Heiti SC",
    "Noto Sans CJK JP",
    "Arial Unicode MS",
)

PICTURE: dict[str, Any] = {
    "font.family": FONT,
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "hatch.linewidth": 0.6,
    "text.parse_math": False,  # a name may hold dollars
    "svg.hashsalt": "parsim",
    "svg.fonttype": "path",
    "figure.facecolor": WHITE,
    "savefig.facecolor": WHITE,
}
