"""Exercises on training: how long a pipeline takes, what a rank holds, and how much of an exchange shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parsim.core.quantities import seconds, size
from parsim.core.tolerance import CLOSE
from parsim.core.units import BYTES, SECONDS
from parsim.lessons.marked import FOUND, NEAR, Marked, close, hint, overlooked, quantity
from parsim.scenario.scenario import Source
from parsim.study.single import simulate

BESIDE = "passes beside computing or another transfer"


def pipeline(answer: object, source: Source, set: Mapping[str, Any] | None = None) -> Marked:
    """Mark the time that a pipeline of equal stages takes under its schedule.

    Parameters
    ----------
    answer : a time with its unit, as in a scenario.
    source, set : as for `simulate`.
    """
    question = "How long does a rank compute, and how long does it wait for the first and the last microbatch?"
    told = quantity(answer, SECONDS, question)
    if isinstance(told, Marked):
        return told
    run = simulate(source, set)
    if close(told, run.timeline.makespan_s, FOUND):
        return Marked(True, f"Right: {seconds(run.timeline.makespan_s)}. T_total is {seconds(run.theory.t_total_s)}.")
    others = {name: simulate(source, {**(set or {}), "plan.schedule": name}) for name in ("1f1b", "gpipe")}
    mistakes = ((other.timeline.makespan_s, f"is the time under {name}.") for name, other in others.items())
    known = ((run.theory.t_total_s, "is the computing alone, without the bubble."), *mistakes)
    direction = "short" if told < run.timeline.makespan_s else "long"
    words = next((words for mistake, words in known if close(told, mistake, FOUND)), f"is too {direction}.")
    return hint(f"{seconds(told)} {words} Which seconds of the bubble can a gradient of weights fill?")


def activations(answer: object, rank: int, source: Source, set: Mapping[str, Any] | None = None) -> Marked:
    """Mark the bytes of activations that a rank of a pipeline holds at its peak.

    Parameters
    ----------
    answer : a size with its unit, as in a scenario; right is what is off by 1 % at the most.
    rank : its number, from 0.
    source, set : as for `simulate`.
    """
    question = "How many bytes does a block keep of a microbatch, and how many microbatches does the rank hold?"
    told = quantity(answer, BYTES, question)
    if isinstance(told, Marked):
        return told
    settings = dict(set or {})
    found = _activations(rank, source, settings)
    if close(told, found, NEAR):
        return Marked(True, f"Right: {size(found)}.")
    others = ("plan.schedule", "gpipe"), *(("plan.recompute", each) for each in ("none", "selective", "full"))
    words = f"is too {'little' if told < found else 'much'}."
    for key, value in others:
        if close(told, _activations(rank, source, settings | {key: value}), NEAR):
            words = f"is held with {key}: {value}."
    return hint(f"{size(told)} {words} How many microbatches go forward before the first gradient is back?")


def _activations(rank: int, source: Source, settings: dict[str, Any]) -> float:
    """Return the bytes of activations that a rank holds at its peak."""
    run = simulate(source, settings)
    return float(run.metrics["devices"][rank]["memory"]["by_kind"]["activations"])


def exposed(answer: object, communicator: str, source: Source, set: Mapping[str, Any] | None = None) -> Marked:
    """Mark the seconds that devices wait for what a communicator moves: the mean that nothing hides.

    Parameters
    ----------
    answer : a time with its unit, as in a scenario; right is what is off by 1 % at the most.
    communicator : data, tensor, pipeline, context or expert.
    source, set : as for `simulate`.
    """
    question = "How often do bytes travel, how long each time, and what is there to compute meanwhile?"
    told = quantity(answer, SECONDS, question)
    if isinstance(told, Marked):
        return told
    spent = simulate(source, set).to_dict()["communication"][communicator]
    shown, beside = spent["exposed_s"], spent["hidden_s"]
    if close(told, shown, NEAR):
        hidden = f"{seconds(beside)} {BESIDE}" if beside > CLOSE * shown else "nothing is hidden"
        return Marked(True, f"Right: {seconds(shown)} show, and {hidden}.")
    mistakes = (
        (shown + beside, f"is all that travels, and a part of it {BESIDE}."),
        (beside, f"{BESIDE}. What is left?"),
        (shown / 2, "is half of it. What goes one way also comes back."),
    )
    advice = "Count how often bytes travel, and how long each time."
    return hint(f"{seconds(told)} {overlooked(told, shown, mistakes, NEAR, advice)}")
