"""The documentation as a site: it builds without a warning, needs nothing from elsewhere, and finds words offline."""

import json
import re
import subprocess
import sys

import pytest
from commands import ROOT

from parsim.entries.registry import SHELVES, shelf


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, every warning an error."""
    for needed in ("sphinx", "furo", "myst_parser"):
        pytest.importorskip(needed, reason=f"{needed} is not installed: pip install -e '.[docs]'")
    made = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "sphinx", "-W", "-q", "docs", str(made)]  # as in README
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return made


def parameters_by_entry():
    """Yield each entry with its shelf and the keys that a scenario may give it, as the JSON Schema has them."""
    definitions = json.loads((ROOT / "scenarios" / "parsim.schema.json").read_text(encoding="utf-8"))["$defs"]
    for name in SHELVES:
        (definition,) = (one for key, one in definitions.items() if key.partition("-")[0] == name or key == name)
        forms = {form["title"]: form["properties"].keys() - {"kind"} for form in definition["anyOf"] if "title" in form}
        for entry in shelf(name).entries():
            yield name, entry, forms.get(entry, ())


@pytest.mark.dear
def test_the_site_has_every_entry_with_its_parameters_and_needs_nothing_from_elsewhere(site):
    texts = {page.relative_to(site).as_posix(): page.read_text(encoding="utf-8") for page in site.rglob("*.html")}
    for name, text in texts.items():
        elsewhere = re.findall(r'<(?:script|link|img|iframe)[^>]*?(?:src|href)="((?:https?:)?//[^"]*)"', text)
        assert elsewhere == [], name
    for of, entry, parameters in parameters_by_entry():
        mark = re.sub("[^a-z0-9]+", "-", f"{of}-{entry}".lower())
        section = texts[f"reference/{of}.html"].partition(f'<section id="{mark}">')[2].partition("</section>")[0]
        assert "In <code" in section, f"{of} {entry}"
        shown = set(re.findall(r'<td><p><code[^>]*><span class="pre">([\w.]+)</span>', section))
        assert shown >= set(parameters), f"{of} {entry}"


@pytest.mark.dear
def test_drawings_of_entries_are_not_cut(site, open_page):
    page = open_page((site / "reference" / "topologies.html").as_uri())
    for width in (1280, 1500, 1530):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        cut = "[...document.querySelectorAll('pre')].filter((pre) => pre.scrollWidth > pre.clientWidth).length"
        assert page.evaluate(cut) == 0, width


@pytest.mark.dear
def test_words_are_found_in_a_site_that_is_opened_from_disk(site, open_page):
    page = open_page((site / "index.html").as_uri())
    page.locator("input[name=q]").first.fill("contention")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="The ledger: where a second goes").wait_for()
    for word, title in (("账本", "Glossary"), ("heft", "Policies"), ("overlap_slowdown", "Scenarios")):
        page.goto(f"{(site / 'search.html').as_uri()}?q={word}")
        page.locator("#search-results").get_by_role("link", name=title).first.wait_for()
