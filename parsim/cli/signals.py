"""Ctrl-C, SIGTERM and SIGHUP: each interrupts a command, which then keeps what it has done and exits with 1."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

SIGNS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


@contextmanager
def interrupted_once() -> Iterator[None]:
    """Let a signal interrupt what is done here, once: while that comes to its end, further ones are ignored.

    What the caller ignores (nohup) stays ignored.
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
            if signal.getsignal(sign) is interrupt:  # else it was interrupted, and has yet to say so
                signal.signal(sign, handler)
