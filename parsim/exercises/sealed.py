"""Call a function in a process of its own, with limits on time, memory, and the size of files.

    here                      a process of its own, in an empty folder
    call, arguments  ------>  limits itself, calls, writes its answer
    waits ...        <------  answer, or words on what went wrong
    ends it and all that it started

The limits hold mistakes, such as an endless loop. They do not hold an attack: the code runs as the user who starts it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from parsim.core.errors import Fault, ParsimError
from parsim.core.quantities import seconds, size
from parsim.entries.registry import PACKAGE

LOOK_S = 0.01
START_S = 30.0  # beside its own time: a busy machine takes long to start a process
MOST_BYTES = 2**24  # of a file that it writes
INSIDE = "parsim.exercises.inside"
PASSED = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "TMPDIR")  # of the environment


class Limits(NamedTuple):
    """Seconds for which a process may compute, and bytes that it may use."""

    time_s: float
    memory: int


CODE_S = 20.0  # for code of a student
CHECK_S = 60.0  # for a check, beside the code for which it may wait
MEMORY = 2 * 2**30


class Unanswered(ParsimError):
    """A process of its own gave no answer; the message says why, and *faults* are those of its input."""

    def __init__(self, words: str, faults: Iterable[Fault] = ()) -> None:
        super().__init__(words)
        self.faults = tuple(faults)


def sealed(call: str, arguments: Mapping[str, Any], limits: Limits) -> Any:
    """Call one of the functions of `parsim.exercises.inside`, and return its answer.

    Raises `Unanswered` where the process ended, was ended, or says what went wrong.
    """
    with tempfile.TemporaryDirectory(prefix="parsim-", ignore_cleanup_errors=True) as folder:
        asked, answered = Path(folder, "asked.json"), Path(folder, "answered.json")
        asked.write_text(json.dumps({"call": call, "arguments": arguments, "limits": limits}), encoding="utf-8")
        room = Path(folder, "room")
        room.mkdir()
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", INSIDE, str(asked), str(answered)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=room,
            env=_environment(room),
            start_new_session=True,
        )
        try:
            code = _ended(process, limits)
        finally:
            _end(process)
        return _answer(answered, code, limits)


def _environment(room: Path) -> dict[str, str]:
    """Return a small environment in which the process finds this parsim, and computes on one thread."""
    passed = {name: os.environ[name] for name in PASSED if name in os.environ}
    path = os.pathsep.join(filter(None, (os.path.dirname(PACKAGE), os.environ.get("PYTHONPATH"))))
    return passed | {"PYTHONPATH": path, "HOME": str(room), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def _ended(process: subprocess.Popen[bytes], limits: Limits) -> int:
    """Wait for the end of the process, and return its exit code; its number stays its own until `_end`."""
    until = time.monotonic() + limits.time_s + START_S
    if not hasattr(os, "waitid"):
        with suppress(subprocess.TimeoutExpired):
            return process.wait(limits.time_s + START_S)
    else:
        while time.monotonic() < until:
            found = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if found is not None:
                return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status
            time.sleep(LOOK_S)
    waited = seconds(limits.time_s + START_S)
    raise Unanswered(f"it had not ended after {waited}, and was stopped. What does it wait for?")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process and what it has started."""
    with suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def _answer(file: Path, code: int, limits: Limits) -> Any:
    """Read what the process has written."""
    try:
        if file.stat().st_size > MOST_BYTES:
            raise Unanswered(f"its answer is larger than {size(MOST_BYTES)}")
        said = json.loads(file.read_bytes())
        if "failed" in said:
            raise Unanswered(str(said["failed"]), (Fault(*fault) for fault in said["faults"]))
        return said["answer"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        raise Unanswered(_why(code, limits)) from None


def _why(code: int, limits: Limits) -> str:
    """Say how a process ended that gave no answer."""
    if code == -getattr(signal, "SIGXCPU", 0):
        return f"it computed for more than {seconds(limits.time_s)}, and was stopped. Is there an endless loop?"
    if code < 0:
        with suppress(ValueError):
            return f"the system ended it by {signal.Signals(-code).name}"
    return f"it ended by itself without an answer (exit code {code})"
