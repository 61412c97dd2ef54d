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
from concurrent.futures import Executor
from typing import Any

from parsim.core.errors import ParsimError, ScenarioError
from parsim.scenario.scenario import Source
from parsim.study.bottleneck import Blame, blamed
from parsim.study.case import Case
from parsim.study.comparison import Comparison
from parsim.study.played import Figures, Played, Run, figures, whole
from parsim.study.runner import Call, Runner
from parsim.study.variants import Variant, variants

INTERRUPTED = "interrupted before it ended"

Heard = Callable[[int, int], None]  # (runs done, runs in all)
Outcome = Figures | tuple[Figures, Run] | str  # why it failed


def unheard(done: int, total: int) -> None:
    """Ignore progress."""


def compare(
    sources: Source | Sequence[Source],
    set: Mapping[str, Any] | None = None,
    seeds: Sequence[int] | int = 1,
    heard: Heard = unheard,
    executor: Executor | None = None,
) -> Comparison:
    """Play variants of the same work under the same luck, and explain what decides between them.

    Parameters
    ----------
    sources : scenarios, each a path or the YAML as Python values; or one.
    set : values that replace the scenarios', by dotted path; a list holds alternatives, and every combination
        is played.
    seeds : how many seeds, counted from the first scenario's own; or a list of seeds.
    heard : called after each run with the number of runs done and the number of all runs.
    executor : plays the runs; its workers are processes. Default: the cores of this machine.

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
    with Runner(executor) as runner:
        chosen, played = variants(asked, {} if set is None else set, seeds, runner)
        return _compared(chosen, played, heard, runner)


def _compared(chosen: Sequence[Variant], seeds: Sequence[int], heard: Heard, runner: Runner) -> Comparison:
    """Play all variants with all seeds.

    After an interrupt, seeds that not all variants have played are left out; of the first seed, the finished runs are
    kept.
    """
    outcomes: list[dict[int, Outcome]] = [{} for _ in chosen]
    stopped = False
    pairs = [(place, seed) for seed in seeds for place in range(len(chosen))]
    try:
        ended = runner.ended("runs", [_call(chosen[place], seed, seeds) for place, seed in pairs])
        for count, (number, outcome) in enumerate(ended, 1):
            place, seed = pairs[number]
            outcomes[place][seed] = outcome
            heard(count, len(pairs))
        _make_whole(chosen, seeds, outcomes, runner)
    except KeyboardInterrupt:
        stopped = True
    done = [seed for seed in seeds if all(seed in found for found in outcomes)] or list(seeds[:1])
    played = tuple(
        _played(one, {seed: found.get(seed, INTERRUPTED) for seed in done})
        for one, found in zip(chosen, outcomes, strict=True)
    )
    if stopped and not any(one.runs for one in played):
        raise KeyboardInterrupt
    return Comparison(tuple(done), played, stopped, () if stopped else _blamed(played, runner))


def _call(variant: Variant, seed: int, seeds: Sequence[int]) -> Call:
    """Return the calls of one variant: the whole run of the first seed, and the figures of the others."""
    return (_outcome, whole if seed == seeds[0] else figures, variant.case, seed)


def _outcome(ask: Callable[[Case, int], Outcome], case: Case, seed: int) -> Outcome:
    """Play *case* with *seed*; return the reason if the run fails."""
    try:
        return ask(case, seed)
    except ScenarioError as wrong:  # a schedule refuses the shape, or no device holds a task
        return f"cannot be played: {'; '.join(dict.fromkeys(fault.message for fault in wrong.faults))}"
    except ParsimError as failed:
        return str(failed)


def _make_whole(
    chosen: Sequence[Variant], seeds: Sequence[int], outcomes: Sequence[dict[int, Outcome]], runner: Runner
) -> None:
    """Play a whole run of each variant whose first seed failed, with the first seed that succeeded."""
    first = [next((seed for seed in seeds if not isinstance(found[seed], str)), seeds[0]) for found in outcomes]
    late = [place for place, seed in enumerate(first) if seed != seeds[0]]
    calls: list[Call] = [(_outcome, whole, chosen[place].case, first[place]) for place in late]
    for place, outcome in zip(late, runner.answers("runs", calls), strict=True):
        if not isinstance(outcome, str):  # a policy that draws numbers of its own may fail this time
            outcomes[place][first[place]] = outcome


def _played(variant: Variant, outcomes: Mapping[int, Outcome]) -> Played:
    """Collect the *outcomes* of a variant by seed."""
    runs: dict[int, Figures] = {}
    failures: dict[int, str] = {}
    found: list[Run] = []
    for seed, outcome in outcomes.items():
        if isinstance(outcome, str):
            failures[seed] = outcome
        elif isinstance(outcome, Figures):
            runs[seed] = outcome
        else:
            runs[seed], run = outcome
            found.append(run)
    return Played(
        variant.label, variant.case, variant.settings, runs, failures, found[0] if found else None, variant.draws_graph
    )


def _blamed(played: Sequence[Played], runner: Runner) -> tuple[Blame, ...]:
    """Find the cause of the difference. An interrupt keeps what was played before."""
    try:
        return tuple(blamed(played, runner))
    except KeyboardInterrupt:
        return ()
