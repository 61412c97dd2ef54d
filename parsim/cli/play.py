"""Commands that play scenarios: run, replay, validate; and those that play many: compare, explain, scaling, splits."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING, Any

import click

from parsim.cli import ranks
from parsim.cli.calibrate import calibrate
from parsim.cli.options import (
    MOST_ROUNDS,
    Asked,
    Given,
    Values,
    answers,
    collecting,
    count_of,
    engine_of,
    fold_of,
    option_fault,
    seconds_of,
    timeout,
)
from parsim.cli.progress import waiting
from parsim.core.errors import Fault, RunError, Unfinished

if TYPE_CHECKING:
    from parsim.core.cluster import Folding
    from parsim.core.job import Engine
    from parsim.predict import Replay
    from parsim.run import Result

scenario = click.argument("scenario")


def answer(asked: Asked, scenario: str, ask: Callable[[str, Values], Given], faults: list[Fault]) -> Given:
    """Call *ask* with the scenario and the values of the options."""
    from parsim.scenario.scenario import settings

    chosen = asked.values(faults, settings, lambda values: _see(scenario, values))
    return asked.say(lambda: ask(scenario, chosen), scenario)


class Unmet(Exception):
    """Assertions of the scenario do not hold; the lines say which, with their values."""


def demand(run: Result) -> None:
    """Raise `Unmet` unless every assertion of the scenario holds."""
    from parsim.export.assertions import failures

    wrong = failures([each.to_dict() for each in run.asserted])
    if wrong:
        raise Unmet("\n".join(f"parsim: {run.job.name}: {told}" for told in wrong))


def _see(scenario: str, values: Values) -> None:
    from parsim.build import build
    from parsim.reading import load

    build(load(scenario, values))


@click.command()
@scenario
@click.option("--engine", metavar="NAME", default="auto", help="auto, simpy, or path (the longest path).")
@click.option("--fold", metavar="NAME", default="auto", help="auto, on, or off: play devices that do the same once.")
@answers
def run(asked: Asked, scenario: str, engine: str, fold: str) -> None:
    """Play SCENARIO on its clock: simulated or live."""
    from parsim.run import salvage
    from parsim.study.single import simulate

    faults: list[Fault] = []
    chosen: tuple[Engine, Folding] = "auto", "auto"
    with collecting(faults):
        chosen = engine_of(engine), fold_of(fold)
    try:
        found = answer(asked, scenario, lambda scenario, values: simulate(scenario, values, *chosen), faults)
    except Unfinished as failed:
        if asked.out is not None:
            salvage(failed, asked.out)
        raise
    demand(found)


@click.command()
@scenario
@click.option(
    "--repeat", "times", metavar="N", default="1", help="Number of replays; more than 1 show how the error spreads."
)
@ranks.clock
@timeout
@answers
def replay(asked: Asked, scenario: str, times: str, clock: str, timeout: str | None) -> None:
    """Run the work in real processes and compare with the prediction."""
    launched = ranks.workers_by(clock)
    from parsim.predict import replay as play
    from parsim.predict import salvage
    from parsim.scenario.scenario import settings as set_values
    from parsim.study.repeat import Broken, repeat

    faults: list[Fault] = []
    count, timeout_s = 1, inf
    runs: tuple[Replay, ...]
    with collecting(faults):
        count = count_of("--repeat", times, MOST_ROUNDS)
    with collecting(faults):
        timeout_s = inf if timeout is None else seconds_of("--timeout", timeout)

    def once(scenario: str, values: Values) -> Replay:
        with launched() as launch:
            return play(scenario, values, timeout_s, launch)

    try:
        if count == 1:
            runs = (answer(asked, scenario, once, faults),)
        else:
            chosen = asked.values(faults, set_values, lambda values: _see(scenario, values))
            with waiting(scenario, asked.quiet):
                with launched() as launch:
                    found = repeat(scenario, count, chosen, timeout_s=timeout_s, launch=launch)
                asked.keep(found)
            asked.show(found)
            runs = found.runs
    except Unfinished as failed:
        if asked.out is not None:
            salvage(failed, asked.out)
        raise
    except Broken as broken:
        if asked.out is not None:
            if isinstance(broken.__cause__, Unfinished):
                salvage(broken.__cause__, asked.out)
            broken.done.save(asked.out)
        raise
    if not all(run.result_matches_serial for run in runs):
        raise RunError("the result differs from the result of one worker")
    demand(runs[0].predicted)  # which is the same in all


@click.command()
@scenario
@answers
def validate(asked: Asked, scenario: str) -> None:
    """Compare the run with closed forms, and prove its timeline."""
    from parsim.validate import validate as play

    verdict = answer(asked, scenario, play, [])
    if not verdict.good:
        raise RunError(f"{verdict.result.job.name}: {verdict.verdict}")
    demand(verdict.result)


@click.command()
@click.argument("scenarios", nargs=-1, required=True, metavar="SCENARIO...")
@click.option("--seeds", metavar="COUNT", default="1", help="Number of seeds to play each variant with; default: 1.")
@answers
def compare(asked: Asked, scenarios: tuple[str, ...], seeds: str) -> None:
    """Play the same work in several ways, and explain what decides.

    Name several scenarios, or alternatives: --set policy=fifo,lpt,heft. All files must contain the same work. --set may
    change the work, and then the report says so.
    """
    from parsim.study.compare import compare as play
    from parsim.study.runner import Runner
    from parsim.study.variants import MOST_SEEDS, alternatives, variants

    def see(values: Values) -> None:
        with Runner() as runner:
            variants(scenarios, values, count, runner)

    faults: list[Fault] = []
    count = 1
    with collecting(faults):
        count = count_of("--seeds", seeds, MOST_SEEDS)
    chosen = asked.values(faults, alternatives, see)
    with waiting(" ".join(scenarios), asked.quiet):
        found = play(scenarios, chosen, count)
        asked.keep(found)
    asked.show(found)
    if found.failed:
        raise RunError(found.failed)


@click.command()
@scenario
@answers
def explain(asked: Asked, scenario: str) -> None:
    """Show what decides the makespan, and what to fix first."""
    from parsim.study.explain import explain as play

    answer(asked, scenario, play, [])


@click.command()
@scenario
@click.option("--over", metavar="KEY,...", help="What to vary: count, devices, item, weights, bandwidth, latency.")
@answers
def splits(asked: Asked, scenario: str, over: str | None) -> None:
    """Compare the split by data with the split by layers.

    Shows for which values each of them is faster and why, as predicted by T_total and as found by runs.
    """
    from parsim.study.splits import splits as play

    faults: list[Fault] = []
    paths: dict[str, Any] = {}
    if over is not None:
        with collecting(faults):
            paths["over"] = _paths(over)
    answer(asked, scenario, lambda source, values: play(source, values, **paths), faults)


def _paths(words: str) -> list[str]:
    """Return dotted paths; the last step is enough to name a path."""
    from parsim.core.suggestions import did_you_mean
    from parsim.study.splits.variables import VARIABLES

    known = {path.rpartition(".")[2]: path for path in VARIABLES}
    found: list[str] = []
    for word in map(str.strip, words.split(",")):
        if word not in known and word not in VARIABLES:
            raise option_fault("--over", did_you_mean(word, known))
        found.append(known.get(word, word))
    return found


COMMANDS = (run, replay, calibrate, validate, compare, explain, splits)
