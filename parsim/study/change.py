"""Change one thing, play again, and compare the makespans. All runs share the seed and the scenario."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from parsim.core.errors import ParsimError, ScenarioError
from parsim.core.job import Job
from parsim.core.quantities import seconds, size
from parsim.core.timeline import Timeline
from parsim.core.tolerance import close
from parsim.metrics.memory import peaks
from parsim.sim.play import play
from parsim.study.case import Case

BOUNDS = ("no_transfer_delay", "infinite_memory")  # show what there is to gain; nobody can do them
WHOLE = ("busiest_link", "links_of_device", "host_step")  # a resource takes no time; a faster one gains less


class Trial(NamedTuple):
    """A change to try."""

    change: str  # its name in JSON
    words: str
    make: Callable[[Job], Job]  # the job with the change; raises `NoDifference` where it changes nothing
    what: str = ""  # the link, device, stage, task, step or setting that changes; empty where there are several


class Change(NamedTuple):
    """A change that was played, and its effect."""

    change: str  # its name in JSON
    words: str
    makespan_s: float
    gain_s: float  # by how much the run ends sooner; negative: later
    what: str = ""
    lacks: str = ""  # which device has too little memory for it, in words

    @property
    def bound(self) -> bool:
        """Whether the change is only a bound, which nobody can realise."""
        return self.change in BOUNDS

    @property
    def reach(self) -> str:
        """How much of the gain is attainable, in words; empty where all of it is."""
        return "a bound" if self.bound else "at most" if self.change in WHOLE else ""


class Refused(NamedTuple):
    """A change that is impossible or makes no difference."""

    change: str
    words: str
    why: str


class NoDifference(Exception):
    """The change has no effect."""


def tried(case: Case, seed: int, trial: Trial, makespan_s: float) -> Change | Refused:
    """Play *case* with a change. Without it, *case* takes *makespan_s* with *seed*."""
    try:
        job = trial.make(case.job(seed))
        line = play(job)
    except ParsimError as error:
        return Refused(trial.change, trial.words, first_line(error))
    except NoDifference as same:
        return Refused(trial.change, trial.words, str(same))
    took = line.makespan_s
    return Change(trial.change, trial.words, took, gain(makespan_s, took), trial.what, lacking(job, line))


def lacking(job: Job, timeline: Timeline) -> str:
    """Return which device holds more than it has, where tasks never wait for memory; empty: none."""
    if all(map(math.isinf, job.memories)):
        return ""
    rows = zip(peaks(job, timeline).tolist(), job.memories, job.cluster.devices, strict=True)
    over = [(peak / limit, f"{device.name} holds {size(peak)} of {size(limit)}") for peak, limit, device in rows]
    most = max(share for share, _ in over)
    return next(words for share, words in over if close(share, most)) if most > 1 else ""


def gain(makespan_s: float, changed_s: float) -> float:
    """Return how much sooner the changed run ends; 0 where only rounding differs.

    >>> gain(3.0, 2.5), gain(0.3, 0.1 + 0.2)
    (0.5, 0.0)
    """
    return 0.0 if close(makespan_s, changed_s) else makespan_s - changed_s


def sooner(change: Change, makespan_s: float) -> str:
    """Say by how much sooner or later than *makespan_s* a changed run ends."""
    if not change.gain_s:
        return "no difference"
    share = abs(100 * change.gain_s / makespan_s) if makespan_s else 0.0
    return f"{seconds(abs(change.gain_s), 4)} ({share:.1f} %) {'sooner' if change.gain_s > 0 else 'later'}"


def first_line(error: Exception) -> str:
    """Return in one line why a run failed."""
    if isinstance(error, ScenarioError):
        (fault, *more) = error.faults
        return f"{fault.path}: {fault.message}" + (f" (and {len(more)} more)" if more else "")
    return str(error).partition("\n")[0]
