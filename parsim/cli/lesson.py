"""The command `lesson`: a lesson of the notebooks as a page, with sliders, or as a file."""

from __future__ import annotations

import os
import shlex
import webbrowser
from contextlib import suppress
from typing import TYPE_CHECKING, get_args

import click

from parsim.cli.browser import listening_at
from parsim.cli.examples import folder_of_examples
from parsim.cli.options import collecting, count_of, option_fault, page_file, quiet, raise_all
from parsim.cli.progress import waiting
from parsim.cli.terminal import say
from parsim.core.errors import Fault, RunError
from parsim.core.escape import printable

if TYPE_CHECKING:
    from parsim.page import lesson_page as pages


@click.command()
@click.argument("number")
@click.option("--language", metavar="en|zh", default="en", help="en, the default, or zh (Chinese).")
@click.option("--html", metavar="FILE", help="Write the lesson into this file instead, without sliders.")
@click.option("--port", metavar="N", default="0", help="Port to listen at; default: a free one.")
@click.option("--no-browser", is_flag=True, help="Print the address, and open no browser.")
@quiet
def lesson(number: str, language: str, html: str | None, port: str, no_browser: bool, quiet: bool) -> None:
    """Open lesson NUMBER, such as 03, as a page with sliders.

    The code of its notebook is run first. The page is served to this machine alone, at the address that is printed;
    Ctrl-C ends the server.
    """
    from parsim.page import lesson_page as pages

    faults: list[Fault] = []
    notebooks = {path.name[:2]: path for path in sorted((folder_of_examples() / "notebooks").glob("*.ipynb"))}
    name = number[:2] if number[:2] in notebooks else number.zfill(2)
    if name not in notebooks:
        first, *_, last = notebooks
        faults += option_fault("NUMBER", f"'{number[:60]}' is no lesson; write {first} to {last}").faults
    if language not in get_args(pages.Language):
        faults += option_fault("--language", f"'{language[:60]}' is not known; write en or zh").faults
    place = 0
    with collecting(faults):
        place = 0 if port == "0" else count_of("--port", port, 65_535)
    if html is not None:
        with collecting(faults):
            page_file("--html", html)
    raise_all(faults)
    read = pages.read(notebooks[name])
    chosen: pages.Language = "zh" if language == "zh" else "en"
    with waiting(read.name, quiet):
        found = pages.shown(read)
    if html is not None:
        _write(html, pages.document(read, chosen, pages.article(read, chosen, found, "")), quiet)
        return
    _serve(read, found, chosen, place, no_browser)


def _serve(read: pages.Lesson, found: dict[str, str], language: pages.Language, port: int, no_browser: bool) -> None:
    """Serve the lesson in both languages, beside its sliders."""
    from parsim.page import lesson_page as pages

    try:
        from parsim.page.lesson_check import check
        from parsim.page.lesson_server import serve
        from parsim.page.server import Opened
    except ImportError:
        told = "lesson needs the extra page: pip install -e '.[page]' in the folder of parsim; or write it with --html"
        raise RunError(told) from None
    sliders = f"./#{pages.state(read)}"
    other: pages.Language = "zh" if language == "en" else "en"
    made: dict[str, str] = {
        one: pages.document(read, one, pages.article(read, one, found, sliders), its_other)
        for one, its_other in ((language, other), (other, language))
    }
    text = read.scenario.read_text(encoding="utf-8")
    opened = Opened(str(read.scenario), text, (), f"parsim run {shlex.quote(str(read.scenario))}")

    def ready(address: str) -> None:
        say(address)
        if not no_browser:
            webbrowser.open(address)

    with suppress(KeyboardInterrupt):  # the usual end
        serve(opened, made, lambda told: check(read, told), listening_at(port), ready)


def _write(file: str, page: str, quiet: bool) -> None:
    from parsim.export.files import ready, write

    write(os.path.dirname(file) or ".", ready({os.path.basename(file): page}))
    if not quiet:
        say(printable(file))


COMMANDS = (lesson,)
