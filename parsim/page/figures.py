"""The figures of a run that a reader may predict, each with its closed form and where that stops being true.

figure      value     closed form                                        holds for
makespan    33 ms     m(F + B) + (p-1)(F + B) = 0.024 s + 0.009 s        equal stages, no luck, free sends
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from parsim.core.quantities import clean, number, scaled, seconds
from parsim.core.tolerance import CLOSE
from parsim.metrics.collective import factor
from parsim.metrics.form import Form

EXACT, ROUGH = 0.01, 0.1  # relative: how near a guess must be where a closed form gives the value, and where none does
LIMITS = {
    "T_total": "rounds",
    "quantised": "rounds",
    "chains": "chains",
    "one round": "one_round",
    "one worker": "one_worker",
    "one link": "one_link",
    "alpha-beta": "alpha_beta",
    "forward pipeline": "flow_shop",
    "GPipe": "flow_shop",
}  # of each closed form by its name; all others are of schedules
TERMS = {"deviation_s": "+", "idle_s": "+", "contention_s": "+", "hidden_s": "-"}  # of the ledger


class Known(NamedTuple):
    """A formula for a figure.

    Attributes
    ----------
    formula : how to compute it, with numbers.
    foreseen : what the formula gives.
    limits : the name of the words that say where the formula stops being true.
    """

    formula: str
    foreseen: float
    limits: str


class Figure(NamedTuple):
    """A figure of a run.

    Attributes
    ----------
    key : its name, as in the contract where that has one.
    value : what the run gave.
    unit : s, B, B/s, 1 (a share) or /s.
    known : its closed form; None: none is known.
    tolerance : how near a guess must be, relative to the value.
    """

    key: str
    value: float
    unit: str
    known: Known | None
    tolerance: float


def figures(facts: Mapping[str, Any], forms: Sequence[Form]) -> list[Figure]:
    """Return the figures that a reader may predict.

    Parameters
    ----------
    facts : the object of a run, as in section 2 of the contract.
    forms : its closed forms.
    """
    parts = (_times(facts, forms), _bubbles(facts, forms), _devices(facts), _training(facts), _sent(facts))
    rounding = CLOSE * max(facts["makespan_s"], facts["theory"]["t_total_s"])
    return [_figure(rounding, *given) for part in parts for given in part]


Given = tuple[str, float, str, Known | None]


def _figure(rounding_s: float, key: str, value: float, unit: str, known: Known | None) -> Figure:
    value = 0.0 if unit == "s" and abs(value) <= rounding_s else value
    exact = known is not None and abs(known.foreseen - value) <= CLOSE * max(abs(value), abs(known.foreseen))
    return Figure(key, value, unit, known, EXACT if exact else ROUGH)


def limits_of(form: Form) -> str:
    """Return the name of the words that say where a closed form stops being true."""
    return LIMITS.get(form.name, "schedule")


def _times(facts: Mapping[str, Any], forms: Sequence[Form]) -> Iterator[Given]:
    theory, makespan = facts["theory"], facts["makespan_s"]
    total = theory["t_total_s"]
    sizes = f"{number(theory['n'])}/{number(theory['p'])} ({seconds(theory['t_s'])} + {seconds(theory['t_c'])})"
    ideal = Known(f"T_total = N/P (T_s + T_c) = {sizes} = {seconds(total)}", total, "t_total")
    form = next((Known(f"{one.name}: {one.formula}", one.makespan_s, limits_of(one)) for one in forms), ideal)
    yield "makespan_s", makespan, "s", form
    yield "t_total_s", total, "s", ideal
    for name in TERMS:
        yield name, facts["ledger"][name], "s", _rest(facts, name)


def _rest(facts: Mapping[str, Any], name: str) -> Known:
    """Return a term of the ledger as what the others leave of the makespan."""
    held, makespan = facts["ledger"], facts["makespan_s"]
    others = [("+", "T_total", held["t_total_s"])]
    others += [(sign, other.removesuffix("_s"), held[other]) for other, sign in TERMS.items() if other != name]
    turned = TERMS[name] == "-"
    words = " ".join(f"{'+' if (sign == '+') == turned else '-'} {word}" for sign, word, _ in others)
    sums = " ".join(f"{'+' if (sign == '+') == turned else '-'} {clean(value, makespan)}" for sign, _, value in others)
    start = "-" if turned else ""
    rest = makespan - sum(value if sign == "+" else -value for sign, _, value in others)
    rest = 0.0 if abs(rest) <= CLOSE * max(makespan, held["t_total_s"]) else -rest if turned else rest
    return Known(f"{start}makespan {words} = {start}{seconds(makespan)} {sums}", rest, "ledger")


def _bubbles(facts: Mapping[str, Any], forms: Sequence[Form]) -> Iterator[Given]:
    pipe, makespan = facts["pipeline"], facts["makespan_s"]
    work = pipe["ideal_s"] + pipe["recompute_s"] if pipe else 0.0
    if not work or not makespan:
        return
    form = next(iter(forms), None)
    took = form.makespan_s if form else makespan
    for key, bubble, foreseen in (
        ("bubble_of_ideal", makespan / work - 1, took / work - 1),
        ("bubble_of_whole", 1 - work / makespan, 1 - work / took),
    ):
        yield key, bubble, "1", Known(form.formula, foreseen, limits_of(form)) if form else None


def _devices(facts: Mapping[str, Any]) -> Iterator[Given]:
    devices, makespan = facts["devices"], facts["makespan_s"]
    if not devices or not makespan:
        return
    shares = [device["utilisation"] for device in devices for _ in range(device["stands_for"])]
    share = sum(shares) / len(shares)
    work = seconds(sum(shares) * makespan)
    words = f"sum of compute / (devices x makespan) = {work} / ({len(shares)} x {seconds(makespan)})"
    yield "utilisation", share, "1", Known(words, share, "ledger")
    fullest = max(devices, key=lambda device: float(device["peak_memory_bytes"]))
    if not fullest["peak_memory_bytes"]:
        return
    kinds = (fullest["memory"] or {}).get("by_kind", {})
    words = " + ".join(f"{name} {scaled(held, 'B')}" for name, held in kinds.items() if held)
    known = Known(words, float(sum(kinds.values())), "memory") if kinds else None
    yield "peak_memory_bytes", fullest["peak_memory_bytes"], "B", known


def _training(facts: Mapping[str, Any]) -> Iterator[Given]:
    training = facts["training"] or {}
    for key, unit in (("iteration_s", "s"), ("samples_per_s", "/s"), ("tokens_per_s", "/s"), ("mfu", "1")):
        if training.get(key):
            yield key, training[key], unit, None


def _sent(facts: Mapping[str, Any]) -> Iterator[Given]:
    about, makespan = facts["collective"], facts["makespan_s"]
    if about and makespan:
        rate, times = about["size_bytes"] / makespan, factor(about["operation"], about["ranks"])
        words = f"size / makespan = {scaled(about['size_bytes'], 'B')} / {seconds(makespan)}"
        told = facts["result"]
        yield (
            "algorithm_bandwidth_bytes_per_s",
            told["algorithm_bandwidth_bytes_per_s"],
            "B/s",
            Known(words, rate, "ledger"),
        )
        words = f"{words} x {number(times)}"
        yield (
            "bus_bandwidth_bytes_per_s",
            told["bus_bandwidth_bytes_per_s"],
            "B/s",
            Known(words, times * rate, "ledger"),
        )
    for name, took in facts["communication"].items():
        for part in ("exposed_s", "hidden_s"):
            if took["exposed_s"] + took["hidden_s"] > 0:
                yield f"communication.{name}.{part}", took[part], "s", None
