"""The one link or device that makes a variant slower, where the ledger only says that workers were idle.

                 as it is    without delay on link w3.down
    other          20 s               12 s                    the gap of 9 s shrinks to 1 s: the link decided
    best           11 s               11 s

Both variants are played with the same change: what holds both up alike does not decide between them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from parsim.core.escape import printable
from parsim.core.progress import counted
from parsim.core.timeline import CAUSES
from parsim.export.report import seconds
from parsim.run import Result
from parsim.study.causes import culprits, without_link
from parsim.study.change import Refused, Trial, played
from parsim.study.decided import ahead, savings, told
from parsim.study.measure import measure
from parsim.study.played import Played, ended
from parsim.study.traffic import busy, moved

LEFT = 0.5  # of the gap at most: the change closes it
SAID = {
    "busiest_link": "link {what}: without delay on it",
    "links_of_device": "the links of {what}: without delay on them",
    "slow_device": "a slow device: with {words}",
}


class Blame(NamedTuple):
    """What makes a variant slower than the best, and when the two would end without it."""

    label: str  # of the slower variant
    best: str  # the label of the other
    change: str
    what: str
    words: str
    makespan_s: float
    best_makespan_s: float

    @property
    def sentence(self) -> str:
        """Say it in words."""
        cause = SAID[self.change].format(what=self.what, words=self.words)
        slow, fast = seconds(self.makespan_s, 4), seconds(self.best_makespan_s, 4)
        return f"The cause is {printable(cause)}, {self.label} would end after {slow}, and {self.best} after {fast}."


def blamed(variants: Sequence[Played]) -> list[Blame]:
    """Return what makes the next slower than the fastest, if it is one thing."""
    found: list[Blame] = []
    for best, other in [] if measure(ended(variants)).differ else ahead(variants):
        if best.run and other.run and {*CAUSES}.intersection(told(savings(best, other))):
            suspects = [*_busier(best.run, other.run), *culprits(other.run.job, other.run.timeline)]
            trials = {(trial.change, trial.what): trial for trial in suspects}
            for trial in counted("runs", trials.values()):
                for slow, fast in _closed(trial, best.run, other.run):
                    found.append(Blame(other.label, best.label, trial.change, trial.what, trial.words, slow, fast))
    return sorted(found, key=lambda one: float(f"{one.makespan_s - one.best_makespan_s:.9g}"))[:1]


def _busier(best: Result, other: Result) -> Iterator[Trial]:
    """Suspect the link that is busy for longer in the slower run, by most."""
    mine, theirs = (busy(run.job, moved(run.job, run.timeline, run.timeline.transfers)) for run in (best, other))
    more = {link: took - mine.get(link, 0.0) for link, took in theirs.items()}
    most = max(more, key=more.__getitem__, default="")
    if more.get(most, 0.0) > 0:
        yield without_link(most)


def _closed(trial: Trial, best: Result, other: Result) -> Iterator[tuple[float, float]]:
    """Yield the makespans of the slower and the faster run with the change, if it closes the gap between them."""
    fast, slow = best.timeline.makespan_s, other.timeline.makespan_s
    most = LEFT * (slow - fast)
    without = played(trial, other.job, slow)
    if most <= 0 or isinstance(without, Refused) or without.gain_s < most:
        return
    beside = played(trial, best.job, fast)
    fast = fast if isinstance(beside, Refused) else beside.makespan_s
    if without.makespan_s - fast <= most:
        yield without.makespan_s, fast
