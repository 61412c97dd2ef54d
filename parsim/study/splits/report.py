"""Report the two splits in words: their costs, where they cross, and why one is faster."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from parsim.core.quantities import number, seconds, size
from parsim.export.report import WIDTH
from parsim.export.summary import Table, text_table
from parsim.export.table import table, width, wrapped
from parsim.study.splits.crossings import NEITHER, Stretch
from parsim.study.splits.runs import Figures, Refused
from parsim.study.splits.sweep import Found
from parsim.study.splits.table import MAKESPAN, PEAK, T_TOTAL, Shown, by_split, four
from parsim.study.splits.variables import SPLITS, VARIABLES, Variable

SHOWN = 3  # crossings over one variable


def report(found: Found) -> str:
    """Write the whole study for people."""
    title = title_of(found)
    parts = [
        [title, "=" * width(title), *_wrapped(settings(found), "")],
        [
            "What each costs",
            *_indented(_costs(found), (0, 3)),
            *(line for told in refusals(found) for line in _wrapped(told, "  ")),
            *_wrapped(sentence(found), "  "),
        ],
        [
            "Where the faster split changes",
            *_indented([*_crossings(found)], (0, 5)),
            *(line for told in reasons(found) for line in _wrapped(told, "  ")),
        ],
    ]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def title_of(found: Found) -> str:
    """Return the title of the study."""
    return f"{found.name}: split by data, split by layers"


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


FIGURES = (
    MAKESPAN,
    T_TOTAL,
    PEAK,
    Shown("bytes moved", "moved_bytes", size),
    Shown("transfers", "transfers", str),
    Shown("waiting", "waiting_s", four),
    Shown("  for transfers", "transfer_s", four),
    Shown("  idle", "idle_s", four),
)
WORDS = {
    "peak_memory_bytes": "of the fullest device",
    "waiting_s": "of a worker, without its computing:",
    "transfer_s": "without those that overlap computing",
}


def costs(found: Found) -> Table:
    """Return a row for each split with what it costs."""
    known = {split: cost if isinstance(cost, Figures) else None for split, cost in found.costs.items()}
    return by_split(known, FIGURES)


def crossings(found: Found) -> Table:
    """Return a row for each variable with where the faster split changes."""
    return text_table("Where the faster split changes", [*_crossings(found)], left=(0, 5))


def _costs(found: Found) -> list[Sequence[str]]:
    """Return a row for each figure: its values by split, and what else there is to say of it."""
    split, *figures = costs(found).columns
    return [("", *split.cells, ""), *((each.head, *each.cells, WORDS.get(each.name, "")) for each in figures)]


def refusals(found: Found) -> Iterator[str]:
    """Say why a split cannot be played."""
    for split, cost in found.costs.items():
        if isinstance(cost, Refused):
            yield f"{split} cannot be played: {cost.why}"


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


def reasons(found: Found) -> Iterator[str]:
    """Say what is not varied, and why T_total and the runs differ."""
    zero = [VARIABLES[path].words for path, value in found.here.items() if not value]
    if zero:
        yield f"Not varied: {', '.join(zero)}, because multiples of zero are zero."
    for sweep in found.sweeps:
        if sweep.why:
            yield f"{sweep.variable.words}: {sweep.why}."


def _wrapped(line: str, indent: str) -> list[str]:
    return wrapped(line, WIDTH, indent, indent)


def _indented(rows: Sequence[Sequence[str]], words: Collection[int]) -> list[str]:
    return [f"  {line}" for line in table(rows, words)]
