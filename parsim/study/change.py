"""Change one thing, play again, and compare how long it takes. All runs share the seed and the scenario.

                   before    changed
makespan            1.40 s    1.39 s      compared where nothing trains
steady iteration    1.31 s    1.27 s      compared where a model trains: one of many iterations takes as long
"""

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
from parsim.sim.pace import pace
from parsim.sim.play import play
from parsim.study.case import Case
from parsim.training.program import Training

BOUNDS = ("no_transfer_delay", "infinite_memory")  # show what there is to gain; nobody can do them
WHOLE = ("busiest_link", "links_of_device", "host_step")  # a resource takes no time; a faster one gains less


class Took(NamedTuple):
    """How long a run takes."""

    makespan_s: float
    iteration_s: float | None = None  # of a training, in the steady state

    @property
    def compared_s(self) -> float:
        """The seconds by which runs are compared: of a training an iteration, else the makespan."""
        return self.makespan_s if self.iteration_s is None else self.iteration_s


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
    iteration_s: float | None = None  # of a training
    iteration_gain_s: float | None = None

    @property
    def compared_s(self) -> float:
        """The seconds by which changes are compared: of a training an iteration, else the makespan."""
        return self.makespan_s if self.iteration_s is None else self.iteration_s

    @property
    def compared_gain_s(self) -> float:
        """How much shorter an iteration of a training is, or how much sooner another run ends."""
        return self.gain_s if self.iteration_gain_s is None else self.iteration_gain_s

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


def tried(case: Case, seed: int, trial: Trial, own: Took) -> Change | Refused:
    """Play *case* with a change. Without it, *case* takes *own* with *seed*."""
    try:
        job = trial.make(case.job(seed))
        line = play(job)
    except ParsimError as error:
        return Refused(trial.change, trial.words, first_line(error))
    except NoDifference as same:
        return Refused(trial.change, trial.words, str(same))
    took = Took(line.makespan_s) if own.iteration_s is None else took_of(job, line)
    return changed(trial.change, trial.words, own, took, trial.what, lacking(job, line))


def took_of(job: Job, timeline: Timeline) -> Took:
    """Return how long *job* takes, which ran as *timeline* shows."""
    program = job.graph.program
    steady = pace(job, timeline, program).iteration_s if isinstance(program, Training) else None
    return Took(timeline.makespan_s, steady)


def changed(change: str, words: str, own: Took, took: Took, what: str, lacks: str) -> Change:
    """Return a change with which a run takes *took* in place of *own*."""
    each, other = own.iteration_s, took.iteration_s
    less = None if each is None or other is None else gain(each, other)
    return Change(change, words, took.makespan_s, gain(own.makespan_s, took.makespan_s), what, lacks, other, less)


def lacking(job: Job, timeline: Timeline) -> str:
    """Return which device holds more than it has, where tasks never wait for memory; empty: none."""
    if all(map(math.isinf, job.memories)):
        return ""
    rows = zip(peaks(job, timeline).tolist(), job.memories, job.cluster.devices, strict=True)
    over = [(peak / limit, f"{device.name} holds {size(peak)} of {size(limit)}") for peak, limit, device in rows]
    most = max(share for share, _ in over)
    return next(words for share, words in over if close(share, most)) if most > 1 else ""


def gain(own_s: float, changed_s: float) -> float:
    """Return how much less the changed run takes; 0 where only rounding differs.

    >>> gain(3.0, 2.5), gain(0.3, 0.1 + 0.2)
    (0.5, 0.0)
    """
    return 0.0 if close(own_s, changed_s) else own_s - changed_s


def sooner(change: Change, own_s: float) -> str:
    """Say by how much sooner or later a changed run ends, or by how much less or more an iteration takes.

    >>> sooner(Change("", "", 2.0, 1.0), 3.0), sooner(Change("", "", 2.0, 1.0, "", "", 1.5, -0.5), 1.0)
    ('1 s (33.3 %) sooner', '500 ms (50.0 %) more')
    """
    gained = change.compared_gain_s
    if not gained:
        return "no difference"
    less, more = ("sooner", "later") if change.iteration_s is None else ("less", "more")
    share = abs(100 * gained / own_s) if own_s else 0.0
    return f"{seconds(abs(gained), 4)} ({share:.1f} %) {less if gained > 0 else more}"


def ends(change: Change, own_s: float) -> str:
    """Say when a changed run would end, or how long an iteration would take.

    >>> print(ends(Change("busiest_link", "", 2.0, 1.0), 3.0))
    the run would end at the earliest after 2 s, 1 s (33.3 %) sooner
    >>> print(ends(Change("recompute", "", 2.0, 1.0, "", "", 1.5, -0.5), 1.0))
    an iteration would take 1.5 s, 500 ms (50.0 %) more
    """
    least, told = change.reach == "at most", sooner(change, own_s)
    if change.iteration_s is None:
        return f"the run would end {'at the earliest ' * least}after {seconds(change.makespan_s)}, {told}"
    return f"an iteration would take {'at least ' * least}{seconds(change.iteration_s)}, {told}"


def first_line(error: Exception) -> str:
    """Return in one line why a run failed."""
    if isinstance(error, ScenarioError):
        (fault, *more) = error.faults
        return f"{fault.path}: {fault.message}" + (f" (and {len(more)} more)" if more else "")
    return str(error).partition("\n")[0]
