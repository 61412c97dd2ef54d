"""The page of a lesson in a browser: both languages, and its sliders, where the reader guesses first."""

import threading
from pathlib import Path

import pytest

pytest.importorskip("uvicorn", reason="the server needs the extra page")

from served import TOKEN, Served

from parsim.page import lesson_page as pages
from parsim.page.lesson_check import check
from parsim.page.lesson_server import Beside
from parsim.page.outputs import outputs
from parsim.page.server import server_of

expect = pytest.importorskip("playwright.sync_api", reason="pages need playwright").expect  # waits for what it expects

FIRST = Path(__file__).parents[2] / "notebooks" / "00_first_run.ipynb"
WIDE = "import matplotlib.pyplot as plt\nplt.figure(figsize=(8, 2)).subplots().plot([1, 2])\nNone"


class ServedLesson(Served):
    """Serves a lesson whose code was not run, beside its sliders."""

    def __init__(self, lesson):
        super().__init__(lesson.scenario)
        picture = outputs([WIDE], lesson.folder)[0]
        found = {cell.name: f"<pre>{'shown ' * 40}</pre>{picture}" for cell in lesson.cells}
        made = {
            one: pages.document(lesson, one, pages.article(lesson, one, found, f"./#{pages.state(lesson)}"), other)
            for one, other in (("en", "zh"), ("zh", "en"))
        }
        self.server = server_of(
            Beside(self.server.config.app, made, lambda told: check(lesson, told), self.port, TOKEN)
        )
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.socket]}, daemon=True)


@pytest.fixture(scope="module")
def server():
    with ServedLesson(pages.read(FIRST)) as server:
        yield server


def test_the_reader_guesses_before_the_sliders_show_the_run(open_page, server, watched):
    page = open_page(f"{server.address}en")
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Guess first, then move the sliders").click()
    sliders = opened.value
    watched.watch(sliders)
    card = sliders.locator(".play-card", has=sliders.locator("h3", has_text="makespan"))
    card.locator("input").fill("3.3 s", timeout=30_000)
    expect(card.locator(".play-figure")).to_have_text("?")
    card.get_by_role("button", name="Check").click()
    expect(card.locator(".play-right")).to_contain_text("Right, within")
    expect(card.locator(".play-figure")).to_have_text("3.3 s")
    assert "#" not in sliders.locator(".play-text").input_value(), "comments would give it away"


def test_both_languages_in_the_dark_and_on_a_phone(open_page, server):
    page = open_page(f"{server.address}en", width=390, height=800, color_scheme="dark")
    assert page.title() == "A first run"
    page.get_by_role("link", name="中文").click()
    assert page.title() == "第一次运行"
    assert page.locator("html").get_attribute("lang") == "zh"
    page.wait_for_load_state()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(22, 24, 28)"
    picture = page.locator(".lesson-picture").first
    expect(picture).not_to_be_visible()  # it waits for a guess
    page.get_by_text("先猜再看").first.click()
    assert picture.locator("img").bounding_box()["width"] == 720, "legible, and it scrolls"
    assert picture.bounding_box()["width"] < 390
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_reader_guesses_a_figure_and_answers_the_exercise(open_page, server, watched):
    page = open_page(f"{server.address}en")
    figure = page.locator(".lesson-figure", has_text="3.3 s")
    expect(figure).to_have_text("", use_inner_text=True)
    figure.locator("input").press("Space")
    expect(figure).to_have_text("3.3 s", use_inner_text=True)
    page.get_by_label("Your answer").fill("6 s")
    page.get_by_label("Your answer").press("Enter")
    page.locator(".lesson-wrong", has_text="is too long").wait_for(timeout=30_000)
    page.get_by_label("Your answer").fill("3.6 s")
    page.get_by_role("button", name="Check").click()
    page.locator(".lesson-right", has_text="Right: 3.6 s").wait_for(timeout=30_000)


def test_answers_are_guarded(server):
    path = f"/{TOKEN}/check"
    assert server.ask("POST", "/check", b"1 s").status == 403
    assert server.ask("POST", path, b"1 s", host="evil.example").status == 421
    assert server.ask("POST", path, b"1 s", {"origin": "http://evil.example"}).status == 403
    assert server.ask("POST", path, b"1" * 5000).status == 413
    assert server.get(path).status == 405


@pytest.mark.parametrize("path", ["/en", "/zh", "/wrong/en"])
def test_a_lesson_needs_the_token(path, server):
    assert server.get(path).status == 403


def test_a_lesson_is_not_served_to_other_hosts_or_sites(server):
    path = f"/{TOKEN}/en"
    assert server.get(path).status == 200
    assert server.get(path, host="evil.example").status == 421
    assert server.get(path, headers={"sec-fetch-site": "cross-site"}).status == 403
    assert "default-src 'none'" in server.get(path).headers["content-security-policy"]
