"""Compare prediction and measurement: the same figures of a simulated and a replayed run of one job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from parsim.core.quantities import clean, seconds
from parsim.export.summary import Column, Table
from parsim.export.table import table

STATED = (
    "its seconds come from the scenario and were not measured on this machine, "
    "so this says nothing about the simulation"
)
MEASURE = (
    "To predict this machine, first run parsim calibrate SCENARIO --out profile.json; then replay with",
    "  --set cost='{kind: measured, profile: profile.json}' and, if bytes are transferred,",
    "  --set cluster.topology='{kind: shared_memory, profile: profile.json}'",
)
TERMS = ("deviation", "idle", "contention", "hidden")


def side_by_side(predicted: Mapping[str, Any], measured: Mapping[str, Any], handed: float = 0.0) -> list[str]:
    """Write the figures of two runs in columns, side by side (see `beside`)."""
    return table(beside(predicted, measured, handed).rows, words=(0, 3))


def beside(predicted: Mapping[str, Any], measured: Mapping[str, Any], handed: float = 0.0) -> Table:
    """Return a row for each figure of two runs, each time in the unit in which it reads best.

    *handed* are the seconds per task that the prediction contains for its hand-over; T_s excludes them.
    """
    idle = [run["ledger"]["idle"] for run in (predicted, measured)]
    causes = [cause for cause in idle[0] if any(run[cause] for run in idle)]
    one, other = _figures(predicted, causes, handed), _figures(measured, causes, 0.0)
    largest = max(abs(figure) for figures in (one, other) for figure in figures.values())
    compared = {name for name in ("T_s", "T_c", "makespan") if other[name] > 0}
    errors = [one[name] / other[name] - 1 if name in compared else None for name in one]
    columns = [
        Column("", [*one], "figure", [name.strip() for name in one], left=True),
        *(
            Column(head, [clean(figure, largest) for figure in figures.values()], f"{head}_s", [*figures.values()])
            for head, figures in (("predicted", one), ("measured", other))
        ),
        Column("predicted is off by", ["" if each is None else f"{each:+.1%}" for each in errors], "error", errors),
    ]
    return Table("Prediction beside measurement", columns)


def _figures(run: Mapping[str, Any], causes: Sequence[str], handed: float) -> dict[str, float]:
    """Return the seconds of a unit, the ledger's terms, and the makespan."""
    terms, n = run["ledger"], run["theory"]["n"]
    figures = {"T_s": (_spent(run, "compute") - handed * run["tasks"]) / n, "T_c": _spent(run, "transfer") / n}
    figures |= {"T_total": terms["t_total_s"], "deviation": terms["deviation_s"], "idle": terms["idle_s"]}
    figures |= {f"  {cause}": terms["idle"][cause] for cause in causes}
    return figures | {
        "contention": terms["contention_s"],
        "hidden": terms["hidden_s"],
        "makespan": run["makespan_s"],
    }


def _spent(run: Mapping[str, Any], name: str) -> float:
    return float(sum(one[f"{name}_s"] * one["stands_for"] for one in run["devices"]))


def overhead(measured: Mapping[str, Any]) -> float:
    """Return the mean seconds of hand-over of a task, besides its kernels and transfers."""
    return float(measured["ledger"]["idle"]["overhead"] * measured["workers"] / max(measured["tasks"], 1))


def verdict(
    predicted: Mapping[str, Any], measured: Mapping[str, Any], profiled: bool, handed: float = 0.0
) -> list[str]:
    """Explain in sentences by how much the two runs differ, and why; *handed* as for `beside`."""
    off, makespan = predicted["makespan_s"] - measured["makespan_s"], measured["makespan_s"]
    names = [name for name in (*TERMS, *measured["ledger"]["idle"]) if name != "idle"]
    more = {name: _explained(measured, name) - _explained(predicted, name) for name in names}
    foreseen = handed * predicted["tasks"] / predicted["workers"]  # as compute; the replay has it as idleness
    more["deviation"] += foreseen
    more["overhead"] -= foreseen
    most = max(more, key=lambda name: abs(more[name]))
    way, share = "long" if off > 0 else "short", f"{abs(off) / makespan if makespan else 0.0:.1%}"
    sign = "more" if more[most] > 0 else "less"
    beside = (
        f" (in addition to {seconds(foreseen)} contained in the predicted tasks)"
        if foreseen and most == "overhead"
        else ""
    )
    missed = f"the largest error is in one term: {seconds(abs(more[most]))} {sign} {most} than predicted{beside}"
    said = [
        f"The makespan was predicted {share} too {way}; {missed if profiled else STATED}.",
        f"The hand-over of a task (overhead) took {seconds(overhead(measured))} on average; "
        f"predicted: {seconds(handed)}.",
    ]
    if handed:
        said.append("T_s above excludes it: the prediction counts it as part of each task, the replay as idle time.")
    if not profiled:
        said += [
            "Without a profile of this machine, deviation also contains the error of the stated costs.",
            *MEASURE,
        ]
    return said


def _explained(run: Mapping[str, Any], name: str) -> float:
    terms = run["ledger"]
    if name in terms["idle"]:
        return float(terms["idle"][name])
    return float(terms[f"{name}_s"]) * (-1 if name == "hidden" else 1)
