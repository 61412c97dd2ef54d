"""A real browser, and pages in it that must stay silent and on this machine."""

import shutil
from urllib.parse import urlsplit

import pytest

ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-quic"),
]
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


@pytest.fixture(scope="session")
def browser():
    """Start the system's chromium, once in each process of the tests."""
    drive = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install '.[test]'")
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip("there is no chromium: apt-get install chromium")
    with drive.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield browser
        browser.close()


class Watched:
    """What a page said on its console, and what it asked for."""

    def __init__(self):
        self.problems, self.asked = [], []

    def watch(self, page):
        page.on("console", lambda said: self.problems.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))

    def left(self):
        """Return the requests that were not for a file, for the page itself, or for a server on this machine."""
        parts = [(url, urlsplit(url)) for url in self.asked]
        return [url for url, part in parts if part.scheme in ("http", "https", "ws") and part.hostname != "127.0.0.1"]


@pytest.fixture
def watched():
    """Return what the pages of a test say and ask for; a test that provokes errors empties `problems`."""
    return Watched()


@pytest.fixture
def open_page(browser, watched):
    """Return a function that opens an address in a page of its own; at the end none may have complained."""
    contexts = []

    def open_(address, width=1280, height=900, **options):
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        watched.watch(page)
        page.goto(address)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert watched.problems == []
    assert watched.left() == []
