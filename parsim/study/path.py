"""The critical path as a table: each span with its length, and why it started when it did.

start  length  task        worker  kind      why then
  0 s  300 ms  host>part0  w0      transfer  at the start
300 ms    3 s  part0       w0      compute   host>part0 had arrived
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import fsum
from typing import Any, NamedTuple

from parsim.core.cluster import HOST
from parsim.core.quantities import seconds, times
from parsim.core.timeline import CAUSES, COLLECTIVE, STEPS, Timeline
from parsim.export.table import short
from parsim.export.text import ends
from parsim.metrics.critical_path import critical_path, gaps

NAME = 24  # letters of a name
HEAD = ("start", "length", "task", "worker", "kind", "why then")
PARTS = {"compute_s": "computing", "transfer_s": "transfers", "steps_s": "steps", "waiting_s": "waiting"}
SENDS = ("transfer", COLLECTIVE)
STATED = "start"  # the cause of waiting where a flow starts at its stated time


class Link(NamedTuple):
    """A span of the critical path, and the waiting before it."""

    number: int
    task: str
    kind: str
    worker: str  # `host` for a step
    start_s: float
    end_s: float
    waited_s: float
    cause: str  # of that waiting; empty where there is none
    why: str  # it started then

    @property
    def seconds(self) -> float:
        """The length of the span."""
        return self.end_s - self.start_s

    @property
    def part(self) -> str:
        """The sum that the span belongs to."""
        return "transfer_s" if self.kind in SENDS else "steps_s" if self.kind in STEPS else "compute_s"


def links(line: Timeline) -> Iterator[Link]:
    """Yield the spans of the critical path of *line*, in order of time."""
    steps = critical_path(line)
    rows = [step.row for step in steps]
    columns = (line.number[rows], line.start_s[rows], line.end_s[rows], line.ready_s[rows])
    words = (column._replace(code=column.code[rows]).decode() for column in (line.tasks, line.kinds, line.workers))
    before, of_lane = Link(0, "", "", "", 0.0, 0.0, 0.0, "", ""), False
    sends = (line.of_tasks & ~line.computes)[rows].tolist()  # tasks of communication lanes
    told = zip(steps, gaps(line, steps), sends, *(column.tolist() for column in (*columns, *words)), strict=True)
    for step, waited_s, sending, number, start_s, end_s, ready_s, task, kind, worker in told:
        cause = (step.waited if step.waited in CAUSES else STATED) if waited_s > 0 else ""
        link = Link(number, task, kind, worker or HOST, start_s, end_s, waited_s, cause, "")
        if sending and ready_s < start_s and before.kind in SENDS:
            why = f"its lane was busy with {short(before.task, NAME)}"
        else:
            why = _why(link, before._replace(kind="") if of_lane else before, step.waited, ready_s)
        before, of_lane = link._replace(why=why), sending
        yield before


def _why(link: Link, before: Link, waited: str, ready_s: float) -> str:
    """Return why a span started when it did; *before* is its predecessor, *waited* is the timeline's entry."""
    if not before.task:
        return "at the start" if not link.start_s else "as stated"
    name = short(before.task, NAME)
    if waited == "memory":
        return f"room was free when {name} ended"
    if waited == "policy":
        return f"the policy gave it when {name} ended"
    if before.kind == "transfer":
        return f"{name} had arrived"
    if link.worker == before.worker and ready_s < link.start_s:
        return f"{short(link.worker, NAME)} was busy with {name}"
    return f"{name} had ended"


def sums(path: Sequence[Link]) -> dict[str, Any]:
    """Add up the seconds of *path* by use, and waiting by cause."""
    waiting: dict[str, list[float]] = {}
    for link in path:
        if link.cause:
            waiting.setdefault(link.cause, []).append(link.waited_s)
    spent = {part: fsum(link.seconds for link in path if link.part == part) for part in PARTS if part != "waiting_s"}
    return {**spent, "waiting_s": {cause: fsum(lengths) for cause, lengths in waiting.items()}}


def by_worker(path: Sequence[Link]) -> dict[str, dict[str, Any]]:
    """Add up the same for each worker, in the order in which *path* reaches them."""
    found: dict[str, list[Link]] = {}
    for link in path:
        found.setdefault(link.worker, []).append(link)
    return {worker: sums(links) for worker, links in found.items()}


def sentence(spent: Mapping[str, Any], makespan_s: float) -> str:
    """Write the parts of a path as a sum.

    >>> sentence({"compute_s": 3.0, "transfer_s": 0.3, "steps_s": 0.0, "waiting_s": {"memory": 1.0}}, 4.3)
    'computing 3 s + transfers 300 ms + waiting (memory) 1 s = 4.3 s'
    """
    parts = [(words, spent[part]) for part, words in PARTS.items() if part != "waiting_s"]
    parts += [(f"waiting ({cause})", lasted) for cause, lasted in spent["waiting_s"].items()]
    told = " + ".join(f"{words} {seconds(lasted)}" for words, lasted in parts if lasted)
    return f"{told or seconds(0.0)} = {seconds(makespan_s)}"


def rows(path: Sequence[Link]) -> list[tuple[str, ...]]:
    """Write a row for each span of *path* under `HEAD`; of a long path, only the first and the last spans."""
    shown = ends(path)
    columns = times([link.start_s for link in shown]), times([link.seconds for link in shown])
    words = [(short(link.task, NAME), short(link.worker, NAME), link.kind, link.why) for link in shown]
    return [(start, length, *told) for start, length, told in zip(*columns, words, strict=True)]


def worker_rows(path: Sequence[Link]) -> list[tuple[str, ...]]:
    """Write the sums by worker, without columns that are zero."""
    workers, whole = by_worker(path), sums(path)
    shown = {part: words for part, words in PARTS.items() if _spent(whole, part)}
    columns = (times([_spent(spent, part) for spent in workers.values()]) for part in shown)
    told = list(zip((short(worker, NAME) for worker in workers), *columns, strict=True))
    return [("", *shown.values()), *ends(told)]


def _spent(spent: Mapping[str, Any], part: str) -> float:
    return fsum(spent[part].values()) if part == "waiting_s" else float(spent[part])
