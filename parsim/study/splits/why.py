"""Explain why runs cross elsewhere than T_total predicts: by the term of the ledger in which the splits differ most.

makespan = T_total + deviation + idle + contention - hidden          both ends at once: T_total differs by the rest
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import zip_longest

from parsim.core.quantities import seconds
from parsim.core.tolerance import CLOSE
from parsim.metrics.ledger import Ledger
from parsim.study.splits.crossings import NEITHER, Stretch, lowest
from parsim.study.splits.runs import Figures, Place, Refused, Runs
from parsim.study.splits.variables import SPLITS, Variable

SHARE = 0.25  # of the largest difference: smaller ones are left out
NONE = Stretch(math.nan, "")
MEANING = {
    "deviation": "work differs from the average",
    "contention": "transfers share the network",
    "hidden": "saved, transfers that overlap computing or each other",
}


def why(
    runs: Runs, variable: Variable, here: Mapping[str, float], predicted: Sequence[Stretch], found: Sequence[Stretch]
) -> str:
    """Explain why the first predicted crossing is not the first one found, and where neither split can be played."""
    pairs = zip_longest(predicted, found, fillvalue=NONE)
    foreseen, seen = next(pair for pair in pairs if pair[0] != pair[1])
    place = _place(variable, foreseen.start, seen.start)
    refused = _refused(runs, variable, place)
    first = f"T_total ignores limits of memory; {refused}" if refused else _differing(runs, variable, here, place)
    barred = dict.fromkeys(_refused(runs, variable, start) for start, winner in found if winner == NEITHER)
    return "; ".join([first, *(told for told in barred if told != refused)])


def _differing(runs: Runs, variable: Variable, here: Mapping[str, float], place: float) -> str:
    """Return how the splits differ at *place*, where both can be played."""
    at = {**here, variable.path: place}
    figures = {split: runs.figures(Place(split, variable.path, variable.written(place))) for split in SPLITS}
    return _by_ledger(f"at {variable.say(place)}", {s: f for s, f in figures.items() if isinstance(f, Figures)}, at)


def _place(variable: Variable, predicted: float, found: float) -> float:
    """Return where T_total and runs disagree: the first whole number, or the value where runs are equal."""
    if math.isnan(predicted) or math.isnan(found):
        return predicted if math.isnan(found) else found
    return min(predicted, found) if variable.dimension is None else found


def _refused(runs: Runs, variable: Variable, place: float) -> str:
    """Return what cannot be played next to *place*, on the side where more cannot; empty where all can."""
    whole = variable.dimension is None
    sides = (max(place - 1, 1), place) if whole else (_round(place * 0.99), _round(place * 1.01))
    told = [(side, _whys(runs, variable, side)) for side in sides]
    side, whys = max(told, key=lambda one: len(one[1]))
    if not whys:
        return ""
    if len(whys) == 1:
        (split,) = whys
        return f"at {variable.say(side)} split by {split} cannot be played: {whys[split]}"
    reasons = "; ".join(f"by {split}, {reason}" for split, reason in whys.items())
    return f"at {variable.say(side)} neither split can be played: {reasons}"


def _whys(runs: Runs, variable: Variable, value: float) -> dict[str, str]:
    """Return, for each split that cannot be played at *value*, why."""
    figures = {split: runs.figures(Place(split, variable.path, variable.written(value))) for split in SPLITS}
    return {split: held.why for split, held in figures.items() if isinstance(held, Refused)}


def _round(value: float) -> float:
    return float(f"{value:.3g}")


def _by_ledger(at: str, figures: Mapping[str, Figures], values: Mapping[str, float]) -> str:
    """Return in words the terms in which the splits differ most."""
    data, layers = (terms(figures[split].ledger) for split in SPLITS)
    apart = {name: abs(data[name] - layers[name]) for name in data}
    least = max(*(SHARE * gap for gap in apart.values()), CLOSE * figures["data"].makespan_s)
    told = [
        f"{name} is {_clean(data[name], least)} for data and {_clean(layers[name], least)} for layers"
        + _meaning(name, values)
        for name in sorted(apart, key=apart.__getitem__, reverse=True)
        if apart[name] >= least
    ]
    foreseen = {split: figures[split].t_total_s for split in SPLITS}
    better, gap = lowest(foreseen), seconds(abs(foreseen["data"] - foreseen["layers"]), 3)
    return f"{at} T_total {f'favours {better} by {gap}' if better else 'is even'}, but {'; '.join(told)}"


def _clean(value: float, least: float) -> str:
    return seconds(value if abs(value) >= CLOSE * least else 0.0, 3)


def _meaning(term: str, values: Mapping[str, float]) -> str:
    words = quantised(values) if term.startswith("idle") else MEANING.get(term, "")
    return f" ({words})" if words else ""


def terms(ledger: Ledger) -> dict[str, float]:
    """Return the terms between T_total and the makespan, with idleness by cause."""
    idle = {f"idle ({cause})": spent for cause, spent in ledger.idle.items()}
    return {**idle, "contention": ledger.contention_s, "deviation": ledger.deviation_s, "hidden": ledger.hidden_s}


def quantised(values: Mapping[str, float]) -> str:
    """Explain quantisation where the number of devices does not divide the number of items.

    >>> quantised({"workload.count": 10, "cluster.devices": 4})
    'quantisation, 10 items on 4 devices make 3 rounds and not 2.5'
    >>> quantised({"workload.count": 8, "cluster.devices": 4})
    ''
    """
    n, p = values.get("workload.count", math.nan), values.get("cluster.devices", math.nan)
    if math.isnan(n + p) or n % p == 0:
        return ""
    return f"quantisation, {n:g} items on {p:g} devices make {math.ceil(n / p)} rounds and not {n / p:.3g}"
