"""A lesson as a page, made from its notebook: text, code, and what the code shows.

notebooks/03_two_splits.ipynb  ---+--> English          notebooks/zh/03_two_splits.md  --> the text in Chinese:
    metadata: scenario, hidden ---+--> sliders          <!-- c2 --> stands before the text of cell c2
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, Literal

from parsim.page.file import hashed, static
from parsim.page.outputs import WIDGETS, image, outputs

Language = Literal["en", "zh"]
COMMENT = re.compile(r"^#.*\n", re.MULTILINE)
MARK = re.compile(r"^<!-- ([\w-]+) -->\n", re.MULTILINE)
BROKEN = re.compile(r"(?<=[\u3000-\u9fff\uff00-\uffef])\n *(?=[\u3000-\u9fff\uff00-\uffef])")  # a line, not a sentence
PICTURE = re.compile(r'<img src="([^"]+\.png)" alt="([^"]*)"\s*/?>')
WORDS = {
    "en": {
        "code": "Code",
        "sliders": "Guess first, then move the sliders",
        "command": "With sliders: {command}",
        "other": "中文",
    },
    "zh": {"code": "代码", "sliders": "先猜再移动滑块", "command": "带滑块的版本: {command}", "other": "English"},
}


@dataclass(frozen=True)
class Cell:
    """A cell of a notebook."""

    name: str
    is_code: bool
    source: str


@dataclass(frozen=True)
class Lesson:
    """A lesson.

    Parameters
    ----------
    name : of its notebook, such as 03_two_splits.
    folder : where the notebook is.
    cells : of the notebook.
    chinese : the text of cells by their name, as far as it is translated.
    scenario : path of the scenario for the sliders.
    hidden : figures that are to be guessed first.
    """

    name: str
    folder: Path
    cells: list[Cell]
    chinese: dict[str, str]
    scenario: Path
    hidden: list[str]

    def text(self, cell: Cell, language: Language) -> str:
        """Return the text of a cell; a line break in Chinese is no space."""
        return BROKEN.sub("", self.chinese.get(cell.name, cell.source)) if language == "zh" else cell.source


def read(notebook: Path) -> Lesson:
    """Read a lesson from its notebook, and from the Chinese text beside it."""
    found = json.loads(notebook.read_text(encoding="utf-8"))
    cells = [Cell(each["id"], each["cell_type"] == "code", "".join(each["source"])) for each in found["cells"]]
    about = found["metadata"]["parsim"]
    chinese = notebook.parent / "zh" / f"{notebook.stem}.md"
    _, *parts = MARK.split(chinese.read_text(encoding="utf-8")) if chinese.exists() else [""]
    return Lesson(
        notebook.stem,
        notebook.parent,
        cells,
        dict(zip(parts[::2], (part.strip() for part in parts[1::2]), strict=True)),
        (notebook.parent / about["scenario"]).resolve(),
        list(about["hidden"]),
    )


def shown(lesson: Lesson) -> dict[str, str]:
    """Run the code of a lesson; return what each of its code cells shows, as HTML."""
    code = [cell for cell in lesson.cells if cell.is_code]
    return dict(zip((cell.name for cell in code), outputs([cell.source for cell in code], lesson.folder), strict=True))


def article(lesson: Lesson, language: Language, found: dict[str, str], sliders: str) -> str:
    """Return the lesson as HTML, with what its code shows; *sliders* is the address of its sliders, if there is one."""
    words = WORDS[language]
    parts = []
    for cell in lesson.cells:
        if not cell.is_code:
            parts.append(_text(lesson.text(cell, language), lesson.folder))
            continue
        if WIDGETS not in cell.source:
            opened = " open" if cell is lesson.cells[-1] else ""  # the exercise
            code = f"<summary>{words['code']}</summary><pre>{escape(cell.source)}</pre>"
            parts.append(f"<details{opened}>{code}</details>")
            parts.append(found[cell.name])
        elif sliders:
            parts.append(_link(sliders, words["sliders"]))
    if sliders and not any(WIDGETS in cell.source for cell in lesson.cells):
        parts.insert(1, _link(sliders, words["sliders"]))
    if not sliders:
        told = words["command"].format(command=f"<code>parsim lesson {lesson.name[:2]}</code>")
        parts.insert(1, f"<p>{told}</p>")
    return "\n".join(parts)


def document(lesson: Lesson, language: Language, body: str, other: str = "") -> str:
    """Return a whole page of *body*. With *other*, the address of the page in the other language, it is for the server.

    The server sends the style; a page of its own holds it.
    """
    style = static("lesson.css")
    title = lesson.text(lesson.cells[0], language).partition("\n")[0].lstrip("# ")
    policy = f"default-src 'none'; style-src '{hashed(style)}'; img-src data:"
    own = f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n<style>{style}</style>'
    head = '<link rel="icon" href="data:,">\n<link rel="stylesheet" href="/static/lesson.css">' if other else own
    switch = f'<nav><a href="{other}">{WORDS[language]["other"]}</a></nav>\n' if other else ""
    return (
        f'<!DOCTYPE html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"{head}\n<title>{escape(title)}</title>\n</head>\n<body>\n{switch}<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def state(lesson: Lesson) -> str:
    """Return the part of an address in which `play` keeps its state: the lesson's scenario, its figures hidden.

    Comments of the scenario would give them away.
    """
    text = COMMENT.sub("", lesson.scenario.read_text(encoding="utf-8"))
    held: dict[str, Any] = {"seats": [{"text": text, "values": {}, "slow": None}], "at": 0, "hidden": lesson.hidden}
    packed = zlib.compressobj(wbits=-15)
    letters = packed.compress(json.dumps(held).encode()) + packed.flush()
    return base64.urlsafe_b64encode(letters).decode().rstrip("=")


def _link(address: str, words: str) -> str:
    return f'<p><a class="lesson-sliders" href="{escape(address)}" target="_blank">{escape(words)}</a></p>'


def _text(markdown: str, folder: Path) -> str:
    """Write markdown as HTML; pictures become part of it."""
    from markdown_it import MarkdownIt

    html: str = MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown)
    return PICTURE.sub(lambda found: image((folder / found[1]).read_bytes(), found[2]), html)
