"""How much a page may ask for, so that no text can occupy the machine.

text   1 MiB      answer   10 s, 2 GiB of memory beyond that of an idle player, 300,000 bars
"""

from __future__ import annotations

from contextlib import suppress

LONGEST_TEXT = 256_000  # B of a scenario to begin with
LONGEST_BODY = 2**20  # B of a request
LONGEST_S = 10.0  # from a request to its answer
MOST_MEMORY = 2 * 2**30  # B beyond what an idle player has
MOST_BARS = 300_000
MOST_PLAYERS = 4  # processes


def limit_memory(allowed: float) -> None:
    """Let this process take at most *allowed* bytes of memory beyond what it has, where the system can limit it."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        with open("/proc/self/statm", encoding="ascii") as pages:
            held = int(pages.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (held + int(allowed), resource.RLIM_INFINITY))
