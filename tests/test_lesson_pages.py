"""Lessons as pages: each notebook in English and Chinese, what its code shows, and the sliders of its scenario."""

import base64
import json
import re
import zlib
from pathlib import Path

import pytest

from parsim.page import lesson as pages
from parsim.page.outputs import WIDGETS, outputs
from parsim.reading import load

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
BLOCK = re.compile(r"^    .*$|^```.*$", re.MULTILINE)
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")

LARGE = re.compile(r"([\d.]+) (million|billion)")

by_name = pytest.mark.parametrize("notebook", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])


def in_chinese(found):
    """Count in ten thousands and in hundred millions."""
    return f"{float(found[1]) * {'million': 100, 'billion': 10}[found[2]]:g}"


@by_name
def test_the_chinese_text_is_whole_and_has_the_same_figures_and_formulas(notebook):
    lesson = pages.read(notebook)
    texts = {cell.name: cell.source for cell in lesson.cells if not cell.is_code}
    assert list(lesson.chinese) == list(texts)
    for name, text in texts.items():
        chinese = lesson.chinese[name]
        missing = set(NUMBER.findall(LARGE.sub(in_chinese, text))) - set(NUMBER.findall(chinese))
        assert not missing, f"{name}: {missing}"
        assert len(BLOCK.findall(text)) == len(BLOCK.findall(chinese)), f"{name}: lines of formulas"
        assert text.count("|") == chinese.count("|")
        assert re.search("[\u4e00-\u9fff]", chinese), name


@by_name
def test_sliders_begin_with_a_scenario_that_plays_and_does_not_tell_what_is_hidden(notebook):
    lesson = pages.read(notebook)
    letters = pages.state(lesson)
    packed = base64.urlsafe_b64decode(letters + "=" * (-len(letters) % 4))
    state = json.loads(zlib.decompress(packed, wbits=-15))
    assert state["hidden"]
    assert state["at"] == 0
    ((seat),) = state["seats"]
    assert "#" not in seat["text"]
    assert load(str(lesson.scenario)).values == pages_values(seat["text"])


def pages_values(text):
    from parsim.scenario import document

    return document.read_text(text, "scenario.yaml").values


@by_name
def test_a_page_has_all_texts_and_code(notebook):
    lesson = pages.read(notebook)
    found = {cell.name: "<pre>shown</pre>" for cell in lesson.cells if cell.is_code}
    for language in ("en", "zh"):
        page = pages.document(lesson, language, pages.article(lesson, language, found, ""))
        assert f'<html lang="{language}">' in page
        played = [cell for cell in lesson.cells if cell.is_code and WIDGETS not in cell.source]
        assert page.count("<details") == page.count("<pre>shown</pre>") == len(played)
        assert not re.search(r'(?:src|href)="(?!data:)', page), "nothing is asked of anybody"
        assert "<h1>" in page
        with_sliders = pages.article(lesson, language, found, "./#state")
        assert 'href="./#state"' in with_sliders


def test_a_line_break_in_chinese_is_no_space():
    lesson = pages.read(NOTEBOOKS[3])
    cell = lesson.cells[0]
    assert "的模型;四个".replace(";", "\uff1b") in lesson.text(cell, "zh")
    assert "\n" in lesson.chinese[cell.name].partition("**")[0].partition("\n\n")[2]
    assert "\n" not in lesson.text(cell, "zh").partition("**")[0].partition("\n\n")[2]
    assert lesson.text(cell, "zh").count("\n\n") == cell.source.count("\n\n")


def test_what_cells_show(tmp_path):
    """Text, values, tables without a style of their own, pictures, and nothing of widgets."""
    sources = [
        "%matplotlib inline\nx = 1\nprint('1 < 2')",
        "x + 1",
        "import matplotlib.pyplot as plt\naxes = plt.figure().subplots()\naxes.plot([1, 2])\naxes.figure",
        "from ipywidgets import interact",
        "class Shown:\n    def _repr_html_(self):\n        return '<p style=\"color:red\">so</p>'\nShown()",
        "from pathlib import Path\nPath('here').write_text('x')\nNone",
    ]
    text, value, picture, widgets, table, nothing = outputs(sources, tmp_path)
    assert text == "<pre>1 &lt; 2\n</pre>"
    assert value == "<pre>2</pre>"
    assert picture.startswith('<img alt="" src="data:image/png;base64,')
    assert picture.count("<img") == 1
    assert (widgets, nothing) == ("", "")
    assert table == "<p>so</p>"
    assert (tmp_path / "here").exists()


@pytest.mark.dear
def test_a_lesson_as_a_file(command, tmp_path):
    file = tmp_path / "lesson.html"
    code, out, err = command("lesson", "05", "--language", "zh", "--html", file)
    assert (code, out, err) == (0, f"{file}\n", "")
    page = file.read_text(encoding="utf-8")
    assert "by hand 55 ms, simulated 55 ms" in page
    assert page.count("data:image/png") >= 2
    assert "Not yet." in page
    assert "<code>parsim lesson 05</code>" in page


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("77",), "NUMBER:0:0: NUMBER: '77' is no lesson; write 00 to 10"),
        (("x",), "'x' is no lesson"),
        (("03", "--language", "fr"), "--language:0:0: language: 'fr' is not known; write en or zh"),
        (("03", "--port", "x"), "--port:0:0: port: "),
        (("03", "--html", "README.md/x.html"), "cannot be written"),
    ],
)
def test_wrong_input(arguments, words, command):
    code, out, err = command("lesson", *arguments)
    assert (code, out) == (2, "")
    assert words in err
