"""Progress of a command, shown on a terminal.

06_pipeline.yaml: 3 of 12 runs, 40,000 of 128,000 tasks, about 12 s left
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic

from parsim.core.escape import printable
from parsim.core.progress import Part, parts, share

OFTEN = 4  # times a second


@contextmanager
def waiting(what: str, quiet: bool) -> Iterator[None]:
    """Show the progress and the remaining time on a terminal."""
    if quiet or not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    def line() -> Text:
        return Text(printable(f"{what}: {story(parts())}"), no_wrap=True, overflow="ellipsis")

    with Live(get_renderable=line, console=Console(stderr=True), refresh_per_second=OFTEN, transient=True):
        yield


def story(under_way: Sequence[Part]) -> str:
    """Write how much of each part *under_way* is done, the outermost part first.

    >>> story([Part("runs", 12, lambda: 3), Part("tasks", 128000, lambda: 40000)])
    '3 of 12 runs, 40,000 of 128,000 tasks'
    >>> story([])
    '...'
    """
    said = [f"{part.done():,} of {part.total:,} {part.what}" for part in under_way if part.total > 1]
    more = [text for part in under_way if (text := part.more())]
    left = _left(under_way)
    return ", ".join([*said, *more, *([f"about {left} left"] if left else [])]) or "..."


def _left(under_way: Sequence[Part]) -> str:
    """Return the remaining time of the outermost part at its speed so far; empty in its first second."""
    done = share(under_way)
    spent = monotonic() - under_way[0].since if under_way else 0.0
    if spent < 1 or not 0 < done < 1:
        return ""
    seconds = spent * (1 - done) / done
    minutes = seconds / 60
    return f"{seconds:.0f} s" if minutes < 2 else f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.0f} h"
