"""The pictures of a run: each is drawn on given axes, or on its own sheet of a fitting size.

gantt     every span, and T_total                         path      the same with the critical path outlined
ledger    from T_total to the makespan, term by term      graph     the task graph with a thick critical path
memory    bytes over time on every device; of training by kind, under the Gantt chart
load      the load of links over time, under the Gantt chart
network   devices, switches, and the links between them, coloured by tier
hotspots  the same, coloured by the load of links over the run
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
from matplotlib.axes import Axes

from parsim.core.job import Job, Theory
from parsim.core.suggestions import did_you_mean
from parsim.core.timeline import Timeline
from parsim.metrics.critical_path import critical_path
from parsim.metrics.ledger import Ledger
from parsim.metrics.link_loads import links
from parsim.metrics.memory import usage
from parsim.metrics.training_memory import uses
from parsim.plot import dag, gantt, load, memory, memory_by_kind, network, style, waterfall
from parsim.plot.letters import warn
from parsim.plot.load_rows import Row, rows
from parsim.plot.paper import files, ours
from parsim.plot.tiers import drawn_cluster


class Run(Protocol):
    """What is drawn: a result, or anything with the same attributes."""

    @property
    def job(self) -> Job:
        """Return the job."""

    @property
    def theory(self) -> Theory:
        """Return T_total and its terms."""

    @property
    def timeline(self) -> Timeline:
        """Return the timeline."""

    @property
    def ledger(self) -> Ledger:
        """Return the ledger."""

    @property
    def pipeline(self) -> Mapping[str, Any] | None:
        """Return the terms of a pipeline's makespan, if it is one."""


class Kind(NamedTuple):
    """A picture: drawn on its own sheet under a title, which says what is shown, or on any axes."""

    title: str  # with {name} and {clock} of the run
    alone: Callable[[Run, str], Axes]
    draw: Callable[[Run, Axes], Axes]


def drawn(run: Run, kind: str, axes: Axes | None) -> Axes:
    """Draw *run* on *axes*, or on its own sheet if *axes* is None. An unknown kind raises `ValueError`."""
    if kind not in KINDS:
        raise ValueError(did_you_mean(kind, KINDS))
    if axes is not None:
        KINDS[kind].draw(run, axes)
    else:
        with ours():
            axes = KINDS[kind].alone(run, title(kind, run.job.name, run.job.clock) + _played(run))
    warn()
    return axes


def title(kind: str, name: str, clock: str) -> str:
    """Return the title of a picture of the run *name* on *clock*.

    >>> title("network", "33_gpt3_13b_mixed", "simulated")
    '33_gpt3_13b_mixed: network, links by tier'
    """
    return KINDS[kind].title.format(name=name, clock=clock)


def _played(run: Run) -> str:
    """Say in a title how many devices are played, if these stand for others."""
    fold = run.job.graph.fold
    folds = fold is not None and len(fold.first) < fold.devices
    return f"; {len(fold.first)} of {fold.devices} played" if fold is not None and folds else ""


def timeline(run: Run) -> dict[str, bytes]:
    """Draw `timeline.png` and `timeline.svg`: the Gantt chart, and memory by kind below it where it is known."""
    kind = "memory" if run.job.memories and any(held.bytes.any() for held in _by_kind(run)) else "gantt"
    return files("timeline", drawn(run, kind, None).figure)


def pictures(run: Run, kind: str) -> dict[str, bytes]:
    """Draw *run* as `KIND.png` and `KIND.svg`; the same run gives the same bytes."""
    return files(kind, drawn(run, kind, None).figure)


def _gantt(run: Run, axes: Axes) -> Axes:
    return gantt.gantt(run.timeline, axes, run.theory.t_total_s)


def _path(run: Run, axes: Axes) -> Axes:
    rows = [step.row for step in critical_path(run.timeline)]
    return gantt.mark_path(run.timeline, rows, _gantt(run, axes))


def _memory(run: Run, axes: Axes) -> Axes:
    devices = run.job.cluster.devices
    if run.job.memories:
        makespan = run.timeline.makespan_s
        return memory_by_kind.stacks(_by_kind(run), axes, makespan, makespan)
    names, limits = [device.name for device in devices], [device.memory for device in devices]
    return memory.memory(usage(run.job, run.timeline), names, limits, run.timeline.makespan_s, axes)


