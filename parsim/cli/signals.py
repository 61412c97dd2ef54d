"""Ctrl-C, SIGTERM and SIGHUP interrupt a command. It keeps its results so far and exits with 1."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

SIGNS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


@contextmanager
def interrupted_once() -> Iterator[None]:
    """Let the first signal interrupt the block, and ignore further signals while it ends.

    Signals that the caller ignores (nohup) stay ignored.
    """

    def interrupt(number: int, frame: object) -> None:
        for sign in before:
            signal.signal(sign, signal.SIG_IGN)
        raise KeyboardInterrupt

    main = threading.current_thread() is threading.main_thread()
    before = {sign: signal.getsignal(sign) for sign in SIGNS if main and signal.getsignal(sign) != signal.SIG_IGN}
    for sign in before:
        signal.signal(sign, interrupt)
    try:
        yield
    finally:
        for sign, handler in before.items():
            if signal.getsignal(sign) is interrupt:  # if interrupted, the command still has to report it
                signal.signal(sign, handler)
