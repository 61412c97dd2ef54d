"""The process that `mpiexec` starts: it runs the rank in a child, and ends the whole job if that dies.

    mpiexec    supervisor 0    supervisor 1    supervisor 2       small, without MPI
                    |               |               |
                  host           worker w0       worker w1        talk over MPI

MPI does not say that a rank has died: the others would wait for it without end, or `mpiexec` would end them before
anybody could name it. A supervisor keeps the connection to `mpiexec` open until it has told what happened.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from math import inf
from pathlib import Path
from typing import NoReturn

from parsim.core.threads import STEADY

RANKS = ("PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_RANK")  # variables in which `mpiexec` says which rank this is
SHARED_MEMORY = "/dev/shm"
CHILD = "PARSIM_RANK"  # files of a child: its lifeline, its note
NOTE = 512  # B
DRAINED = 1.0  # s that `mpiexec` may take to read what was written
MEANWHILE = 0.05  # s in which `mpiexec` ends this process, if it has ended the supervisor
PR_SET_PDEATHSIG, PR_SET_TIMERSLACK = 1, 29
ASKING = 0.2  # s until the next look at a child that has not joined the others
JOINING = 60.0  # s that all ranks may take to join
GRACE = 2.0  # s that they may take once they are interrupted: who has joined leaves no shared memory behind
LATER = 0.2  # s
ENDING = 0.3  # s that `mpiexec` may take to end this process
SIGNS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


def rank() -> int | None:
    """Return which rank this process is; None: it was not started by `mpiexec`."""
    return next((int(os.environ[name]) for name in RANKS if os.environ.get(name, "").isdigit()), None)


class Rank:
    """A child that is a rank, and what it notes."""

    def __init__(self, note: int, command: list[str], environment: dict[str, str]) -> None:
        self._note, self._heard_s = note, inf
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNS)  # also in the child, until it has joined the others
        # It needs the connection to `mpiexec`, too.
        self.process = subprocess.Popen(command, env=environment, close_fds=False)
        for sign in SIGNS:
            signal.signal(sign, self._hear)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNS)

    def _hear(self, number: int, frame: object) -> None:
        """Let the host hear a signal; it ends the workers."""
        self._heard_s = min(self._heard_s, time.monotonic())
        if not rank():
            self.process.send_signal(number)

    def noted(self) -> tuple[str, str]:
        """Return who the child is, and what it is doing; nothing before it has joined the others."""
        who, _, doing = os.pread(self._note, NOTE, 0).rstrip(b"\0 ").decode(errors="replace").partition("\n")
        return who, doing

    def wait(self) -> int:
        """Return the exit code of the child; end the job where some rank never joins the others."""
        began = time.monotonic()
        while not self.noted()[0]:
            with suppress(subprocess.TimeoutExpired):
                return self.process.wait(ASKING)
            now = time.monotonic()
            if now > self._heard_s + GRACE or now > began + JOINING:
                time.sleep(LATER * (rank() or 0))  # the first tells
                late = f"not all ranks of the MPI job are ready after {JOINING:g} s"
                sys.stderr.write(f"parsim: {'interrupted' if self._heard_s < inf else late}\n")
                forget_files(self.process.pid)
                self.process.kill()
                end_job(1)
        return self.process.wait()


def supervise() -> int:
    """Run this command again, as a rank; return its exit code if that is 0, else end the job with it."""
    reading, writing = os.pipe()
    with tempfile.TemporaryFile() as note:
        for file in (reading, note.fileno()):
            os.set_inheritable(file, True)
        files = {CHILD: f"{reading},{note.fileno()}"}
        child = Rank(note.fileno(), [sys.executable, *sys.orig_argv[1:]], os.environ | STEADY | files)
        os.close(reading)
        code = child.wait()
        os.close(writing)
        if code:
            who, doing = child.noted()
            signals = {-one: f"was killed by {one.name}" for one in signal.Signals}
            if code < 0 or rank():  # the host tells itself why it fails
                _tell(who or "the process", signals.get(code, f"ended with exit code {code}"), doing)
            end_job(code if code > 0 and not rank() else 1)
    return code


def forget_files(process: int) -> None:
    """Delete the names of the shared memory of MPI that a process has open, so that none is left however it ends."""
    with suppress(OSError):
        maps = Path(f"/proc/{process}/maps").read_text(encoding="utf-8").splitlines()
        for file in {line.split(maxsplit=5)[-1] for line in maps if f" {SHARED_MEMORY}/mpich_" in line}:
            os.unlink(file)


def _tell(who: str, how: str, doing: str) -> None:
    """Write how a rank ended, and what it was doing."""
    sys.stderr.write(f"parsim: {who} (rank {rank()}) {how}{doing and f' while it had {doing}'}\n")
    sys.stderr.flush()


def end_job(code: int) -> NoReturn:
    """End all ranks, with *code* as the exit code of `mpiexec`."""
    _drain()
    connection = os.environ.get("PMI_FD", "")
    if connection.isdigit():
        os.write(int(connection), f"cmd=abort exitcode={code}\n".encode())
        time.sleep(ENDING)
    os._exit(code)


def _drain() -> None:
    """Wait until `mpiexec` has read what was written, since it forgets the rest when it ends a job."""
    try:
        from fcntl import ioctl
        from termios import FIONREAD
    except ImportError:
        return
    until = time.monotonic() + DRAINED
    while time.monotonic() < until:
        try:
            left = int.from_bytes(ioctl(2, FIONREAD, bytes(4)), sys.byteorder)
        except OSError:  # not a pipe
            return
        if not left:
            time.sleep(0.02)  # and until it has passed on what it has read
            return
        time.sleep(0.002)


def end_with_parent(sign: int) -> None:
    """Let the system send *sign* to this process when its parent ends, 0: none; only Linux can.

    While MPI gets ready, no thread of Python runs that could see to it.
    """
    _control(PR_SET_PDEATHSIG, sign)


def pause_precisely() -> None:
    """Let pauses of this process be as short as asked for, where Linux would add 50 us."""
    _control(PR_SET_TIMERSLACK, 1)


def _control(what: int, value: int) -> None:
    function = getattr(ctypes.CDLL(None), "prctl", None)
    if function is not None:
        function(what, value)


class Note:
    """What a supervisor would tell of its child: a name, and what it is doing."""

    def __init__(self) -> None:
        lifeline, self._file = map(int, os.environ.pop(CHILD).split(","))
        self.name, self._doing = "", ""
        threading.Thread(target=self._end_with, args=(lifeline,), daemon=True).start()

    def write(self, doing: str = "") -> None:
        """Note what this process is doing now."""
        self._doing = doing
        os.pwrite(self._file, f"{self.name}\n{doing}".encode()[:NOTE].ljust(NOTE), 0)

    def _end_with(self, lifeline: int) -> None:
        """End the job with the supervisor of this process."""
        os.read(lifeline, 1)
        time.sleep(MEANWHILE)
        forget_files(os.getpid())
        _tell(f"the supervisor of {self.name or 'a process'}", "has ended", self._doing)
        end_job(1)
