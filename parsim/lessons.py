"""Lessons: check answers to the exercises of notebooks, and give hints for wrong ones.

00_first_run      makespan(answer, scenario)          how long does it take?
01_t_total        subsets(answer, scenario)           how many subsets of the items end first?
02_schedulers     order(answer, scenario)             which order of the tasks reaches T_total?
03_two_splits     weights(answer, scenario)           from which model size is the split by layers faster?
04_predict_...    roofline(answer, call, device)      how long does a kernel take by the roofline?
05_pipelines      pipeline(answer, scenario)          how long does a pipeline take?
06_memory_...     activations(answer, rank, scenario) how many bytes does a rank keep for backward?

This file contains no answers. Each answer is computed by parsim, so the questions work with other values as well.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

from parsim.core.escape import printable
from parsim.core.kernel import ITEM, Call
from parsim.core.quantities import seconds, size
from parsim.core.tolerance import CLOSE
from parsim.core.units import BYTES, SECONDS, parse
from parsim.hardware import known_device
from parsim.kernels import price
from parsim.reading import load
from parsim.run import Result
from parsim.scenario.scenario import Source
from parsim.study.single import simulate
from parsim.study.splits import splits

FOUND = 1e-3  # relative, of a time computed on paper
NEAR = 1e-2  # relative, of a crossing
FORMAT = "fp64"  # in which kernels compute


@dataclass(frozen=True)
class Marked:
    """A checked answer with a comment, which is also its representation."""

    right: bool
    words: str

    def __repr__(self) -> str:
        return printable(self.words)


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
    if _unanswered(answer):
        return _hint(
            "How many whole items does the busiest worker get, and how long does each take, including its transfer?"
        )
    try:
        told = parse(answer, SECONDS)
    except ValueError as wrong:
        return _unread(wrong)
    run = simulate(source, set)
    found = run.timeline.makespan_s
    if _equal(told, found, FOUND):
        return Marked(True, f"Right: {seconds(found)}. T_total is {seconds(run.theory.t_total_s)}.")
    return _hint(f"{seconds(told)} {_overlooked(run, told)}")


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
    direction = "short" if told < run.timeline.makespan_s else "long"
    general = (
        f"is too {direction}. Add up everything that the busiest worker does, from its first byte to its last item."
    )
    return next((words for mistake, words in mistakes if _equal(told, mistake, FOUND)), general)


def pipeline(answer: object, source: Source, set: Mapping[str, Any] | None = None) -> Marked:
    """Mark the time that a pipeline of equal stages takes under its schedule.

    Parameters
    ----------
    answer : a time with its unit, as in a scenario.
    source, set : as for `simulate`.
    """
    if _unanswered(answer):
        return _hint("How long does a rank compute, and how long does it wait for the first and the last microbatch?")
    try:
        told = parse(answer, SECONDS)
    except ValueError as wrong:
        return _unread(wrong)
    run = simulate(source, set)
    if _equal(told, run.timeline.makespan_s, FOUND):
        return Marked(True, f"Right: {seconds(run.timeline.makespan_s)}. T_total is {seconds(run.theory.t_total_s)}.")
    others = {name: simulate(source, {**(set or {}), "plan.schedule": name}) for name in ("1f1b", "gpipe")}
    mistakes = ((other.timeline.makespan_s, f"is the time under {name}.") for name, other in others.items())
    known = ((run.theory.t_total_s, "is the computing alone, without the bubble."), *mistakes)
    direction = "short" if told < run.timeline.makespan_s else "long"
    words = next((words for mistake, words in known if _equal(told, mistake, FOUND)), f"is too {direction}.")
    return _hint(f"{seconds(told)} {words} Which seconds of the bubble can a gradient of weights fill?")


def activations(answer: object, rank: int, source: Source, set: Mapping[str, Any] | None = None) -> Marked:
    """Mark the bytes of activations that a rank of a pipeline holds at its peak.

    Parameters
    ----------
    answer : a size with its unit, as in a scenario; right is what is off by 1 % at the most.
    rank : its number, from 0.
    source, set : as for `simulate`.
    """
    if _unanswered(answer):
        return _hint("How many bytes does a block keep of a microbatch, and how many microbatches does the rank hold?")
    try:
        told = parse(answer, BYTES)
    except ValueError as wrong:
        return _unread(wrong)
    settings = dict(set or {})
    found = _activations(rank, source, settings)
    if _equal(told, found, NEAR):
        return Marked(True, f"Right: {size(found)}.")
    others = ("plan.schedule", "gpipe"), *(("plan.recompute", each) for each in ("none", "selective", "full"))
    words = f"is too {'little' if told < found else 'much'}."
    for key, value in others:
        if _equal(told, _activations(rank, source, settings | {key: value}), NEAR):
            words = f"is held with {key}: {value}."
    return _hint(f"{size(told)} {words} How many microbatches go forward before the first gradient is back?")


def _activations(rank: int, source: Source, settings: dict[str, Any]) -> float:
    """Return the bytes of activations that a rank holds at its peak."""
    run = simulate(source, settings)
    return float(run.metrics["devices"][rank]["memory"]["by_kind"]["activations"])


def subsets(answer: object, source: Source, set: Mapping[str, Any] | None = None) -> Marked:
    """Mark the number of subsets with which items split by data end first.

    Parameters
    ----------
    answer : a whole number; several can be right.
    source, set : as for `simulate`; every number of subsets is played, so let the items be few.
    """
    if _unanswered(answer):
        return _hint("Play a few numbers with `plan.subsets`, and see which term of the ledger grows.")
    settings = dict(set or {})
    items = int(simulate(source, settings | {"plan.subsets": 1}).theory.n)
    if not isinstance(answer, Integral) or not 1 <= int(answer) <= items:
        return _hint(f"Write a whole number from 1 to {items}: there are {items} items.")
    count = int(answer)
    runs = {cut: simulate(source, settings | {"plan.subsets": cut}) for cut in range(1, items + 1)}
    mine, least = runs[count], min(run.timeline.makespan_s for run in runs.values())
    best = [cut for cut, run in runs.items() if _equal(run.timeline.makespan_s, least, CLOSE)]
    took = seconds(mine.timeline.makespan_s)
    if count in best:
        return Marked(True, f"Right: {took}; T_total is {seconds(mine.theory.t_total_s)}.")
    return _hint(f"With {count} it takes {took}, but a shorter time is possible. {_cut(mine, count, min(best))}")


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
    if _unanswered(answer):
        return _hint(
            "At T_total no worker idles. Which tasks of a worker add up to it? Which of them must start first?"
        )
    tasks = {task["name"]: task for task in load(source, set).values["workload"]["tasks"]}
    if not isinstance(answer, list | tuple) or sorted(map(str, answer)) != sorted(tasks):
        return _hint(f"Write each of {', '.join(tasks)} once, as a list of names.")
    listed = {"workload.tasks": [tasks[name] for name in answer], "policy": "list_order"}
    run = simulate(source, dict(set or {}) | listed)
    span, theory = run.timeline.makespan_s, run.theory.t_total_s
    if _equal(span, theory, CLOSE):
        return Marked(True, f"Right: {seconds(span)}, and that is T_total; no order can do better.")
    idle = {device["name"]: device["idle_s"] for device in run.metrics["devices"]}
    most = max(idle, key=lambda name: idle[name])
    last = max(range(len(run.timeline.task)), key=lambda row: run.timeline.end_s[row])
    return _hint(
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
    if _unanswered(answer):
        return _hint("How many rounds do the runs need? Put that number instead of N/P in both formulas.")
    try:
        told = parse(answer, BYTES)
    except ValueError as wrong:
        return _unread(wrong)
    (sweep,) = splits(source, set, over=["workload.weights"]).sweeps
    predicted, found = (stretches[-1].start for stretches in (sweep.predicted, sweep.found))
    if _equal(told, found, NEAR):
        return Marked(True, f"Right: from {size(found)} on; T_total predicts {size(predicted)}.")
    if _equal(told, predicted, NEAR):
        return _hint(
            f"{size(told)} is the prediction of T_total. "
            "Runs have whole rounds: how many, and which split idles in the last one?"
        )
    return _hint(f"{_at(told, source, dict(set or {}))} Look {'higher' if told < found else 'lower'}.")


def _at(told: float, source: Source, settings: dict[str, Any]) -> str:
    """Return how long both splits take with a model of *told* bytes."""
    played = settings | {"workload.weights": f"{told!r} B"}
    data, layers = (
        simulate(source, played | {"plan.split": split}).timeline.makespan_s for split in ("data", "layers")
    )
    return f"At {size(told)} the split by data takes {seconds(data)}, by layers {seconds(layers)}."


def roofline(answer: object, kernel: str, shapes: Sequence[tuple[int, ...]], device: str) -> Marked:
    """Mark the time that the forward part of a kernel takes by the roofline.

    Parameters
    ----------
    answer : a time with its unit, as in a scenario; right is what is off by 1 % at the most.
    kernel, shapes : of the call; a kernel of the shelf, without parameters.
    device : a known kind.

    >>> roofline("1 ms", "matmul", [(100, 100), (100, 100)], "calibrated-core")
    Not yet. 1 ms is too long. Each row, input and output cost a multiplication and an addition.
    """
    if _unanswered(answer):
        return _hint("FLOP / (FLOP/s) and bytes / (B/s): which one takes longer?")
    try:
        told = parse(answer, SECONDS)
    except ValueError as wrong:
        return _unread(wrong)
    flops, moved = price(Call(kernel, (), "forward", tuple(shapes)))
    known = known_device(device)
    computing, moving = flops / known.peak.of(FORMAT), moved / known.bandwidth
    if math.isnan(computing):
        return _hint(f"{device} has no peak for {FORMAT}, the format of the kernels; choose another device.")
    found, limit = max((computing, "arithmetic"), (moving, "memory"))
    if _equal(told, found, NEAR):
        return Marked(True, f"Right: {seconds(found)}, and {limit} is the limit; the other takes less.")
    return _hint(f"{seconds(told)} {_misread(told, computing, moving, moved / ITEM / known.bandwidth)}")


def _misread(told: float, computing: float, moving: float, as_numbers: float) -> str:
    """Return the hint for a wrong time by the roofline."""
    mistakes = (
        (computing, "is the time of arithmetic, but memory takes longer."),
        (moving, "is the time of memory, but arithmetic takes longer."),
        (computing + moving, "is the sum of both, but they happen at the same time."),
        (computing / 2, "counts a multiplication and its addition as one FLOP; they are two."),
        (as_numbers, "counts numbers, but each has 8 bytes."),
    )
    direction = "short" if told < max(computing, moving) else "long"
    general = f"is too {direction}. Each row, input and output cost a multiplication and an addition."
    return next((words for mistake, words in mistakes if _equal(told, mistake, NEAR)), general)


def _unanswered(answer: object) -> bool:
    return answer is None or answer is ...


def _unread(wrong: ValueError) -> Marked:
    return _hint(f"This cannot be read: {wrong}.")


def _hint(words: str) -> Marked:
    return Marked(False, f"Not yet. {words}")


def _equal(one: float, other: float, tolerance: float) -> bool:
    return math.isclose(one, other, rel_tol=tolerance)
