"""The command that opens a page in the browser: play."""

from __future__ import annotations

import errno
import os
import shlex
import webbrowser
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from parsim.cli.options import collecting, count_of, option_fault, raise_all, use_files, with_files
from parsim.cli.terminal import say
from parsim.core.errors import Fault, RunError, ScenarioError

if TYPE_CHECKING:
    import socket

    from parsim.page.server import Opened

FIRST = "stages.yaml"  # of the templates


@click.command()
@click.argument("scenario", required=False)
@click.option("--port", metavar="N", default="0", help="Port to listen at; default: a free one.")
@click.option("--no-browser", is_flag=True, help="Print the address, and open no browser.")
@with_files
def play(scenario: str | None, port: str, no_browser: bool, files: tuple[str, ...]) -> None:
    """Open a page with sliders that plays SCENARIO, or a first pipeline.

    The page is served to this machine alone, at the address that is printed. Ctrl-C ends the server.
    """
    try:
        import uvicorn  # noqa: F401

        from parsim.page.server import serve
    except ImportError:
        raise RunError("play needs the extra page: pip install -e '.[page]' in the folder of parsim") from None

    faults: list[Fault] = []
    number, opened, held = 0, None, None
    use_files(files, faults)
    with collecting(faults):
        number = 0 if port == "0" else count_of("--port", port, 65_535)
    with collecting(faults):
        opened = _opened(scenario, files)
    if not faults:
        with collecting(faults):
            held = listening_at(number)
    raise_all(faults)
    assert opened is not None
    assert held is not None

    def ready(address: str) -> None:
        say(address)
        if not no_browser:
            webbrowser.open(address)

    with suppress(KeyboardInterrupt):  # the usual end
        serve(opened, held, ready)


def _opened(scenario: str | None, files: tuple[str, ...]) -> Opened:
    """Return the scenario to begin with. Its text may be wrong; the page then shows where."""
    from parsim.core.read_file import content
    from parsim.page.bounds import LONGEST_TEXT
    from parsim.page.server import Opened

    file = scenario or str(Path(__file__).with_name("templates") / FIRST)
    try:
        data = content(file)
        if len(data) > LONGEST_TEXT:
            raise ValueError(
                f"is larger than {LONGEST_TEXT // 1000} kB, and a page shows no longer text; use parsim run"
            )
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ScenarioError([Fault(file, 0, 0, "SCENARIO", "is not UTF-8 text")]) from None
    except ValueError as wrong:
        raise ScenarioError([Fault(file, 0, 0, "SCENARIO", str(wrong))]) from None
    more = "".join(f" --with {shlex.quote(added)}" for added in files)
    command = f"parsim run {shlex.quote(scenario)}{more}" if scenario else ""
    return Opened(os.path.abspath(scenario or "scenario.yaml"), text, files, command)


def listening_at(port: int) -> socket.socket:
    """Return a socket that listens at *port*, or at a free one where it is 0."""
    from parsim.page.server import listening

    try:
        return listening(port)
    except OSError as error:
        why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be opened: {error.strerror or error}"
        raise option_fault("--port", f"{port} {why}; name another one, or leave it out for a free one") from None


COMMANDS = (play,)
