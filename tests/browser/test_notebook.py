"""Results in notebooks: a widget with the page's own script, and the picture where there is none."""

import json
import sys
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell

import parsim
from parsim.page.notebook import widget

expect = pytest.importorskip("playwright.sync_api", reason="pages need playwright").expect  # waits for what it expects

FIRST = Path(__file__).parents[2] / "scenarios/01_five_tasks_data.yaml"
WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def shell():
    """Return the shell of a notebook that runs this process, until the end of the test."""
    yield InteractiveShell.instance()
    InteractiveShell.clear_instance()


def displayed(shell):
    return shell.display_formatter.format(parsim.simulate(FIRST))[0]


def test_a_result_is_a_widget_beside_its_tables(shell):
    pytest.importorskip("anywidget")
    shown = displayed(shell)
    assert WIDGET in shown
    assert "<img" in shown["text/html"]


def test_without_the_extra_the_picture_is_left(shell, monkeypatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    shown = displayed(shell)
    assert WIDGET not in shown
    assert "<img" in shown["text/html"]


def test_the_widget_draws_the_page(open_page):
    pytest.importorskip("anywidget")
    from parsim.page.data import of

    page = open_page("about:blank")
    script = str(widget()._esm)
    page.evaluate(
        """async ([script, data]) => {
            const module = await import(URL.createObjectURL(new Blob([script], {type: "text/javascript"})));
            module.default.render({model: {get: () => data}, el: document.body});
        }""",
        [script, json.dumps(of(parsim.simulate(FIRST)))],
    )
    expect(page.locator(".parsim h1")).to_have_text("01_five_tasks_data: 3.3 s simulated")
