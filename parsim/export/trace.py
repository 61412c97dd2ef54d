"""Chrome trace events: opens in https://ui.perfetto.dev and chrome://tracing.

process host    counters running tasks, busy links; the steps
process w0      counter memory; tracks of slices (`parsim.export.tracks`), idle ones named by their cause
                arrows between slices (`parsim.export.arrows`)

Slices are complete events ('X'), arrows flow events ('s' and 'f'), counters counter events ('C') of the "Trace Event
Format" of the Chrome project. Perfetto sorts events by time, longer ones first, and otherwise keeps their order. An
arrow begins and ends at the slice that is open on its track, so both halves of an arrow are written after their slices.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from json.encoder import encode_basestring

import numpy as np

from parsim.core.escape import printable
from parsim.core.graph import Ints
from parsim.core.timeline import CAUSES, Timeline, Words
from parsim.export.arrows import Arrows, Ends, ranks
from parsim.export.columns import Texts, integers, joined, lines, number_texts, pieces, texts, word_texts
from parsim.export.counters import Counter
from parsim.export.tracks import Ticks, Tracks, lay, layers, ticks_for

__all__ = ["layers", "write_trace"]

NO_ARROWS = Arrows.none()
NEXT = ",\n"  # before every event except the first
CATEGORIES = texts([f',"cat":"{name}","name":"{name}","ts":' for name in ("dependency", "transfer")])  # of arrows


def write_trace(
    timeline: Timeline,
    devices: Mapping[str, str] = {},
    arrows: Arrows = NO_ARROWS,
    counters: Iterable[Counter] = (),
) -> Iterator[str]:
    """Write *timeline* as JSON with one event per line, some lines at a time.

    *devices* gives each worker's device where the names differ.
    """
    of = {name: devices.get(name, name) for name in timeline.workers.table if name}
    ticks = ticks_for(timeline.makespan_s)
    tracks = lay(timeline, of, ticks)
    head: dict[str, object] = {"displayTimeUnit": "ms"}
    if ticks.shrunk > 1:
        head["otherData"] = {"time": f"1 s in this trace is {ticks.shrunk:g} s of the run"}
    yield f'{json.dumps(head)[:-1]}, "traceEvents": [\n'
    yield NEXT.join([*_named(tracks), *_folded(timeline, of, tracks)])
    yield from _spans(timeline, tracks, ticks, arrows)
    yield from _idle(timeline, tracks, ticks)
    for counter in counters:
        yield from _counts(counter, tracks.processes.index(counter.process), ticks)
    yield "\n]}\n"


def _named(tracks: Tracks) -> Iterator[str]:
    """Name and order processes and tracks."""
    for pid, name in enumerate(tracks.processes):
        yield from _metadata("process", pid, 0, name, pid)
    for tid, (pid, title) in enumerate(zip(tracks.process, tracks.title, strict=True), tracks.first):
        yield from _metadata("thread", pid, tid, title, tid)


def _folded(timeline: Timeline, of: Mapping[str, str], tracks: Tracks) -> Iterator[str]:
    """Label the devices that stand for others."""
    for name, count in zip(timeline.workers.table, timeline.stands_for.tolist(), strict=True):
        if count > 1:
            at = f'"ph":"M","pid":{tracks.processes.index(of[name])},"tid":0'
            yield f'{{"name":"process_labels",{at},"args":{{"labels":"stands for {count}"}}}}'


def _metadata(what: str, pid: int, tid: int, name: str, place: int) -> Iterator[str]:
    at = f'"ph":"M","pid":{pid},"tid":{tid}'
    yield f'{{"name":"{what}_name",{at},"args":{{"name":{quoted(name)}}}}}'
    yield f'{{"name":"{what}_sort_index",{at},"args":{{"sort_index":{place}}}}}'


def _spans(timeline: Timeline, tracks: Tracks, ticks: Ticks, arrows: Arrows) -> Iterator[str]:
    """Write spans, each followed by the halves of its arrows: first those that arrive, then those that leave."""
    begin, finish = tracks.begin[: len(timeline)], tracks.finish[: len(timeline)]
    order = np.lexsort((ranks(arrows, begin), begin)) if len(arrows.source) else np.arange(len(timeline))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    arriving, leaving = Ends.sort(place[arrows.target]), Ends.sort(place[arrows.source])
    for some in pieces(len(order)):
        arrive, leave = arriving.within(some), leaving.within(some)
        target, source, after = arrows.target[arrive.arrow], arrows.source[leave.arrow], arrows.target[leave.arrow]
        moments = ticks.written(begin[target], np.maximum(begin[source], np.minimum(finish[source] - 1, begin[after])))
        tables = (
            _slices(timeline, tracks, ticks, order[some]),
            _halves('"ph":"f","bp":"e"', arrows, arrive.arrow, moments[0], tracks.track[target], tracks),
            _halves('"ph":"s"', arrows, leave.arrow, moments[1], tracks.track[source], tracks),
        )
        places = np.concatenate([np.arange(some.start, some.stop), arrive.place, leave.place])
        yield joined(tables, np.argsort(places, kind="stable"))


def _slices(timeline: Timeline, tracks: Tracks, ticks: Ticks, rows: Ints) -> Texts:
    words = (timeline.tasks, timeline.kinds, timeline.waits)
    name, kind, waited_for = word_texts(quoted, *(column.at(rows) for column in words))
    ready, nominal = number_texts(repr, timeline.ready_s[rows], timeline.nominal_s[rows])
    return lines(
        *_slice(name, kind, tracks, ticks, rows),
        *(',"args":{"number":', integers(timeline.number[rows])),
        *(',"ready_s":', ready),
        *(',"nominal_s":', nominal),
        *(',"waited_for":', waited_for, "}}"),
    )


def _slice(name: Texts, category: Texts | str, tracks: Tracks, ticks: Ticks, rows: Ints) -> tuple[Texts | str, ...]:
    """Return the fields of slices: name, time, and track."""
    begin = tracks.begin[rows]
    ts, dur = ticks.written(begin, tracks.finish[rows] - begin)
    (at,) = number_texts(tracks.at, tracks.track[rows])
    return (NEXT + '{"name":', name, ',"cat":', category, ',"ph":"X","ts":', ts, ',"dur":', dur, at)


def _halves(what: str, arrows: Arrows, numbers: Ints, ts: Texts, track: Ints, tracks: Tracks) -> Texts:
    """Write the halves of some arrows: those that arrive, or those that leave."""
    (at,) = number_texts(lambda one: tracks.at(one) + "}", track)
    category = CATEGORIES[arrows.travels[numbers].astype(np.int64)]
    return lines(f'{NEXT}{{{what},"id":', integers(numbers), category, ts, at)


def _idle(timeline: Timeline, tracks: Tracks, ticks: Ticks) -> Iterator[str]:
    """Write idle intervals as slices named by their cause."""
    for some in pieces(len(tracks.idle)):
        (cause,) = word_texts(quoted, Words(timeline.idle.cause[tracks.idle[some]], CAUSES))
        rows = np.arange(some.start, some.stop) + len(timeline)
        yield "".join(lines(*_slice(cause, '"idle"', tracks, ticks, rows), "}").ravel().tolist())


def quoted(text: str) -> str:
    r"""Write *text*, made printable, as JSON without \\u escapes, which Perfetto does not decode.

    >>> print(quoted("任务"), quoted(chr(27)))
    "任务" "\\x1b"
    """
    return encode_basestring(printable(text))


def _counts(counter: Counter, pid: int, ticks: Ticks) -> Iterator[str]:
    """Write the changes of a counter, only the last one in each tick; nothing if it is always 0."""
    tick, value = ticks.of(counter.moment), counter.value
    last = np.append(tick[1:] != tick[:-1], True)[: len(tick)]
    tick, value = tick[last], value[last]
    changes = np.append(True, value[1:] != value[:-1])[: len(tick)] & value.any()
    tick, value = tick[changes], value[changes]
    for some in pieces(len(tick)):
        (ts,), (count,) = ticks.written(tick[some]), number_texts("{:.17g}".format, value[some])
        what = f'{NEXT}{{"name":"{counter.name}","ph":"C","pid":{pid},"ts":'
        yield "".join(lines(what, ts, f',"args":{{"{counter.unit}":', count, "}}").ravel().tolist())
