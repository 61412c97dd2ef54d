"""The data of a page: plain values for JSON, which `static/view.js` shows.

    facts       the figures, as in section 2 of the contract          lanes, kinds, causes, ways, whys   words
    notes       what to know about the run                            columns     packed, a row for each ...
    scenario    its name                                              own         whether text is what somebody wrote

    ... bar     lane, start, took, name, kind, way, wait (how many bars before it is the one it waited for; 0: none),
                why (the cause where it waited for none), more (s longer than alone on its way), bytes,
                inward (how many edges lead to it)
    ... edge    source (how many bars before the bar it leads to), sorted by that bar
    ... gap     gap_lane, gap_cause, gap_then (the bar after it), gap_late (s after the end of the bar before it),
                gap_early (s before the start of the bar after it)
    ... step    path (the bars of the critical path)
    once        text (of the scenario)

Bars are sorted by lane and start. Where no bar comes after a gap, `gap_then` is -1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import yaml

from parsim.core.columns import look_up
from parsim.core.escape import printable
from parsim.core.graph import Floats, Ints
from parsim.core.job import Job
from parsim.core.timeline import CAUSES, Timeline, Words
from parsim.core.tolerance import CLOSE
from parsim.export.arrows import Arrows, arrows_of
from parsim.export.folder import Kept
from parsim.metrics.critical_path import critical_path, waited_rows
from parsim.metrics.sent import sent
from parsim.page.curves import load, memory
from parsim.page.lanes import Lanes, lay, transfers_alone
from parsim.page.pack import packed, rounded
from parsim.plot import style
from parsim.run import Result

MARKS = {
    "t_total_s": style.THEORY,
    "makespan": style.MAKESPAN,
    "limit": style.LIMIT,
    "used": style.USED.face,
    **{f"{term}_s": look.face for term, look in style.TERMS.items()},
}
NO_MEMORY: dict[str, Any] = {"known": False, "kinds": [], "devices": [], "more": 0}
NO_LOAD: dict[str, Any] = {"known": False, "rows": [], "why": ""}
RISING = ("lane", "name", "gap_lane", "gap_then", "path")


class Text(NamedTuple):
    """A scenario for people."""

    name: str
    text: str
    own: bool  # as somebody wrote it, with comments; else the values that the run read


def of(result: Result, text: str | None = None) -> dict[str, Any]:
    """Return the data of a page that shows *result*.

    *text* is the scenario as somebody wrote it; left out: its values as YAML.
    """
    words = _read(result.job.name, result.job.values) if text is None else Text(result.job.name, text, own=True)
    return _page(result.to_dict(), result.timeline, result.notes, words, result.job)


def of_kept(kept: Kept, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data of a page that shows a run from a folder, without edges, memory and load over time.

    *values* is its scenario.
    """
    return _page(kept.facts, kept.timeline, (), _read(kept.name, values), None)


def _page(
    facts: Mapping[str, Any], timeline: Timeline, notes: Sequence[str], text: Text, job: Job | None
) -> dict[str, Any]:
    lanes = lay(timeline, [str(device.get("name")) for device in facts["devices"]])
    order = np.lexsort((timeline.start_s, lanes.of_span))
    place = np.full(len(timeline) + 1, -1)  # of each row among the bars; the last one: of no row
    place[order] = np.arange(len(order))
    arrows = arrows_of(job.graph, timeline) if job else Arrows.none()
    bars, words = _bars(timeline, lanes, order, place)
    bars |= _names(timeline, arrows, order)
    held, used = memory(job, timeline) if job else (NO_MEMORY, {})
    loads, busy = load(job, timeline) if job else (NO_LOAD, {})
    columns = {
        **bars,
        **_edges(arrows, place),
        **_gaps(timeline, lanes, bars),
        "bytes": _bytes(timeline, job)[order].astype(np.float32),
        "text": [text.text],
        "path": place[[step.row for step in critical_path(timeline)]],
        **used,
        **busy,
    }
    for name in ("start", "memory_at"):
        if name in columns:
            columns[name] = rounded(columns[name], timeline.makespan_s)
    return {
        "facts": facts,
        "notes": [printable(note) for note in notes],
        "scenario": printable(text.name),
        "own": text.own,
        "lanes": lanes.lanes,
        **words,
        "causes": [
            *({"name": cause, **_look(style.CAUSES[cause])} for cause in CAUSES),
            {"name": "transfers", **_look(style.WAITING)},
        ],
        "marks": MARKS,
        "memory": held,
        "load": loads,
        "columns": packed(columns, RISING),
    }