def _memory_alone(run: Run, title: str) -> Axes:
    if run.job.memories:
        return memory_by_kind.with_gantt(run.timeline, run.theory.t_total_s, _by_kind(run), title)
    some = any(used.any() for _, used in usage(run.job, run.timeline))
    return _memory(run, memory.sheet(len(run.job.cluster.devices) if some else 1, title))


def _by_kind(run: Run) -> list[memory_by_kind.Kinds]:
    held = zip(run.job.cluster.devices, uses(run.job, run.timeline), run.job.memories, strict=True)
    return [
        memory_by_kind.Kinds(device.name, *use.by_kind(), limit, device.stands_for - 1) for device, use, limit in held
    ]


def _rows(run: Run) -> list[Row]:
    return rows(run.job, run.timeline)


def _map(run: Run, title: str) -> Axes:
    """Return empty axes for the network, and say which part of it is drawn."""
    cluster = drawn_cluster(run.job)
    part = f"; one of {cluster.times} equal parts, of {cluster.host} devices" if cluster.times > 1 else ""
    return network.sheet(cluster, title + part)


def _hotspots(run: Run, axes: Axes) -> Axes:
    shares, fold = {one["name"]: one["load"] for one in links(run.job, run.timeline)}, run.job.graph.fold
    if fold is not None and fold.played_links:
        shares = {link: shares.get(played, 0.0) for link, played in fold.played_links.items()}
    network.network(drawn_cluster(run.job), axes, shares)
    load.tell_uncounted(axes, run.timeline)
    return axes


def _graph(run: Run, axes: Axes) -> Axes:
    return dag.dag(run.job.graph, _path_tasks(run), axes, *_groups(run))


def _path_tasks(run: Run) -> list[int]:
    timeline = run.timeline
    return [int(timeline.number[step.row]) for step in critical_path(timeline) if timeline.of_tasks[step.row]]


def _groups(run: Run) -> tuple[list[str], dag.Fills]:
    """Return the worker of each task, or its kind, filled as in the Gantt chart, of more workers than colours."""
    graph, timeline = run.job.graph, run.timeline
    if len(run.job.cluster.workers) > len(style.GROUPS):
        kinds = [graph.kinds[code] for code in graph.kind.tolist()]
        return kinds, {kind: style.KINDS.get(kind, style.OTHER) for kind in kinds}
    rows = np.flatnonzero(timeline.of_tasks)
    worker = np.zeros(len(graph), np.int64)
    worker[timeline.number[rows]] = timeline.workers.code[rows]
    return [timeline.workers.table[code] for code in worker.tolist()], {}


def _on(title: str, sheet: Callable[[Run, str], Axes], draw: Callable[[Run, Axes], Axes]) -> Kind:
    """Return the kind of picture that *draw* draws on an empty *sheet*."""
    return Kind(title, lambda run, words: draw(run, sheet(run, words)), draw)


KINDS = {
    "gantt": _on("{name}, {clock}", lambda run, title: gantt.sheet(run.timeline, title), _gantt),
    "ledger": _on(
        "{name}, {clock}: from T_total to the makespan",
        lambda run, title: waterfall.sheet(run.ledger, title, run.pipeline),
        lambda run, axes: waterfall.waterfall(run.ledger, axes, run.pipeline),
    ),
    "memory": Kind("{name}: memory of devices over the run", _memory_alone, _memory),
    "graph": Kind(
        "{name}: task graph with its critical path",
        lambda run, title: dag.alone(run.job.graph, _path_tasks(run), *_groups(run), title),
        _graph,
    ),
    "load": Kind(
        "{name}: load of links over the run",
        lambda run, title: load.with_gantt(run.timeline, run.theory.t_total_s, _rows(run), title),
        lambda run, axes: load.load(_rows(run), axes, run.timeline, run.timeline.makespan_s),
    ),
    "network": _on(
        "{name}: network, links by tier",
        _map,
        lambda run, axes: network.network(drawn_cluster(run.job), axes),
    ),
    "hotspots": _on(
        "{name}: network, links by load",
        _map,
        _hotspots,
    ),
    "path": _on("{name}, {clock}: critical path", lambda run, title: gantt.sheet(run.timeline, title), _path),
}
