"""A lesson as a page, made from its notebook: text, code, and what the code shows.

notebooks/03_two_splits.ipynb  ---+--> English          notebooks/zh/03_two_splits.md  --> the text in Chinese:
    metadata: scenario, hidden ---+--> sliders          <!-- c2 --> stands before the text of cell c2

Figures and what code shows are covered, so that the reader guesses first.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Mapping
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
FIGURE = re.compile(r"<strong>[-+]?\d[^<]{0,20}</strong>")  # what a lesson finds is bold
DRAWN = re.compile(r"<pre>.*?</pre>", re.DOTALL)
WITH_UNIT = re.compile(r"\d ?(?:[num]?s|[kMGT]?B)\b")
PICTURE = re.compile(r'<img src="([^"]+\.png)" alt="([^"]*)"\s*/?>')
WORDS = {
    "en": {
        "code": "Code",
        "look": "Guess, then look",
        "figure": "a figure: guess it, then show it",
        "sliders": "Guess first, then move the sliders",
        "command": "With sliders, and a field that checks your answer: {command}",
        "notebook": "This page checks nothing. The notebook {notebook} checks your answer, and so does {command}.",
        "answer": "Your answer",
        "check": "Check",
        "waiting": "It is checked ...",
        "stopped": "There is no answer: the server of this page has stopped.",
        "other": "中文",
    },
    "zh": {
        "code": "代码",
        "look": "先猜再看",
        "figure": "一个数值: 先猜再显示",
        "sliders": "先猜再移动滑块",
        "command": "带滑块并能检查答案的版本: {command}",
        "notebook": "这个文件不检查答案。笔记本 {notebook} 和 {command} 会检查。",
        "answer": "你的答案",
        "check": "检查",
        "waiting": "正在检查……",
        "stopped": "没有回答: 这个网页的服务器已经停止。",
        "other": "English",
    },
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
    words, command = WORDS[language], f"<code>parsim lesson {lesson.name[:2]}</code>"
    parts = []
    for cell in lesson.cells:
        if not cell.is_code:
            parts.append(_text(lesson.text(cell, language), lesson.folder, words))
        elif WIDGETS not in cell.source:
            parts.append(_folded(words["code"], f"<pre>{escape(cell.source)}</pre>"))
            shows = found[cell.name] if cell is not lesson.cells[-1] else ""  # the exercise has no answer yet
            parts.append(_folded(words["look"], shows) if shows else "")
    parts.insert(
        1, _link(sliders, words["sliders"]) if sliders else f"<p>{words['command'].format(command=command)}</p>"
    )
    notebook = f"<code>notebooks/{lesson.name}.ipynb</code>"
    parts.append(_form(words) if sliders else f"<p>{words['notebook'].format(notebook=notebook, command=command)}</p>")
    return "\n".join(filter(None, parts))


def document(lesson: Lesson, language: Language, body: str, other: str = "") -> str:
    """Return a whole page of *body*. With *other*, the address of the page in the other language, it is for the server.

    The server sends the style; a page of its own holds it.
    """
    style = static("lesson.css")
    title = lesson.text(lesson.cells[0], language).partition("\n")[0].lstrip("# ")
    policy = f"default-src 'none'; style-src '{hashed(style)}'; img-src data:"
    own = f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n<style>{style}</style>'
    head = '<link rel="icon" href="data:,">\n<link rel="stylesheet" href="/static/lesson.css">\n'
    head = head + '<script type="module" src="/static/lesson.js"></script>' if other else own
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


def _folded(words: str, shown: str) -> str:
    return f"<details><summary>{escape(words)}</summary>{shown}</details>"


def _form(words: Mapping[str, str]) -> str:
    """Write the field for the answer to the exercise."""
    told = f'data-waiting="{escape(words["waiting"])}" data-stopped="{escape(words["stopped"])}"'
    field = f'<label>{escape(words["answer"])} <input autocomplete="off" spellcheck="false"></label>'
    return (
        f'<form class="lesson-answer" {told}>{field} <button>{escape(words["check"])}</button><output></output></form>'
    )


def _text(markdown: str, folder: Path, words: Mapping[str, str]) -> str:
    """Write markdown as HTML; pictures become part of it, and figures wait until the reader has guessed them."""
    from markdown_it import MarkdownIt

    html: str = MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown)
    html = DRAWN.sub(lambda found: _folded(words["look"], found[0]) if WITH_UNIT.search(found[0]) else found[0], html)
    covered = f'<label class="lesson-figure"><input type="checkbox" aria-label="{escape(words["figure"])}">'
    html = FIGURE.sub(lambda found: f"{covered}{found[0]}</label>", html)
    return PICTURE.sub(lambda found: image((folder / found[1]).read_bytes(), found[2]), html)
