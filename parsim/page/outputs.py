"""What the cells of a notebook show, without Jupyter: text, tables and pictures, as HTML.

source  --run in one namespace-->  printed text, the value of the last line, pictures  -->  <pre>, <table>, <img>
"""

from __future__ import annotations

import ast
import base64
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import chdir, redirect_stdout
from html import escape
from pathlib import Path
from typing import Any

from parsim.core.progress import counted

MAGIC = re.compile(r"^%.*\n?", re.MULTILINE)
IMG = re.compile(r'<img style="width:(\d+)px[^"]*"([^>]*)>')
STYLE = re.compile(r' style="[^"]*"')  # a page has a style of its own, and allows no other
WIDGETS = "ipywidgets"
DPI = 90


def outputs(sources: Sequence[str], folder: Path) -> list[str]:
    """Return what each code cell shows, as HTML, run one after the other in *folder*; of widgets nothing."""
    import matplotlib.pyplot as plt

    plt.switch_backend("Agg")
    names: dict[str, Any] = {"__name__": "__main__"}
    with chdir(folder):
        return [
            "" if WIDGETS in source else "".join(_shown(MAGIC.sub("", source), names))
            for source in counted("cells", sources)
        ]


def _shown(source: str, names: dict[str, Any]) -> Iterator[str]:
    """Run a cell, and yield what it shows."""
    import matplotlib.pyplot as plt

    tree = ast.parse(source)
    value: Any = None
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(compile(tree, "<cell>", "exec"), names)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), names)
    if printed.getvalue():
        yield f"<pre>{escape(printed.getvalue())}</pre>"
    pictures: dict[int, Any] = {id(picture): picture for picture in map(plt.figure, plt.get_fignums())}
    plt.close("all")
    if hasattr(value, "savefig"):
        pictures[id(value)] = value
    elif hasattr(value, "_repr_html_"):
        yield STYLE.sub("", IMG.sub(_framed, value._repr_html_()))
    elif value is not None and not pictures:
        yield f"<pre>{escape(repr(value))}</pre>"
    yield from map(_picture, pictures.values())


def _picture(picture: Any) -> str:
    drawn = io.BytesIO()
    picture.savefig(drawn, format="png", dpi=DPI)
    return image(drawn.getvalue(), "")


def image(png: bytes, words: str) -> str:
    """Write a picture with its description."""
    data = base64.b64encode(png).decode()
    width = int.from_bytes(png[16:20], "big")
    return IMG.sub(_framed, f'<img style="width:{width}px" alt="{escape(words)}" src="data:image/png;base64,{data}">')


def _framed(picture: re.Match[str]) -> str:
    """Frame a picture; on a narrow page it keeps its width, and scrolls."""
    width, rest = picture.groups()
    return f'<span class="lesson-picture"><img width="{width}"{rest}></span>'
