"""Letters in pictures: in fonts that have them, where any is installed; else escapes, and one line that names them."""

import os
import re
import warnings
from pathlib import Path

import matplotlib
import pytest
from commands import ROOT
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib.font_manager import fontManager, ttfFontProperty
from matplotlib.ft2font import FT2Font

import parsim
from parsim.export.csv import from_rows
from parsim.plot import letters, paper, style
from parsim.plot.gantt import gantt, pictures, sheet
from parsim.plot.letters import MissingLetters, legible, written

CHINESE = ["加载", "训练one", "load"]
LETTERS = "加载训练工人甲乙"
WIDE = 'cluster: {devices: ["甲乙丙", w1]}\nworkload: {kind: chains, count: 2, length: 1, compute: 1 s}\n'


def chinese():
    rows = [
        (i, name, "compute", "工人", "compute", 0.0, 4.0 * i, 4.0 * i + 4.0, 4.0, "start")
        for i, name in enumerate(CHINESE)
    ]
    return from_rows(rows, ["工人"])


def forget():
    """Let fonts be searched anew."""
    for known in (letters._holder, letters._font, letters._found_new_fonts):
        known.cache_clear()
    fontManager._findfont_cached.cache_clear()
    letters._told.clear()
    letters._missing.clear()


@pytest.fixture
def bare(monkeypatch):
    """A machine with no fonts but those that come with matplotlib."""
    files = sorted(Path(matplotlib.get_data_path(), "fonts", "ttf").glob("*.ttf"))
    own = [ttfFontProperty(FT2Font(file)) for file in files]  # the machine's list may be an old one
    monkeypatch.setattr(fontManager, "ttflist", own)
    monkeypatch.setattr(letters, "findSystemFonts", lambda: [])
    forget()
    yield monkeypatch
    forget()


def a_font(folder, name, has):
    """Make a font in which each letter is a box."""
    pen = TTGlyphPen(None)
    for place, corner in enumerate([(100, 0), (100, 700), (900, 700), (900, 0)]):
        (pen.lineTo if place else pen.moveTo)(corner)
    pen.closePath()
    box, order = pen.glyph(), [".notdef", *(f"u{ord(letter):x}" for letter in has)]
    made = FontBuilder(1000, isTTF=True)
    made.setupGlyphOrder(order)
    made.setupCharacterMap({ord(letter): f"u{ord(letter):x}" for letter in has})
    made.setupGlyf(dict.fromkeys(order, box))
    made.setupHorizontalMetrics(dict.fromkeys(order, (1000, 100)))
    made.setupHorizontalHeader(ascent=800, descent=-200)
    made.setupNameTable({"familyName": name, "styleName": "Regular"})
    made.setupOS2()
    made.setupPost()
    made.save(folder / f"{name}.ttf")
    return str(folder / f"{name}.ttf")


def shown(axes):
    """Return the words of a chart: in its bars, at its lane, above it."""
    texts = [text.get_text() for text in (*axes.texts, *axes.get_yticklabels(), *axes.figure.texts)]
    return [text for text in texts if "s" not in text.split()]


def test_letters_that_no_font_has_are_escapes_and_numbers_and_told_once(bare):
    with paper.ours():
        axes = gantt(chinese(), sheet(chinese(), "甲乙 run"), 1.0)
    assert shown(axes) == ["#0", "#1", "load", r"\u5de5\u4eba", r"\u7532\u4e59 run"]
    with pytest.warns(MissingLetters, match="no installed font has 甲 乙 工 人 加 载 训 练, so") as warned:
        paper.png(axes.figure)
    assert len(warned) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert pictures(chinese(), 1.0, "甲乙 run") == pictures(chinese(), 1.0, "甲乙 run")


@pytest.mark.filterwarnings("error")
def test_letters_are_written_in_any_font_that_has_them(bare, tmp_path):
    fontManager.addfont(a_font(tmp_path, "Boxes", LETTERS))
    forget()
    with paper.ours():
        axes = gantt(chinese(), sheet(chinese(), "甲乙 run"), 1.0)
    assert shown(axes) == [*CHINESE, "工人", "甲乙 run"]
    assert len(paper.files("gantt", axes.figure)) == 2  # matplotlib warns of no glyph


@pytest.mark.filterwarnings("error")
def test_a_font_that_matplotlib_has_not_listed_yet_is_found(bare, tmp_path):
    assert written("甲") == r"\u7532"
    bare.setattr(letters, "findSystemFonts", lambda: [a_font(tmp_path, "New", "甲"), str(tmp_path / "none.ttf")])
    forget()
    assert (written("甲"), written("乙")) == ("甲", r"\u4e59")
    assert letters.families("w甲") == [style.FONT, "New"]


@pytest.mark.filterwarnings("error")
def test_a_font_that_reads_well_comes_before_others(bare, tmp_path):
    for name in ("A", "Noto Sans CJK SC", "Z"):
        fontManager.addfont(a_font(tmp_path, name, "甲"))
    forget()
    assert letters.families("甲") == [style.FONT, "Noto Sans CJK SC"]


def test_plain_letters_are_written_in_our_font_whatever_is_installed(bare, tmp_path):
    plain = pictures(from_rows([], ["w0é"]), 1.0, "plain")
    fontManager.addfont(a_font(tmp_path, "Noto Sans CJK SC", "w0éplain"))
    forget()
    assert pictures(from_rows([], ["w0é"]), 1.0, "plain") == plain
    assert letters.families("w0é") == [style.FONT]


def test_a_name_is_legible_as_a_whole_or_a_number(bare):
    assert [legible(name, 3) for name in ("load", "a\nb", "加载", "a加", "$x$")] == ["load", r"a\nb", "#3", "#3", "$x$"]


def told(err):
    """See that there is one line, which names no file, and return its letters."""
    (line,) = err.splitlines()
    assert not re.search(r"\.py|Warning|UserWarning", line)
    return re.match("parsim: no installed font has (.*), so pictures show escapes or task numbers; ", line)[1].split()


@pytest.mark.parametrize("kinds", ["gantt", "gantt,path,graph,memory"])
def test_a_command_tells_once_and_in_a_line(bare, command, tmp_path, kinds):
    (tmp_path / "s.yaml").write_text(WIDE, encoding="utf-8")
    code, out, err = command("plot", tmp_path / "s.yaml", "--kind", kinds, "--out", tmp_path / "out")
    assert (code, told(err)) == (0, ["甲", "乙", "丙"])
    assert len(out.splitlines()) == 2 * len(kinds.split(","))
    code, out, err = command("plot", tmp_path / "s.yaml", "--kind", "ledger", "--out", tmp_path / "out")
    assert (code, err) == (0, "")


def test_pictures_on_axes_of_ones_own_ask_for_no_letter_that_is_missing(bare, tmp_path):
    (tmp_path / "s.yaml").write_text(WIDE, encoding="utf-8")
    run = parsim.simulate(tmp_path / "s.yaml")
    figure = matplotlib.figure.Figure(figsize=(8, 5))
    with pytest.warns(MissingLetters):
        run.plot("gantt", figure.add_subplot(2, 2, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for place, kind in enumerate(("memory", "graph", "path"), 2):
            run.plot(kind, figure.add_subplot(2, 2, place))
        figure.savefig(os.devnull, format="png")


def test_the_command_tells_nothing_where_names_are_plain(bare, command, tmp_path):
    code, _, err = command("run", ROOT / "scenarios/01_five_tasks_data.yaml", "--out", tmp_path)
    assert (code, err) == (0, "")
