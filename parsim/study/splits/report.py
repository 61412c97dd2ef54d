"""Report the two splits in words: their costs, where they cross, and why one is faster."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from parsim.core.quantities import number, seconds, size
from parsim.export.report import WIDTH
from parsim.export.table import table, width, wrapped
from parsim.study.splits.crossings import NEITHER, Stretch
from parsim.study.splits.runs import Figures, Refused
from parsim.study.splits.sweep import Found
from parsim.study.splits.variables import SPLITS, VARIABLES, Variable

SHOWN = 3  # crossings over one variable


def report(found: Found) -> str:
    """Write the whole study for people."""
    title = f"{found.name}: split by data, split by layers"
    parts = [
        [title, "=" * width(title), *_wrapped(settings(found), "")],
        [
            "What each costs",
            *_indented(_costs(found.costs), (0, 3)),
            *_refusals(found.costs),
            *_wrapped(sentence(found), "  "),
        ],
        ["Where the faster split changes", *_indented(_crossings(found), (0, 5)), *_reasons(found)],
    ]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def sentence(found: Found) -> str:
    """Return which split ends first at the scenario's own values, and how the two differ."""
    played = {split: cost for split, cost in found.costs.items() if isinstance(cost, Figures)}
    if not played:
        return "Neither split can be played here."
    if len(played) < len(SPLITS):
        return f"Only the split by {' or '.join(played)} can be played here."
    data, layers = (played[split] for split in SPLITS)
    gap = layers.makespan_s - data.makespan_s
    first = (
        f"{SPLITS[int(gap < 0)].capitalize()} ends {seconds(abs(gap), 3)} earlier"
        if gap
        else "Both end at the same time"
    )
    travels = {"data": f"the model {_times(data.tasks)} and the items once", "layers": "the model once and the items"}
    if not found.model_travels:
        travels = {"data": "the items once", "layers": "the items"}
    times = _times(found.here["workload.count"])
    return (
        f"{first}: data moves {travels['data']}, {size(data.moved_bytes)}; "
        f"layers moves {travels['layers']} {times}, {size(layers.moved_bytes)}. "
        f"A worker's waiting is {_waiting(data)} by data, {_waiting(layers)} by layers."
    )


def _times(count: float) -> str:
    return "once" if count == 1 else f"{number(count)} times"


def _waiting(cost: Figures) -> str:
    return f"{seconds(cost.transfer_s, 3)} for transfers and {seconds(cost.idle_s, 3)} idle"


def crossing(variable: Variable, course: Sequence[Stretch]) -> str:
    """Write where the faster split changes.

    >>> crossing(VARIABLES["workload.item"], [Stretch(1e6, "layers"), Stretch(2e7, "data")])
    '20 MB'
    >>> crossing(VARIABLES["workload.count"], [Stretch(3, "layers"), Stretch(18, "neither")])
    '18 (neither)'
    >>> crossing(VARIABLES["workload.item"], [Stretch(1e6, "layers")])
    'none'
    """
    return _places([f"{variable.say(start)}{f' ({NEITHER})' * (winner == NEITHER)}" for start, winner in course[1:]])


def starts(variable: Variable, course: Sequence[Stretch]) -> str:
    """Write the starts of stretches without the winners."""
    return _places([variable.say(stretch.start) for stretch in course[1:]])


def _places(written: Sequence[str]) -> str:
    return ", ".join([*written[:SHOWN], *(["..."] if len(written) > SHOWN else [])]) or "none"


def settings(found: Found) -> str:
    """Return the scenario's own values of the variables in words."""
    said = [f"{VARIABLES[path].words} {VARIABLES[path].say(value)}" for path, value in found.here.items()]
    return f"{', '.join(said)}; the weights {'come from the host' if found.model_travels else 'are on the devices'}"


ROWS: tuple[tuple[str, Callable[[Figures], str], str], ...] = (
    ("makespan", lambda cost: seconds(cost.makespan_s, 4), ""),
    ("T_total", lambda cost: seconds(cost.t_total_s, 4), ""),
    ("peak memory", lambda cost: size(cost.peak_memory_bytes), "of the fullest device"),
    ("bytes moved", lambda cost: size(cost.moved_bytes), ""),
    ("transfers", lambda cost: str(cost.transfers), ""),
    ("waiting", lambda cost: seconds(cost.waiting_s, 4), "of a worker, without its computing:"),
    ("  for transfers", lambda cost: seconds(cost.transfer_s, 4), "without those that overlap computing"),
    ("  idle", lambda cost: seconds(cost.idle_s, 4), ""),
)


def _costs(costs: Mapping[str, Figures | Refused]) -> Iterator[Sequence[str]]:
    yield "", *SPLITS, ""
    for name, ask, words in ROWS:
        yield name, *(ask(cost) if isinstance(cost, Figures) else "-" for cost in costs.values()), words


def _refusals(costs: Mapping[str, Figures | Refused]) -> Iterator[str]:
    for split, cost in costs.items():
        if isinstance(cost, Refused):
            yield from _wrapped(f"{split} cannot be played: {cost.why}", "  ")


def _crossings(found: Found) -> Iterator[Sequence[str]]:
    yield "over", "from .. to", "here", "by T_total", "by runs", "faster"
    for sweep in found.sweeps:
        say = sweep.variable.say
        yield (
            sweep.variable.words,
            f"{say(sweep.values[0])} .. {say(sweep.values[-1])}",
            say(sweep.here),
            crossing(sweep.variable, sweep.predicted),
            crossing(sweep.variable, sweep.found),
            ", then ".join(stretch.winner for stretch in sweep.found) or "no difference",
        )


def _reasons(found: Found) -> Iterator[str]:
    zero = [VARIABLES[path].words for path, value in found.here.items() if not value]
    if zero:
        yield from _wrapped(f"Not varied: {', '.join(zero)}, because multiples of zero are zero.", "  ")
    for sweep in found.sweeps:
        if sweep.why:
            yield from _wrapped(f"{sweep.variable.words}: {sweep.why}.", "  ")


def _wrapped(line: str, indent: str) -> list[str]:
    return wrapped(line, WIDTH, indent, indent)


def _indented(rows: Iterator[Sequence[str]], words: Collection[int]) -> list[str]:
    return [f"  {line}" for line in table(list(rows), words)]
