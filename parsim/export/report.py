"""The report of a run for people: the scenario, where the time went, and the result.

It has the content of `parsim run --json` in words and columns, and is no wider than a terminal.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from parsim.core.escape import printable
from parsim.core.quantities import aligned, number, scaled, seconds, size, times, unit_of
from parsim.core.timeline import Timeline
from parsim.export import assertions
from parsim.export.communication import communication
from parsim.export.memory import kinds
from parsim.export.table import short, table, width, wrapped
from parsim.export.text import WIDEST, ends, folded, gantt

WIDTH = 92
BAR = 20
CAUSE = {
    "steps": "the host split, created tasks, or merged",
    "memory": "no memory was free for a task",
    "overhead": "hand-over of a task or its result",
    "policy": "the policy gave it no ready task",
    "fill": "before its first task",
    "drain": "after its last task",
    "dependency": "waiting for other tasks",
}
OF_SCHEDULE = {"policy": "the order of the schedule gave it no ready task"}  # in a pipeline
PIPELINE = {
    "ideal_s": "mean compute of the ranks, each kernel once",
    "recompute_s": "what backward computes again, mean of the ranks",
    "imbalance_s": "by which the busiest ranks compute longer than the mean",
    "fill_s": "before their first task",
    "drain_s": "after their last task",
    "wait_s": "waiting for other tasks between their own",
    "exposed_send_s": "waiting for what travels",
    "exposed_exchange_s": "waiting for what devices exchange of layers, gradients and weights",
    "steps_s": "steps of the host",
}
PARTS = ("compute", "transfer", "idle")  # of a device's time
ALWAYS = ("ideal_s", "imbalance_s", "fill_s", "drain_s", "wait_s")  # terms that are shown even where they are zero
NOTHING = "none: the workload has no kernels"
UNRUN = "none: no kernel ran"
BANDWIDTHS = {
    "algorithm_bandwidth_bytes_per_s": "algorithm bandwidth",
    "bus_bandwidth_bytes_per_s": "bus bandwidth",
}
NO_TOKENS = ("tokens_per_s", "cost_usd_per_million_tokens", "energy_j_per_million_tokens")  # left out where unknown
TRAINING = {
    "start_s": "before the first iteration",
    "iteration_s": "one iteration",
    "mfu": "model FLOP utilisation",
    "hfu": "hardware FLOP utilisation",
    "samples_per_s": "samples per second",
    "tokens_per_s": "tokens per second",
    "bubble_of_ideal": "bubble / ideal time",
    "bubble_of_whole": "bubble / whole time",
    "cost_usd": "cost of an iteration",
    "energy_j": "energy of an iteration",
    "cost_usd_per_million_tokens": "cost per million tokens",
    "energy_j_per_million_tokens": "energy per million tokens",
}


def report(facts: Mapping[str, Any], timeline: Timeline, steps: Sequence[str], notes: Sequence[str] = ()) -> str:
    """Write the report of a run: *facts* is the contract's JSON object, *steps* are the lines of the six steps."""
    parts = [
        "\n".join(_head(facts)),
        _part("Timeline", gantt(timeline, WIDTH - 2).splitlines()),
        _part("Steps", [line for step in steps for line in _wrapped(step)]),
        _part("Where the time went, mean of the workers", ledger(facts)),
        _part(f"Where the time of the ranks went{_seen_from(facts.get('pipeline'))}", pipeline(facts)),
        _part("Communication, mean of the workers", communication(facts)),
        _part("Devices", devices(facts["devices"])),
        _part("Memory at the peak of each device", kinds(facts["devices"])),
        _part("Model", _model(facts.get("model") or {})),
        _part("Training", _training(facts.get("training") or {})),
        _part("Collective", _collective(facts)),
        _part("Result", _result(facts["result"], UNRUN if facts.get("training") else NOTHING)),
        _part("Assertions", [line for told in assertions.lines(facts.get("assert", ())) for line in _wrapped(told)]),
        _part("Notes", [line for note in notes for line in _wrapped(note)]),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def ledger(facts: Mapping[str, Any]) -> list[str]:
    r"""Write the makespan as the sum of its terms, with idleness by cause.

    >>> idle = {"steps": 0, "memory": 0, "overhead": 0, "policy": 0, "fill": 0, "drain": 0.55, "dependency": 0}
    >>> terms = {"t_total_s": 2.75, "deviation_s": 0, "idle_s": 0.55, "contention_s": 0, "hidden_s": 0, "idle": idle}
    >>> theory = {"n": 5, "p": 2, "t_s": 1.0, "t_c": 0.1, "t_total_s": 2.75}
    >>> print("\n".join(ledger({"makespan_s": 3.3, "ledger": terms, "theory": theory})))
      T_total     2.75 s  N/P (T_s + T_c) = 5/2 x (1 s + 100 ms)
    + deviation   0.00 s  work that differs from the average, noise, local inputs
    + idle        0.55 s
          drain   0.55    after its last task
    + contention  0.00 s  transfers sharing the network
    - hidden      0.00 s  transfers that overlap computing or each other
    = makespan    3.30 s
    """
    rows = terms(facts)
    unit = unit_of(facts["makespan_s"] or max(abs(value) for _, value, _ in rows))
    numbers = aligned([value / unit.seconds for _, value, _ in rows])
    wide = max(13, *(len(head) for head, _, _ in rows))
    return [
        f"{head:<{wide}} {number} {' ' * len(unit.name) if head[0:3] == '   ' else unit.name}  {words}".rstrip()
        for (head, _, words), number in zip(rows, numbers, strict=True)
    ]


def terms(facts: Mapping[str, Any]) -> list[tuple[str, float, str]]:
    """Return sign, seconds and meaning of each term of the makespan; causes are indented."""
    theory, measured = facts["theory"], facts["ledger"]
    slowed, causes = facts.get("slowed_s"), CAUSE | (OF_SCHEDULE if facts.get("pipeline") else {})
    formula = f"{number(theory['n'])}/{theory['p']} x ({seconds(theory['t_s'])} + {seconds(theory['t_c'])})"
    return [
        ("  T_total", measured["t_total_s"], f"N/P (T_s + T_c) = {formula}"),
        ("+ deviation", measured["deviation_s"], "work that differs from the average, noise, local inputs"),
        *([("      slowed", slowed, "of it, computing slowed by communication")] if slowed else []),
        ("+ idle", measured["idle_s"], ""),
        *((f"      {cause}", spent, causes.get(cause, "")) for cause, spent in measured["idle"].items() if spent),
        ("+ contention", measured["contention_s"], "transfers sharing the network"),
        ("- hidden", measured["hidden_s"], "transfers that overlap computing or each other"),
        ("= makespan", facts["makespan_s"], ""),
    ]


def pipeline(facts: Mapping[str, Any]) -> list[str]:
    r"""Write the makespan of a pipeline as the sum of its terms; no lines where it is none.

    >>> terms = {"ideal_s": 24.0, "recompute_s": 0.0, "imbalance_s": 0.0, "fill_s": 10.5, "drain_s": 10.5}
    >>> print("\n".join(pipeline({"makespan_s": 45.0, "pipeline": {**terms, "busiest": ["w0"], "ranks": [{}]}})))
      ideal compute  24.0 s  53.3 %  mean compute of the ranks, each kernel once
    + imbalance         0 s   0.0 %  by which the busiest ranks compute longer than the mean
    + fill           10.5 s  23.3 %  before their first task
    + drain          10.5 s  23.3 %  after their last task
    = makespan       45.0 s
    """
    return table(pipeline_terms(facts), words=(0, 3)) if facts.get("pipeline") else []


def _seen_from(found: Mapping[str, Any] | None) -> str:
    """Name the ranks whose idleness the terms of a pipeline split."""
    return f", idleness of the busiest rank{'s' * (len(found['busiest']) > 1)}: {_all_or_some(found)}" if found else ""


def shown_terms(pipeline: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Return the terms of a *pipeline* and their seconds; some are left out where they are zero."""
    return [(key, value) for key, value in pipeline.items() if key in PIPELINE and (value or key in ALWAYS)]


def pipeline_terms(facts: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """Return name, seconds, share of the makespan and meaning of the terms of a pipeline, and the makespan."""
    whole, shown = facts["makespan_s"], dict(shown_terms(facts["pipeline"]))
    columns = times([*shown.values(), whole])
    rows = []
    for (key, value), took in zip(shown.items(), columns, strict=False):
        name = "ideal compute" if key == "ideal_s" else key[: -len("_s")].replace("_", " ")
        share = f"{100 * value / whole:.1f} %" if whole else ""
        rows.append((f"{' ' if key == 'ideal_s' else '+'} {name}", took, share, PIPELINE[key]))
    return [*rows, ("= makespan", columns[-1], "", "")]


def _all_or_some(found: Mapping[str, Any]) -> str:
    """Name the ranks that compute longest."""
    busiest = found["busiest"]
    if len(busiest) == len(found["ranks"]) > 1:
        return "all"
    more = f" and {len(busiest) - 3} more" if len(busiest) > 3 else ""
    return ", ".join(short(name, 20) for name in busiest[:3]) + more


def spent(figures: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """Write how each device spent its time; of many devices, the first and the last ones; one unit per column."""
    largest = max((figure[f"{part}_s"] for figure in figures for part in PARTS), default=0.0)
    columns = (times([figure[f"{part}_s"] for figure in ends(figures)], largest=largest) for part in PARTS)
    return list(zip(*columns, strict=True))


def devices(figures: Sequence[Mapping[str, Any]]) -> list[str]:
    """Write a line for each device, with a bar for its utilisation."""
    merged = any(figure["stands_for"] > 1 for figure in figures)
    rows = [["", *(["stands for"] if merged else []), "compute", "transfer", "idle", "peak memory", "utilisation"]]
    shown = ends(figures)
    for figure, parts in zip(shown, spent(figures), strict=True):
        used = figure["utilisation"]
        full = round(min(max(used, 0), 1) * BAR)
        rows.append(
            [
                short(figure["name"], 20),
                *([str(figure["stands_for"])] if merged else []),
                *parts,
                size(figure["peak_memory_bytes"]),
                f"{'#' * full}{'.' * (BAR - full)} {100 * used:5.1f} %",
            ]
        )
    lines = table(rows, words=(0, len(rows[0]) - 1))
    return [lines[0], *folded(lines[1:], len(figures) - len(shown))]


def _head(facts: Mapping[str, Any]) -> Iterator[str]:
    title = short(f"{facts['scenario']}: {seconds(facts['makespan_s'])} {facts['clock']}", WIDEST)
    yield title
    yield "=" * width(title)
    yield sentence(facts)


def sentence(facts: Mapping[str, Any]) -> str:
    """Say what was played: workers, tasks, theory and seed."""
    workers, tasks, fold = facts["workers"], facts["tasks"], facts.get("fold")
    played = f", {fold['played']} of them played" if fold and fold["played"] < fold["devices"] else ""
    return (
        f"{workers} worker{'s' * (workers != 1)}{played}, {tasks} task{'s' * (tasks != 1)}, "
        f"theory T_total {seconds(facts['theory']['t_total_s'])}, seed {facts['seed']}"
    )


def _part(title: str, lines: Sequence[str]) -> str:
    return "\n".join([title, *(f"  {line}".rstrip() for line in lines)]) if lines else ""


def _model(figures: Mapping[str, Any]) -> list[str]:
    if not figures:
        return []
    count, words = figures["layers"], figures["made_of"]
    return [
        f"{'parameters':<27} {figures['parameters']:,}",
        f"{'layers':<27} {count}{f': {words}' * ('block' in words)}",
        f"{'FLOP of an iteration':<27} {number(figures['flop_per_iteration'], 4)}",
        f"{'precision':<27} {figures['precision']}",
    ]


def _training(figures: Mapping[str, Any]) -> list[str]:
    lines = []
    for name, value in figures.items():
        if value is not None or name not in NO_TOKENS:
            lines.append(f"{TRAINING.get(name, name):<27} {_figure(name, value)}")
    return lines


def _collective(facts: Mapping[str, Any]) -> list[str]:
    """Write what a collective is, and its price beside its seconds."""
    found = facts.get("collective")
    if not found:
        return []
    price = found["price_s"]
    lines = {
        "operation": f"{found['operation']} of {size(found['size_bytes'])} on {found['ranks']} ranks",
        "algorithm": f"{found['algorithm']}: {found['rounds']} rounds, {found['sends']:,} sends",
        "price": f"{seconds(price)} = {found['formula']}" if found["formula"] else f"{seconds(price)}, round by round",
        "simulated": seconds(facts["makespan_s"]),
    }
    return [f"{name:<27} {text}" for name, text in lines.items()]


def _figure(name: str, value: float | None) -> str:
    """Write a figure of training with its unit."""
    if value is None:
        missing = "price" if name == "cost_usd" else "power" if name == "energy_j" else "peak"
        return f"unknown: a device has no {missing}"
    if name.startswith("cost_usd"):
        return f"{number(value, 4)} USD"
    if name.startswith("energy_j"):
        return scaled(value, "J", 4)
    return seconds(value) if name in ("start_s", "iteration_s") else number(value, 4)


def _result(value: Any, without: str) -> list[str]:
    if isinstance(value, dict) and value.keys() == BANDWIDTHS.keys():
        return [f"{BANDWIDTHS[name]:<27} {number(rate / 1e9, 4)} GB/s" for name, rate in value.items()]
    text = without if value is None else printable(json.dumps(value, default=str))
    return [text if len(text) <= WIDTH - 4 else text[: WIDTH - 8] + " ..."]


def _wrapped(line: str) -> list[str]:
    return wrapped(line, WIDTH - 4, further="   ")
