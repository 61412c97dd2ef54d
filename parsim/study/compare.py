"""Compare variants of the same work under the same luck.

    seed   policy=fifo   policy=heft   difference
     0        10.2 s         9.1 s       -1.1 s        one table, one picture, and one sentence
     1        11.0 s         9.8 s       -1.2 s        that says what decided it
     2         9.9 s         9.0 s       -0.9 s

A draw depends on the seed and on the task's number alone, so with one seed every variant meets the same luck, and the
differences are a paired sample (see `luck`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from parsim.core.errors import ParsimError, ScenarioError
from parsim.core.progress import counted
from parsim.core.scenario import Source
from parsim.run import Result, run
from parsim.study.blame import Blame, blamed
from parsim.study.comparison import Comparison
from parsim.study.played import Figures, Played, figures
from parsim.study.variants import Variant, variants

INTERRUPTED = "interrupted before it had ended"

Heard = Callable[[int, int], None]  # (runs done, runs in all)


def unheard(done: int, total: int) -> None:
    """Tell nobody how far it is."""


def compare(
    sources: Source | Sequence[Source],
    set: Mapping[str, Any] | None = None,
    seeds: Sequence[int] | int = 1,
    heard: Heard = unheard,
) -> Comparison:
    """Play variants of the same work under the same luck, and say what decides between them.

    Parameters
    ----------
    sources : scenarios, each a path or the YAML as Python values; or one.
    set : values to put in place of the scenarios', by dotted path; a list holds alternatives, and every combination
        is played.
    seeds : how many, counted from the first scenario's own seed; or which.
    heard : told after each run how many are done, and of how many.

    Raises `ScenarioError` where the input is wrong, also where the workloads of two files differ. A run that fails is
    kept as failed, and so is a variant with a task that no device can hold, unless none of them can be played.

    >>> tasks = [{"name": f"t{number}", "compute": time} for number, time in enumerate(["1 s", "1 s", "2 s"])]
    >>> scenario = {"cluster": {"devices": 2}, "workload": {"kind": "tasks", "tasks": tasks}}
    >>> comparison = compare(scenario, set={"policy": ["fifo", "heft"]})
    >>> [variant.makespan.mean for variant in comparison.variants]
    [3.0, 2.0]
    >>> print(comparison.decided[:67])
    policy=heft is the fastest: 2 s, 1 s (33.3 %) less than policy=fifo
    """
    asked = list(sources) if isinstance(sources, Sequence) and not isinstance(sources, str) else [sources]
    chosen, played = variants(asked, {} if set is None else set, seeds)
    return _compared(chosen, played, heard)


def _compared(chosen: Sequence[Variant], seeds: Sequence[int], heard: Heard) -> Comparison:
    """Play all variants with one seed after another.

    Where somebody interrupts, a round that is not whole is left out; of the first, what had ended is kept.
    """
    runs: list[dict[int, Figures]] = [{} for _ in chosen]
    failures: list[dict[int, str]] = [{} for _ in chosen]
    whole: list[Result | None] = [None for _ in chosen]
    done: list[int] = []
    stopped = False
    for seed in counted("seeds", seeds):
        outcomes = _round(chosen, seed, lambda count: heard(len(done) * len(chosen) + count, len(seeds) * len(chosen)))
        stopped = INTERRUPTED in outcomes
        if stopped and done:
            break
        done.append(seed)
        for place, outcome in enumerate(outcomes):
            if isinstance(outcome, str):
                failures[place][seed] = outcome
            else:
                work = chosen[place].work(outcome.job)
                runs[place][seed], whole[place] = figures(outcome, work), whole[place] or outcome
        if stopped:
            break
    if stopped and not any(runs):
        raise KeyboardInterrupt
    played = tuple(
        Played(
            one.label, one.scenario.name, one.settings, runs[place], failures[place], whole[place], one.draws_graph()
        )
        for place, one in enumerate(chosen)
    )
    return Comparison(tuple(done), played, stopped, () if stopped else _blamed(played))


def _blamed(played: Sequence[Played]) -> tuple[Blame, ...]:
    """Find what makes the difference; where somebody interrupts, what was played before is kept."""
    try:
        return tuple(blamed(played))
    except KeyboardInterrupt:
        return ()


def _round(chosen: Sequence[Variant], seed: int, heard: Callable[[int], None]) -> list[Result | str]:
    """Play each variant once; in place of a run that failed stands why."""
    outcomes: list[Result | str] = []
    for variant in counted("runs", chosen):
        outcomes.append(INTERRUPTED if INTERRUPTED in outcomes[-1:] else _outcome(variant, seed))
        heard(len(outcomes))
    return outcomes


def _outcome(variant: Variant, seed: int) -> Result | str:
    try:
        return run(variant.job(seed))
    except KeyboardInterrupt:
        return INTERRUPTED
    except ScenarioError as wrong:  # no device holds a task, or a random workload is impossible with this seed
        return f"cannot be played: {wrong.faults[0].message}"
    except ParsimError as failed:
        return str(failed)
