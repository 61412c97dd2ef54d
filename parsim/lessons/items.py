"""Exercises on items and tasks: how long they take, how to cut and order them, and which split is faster."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import Any

from parsim.core.quantities import seconds, size
from parsim.core.tolerance import CLOSE
from parsim.core.units import BYTES, SECONDS
from parsim.lessons.marked import FOUND, NEAR, Marked, close, hint, overlooked, quantity, unanswered
from parsim.reading import load
from parsim.run import Result
from parsim.scenario.scenario import Source
from parsim.study.single import simulate
from parsim.study.splits import splits


def makespan(answer: object, source: Source, set: Mapping[str, Any] | None = None) -> Marked:
    """Mark the time that a scenario takes.

    Parameters
    ----------
    answer : a time with its unit, as in a scenario.
    source, set : as for `simulate`.

    >>> scenario = {"cluster": {"devices": 2}, "workload": {"kind": "items", "count": 3},
    ...             "plan": {"split": "data"}, "cost": {"kind": "constant", "compute": "1 s"}}
    >>> makespan("1.5 s", scenario)
    Not yet. 1.5 s is T_total, which divides items into parts. How many whole items does the busiest worker get?
    >>> makespan("2 s", scenario).right
    True
    """
    question = "How many whole items does the busiest worker get, and how long does each take, including its transfer?"
    told = quantity(answer, SECONDS, question)
    if isinstance(told, Marked):
        return told
    run = simulate(source, set)
    found = run.timeline.makespan_s
    if close(told, found, FOUND):
        return Marked(True, f"Right: {seconds(found)}. T_total is {seconds(run.theory.t_total_s)}.")
    return hint(f"{seconds(told)} {_overlooked(run, told)}")


def _overlooked(run: Result, told: float) -> str:
    """Return the hint for a wrong time."""
    busy = [(device["compute_s"], device["transfer_s"]) for device in run.metrics["devices"]]
    mistakes = (
        (
            run.theory.t_total_s,
            "is T_total, which divides items into parts. How many whole items does the busiest worker get?",
        ),
        (max(compute for compute, _ in busy), "is the computing alone. How do the items get to the worker?"),
        (max(transfer for _, transfer in busy), "is the transfer of the items alone. Who computes them?"),
        (sum(map(sum, busy)), "is the time of one worker alone. The workers compute at the same time."),
    )
    advice = "Add up everything that the busiest worker does, from its first byte to its last item."
    return overlooked(told, run.timeline.makespan_s, mistakes, FOUND, advice)


def subsets(answer: object, source: Source, set: Mapping[str, Any] | None = None) -> Marked:
    """Mark the number of subsets with which items split by data end first.

    Parameters
    ----------
    answer : a whole number; several can be right.
    source, set : as for `simulate`; every number of subsets is played, so let the items be few.
    """
    if unanswered(answer):
        return hint("Play a few numbers with `plan.subsets`, and see which term of the ledger grows.")
    settings = dict(set or {})
    items = int(simulate(source, settings | {"plan.subsets": 1}).theory.n)
    if not isinstance(answer, Integral) or not 1 <= int(answer) <= items:
        return hint(f"Write a whole number from 1 to {items}: there are {items} items.")
    count = int(answer)
    runs = {cut: simulate(source, settings | {"plan.subsets": cut}) for cut in range(1, items + 1)}
    mine, least = runs[count], min(run.timeline.makespan_s for run in runs.values())
    best = [cut for cut, run in runs.items() if close(run.timeline.makespan_s, least, CLOSE)]
    took = seconds(mine.timeline.makespan_s)
    if count in best:
        return Marked(True, f"Right: {took}; T_total is {seconds(mine.theory.t_total_s)}.")
    return hint(f"With {count} it takes {took}, but a shorter time is possible. {_cut(mine, count, min(best))}")


def _cut(run: Result, count: int, best: int) -> str:
    """Explain why *count* subsets are not the best cut."""
    if count % run.theory.p:
        drain = seconds(run.ledger.idle["drain"])
        return (
            f"{count} subsets cannot be shared equally among {run.theory.p} workers: "
            f"after its last one a worker idles for {drain} on average."
        )
    if count < best:
        return "A worker waits for its whole first subset, and few transfers overlap computing. Use more subsets."
    return "Every transfer takes the latency, and a small subset ends before the next arrives. Use fewer subsets."


def order(answer: object, source: Source, set: Mapping[str, Any] | None = None) -> Marked:
    """Mark a list of tasks: if idle workers take them in this order, they must end at T_total, without waiting.

    Parameters
    ----------
    answer : the names of all tasks of a workload of kind tasks.
    source, set : as for `simulate`; the scenario's own policy does not matter.
    """
    if unanswered(answer):
        return hint("At T_total no worker idles. Which tasks of a worker add up to it? Which of them must start first?")
    tasks = {task["name"]: task for task in load(source, set).values["workload"]["tasks"]}
    if not isinstance(answer, list | tuple) or sorted(map(str, answer)) != sorted(tasks):
        return hint(f"Write each of {', '.join(tasks)} once, as a list of names.")
    listed = {"workload.tasks": [tasks[name] for name in answer], "policy": "list_order"}
    run = simulate(source, dict(set or {}) | listed)
    span, theory = run.timeline.makespan_s, run.theory.t_total_s
    if close(span, theory, CLOSE):
        return Marked(True, f"Right: {seconds(span)}, and that is T_total; no order can do better.")
    idle = {device["name"]: device["idle_s"] for device in run.metrics["devices"]}
    most = max(idle, key=lambda name: idle[name])
    last = max(range(len(run.timeline.task)), key=lambda row: run.timeline.end_s[row])
    return hint(
        f"This order takes {seconds(span)}, {seconds(span - theory)} more than T_total: "
        f"{run.timeline.task[last]} ends last and began at {seconds(run.timeline.start_s[last])}; "
        f"{most} idles for {seconds(idle[most])}."
    )


def weights(answer: object, source: Source, set: Mapping[str, Any] | None = None) -> Marked:
    """Mark the size of the model from which on runs split by layers are faster than runs split by data.

    Parameters
    ----------
    answer : a size with its unit, as in a scenario; right is what is off by 1 % at the most.
    source, set : as for `splits`.
    """
    question = "How many rounds do the runs need? Put that number instead of N/P in both formulas."
    told = quantity(answer, BYTES, question)
    if isinstance(told, Marked):
        return told
    (sweep,) = splits(source, set, over=["workload.weights"]).sweeps
    predicted, found = (stretches[-1].start for stretches in (sweep.predicted, sweep.found))
    if close(told, found, NEAR):
        return Marked(True, f"Right: from {size(found)} on; T_total predicts {size(predicted)}.")
    if close(told, predicted, NEAR):
        return hint(
            f"{size(told)} is the prediction of T_total. "
            "Runs have whole rounds: how many, and which split idles in the last one?"
        )
    return hint(f"{_at(told, source, dict(set or {}))} Look {'higher' if told < found else 'lower'}.")


def _at(told: float, source: Source, settings: dict[str, Any]) -> str:
    """Return how long both splits take with a model of *told* bytes."""
    played = settings | {"workload.weights": f"{told!r} B"}
    data, layers = (
        simulate(source, played | {"plan.split": split}).timeline.makespan_s for split in ("data", "layers")
    )
    return f"At {size(told)} the split by data takes {seconds(data)}, by layers {seconds(layers)}."
