"""A policy that marks each row that is played, and can be slow or deadly; tests give it to `--with`."""

import os
import signal
import time
from pathlib import Path

from parsim.policies import policies
from parsim.policies.fifo import Fifo


@policies.add("marking")
class Marking(Fifo):
    """First in, first out, with a mark in the folder MARKS for each run.

    Parameters
    ----------
    number : of the row.
    seconds : how long it sleeps.
    deadly : the number of the row that kills its process; 0: none.
    """

    def __init__(self, number: int, seconds: float = 0.0, deadly: int = 0):
        self._number, self._seconds, self._deadly = number, seconds, deadly

    def prepare(self, graph, workers, estimate):
        """Leave a mark."""
        with Path(os.environ["MARKS"], f"{self._number}").open("a") as mark:
            mark.write(f"{os.getpid()}\n")
        time.sleep(self._seconds)
        if self._number == self._deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        super().prepare(graph, workers, estimate)
