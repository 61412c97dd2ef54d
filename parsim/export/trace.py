"""Chrome trace events: opens in https://ui.perfetto.dev and chrome://tracing.

process host    counters running tasks, busy links; the steps
process w0      counter memory; tracks of slices (`parsim.export.tracks`), idle ones named by their cause
                arrows between slices (`parsim.export.arrows`)

Slices are complete events ('X'), arrows flow events ('s' and 'f'), counters counter events ('C') of the "Trace Event
Format" of the Chrome project. Perfetto sorts events by time, longer ones first, and else keeps their order; an arrow
begins and ends at the slice that is then open on its track. So both halves of an arrow stand behind their slices.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from json.encoder import encode_basestring

import numpy as np

from parsim.core.escape import printable
from parsim.core.timeline import CAUSES, Timeline, Words
from parsim.export.arrows import Arrows, ranks
from parsim.export.counters import Counter
from parsim.export.tracks import Ticks, Tracks, lay, layers, ticks_for

__all__ = ["layers", "write_trace"]

NO_ARROWS = Arrows.none()
WAITS, TRAVELS = "dependency", "transfer"  # categories of arrows


def write_trace(
    timeline: Timeline,
    devices: Mapping[str, str] = {},
    arrows: Arrows = NO_ARROWS,
    counters: Iterable[Counter] = (),
) -> str:
    """Write *timeline* as JSON, an event a line; *devices* names each worker's device where the two differ."""
    of = {name: devices.get(name, name) for name in timeline.workers.table if name}
    ticks = ticks_for(timeline.makespan_s)
    tracks = lay(timeline, of, ticks)
    lines = [*_named(tracks), *_slices(timeline, tracks, ticks, arrows), *_idle(timeline, tracks, ticks)]
    for counter in counters:
        lines += _counts(counter, tracks.processes.index(counter.process), ticks)
    head: dict[str, object] = {"displayTimeUnit": "ms"}
    if ticks.shrunk > 1:
        head["otherData"] = {"time": f"what is shown as 1 s is {ticks.shrunk:g} s"}
    return f'{json.dumps(head)[:-1]}, "traceEvents": [\n' + ",\n".join(lines) + "\n]}\n"


def _named(tracks: Tracks) -> Iterator[str]:
    """Name and order processes and tracks."""
    for pid, name in enumerate(tracks.processes):
        yield from _metadata("process", pid, 0, name, pid)
    for tid, (pid, title) in enumerate(zip(tracks.process, tracks.title, strict=True), tracks.first):
        yield from _metadata("thread", pid, tid, title, tid)


def _metadata(what: str, pid: int, tid: int, name: str, place: int) -> Iterator[str]:
    at = f'"ph":"M","pid":{pid},"tid":{tid}'
    yield f'{{"name":"{what}_name",{at},"args":{{"name":{quoted(name)}}}}}'
    yield f'{{"name":"{what}_sort_index",{at},"args":{{"sort_index":{place}}}}}'


def _slices(timeline: Timeline, tracks: Tracks, ticks: Ticks, arrows: Arrows) -> list[str]:
    """Write spans, each with the halves of its arrows behind it."""
    place = _places(tracks, slice(len(timeline)))
    columns = (
        _quoted(timeline.tasks),
        _quoted(timeline.kinds),
        _times(tracks, ticks, slice(len(timeline))),
        place,
        timeline.number.tolist(),
        timeline.ready_s.tolist(),
        timeline.nominal_s.tolist(),
        _quoted(timeline.waits),
    )
    lines = [
        f'{{"name":{name},"cat":{kind},"ph":"X",{times},{at},'
        f'"args":{{"number":{number},"ready_s":{ready!r},"nominal_s":{nominal!r},"waited_for":{cause}}}}}'
        for name, kind, times, at, number, ready, nominal, cause in zip(*columns, strict=True)
    ]
    if not len(arrows.source):
        return lines
    for row, half in _halves(tracks, ticks, arrows, place):
        lines[row] += half
    begin = tracks.begin[: len(timeline)]
    return [lines[row] for row in np.lexsort((ranks(arrows, begin), begin)).tolist()]


def _halves(tracks: Tracks, ticks: Ticks, arrows: Arrows, place: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Yield the row of a span and the half of an arrow that belongs there: all that arrive before all that leave."""
    begin, finish = tracks.begin, tracks.finish
    leaves = np.maximum(begin[arrows.source], np.minimum(finish[arrows.source] - 1, begin[arrows.target]))
    names = [TRAVELS if travels else WAITS for travels in arrows.travels.tolist()]
    for phase, rows, moments in (('f","bp":"e', arrows.target, begin[arrows.target]), ("s", arrows.source, leaves)):
        halves = zip(names, rows.tolist(), ticks.written(moments), strict=True)
        for number, (name, row, ts) in enumerate(halves):
            what = f'"ph":"{phase}","id":{number},"cat":"{name}","name":"{name}"'
            yield row, f',\n{{{what},"ts":{ts},{place[row]}}}'


def _idle(timeline: Timeline, tracks: Tracks, ticks: Ticks) -> Iterator[str]:
    """Write idle intervals as slices named by their cause."""
    causes, rows = timeline.idle.cause[tracks.idle].tolist(), slice(len(timeline), None)
    for cause, times, at in zip(causes, _times(tracks, ticks, rows), _places(tracks, rows), strict=True):
        yield f'{{"name":"{CAUSES[cause]}","cat":"idle","ph":"X",{times},{at}}}'


def _times(tracks: Tracks, ticks: Ticks, rows: slice) -> list[str]:
    begin, finish = tracks.begin[rows], tracks.finish[rows]
    pairs = zip(ticks.written(begin), ticks.written(finish - begin), strict=True)
    return [f'"ts":{ts},"dur":{dur}' for ts, dur in pairs]


def _places(tracks: Tracks, rows: slice) -> list[str]:
    places = [f'"pid":{pid},"tid":{tid}' for tid, pid in enumerate(tracks.process, tracks.first)]
    return [places[track] for track in tracks.track[rows].tolist()]


def quoted(text: str) -> str:
    r"""Write *text*, made printable, as JSON in its own letters: Perfetto decodes no escapes of letters.

    >>> print(quoted("任务"), quoted(chr(27)))
    "任务" "\\x1b"
    """
    return encode_basestring(printable(text))


def _quoted(words: Words) -> list[str]:
    """Write a column of words, each word once."""
    used, where = np.unique(words.code, return_inverse=True)
    texts = [quoted(words.table[code]) for code in used.tolist()]
    return [texts[index] for index in where.tolist()]


def _counts(counter: Counter, pid: int, ticks: Ticks) -> Iterator[str]:
    """Write the changes of a counter, of several in a tick the last one; nothing where it is always 0."""
    tick, value = ticks.of(counter.moment), counter.value
    last = np.append(tick[1:] != tick[:-1], True)[: len(tick)]
    tick, value = tick[last], value[last]
    changes = np.append(True, value[1:] != value[:-1])[: len(tick)] & value.any()
    for ts, count in zip(ticks.written(tick[changes]), value[changes].tolist(), strict=True):
        what = f'"name":"{counter.name}","ph":"C","pid":{pid},"ts":{ts}'
        yield f'{{{what},"args":{{"{counter.unit}":{count:.17g}}}}}'
