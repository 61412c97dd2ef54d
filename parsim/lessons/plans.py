"""An exercise on plans: which one fits into memory, and is fast enough?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parsim.core.errors import ScenarioError
from parsim.core.quantities import seconds, size
from parsim.core.units import SECONDS, parse
from parsim.lessons.marked import Marked, hint, unanswered
from parsim.run import Result
from parsim.scenario.scenario import Source
from parsim.study.single import simulate


def plan(answer: object, at_most: str, source: Source, set: Mapping[str, Any] | None = None) -> Marked:
    """Mark a plan: it must fit into memory, and the run must take *at_most* a time.

    Parameters
    ----------
    answer : keys of the plan by name, in place of the scenario's; all other keys of the plan stay.
    at_most : a time with its unit.
    source, set : as for `simulate`.
    """
    if unanswered(answer):
        return hint("How many bytes does each kind of device send in a step, and which of them pass a network card?")
    if not isinstance(answer, Mapping):
        return hint('Write a mapping, such as {"data": 8, "tensor": 8}.')
    try:
        run = simulate(source, {**(set or {}), **{f"plan.{key}": value for key, value in answer.items()}})
    except ScenarioError as wrong:
        return hint(f"This plan cannot be played: {wrong.faults[0].path}: {wrong.faults[0].message}.")
    took = run.timeline.makespan_s
    if run.warnings:
        return hint(f"It takes {seconds(took)}, but {too_much(run)} What divides weights, and what activations?")
    if took > parse(at_most, SECONDS):
        return hint(f"It takes {seconds(took)}, and at most {at_most} is wanted. {waits(run)}")
    return Marked(True, f"Right: {seconds(took)}. {waits(run)}")


def too_much(run: Result) -> str:
    """Say what the fullest device of a run holds."""
    held = max(device["peak_memory_bytes"] for device in run.devices)
    return f"a device needs {size(held)}, more than it has."


def waits(run: Result) -> str:
    """Say what the devices of a run wait for on average, the longest first."""
    shown = {f"for {name} ranks": spent["exposed_s"] for name, spent in run.communication.items()}
    idle = sum(device["idle_s"] for device in run.devices) / len(run.devices)
    times = sorted({"for other tasks": idle, **shown}.items(), key=lambda wait: -wait[1])
    told = ", ".join(f"{seconds(time, 3)} {words}" for words, time in times if time > 0)
    return f"Devices wait {told} on average." if told else "Devices wait for nothing."
