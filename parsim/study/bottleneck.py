"""Find the one link or device that makes a variant slower, where the ledger only says that workers were idle.

                 as it is    without delay on link w3.down
    other          20 s               12 s                    the gap of 9 s shrinks to 1 s: the link decided
    best           11 s               11 s

Both variants are played with the same change: what slows both equally does not decide between them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from parsim.core.escape import printable
from parsim.core.quantities import seconds
from parsim.core.timeline import CAUSES
from parsim.core.tolerance import CLOSE, ranking
from parsim.run import Result
from parsim.study.causes import culprits, without_link
from parsim.study.change import Change, Took, Trial, gain, tried
from parsim.study.measure import measure
from parsim.study.played import Played, ended
from parsim.study.runner import Runner
from parsim.study.traffic import busy, moved
from parsim.study.verdict import ahead, savings, told

LEFT = 0.5  # of the gap at most: the change closes it
SAID = {
    "busiest_link": "link {what}: without delay on it",
    "links_of_device": "the links of {what}: without delay on them",
    "slow_device": "a slow device: with {words}",
}


class Blame(NamedTuple):
    """The cause that makes a variant slower than the best, and the makespans of both without it."""

    label: str  # of the slower variant
    best: str  # the label of the other
    change: str
    what: str
    words: str
    makespan_s: float
    best_makespan_s: float

    @property
    def sentence(self) -> str:
        """Return the cause and both makespans as a sentence."""
        cause = SAID[self.change].format(what=self.what, words=self.words)
        slow, fast = seconds(self.makespan_s, 4), seconds(self.best_makespan_s, 4)
        return f"The cause is {printable(cause)}, {self.label} would end after {slow}, and {self.best} after {fast}."


def blamed(variants: Sequence[Played], runner: Runner) -> list[Blame]:
    """Return the cause that makes the second slower than the fastest, if it is a single link or device."""
    found: list[Blame] = []
    for best, other in [] if measure(ended(variants)).differ else ahead(variants):
        if {*CAUSES}.intersection(told(savings(best, other))) and best.result and other.result:
            fast, slow = best.result, other.result
            suspects = [*_busier(fast, slow), *culprits(slow.job, slow.timeline)]
            trials = [*{(trial.change, trial.what): trial for trial in suspects}.values()]
            closed = _closed(trials, (other, slow.timeline.makespan_s), (best, fast.timeline.makespan_s), runner)
            found += [Blame(other.label, best.label, one.change, one.what, one.words, *ends) for one, *ends in closed]
    left = [gain(one.makespan_s, one.best_makespan_s) for one in found]
    return [found[place] for place in ranking(left, CLOSE)[:1]]


def _busier(best: Result, other: Result) -> Iterator[Trial]:
    """Yield a trial for the link whose busy time grows most from the faster run to the slower one."""
    mine, theirs = (busy(run.job, moved(run.job, run.timeline, run.timeline.transfers)) for run in (best, other))
    more = {link: took - mine.get(link, 0.0) for link, took in theirs.items()}
    most = max(more, key=more.__getitem__, default="")
    if more.get(most, 0.0) > 0:
        yield without_link(most)


def _closed(
    trials: Sequence[Trial], slower: tuple[Played, float], faster: tuple[Played, float], runner: Runner
) -> Iterator[tuple[Trial, float, float]]:
    """Yield the trials that close the gap between two variants, each with the makespans of both."""
    (other, slow_s), (best, fast_s) = slower, faster
    most = LEFT * (slow_s - fast_s)
    changes = runner.answers("runs", [(tried, other.case, other.seed, trial, Took(slow_s)) for trial in trials])
    pairs = zip(trials, changes, strict=True)
    closing = [(trial, one) for trial, one in pairs if isinstance(one, Change) and one.gain_s >= most > 0]
    beside = runner.answers("runs", [(tried, best.case, best.seed, trial, Took(fast_s)) for trial, _ in closing])
    for (trial, change), same in zip(closing, beside, strict=True):
        near_s = same.makespan_s if isinstance(same, Change) else fast_s
        if change.makespan_s - near_s <= most:
            yield trial, change.makespan_s, near_s
