"""Search a space that is too large for bounds: Optuna proposes plans from what it has seen. Not proven.

Plans that cannot be played count as infinitely slow, so that the sampler learns to avoid them. Bergstra et al.,
Algorithms for Hyper-Parameter Optimization, NIPS 2011.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from parsim.core.errors import Fault, ScenarioError
from parsim.scenario.choices import Choice
from parsim.study.plan.search import AT_ONCE, Search, outlined, play_all
from parsim.study.runner import Runner
from parsim.study.space import Space

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution

PLAYS = 200  # plans played where nobody says how many
IDLE = 8  # rounds without a new proposal, after which the search ends
START = 4 * AT_ONCE  # proposals at random, before the sampler uses what it has seen
SEED = 0
MISSING = "'tpe' needs Optuna, which is not installed; write pip install 'parsim[search]'"


def sampled(space: Space, runner: Runner, best: int, plays: int = PLAYS) -> Search:
    """Return the *best* of at most so many plans that the tree-structured Parzen estimator proposes to play."""
    study, found = _study(), Search(space, left=space.size, proven=False)
    ways = {choice.path: way for choice, way in zip(space.choices, _ways(space), strict=True)}
    known: dict[int, float] = {}  # s of the rows that were proposed
    idle = 0  # rounds in a row that proposed nothing new
    while found.played < plays and idle < IDLE:
        trials = [study.ask(ways) for _ in range(AT_ONCE)]
        rows = [space.row_of(int(trial.params[path]) for path in ways) for trial in trials]
        new = list(dict.fromkeys(row for row in rows if row not in known))
        idle = 0 if new else idle + 1
        _try(found, known, new, plays, runner)
        for trial, row in zip(trials, rows, strict=True):
            study.tell(trial, known.get(row, math.inf))
    found.plans = found.plans[:best]
    return found


def _try(found: Search, known: dict[int, float], rows: Sequence[int], plays: int, runner: Runner) -> None:
    """Play *rows* as far as conditions and outlines do not refuse them."""
    space, meeting = found.space, []
    for row in rows:
        known[row] = math.inf
        if why := space.refusal(row):
            found.conditions[space.condition_of(why)] += 1
            found.refuse("require", why)
        else:
            meeting.append(row)
    play_all(found, outlined(found, meeting, runner)[: plays - found.played], runner)
    known.update({plan.row: plan.took_s for plan in found.plans if plan.row in known})


def _study() -> Study:
    try:
        import optuna
    except ImportError:
        raise ScenarioError([Fault("--search", 0, 0, "search", MISSING)]) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=SEED, multivariate=True, n_startup_trials=START)
    return optuna.create_study(sampler=sampler)


def _ways(space: Space) -> Iterator[BaseDistribution]:
    """Yield what the sampler draws for each choice: the number of a value, which is an amount where values ascend."""
    from optuna.distributions import CategoricalDistribution, IntDistribution

    for choice in space.choices:
        count = len(choice.values)
        yield IntDistribution(0, count - 1) if _ascends(choice) else CategoricalDistribution(range(count))


def _ascends(choice: Choice) -> bool:
    """Return whether values ascend: those of a range, or numbers in order."""
    values = choice.values
    if choice.places[-1] == choice.at:
        return True
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    return len(numbers) == len(values) and numbers == sorted(numbers)
