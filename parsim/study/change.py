"""One thing changed, and played: what would the makespan be then? The same seed and the same scenario for all."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from parsim.core.errors import ParsimError, ScenarioError
from parsim.core.job import Job
from parsim.core.ties import close
from parsim.sim.play import play
from parsim.study.case import Case

BOUNDS = ("no_transfer_delay", "infinite_memory")  # nobody can do these; they say how much there is to gain
WHOLE = ("busiest_link", "links_of_device", "host_step")  # what is faster gains a part; without its time, all of it


class Trial(NamedTuple):
    """One thing to change."""

    change: str  # its name in JSON
    words: str
    make: Callable[[Job], Job]  # the job with the change; raises `NoDifference` where it changes nothing
    what: str = ""  # the link, device, stage, task, step or setting that it is about; empty where no single one is


class Change(NamedTuple):
    """One thing changed, and what came of it."""

    change: str  # its name in JSON
    words: str
    makespan_s: float
    gain_s: float  # by how much the run ends sooner; negative: later
    what: str = ""

    @property
    def bound(self) -> bool:
        """Say whether nobody can do this."""
        return self.change in BOUNDS

    @property
    def reach(self) -> str:
        """Say in words how much of the gain can be had; nothing where all of it can."""
        return "a bound" if self.bound else "at most" if self.change in WHOLE else ""


class Refused(NamedTuple):
    """One thing that could not be changed, or makes no difference."""

    change: str
    words: str
    why: str


class NoDifference(Exception):
    """The change would change nothing."""


def tried(case: Case, seed: int, trial: Trial, makespan_s: float) -> Change | Refused:
    """Return what comes of a change of *case*, which took *makespan_s* with *seed*."""
    try:
        took = play(trial.make(case.job(seed))).makespan_s
    except ParsimError as error:
        return Refused(trial.change, trial.words, first_line(error))
    except NoDifference as same:
        return Refused(trial.change, trial.words, str(same))
    return Change(trial.change, trial.words, took, gain(makespan_s, took), trial.what)


def gain(makespan_s: float, changed_s: float) -> float:
    """Return how much sooner the changed run ends; nothing where only rounding differs.

    >>> gain(3.0, 2.5), gain(0.3, 0.1 + 0.2)
    (0.5, 0.0)
    """
    return 0.0 if close(makespan_s, changed_s) else makespan_s - changed_s


def first_line(error: Exception) -> str:
    """Say in a line why a run could not be made."""
    if isinstance(error, ScenarioError):
        (fault, *more) = error.faults
        return f"{fault.path}: {fault.message}" + (f" (and {len(more)} more)" if more else "")
    return str(error).partition("\n")[0]
