r"""Layered: a random graph of given shape, size and communication-to-computation ratio.

    layer0.0  layer0.1  layer0.2           layers: sqrt(tasks) / alpha, rounded up; their widths are drawn
       |    /         \   |                every task below the first layer waits for `degree` tasks of the layer above
    layer1.0           layer1.1            alpha < 1: long and narrow    alpha > 1: short and wide

    mean seconds of a task at speed 1: compute       CCR = mean seconds of an edge / mean seconds of a task

Parameters as in Topcuoglu, Hariri, Wu, IEEE TPDS 13(3), 2002 (tasks v, shape alpha, CCR, range beta), with
a fixed number of predecessors as in `samepred` of Tobita, Kasahara, J. Scheduling 5(5), 2002. Shape, number of edges
and means are exactly as given; only their distribution is random. Tasks are numbered layer by layer. The factors of
beta are applied at the end: they are 1 on average, so that the mean of a graph is close to compute, but not equal.

The order of the uniform draws, from the PCG64 stream of `Draws`: a share of the tasks for each layer; the seconds of
each task, in (0, 2 compute] before the mean is corrected; the parents (the first parent of every task below the first
layer, then the second parent, ...); the amount on each edge, like the seconds; and, if beta is not zero, a factor in
(1 - beta/2, 1 + beta/2] for each task on each device, device by device.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from functools import partial

import numpy as np

from parsim.core.annotations import HUGE, MOST
from parsim.core.cluster import Cluster
from parsim.core.errors import Complaint, Invalid
from parsim.core.graph import Floats, Ints, Numbered, TaskGraph
from parsim.core.plan import Plan
from parsim.core.schema import Count, Positive, Whole
from parsim.core.shapes import Draws, edges_of, graph_of, refuse_many
from parsim.core.units import Seconds, Travel, Unread
from parsim.workloads import workloads


@workloads.add("layered")
def layered(
    cluster: Cluster,
    plan: Plan,
    tasks: Count,
    compute: Seconds,
    alpha: Positive = 1.0,
    degree: Count | None = None,
    ccr: Positive | None = None,
    send: Travel | None = None,
    beta: float = 0.0,
    seed: Whole | None = None,
) -> TaskGraph:
    """Draw a random graph of layers.

    Parameters
    ----------
    tasks : number of tasks.
    compute : mean seconds of a task at speed 1, before beta.
    alpha : shape of the graph, which has sqrt(tasks) / alpha layers: below 1 long and narrow, above 1 short and wide.
    degree : parents of each task below the first layer; left out: 2, or 1 where layers are too narrow.
    ccr : communication-to-computation ratio: edges are delays of ccr x compute on average; left out: 0.
    send : instead of ccr, the mean amount on an edge: bytes over the links, or a delay.
    beta : range of the seconds of a task over devices of equal speed, from 0 (no difference) to below 2.
    seed : seed of the draws that make the graph; left out: the scenario's seed.

    >>> from parsim.core.cluster import Device
    >>> graph = layered(Cluster((Device("w0"),)), Plan(), tasks=9, compute=1.0, ccr=0.5, seed=7)
    >>> len(graph), len(set(name.split(".")[0] for name in graph.names)), float(graph.stated.mean().round(12))
    (9, 3, 1.0)
    """
    layers = 1.0 if isinstance(alpha, Unread) else math.sqrt(tasks) / alpha  # a bound for every alpha
    degree = degree or max(1, min(2, tasks // math.ceil(min(layers, tasks))))
    complaints = _about_shape(tasks, layers, degree) + _about_costs(cluster, tasks, beta)
    if ccr is not None and send is not None:
        complaints.append(Complaint(("ccr",), "send already states what travels; leave one of the two out"))
    if complaints:
        raise Invalid(complaints)
    draws = Draws(seed or 0)
    first = _first(draws, tasks, math.ceil(layers), degree)
    refuse_many("degree", tasks, edges=degree * (tasks - int(first[1])))
    delay = _delay(ccr or 0.0, compute, degree * (tasks - int(first[1])))
    seconds = _around(draws, tasks, compute)
    child = np.repeat(np.arange(first[1], tasks), degree)
    parent = _parents(draws, first, degree).ravel()
    mean = send if send is not None else Travel(delay=delay)
    edges = edges_of(parent, child, mean, _around(draws, len(parent), 1.0))
    if beta:
        factors = 1.0 + beta * (draws.even(len(cluster.devices), tasks).T - 0.5)  # (tasks, devices)
        seconds = seconds[:, None] * factors / np.array([device.speed for device in cluster.devices])
    return graph_of(cluster, _names(first), seconds, edges)


def _names(first: Ints) -> Numbered:
    starts = first.tolist()
    return Numbered(partial(_name, starts), starts[-1])


def _name(starts: Sequence[int], task: int) -> str:
    layer = bisect_right(starts, task) - 1
    return f"layer{layer}.{task - starts[layer]}"


def _about_shape(tasks: int, layers: float, degree: int) -> list[Complaint]:
    if layers > tasks:
        return [Complaint(("alpha",), f"makes more layers than tasks ({tasks}); write for example 1")]
    wanted = math.ceil(layers)
    if wanted * degree <= tasks:
        return []
    shape = f"{tasks} tasks make" if tasks > 1 else "1 task makes"
    why = f"{degree} parents need layers of at least {degree} tasks, and {shape} {wanted} layer{'s' * (wanted > 1)}"
    more = "more tasks, or a larger alpha" if wanted > 1 else "or more tasks"
    return [Complaint(("degree",), f"{why}; write at most {tasks // wanted}, {more}")]


def _about_costs(cluster: Cluster, tasks: int, beta: float) -> list[Complaint]:
    if not 0 <= beta < 2:
        return [Complaint(("beta",), f"{beta:g} must be at least 0 and below 2, so that every task takes time")]
    if beta and tasks * len(cluster.devices) > MOST:
        why = f"{tasks} tasks on {len(cluster.devices)} devices is more than {MOST} times"
        return [Complaint(("beta",), f"{why}; leave beta out, and set speeds of devices instead")]
    return []


def _delay(ccr: float, compute: float, edges: int) -> float:
    """Return the mean delay of an edge; refuse delays whose sum may overflow."""
    if edges * ccr * compute > HUGE:
        raise Invalid([Complaint(("ccr",), f"makes delays that add up to more than {HUGE:g} s; write a smaller one")])
    return ccr * compute


def _first(draws: Draws, tasks: int, layers: int, degree: int) -> Ints:
    """Draw layers of at least *degree* tasks; return the first task of each layer, (layers + 1,)."""
    share = np.cumsum(draws.even(layers))
    spread = np.floor(share / share[-1] * (tasks - layers * degree)).astype(np.int64)
    return np.concatenate([[0], spread + degree * np.arange(1, layers + 1)])


def _around(draws: Draws, count: int, mean: float) -> Floats:
    """Draw numbers in (0, 2 mean], and scale them to the exact mean."""
    drawn = draws.even(count)
    return drawn * (mean * count / math.fsum(drawn.tolist())) if count else drawn  # exact sum, equal on all machines


def _parents(draws: Draws, first: Ints, degree: int) -> Ints:
    """Draw *degree* distinct tasks of the layer above for each task below the first layer, (tasks, degree).

    Floyd's method: draw a number up to j; if it is taken, take j, which is free (Bentley, Floyd, A Sample of
    Brilliance, CACM 30(9), 1987).
    """
    width = np.diff(first)
    above = np.repeat(width[:-1], width[1:])  # (tasks,) the width of the layer above
    chosen = np.empty((len(above), degree), np.int64)
    for column in range(degree):
        most = above - degree + column
        drawn = draws.below(most + 1)
        taken = (chosen[:, :column] == drawn[:, None]).any(axis=1)
        chosen[:, column] = np.where(taken, most, drawn)
    return np.sort(chosen, axis=1) + np.repeat(first[:-2], width[1:])[:, None]
