"""A player: a process that plays the scenarios of a page, one after the other, and can be stopped at any time.

page  --request-->  server  --request-->  process       a newer request, or too long a run, kills the process;
      <--answer---          <--answer---                another one is forked in its place
"""

from __future__ import annotations

import gc
import json
import signal
import threading
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from parsim.core.errors import told
from parsim.page.bounds import LONGEST_S, MOST_MEMORY, limit_memory
from parsim.page.request import Request
from parsim.real.start import start_context, starting

PRELOADED = ["parsim.page.warm"]
USE_RUN = "play a smaller scenario, or use parsim run"
TOO_LONG = f"the run takes longer than {LONGEST_S:g} s, and a page does not wait longer; {USE_RUN}"
TOO_LARGE = f"the run needs more than {MOST_MEMORY >> 30} GiB of memory, and a page does not get more; {USE_RUN}"

_one_start = threading.Lock()  # `starting` changes what all threads see


class Superseded(Exception):
    """A newer request came before the answer."""


class Player:
    """A process that plays scenarios.

    Parameters
    ----------
    file : the file that the page opened; scenarios may name files of its folder.
    files : Python files that add entries to the shelves.
    """

    def __init__(self, file: str, files: tuple[str, ...] = ()) -> None:
        self._about = (file, files)
        self._turn = threading.Lock()  # held from a request to its answer
        self._newest = 0
        self._begin()

    def ask(self, request: Request) -> bytes:
        """Return the answer to *request* as JSON. The request before is given up, which raises `Superseded` there."""
        self._newest += 1
        mine = self._newest
        if self._turn.locked():
            self.close()
        with self._turn:
            while mine == self._newest:
                found = self._ask(request)
                if found is not None:
                    return found
        raise Superseded

    def close(self) -> None:
        """End the process."""
        self._ended = True
        self._process.kill()

    def _begin(self) -> None:
        context = start_context(PRELOADED)
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, *self._about), daemon=True)
        self._ended = False
        with _one_start, starting():
            self._process.start()
        theirs.close()

    def _ask(self, request: Request) -> bytes | None:
        """Return the answer of the process; None if it was ended, since a newer request came."""
        failed = TOO_LARGE  # if it dies by itself
        with suppress(EOFError, OSError):
            self._pipe.send(request)
            if self._pipe.poll(LONGEST_S):
                return self._pipe.recv_bytes()
            failed = TOO_LONG
        ended = self._ended
        self._process.kill()
        self._pipe.close()
        self._begin()
        return None if ended else _json({"text": request.text, "failed": failed})


def _serve(pipe: Connection, file: str, files: tuple[str, ...]) -> None:
    """Answer requests until the pipe closes, also because the server was killed."""
    from parsim.entries.registry import use
    from parsim.page.answer import answer
    from parsim.page.warm import SCHEMA
    from parsim.scenario_schema import scenario_schema

    for sign in ("SIGINT", "SIGHUP"):  # which a terminal sends to a whole group
        signal.signal(getattr(signal, sign), signal.SIG_IGN)
    gc.freeze()  # what is loaded stays, and need not be looked through after each run
    limit_memory(MOST_MEMORY)
    for added in files:
        use(added)
    schema = scenario_schema() if files else SCHEMA
    with suppress(EOFError, OSError):
        while True:
            request = pipe.recv()
            try:
                found = _json(answer(request, file, schema))
            except MemoryError:
                found = _json({"text": request.text, "failed": TOO_LARGE})
            except Exception as error:  # a fault of parsim, which must not read as one of the scenario
                found = _json({"text": request.text, "failed": f"parsim itself has failed: {told(error)}"})
            pipe.send_bytes(found)


def _json(found: dict[str, Any]) -> bytes:
    return json.dumps(found, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
