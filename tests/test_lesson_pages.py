"""Lessons as pages: each notebook in English and Chinese, what its code shows, and the sliders of its scenario."""

import base64
import json
import re
import zlib
from pathlib import Path

import pytest

from parsim.page import lesson_page as pages
from parsim.page.lesson_check import check, code
from parsim.page.outputs import MAGIC, WIDGETS, outputs
from parsim.reading import load

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
BLOCK = re.compile(r"^    .*$|^```.*$", re.MULTILINE)
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")

COVERED = re.compile(r'<label class="lesson-figure">.*?</label>|<details>.*?</details>', re.DOTALL)
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
        covered = f"<details><summary>{pages.WORDS[language]['look']}</summary><pre>shown</pre></details>"
        assert page.count(covered) == page.count("<pre>shown</pre>") == len(played) - 1, (
            "the exercise shows nothing yet"
        )
        assert "<form" not in page
        assert f"notebooks/{notebook.name}</code>" in page, "where the answer is checked"
        assert not re.search(r'(?:src|href)="(?!data:)', page), "nothing is asked of anybody"
        assert "<h1>" in page
        with_sliders = pages.article(lesson, language, found, "./#state")
        assert 'href="./#state"' in with_sliders.partition("</details>")[0], "before all code"
        assert with_sliders.count("<form") == 1


@pytest.mark.parametrize(
    ("name", "covered", "open_"),
    [("03", ("0.64 s", "0.5 s", "213 MB"), ("400 MB", "20 ms")), ("06", (), ("91 GB",))],
)
def test_figures_that_a_lesson_finds_wait_for_a_guess(name, covered, open_):
    (notebook,) = (path for path in NOTEBOOKS if path.name.startswith(name))
    lesson = pages.read(notebook)
    for language in ("en", "zh"):
        page = pages.article(lesson, language, dict.fromkeys((cell.name for cell in lesson.cells), ""), "")
        left = COVERED.sub("", page)
        for figure in covered:
            assert figure in page
            assert figure not in left.partition("<pre>")[0]
        for figure in open_:
            assert figure in left


def test_a_formula_with_its_figures_is_folded():
    page = pages._text("    x = 2 a\n\nand\n\n    x = 3.3 s\n", Path(), pages.WORDS["en"])
    assert re.findall("<details>.*?</details>|<pre>.*?</pre>", page, re.DOTALL) == [
        "<pre><code>x = 2 a\n</code></pre>",
        "<details><summary>Guess, then look</summary><pre><code>x = 3.3 s\n</code></pre></details>",
    ]


@by_name
def test_the_exercise_needs_no_run_of_the_lesson(notebook):
    """Its code is whole, and what it leaves out of the lesson is most."""
    lesson = pages.read(notebook)
    sources = [MAGIC.sub("", cell.source) for cell in lesson.cells if cell.is_code and WIDGETS not in cell.source]
    found = code(sources, "1 s")
    assert "answer = '1 s'" in found
    assert re.search(r"^marked = lessons\.\w+\(answer, ", found, re.MULTILINE)
    assert len(found) < sum(map(len, sources)) / 2


@pytest.mark.parametrize(
    ("told", "right", "words"),
    [
        ("3.6 s", True, "Right: 3.6 s"),
        ("'3.6 s'", True, "Right"),
        ("6 s", False, "is too long"),
        ("", False, "How many whole items"),
        ("__import__('os')", False, "cannot be read"),
    ],
)
def test_an_answer_is_checked_as_the_notebook_does(told, right, words):
    found = check(pages.read(NOTEBOOKS[0]), told)
    assert found["right"] is right, found
    assert words in found["words"]


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
        "from parsim.export.html import picture\n"
        "class Shown:\n    def _repr_html_(self):\n"
        "        return '<p style=\"color:red\">so</p>' + picture(b'0' * 18 + b'\\5\\xdc', 'a run')\n"
        "Shown()",
        "from pathlib import Path\nPath('here').write_text('x')\nNone",
    ]
    text, value, picture, widgets, table, nothing = outputs(sources, tmp_path)
    assert text == "<pre>1 &lt; 2\n</pre>"
    assert value == "<pre>2</pre>"
    assert re.match(r'<span class="lesson-picture"><img width="576" alt="" src="data:image/png;base64,', picture)
    assert picture.count("<img") == 1
    assert (widgets, nothing) == ("", "")
    wanted = '<p>so</p><span class="lesson-picture"><img width="'
    assert table.startswith(wanted)
    assert "style" not in table
    assert (tmp_path / "here").exists()


@pytest.mark.dear
def test_a_lesson_as_a_file(command, tmp_path):
    file = tmp_path / "lesson.html"
    code, out, err = command("lesson", "05", "--language", "zh", "--html", file)
    assert (code, out, err) == (0, f"{file}\n", "")
    page = file.read_text(encoding="utf-8")
    assert "by hand 55 ms, simulated 55 ms" in page
    assert page.count("data:image/png") >= 2
    assert "Not yet." not in page, "nobody has answered"
    assert "笔记本 <code>notebooks/05_pipelines.ipynb</code>" in page
    assert "<code>parsim lesson 05</code>" in page


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("77",), "NUMBER:0:0: NUMBER: '77' is no lesson; write 00 to 11"),
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
