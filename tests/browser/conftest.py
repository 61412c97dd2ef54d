"""A real browser, and pages in it that must stay silent and on this machine."""

import shutil
from collections import defaultdict
from urllib.parse import urlsplit

import pytest

ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-quic"),
]
EVENTS = ("console", "pageerror", "request")
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
    """What pages said on their consoles, and what they asked for."""

    def __init__(self):
        self.problems, self.asked = [], []

    def console(self, said):
        if said.type in ("error", "warning"):
            self.problems.append(said.text)

    def pageerror(self, error):
        self.problems.append(str(error))

    def request(self, request):
        self.asked.append(request.url)

    def watch(self, page):
        for event in EVENTS:
            page.on(event, getattr(self, event))

    def leave(self, page):
        for event in EVENTS:
            page.remove_listener(event, getattr(self, event))

    def left(self):
        """Return the requests that were not for a file, for the page itself, or for a server on this machine."""
        parts = [(url, urlsplit(url)) for url in self.asked]
        return [url for url, part in parts if part.scheme in ("http", "https", "ws") and part.hostname != "127.0.0.1"]


@pytest.fixture
def watched():
    """Return what the pages of a test say and ask for; a test that provokes errors empties `problems`."""
    return Watched()


class Pages:
    """Blank pages. One that is given back is taken again: to make one takes longer than to open an address in it."""

    def __init__(self, browser):
        self._browser, self._blank = browser, defaultdict(list)

    def take(self, key):
        viewport, options = key
        blank = self._blank[repr(key)]
        page = blank.pop() if blank else self._browser.new_context(**options).new_page()
        page.set_viewport_size(viewport)
        page.set_default_timeout(10_000)
        return page

    def give_back(self, key, page):
        for other in page.context.pages:
            if other != page:
                other.close()
        page.mouse.up()
        page.mouse.move(0, 0)
        page.goto("about:blank")
        self._blank[repr(key)].append(page)


@pytest.fixture(scope="session")
def pages(browser):
    """Return the pages of this process of the tests."""
    return Pages(browser)


@pytest.fixture
def open_page(pages, watched):
    """Return a function that opens an address in a page of its own; at the end none may have complained."""
    taken = []

    def open_(address, width=1280, height=900, **options):
        key = {"width": width, "height": height}, options
        page = pages.take(key)
        taken.append((key, page))
        watched.watch(page)
        page.goto(address)
        return page

    yield open_
    for key, page in taken:
        watched.leave(page)
        pages.give_back(key, page)
    assert watched.problems == []
    assert watched.left() == []