def _bars(timeline: Timeline, lanes: Lanes, order: Ints, place: Ints) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the columns of bars, and the tables of words that they name."""
    wait = place[waited_rows(timeline)[order]]
    kind, kinds = _kinds(timeline, lanes, order)
    way, ways = _table(timeline.lanes.at(order))
    why, whys = _table(timeline.waits.at(order[wait < 0]))
    cause = np.zeros(len(order), np.int64)
    cause[wait < 0] = why
    start, end = timeline.start_s[order], timeline.end_s[order]
    took, more = end - start, end - start - timeline.nominal_s[order]
    columns = {
        "lane": lanes.of_span[order],
        "start": start,
        "took": rounded(took, timeline.makespan_s).astype(np.float32),
        "kind": kind,
        "way": way,
        "wait": np.where(wait >= 0, np.arange(len(order)) - wait, 0),
        "why": cause,
        "more": np.where(timeline.transfers[order] & (more > 1e-9 * took), more, 0.0).astype(np.float32),
    }
    return columns, {"kinds": kinds, "ways": ways, "whys": whys}


def _names(timeline: Timeline, arrows: Arrows, order: Ints) -> dict[str, Any]:
    """Return the names of bars; empty for a transfer `PARENT>CHILD` whose two ends are told by edges."""
    joins = (timeline.transfer >= 0) & np.isin(np.arange(len(timeline)), arrows.source)
    joins &= np.isin(np.arange(len(timeline)), arrows.target)
    own = ~joins[order]
    name = np.zeros(len(order), np.int64)
    name[own], names = _table(timeline.tasks.at(order[own]))
    name[own] += 1
    return {"name": name, "names": ["", *names]}


def _table(column: Words) -> tuple[Ints, list[str]]:
    """Return the words of a column as numbers into a table of them, in the order in which they come."""
    used, first, where = np.unique(column.code, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    words = look_up(column.table, used.tolist())
    return rank[where], [printable(words[code]) for code in order.tolist()]


def _kinds(timeline: Timeline, lanes: Lanes, order: Ints) -> tuple[Ints, list[dict[str, Any]]]:
    """Return the kind of each bar, for transfers that of their communicator, and the looks of kinds."""
    talk, base = lanes.talk[order], len(lanes.talks)
    code, table = _table(timeline.kinds.at(order))
    used, kind = np.unique(np.where(talk >= 0, talk, base + code), return_inverse=True)
    names = [lanes.talks[one] if one < base else table[one - base] for one in used.tolist()]
    looks = [style.EXCHANGES.get(name) if one < base else None for one, name in zip(used.tolist(), names, strict=True)]
    return kind, [
        {"name": printable(name), **_look(look or style.KINDS.get(name, style.OTHER))}
        for name, look in zip(names, looks, strict=True)
    ]


def _look(look: style.Look) -> dict[str, str]:
    return {"face": look.face, "hatch": look.hatch, "ink": look.ink}


def _edges(arrows: Arrows, place: Ints) -> dict[str, Ints]:
    """Return how many edges lead to each bar, and where they come from, as the distance to it."""
    source, target = place[arrows.source], place[arrows.target]
    order = np.lexsort((source, target))
    return {
        "inward": np.bincount(target, minlength=len(place) - 1),
        "source": target[order] - source[order],
    }


def _gaps(timeline: Timeline, lanes: Lanes, bars: Mapping[str, Any]) -> dict[str, Any]:
    """Return the gaps of lanes of computing: idle intervals, and those in which only transfers take place.

    Most of them begin where a bar ends, and end where the next one begins.
    """
    idle = timeline.idle
    alone = transfers_alone(timeline)
    worker, start, end = (np.concatenate(pair) for pair in zip(idle[:3], alone, strict=True))
    cause = np.concatenate([idle.cause, np.full(len(alone[0]), len(CAUSES))])
    lane = lanes.of_worker[worker]
    order = np.lexsort((start, lane))
    lane, start, end = lane[order], start[order], end[order]
    then = _after(lane, end, bars["lane"], bars["start"])
    opened = np.append(bars["start"] + bars["took"], 0.0)[_before(lane, then, bars["lane"])]
    closed = np.append(bars["start"], timeline.makespan_s)[then]
    return {
        "gap_lane": lane,
        "gap_late": _clear(start - opened, timeline.makespan_s),
        "gap_early": _clear(closed - end, timeline.makespan_s),
        "gap_cause": cause[order],
        "gap_then": then,
    }


def _after(lane: Ints, moment: Floats, bar_lane: Ints, bar_start: Floats) -> Ints:
    """Return for each lane and moment the first bar that starts then or later on that lane, or -1."""
    moments, rank = np.unique(np.concatenate([bar_start, moment]), return_inverse=True)
    key = bar_lane * len(moments) + rank[: len(bar_lane)]
    found = np.searchsorted(key, lane * len(moments) + rank[len(bar_lane) :])
    there = found < len(key)
    there[there] = bar_lane[found[there]] == lane[there]
    return np.where(there, found, -1)


def _before(lane: Ints, then: Ints, bar_lane: Ints) -> Ints:
    """Return the bar before each gap on its lane, the one before *then* or the last one, or -1."""
    found = np.where(then >= 0, then, np.searchsorted(bar_lane, lane, side="right")) - 1
    there = found >= 0
    there[there] = bar_lane[found[there]] == lane[there]
    return np.where(there, found, -1)


def _clear(times: Floats, makespan_s: float) -> Floats:
    """Return *times* with rounding errors as 0."""
    return np.where(np.abs(times) > CLOSE * makespan_s, times, 0.0).astype(np.float32)


def _bytes(timeline: Timeline, job: Job | None) -> Floats:
    """Return the bytes of each transfer, 0 elsewhere, (spans,)."""
    bytes_ = timeline.size.copy()
    if job:
        table = sent(job, timeline)
        bytes_[table.row] = table.size
    return bytes_


def _read(name: str, values: Mapping[str, Any]) -> Text:
    fast = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # not every build of PyYAML has it
    text = yaml.dump(dict(values), Dumper=fast, sort_keys=False, allow_unicode=True)
    return Text(name, str(text), own=False)
