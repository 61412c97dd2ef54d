"""Variants: read what a comparison plays side by side, and refuse variants of different work.

    A.yaml B.yaml                      A                  B
    A.yaml policy=fifo,heft            policy=fifo        policy=heft
    A.yaml B.yaml policy=fifo,heft     A, policy=fifo     A, policy=heft     B, policy=fifo     B, policy=heft

A label contains only what differs. All variants get the seed of the first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import product
from math import prod
from statistics import fmean
from typing import Any, NamedTuple

from parsim.build import work_of
from parsim.core.errors import Complaint, Fault, ScenarioError
from parsim.core.escape import printable
from parsim.core.schema import Ask
from parsim.export.values import written
from parsim.reading import load
from parsim.scenario.scenario import OPTION, Scenario, Source, changed, settings
from parsim.sections import sections
from parsim.study.case import Case
from parsim.study.every import CHUNKS, SCHEDULE, brings, brought, every, is_all
from parsim.study.labels import labelled, names, paths
from parsim.study.runner import Runner, size

MOST = 1_000  # variants
MOST_SEEDS = 10_000
LAST_SEED = 2**63 - 1
ALONE = "one variant cannot be compared; name two scenarios, or give --set PATH=A,B such as policy=fifo,heft"

# a quotation, which begins where a value may begin, or a letter
_TOKEN = re.compile(r"""(?<![^\s,\[{:])(?:'(?:[^']|'')*'|"(?:[^"\\]|\\.)*")|.""", re.DOTALL)

Settings = dict[str, Any]


class Variant(NamedTuple):
    """One variant of a comparison; `settings` are the values that replace the scenario's."""

    label: str
    settings: Settings
    case: Case
    draws_graph: bool  # its tasks are others with another seed


def alternatives(pairs: Iterable[str]) -> dict[str, list[Any]]:
    """Read the `PATH=A,B` of the command line; raise `ScenarioError`.

    A comma in brackets, braces or quotes does not separate.

    >>> alternatives(["policy=fifo,heft", "workload.data=[1, 2],[3]", "seed=7"])
    {'policy': ['fifo', 'heft'], 'workload.data': [[1, 2], [3]], 'seed': [7]}
    """
    found: dict[str, list[Any]] = {}
    faults: list[Fault] = []
    for pair in pairs:
        path, equals, text = pair.partition("=")
        parts = _parts(text) if equals else [text]
        if len(parts) > 1 and not all(map(str.strip, parts)):
            message = f"'{text}' has a comma without a value; write for example policy=fifo,heft"
            faults.append(Fault(OPTION, 0, 0, printable(path), message))
            continue
        read = [_tried(faults, partial(settings, [f"{path}{equals}{part}"])) for part in parts]
        found |= {path: [value for values in read for value in values[0].values()]} if all(read) else {}
    _raise(faults)
    return found


def _parts(text: str) -> list[str]:
    """Split *text* at the commas outside brackets, braces and quotes.

    >>> _parts("a,[b, c],'d, e',it's,f")
    ['a', '[b, c]', "'d, e'", "it's", 'f']
    """
    parts, deep = [""], 0
    for token in _TOKEN.findall(text):
        deep = max(deep + (token in ("[", "{")) - (token in ("]", "}")), 0)
        if token == "," and not deep:
            parts.append("")
        else:
            parts[-1] += token
    return parts


def variants(
    sources: Sequence[Source], chosen: Mapping[str, Any], seeds: Sequence[int] | int, runner: Runner
) -> tuple[list[Variant], tuple[int, ...]]:
    """Return the variants to play and the seeds: those given, or a number of seeds from the first variant's own on.

    All faults of all scenarios with all settings are raised at once, in one `ScenarioError`. A variant whose values
    are right one by one, but do not go together, is no fault as long as another one can be played: it fails beside the
    others.
    """
    _raise([*_about_seeds(seeds), *_about_settings(chosen)])
    faults: list[Fault] = []
    loaded = [found for source in sources for found in _tried(faults, partial(load, source))]
    named = CHUNKS not in chosen and is_all(chosen.get(SCHEDULE))  # the labels name the chunks
    bring = brings(loaded, chosen)
    chosen = {path: every(path, value, loaded[0]) if loaded else value for path, value in chosen.items()}
    sets = [dict(zip(chosen, values, strict=True)) for values in product(*map(_choices, chosen.values()))]
    if bring and loaded:
        sets = [values | brought(loaded[0], values) for values in sets]
    if not faults and len(loaded) * len(sets) < 2:
        faults.append(Fault("SCENARIO", 0, 0, "SCENARIO", ALONE))
    asked = [
        (values, Case(scenario))
        for whole in loaded
        for values in sets
        for scenario in _tried(faults, partial(changed, whole, values))
    ]
    rows = _checked([case for _, case in asked], seeds if isinstance(seeds, int) else len(seeds), runner)
    faults += [fault for row in rows for fault in row.faults]
    unfit = [fault for row in rows for fault in row.unfit]
    _raise([*faults, *unfit] if faults or all(row.unfit for row in rows) else [])
    first = rows[0].seed
    if isinstance(seeds, int):
        _raise(
            [_seed_fault(f"{seeds} seeds from {first} on exceed 2^63 - 1; use a smaller first seed")]
            if first + seeds - 1 > LAST_SEED
            else []
        )
        seeds = range(first, first + seeds)
    _raise([*_about_work([case for _, case in asked], len(sets), seeds[0])])
    varied = [path for path in chosen if len(_choices(chosen[path])) > 1] + [CHUNKS] * named
    known = (path for scenario in loaded for path in paths(scenario.values)) if varied else ()
    labels = labelled(names(loaded), varied, sets, known)
    found = zip(labels, asked, rows, strict=True)
    return [Variant(label, values, case, row.draws_graph) for label, (values, case), row in found], tuple(seeds)


class Checked(NamedTuple):
    """What is known of a scenario before it is played."""

    seed: int = 0  # its own
    size: int = 0  # see `runner.size`
    draws_graph: bool = False
    unfit: Sequence[Fault] = ()  # why this variant cannot be played, though each of its values is right
    faults: Sequence[Fault] = ()  # what is wrong in any variant


def checked(case: Case) -> Checked:
    """Check whether *case* can be played."""
    said, complaints = sections(case.scenario.values)
    try:
        graph = size(case.own.graph)
    except ScenarioError as wrong:
        elsewhere = any(fault.path.partition(".")[0] not in said for fault in wrong.faults)
        if complaints or elsewhere:
            return Checked(faults=wrong.faults)
        return Checked(said["seed"], unfit=wrong.faults)
    return Checked(case.own.seed, graph, said["workload"].arguments.get("seed", 0) is None)


def _checked(cases: Sequence[Case], seeds: int, runner: Runner) -> list[Checked]:
    """Check all *cases*: in this process, until their sizes show how much there is to play with all *seeds*."""
    rows: list[Checked] = []
    for case in cases:
        rows.append(checked(case))
        if runner.expect(len(cases) * seeds, fmean(row.size for row in rows), cases):
            break
    return rows + runner.answers("scenarios", [(checked, case) for case in cases[len(rows) :]])


def _choices(values: Any) -> Sequence[Any]:
    """Return the alternatives. A value that is not a list is the only one."""
    return values if isinstance(values, list | tuple) else [values]


def _tried(faults: list[Fault], ask: Callable[[], Any]) -> list[Any]:
    """Return the answer of *ask* in a list. If the input is wrong, collect the faults and return an empty list."""
    try:
        return [ask()]
    except ScenarioError as wrong:
        faults += wrong.faults
        return []


def _raise(faults: Sequence[Fault]) -> None:
    if faults:
        raise ScenarioError(dict.fromkeys(faults))


def _seed_fault(message: str) -> Fault:
    return Fault("--seeds", 0, 0, "seeds", message)


def _about_seeds(seeds: Sequence[int] | int) -> Iterator[Fault]:
    example = "write for example 20"
    if isinstance(seeds, int):
        if not 1 <= seeds <= MOST_SEEDS or isinstance(seeds, bool):
            yield _seed_fault(f"{seeds} is not a count from 1 to {MOST_SEEDS}; {example}")
    elif not isinstance(seeds, Sequence) or not 1 <= len(seeds) <= MOST_SEEDS:
        yield _seed_fault(f"wants a count, or a list of 1 to {MOST_SEEDS} seeds; {example}")
    elif not all(type(seed) is int and 0 <= seed <= LAST_SEED for seed in seeds):
        yield _seed_fault("a seed is a whole number from 0 to 2^63 - 1")
    elif len(set(seeds)) < len(seeds):
        yield _seed_fault("a seed occurs twice; write each seed once")


def _about_settings(chosen: Mapping[str, Any]) -> Iterator[Fault]:
    if not isinstance(chosen, Mapping):
        yield Fault(OPTION, 0, 0, "set", "wants a mapping of paths to alternatives")
        return
    for path, values in chosen.items():
        if not len(_choices(values)):
            yield Fault(OPTION, 0, 0, printable(str(path)), "is an empty list; give at least one value")
    count = prod(len(_choices(values)) for values in chosen.values())
    if count > MOST:
        yield Fault(OPTION, 0, 0, "set", f"the alternatives make {count} variants; at most {MOST} are allowed")
    if len(_choices(chosen.get("seed", 0))) > 1:
        message = "all variants use the same seeds; write --seeds 20 to play each with twenty seeds"
        yield Fault(OPTION, 0, 0, "seed", message)


def _about_work(cases: Sequence[Case], sets: int, seed: int) -> Iterator[Fault]:
    """Yield a fault for each file whose work differs from that of the first under the same settings."""
    if len(cases) == sets:
        return
    first = [work_of(case.seeded(seed)) for case in cases[:sets]]
    for begin in range(sets, len(cases), sets):
        for number, work in enumerate(first):
            there, here = cases[number].scenario, cases[begin + number].scenario
            other = work_of(cases[begin + number].seeded(seed))
            if (other.name, other.arguments) != (work.name, work.arguments):
                message = (
                    f"differs from the work of {there.file}: {_difference(here, other, there, work)}; "
                    "only the same work can be compared: make them equal, or choose one for all with --set"
                )
                yield here.fault(Complaint(("workload",), message))
                break


def _difference(here: Scenario, other: Ask, there: Scenario, work: Ask) -> str:
    """Return in words how two workloads differ."""
    if other.name != work.name:
        return f"kind is {other.name} here and {work.name} there"
    first, *more = (key for key, value in work.arguments.items() if other.arguments[key] != value)
    too = f", and {', '.join(more)} differ{'s' * (len(more) == 1)} too" if more else ""
    said, stood = _said(here, first), _said(there, first)
    if said == stood and isinstance(work.arguments[first], str):  # two files in two folders may share a name
        said, stood = printable(other.arguments[first]), printable(work.arguments[first])
    return f"{first} differs{too}" if said == stood else f"{first} is {said} here and {stood} there{too}"


def _said(scenario: Scenario, key: str) -> str:
    workload = scenario.values["workload"]
    return written(workload[key]) if isinstance(workload, dict) and key in workload else "left out"
