"""Closed forms of pipelines: what schedules claim of equal stages, and flow shops of unequal ones."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from parsim.core.graph import Floats
from parsim.core.job import Job
from parsim.core.op import NAMES, Op
from parsim.core.orders import Idle, chunks_of, claim_of
from parsim.core.quantities import number
from parsim.core.schema import Ask, kind_of
from parsim.metrics.form import Form, form_of
from parsim.schedules import schedules


def scheduled(job: Job) -> Form | None:
    """Equal stages under a schedule with a published closed form: m v (F + B), and the idle seconds of a rank.

    The bubble is named both ways: as a share of the ideal time m v (F + B), and of the whole.
    """
    ask = _schedule(job)
    times = _equal_times(job) if ask is not None else None
    if ask is None or times is None or (job.graph.sends == "blocking" and times.send > 0):
        return None
    plan, ranks = job.values["plan"], len(job.graph.orders)
    m, v = plan["microbatches"], chunks_of(ask, plan.get("chunks")) or 1
    idle: Idle | None = claim_of(schedules.claims(ask.name)["idle"], ask, ranks, m, v, **times._asdict())
    if idle is None:
        return None
    ideal = m * v * (times.forward + times.input_grad + times.weight_grad)
    ways = {"ideal time": ideal, "whole": ideal + idle.seconds}
    told = ", ".join(f"{100 * idle.seconds / way:.4g} % of the {name}" for name, way in ways.items() if way)
    work = "m(F + B)" if v == 1 else "mv(F + B)"
    formula = f"{work} + {idle.formula} = {number(ideal)} s + {number(idle.seconds)} s; bubble {told}"
    return form_of(job, idle.name, formula, ideal + idle.seconds)


def flow_shop(job: Job) -> Form | None:
    """M equal jobs through p machines, forward, and under GPipe then backward: sum + (m - 1) max, each way.

    With equal stages (m + p - 1)(F + B) (Huang et al., GPipe, NeurIPS 2019); a send between stages is paid p - 1 times
    each way. Where sends are blocking, a stage that sends is busy for so long, and no send is paid beside it.
    """
    pipe = _pipeline(job)
    if pipe is None:
        return None
    p, m = len(pipe.times[0]), pipe.microbatches
    blocked = pipe.send if job.graph.sends == "blocking" else 0.0
    busy = [time + blocked * sends for time, sends in zip(pipe.times, _senders(p), strict=False)]
    ways = [(float(times.sum()), float(times.max())) for times in busy]
    names = [f"({way}+c)" if blocked else way for way in "FB"]  # c: a send, as in the form of 1F1B
    words = " + ".join(f"sum {way} + (m-1) max {way}" for way, _ in zip(names, ways, strict=False))
    numbers = " + ".join(f"{number(total)} s + {m - 1} x {number(most)} s" for total, most in ways)
    hops = 0 if blocked else len(ways) * (p - 1)
    if not blocked:
        words, numbers = f"{words} + {'2' * (hops > p - 1)}(p-1) send", f"{numbers} + {hops} x {number(pipe.send)} s"
    name = "GPipe" if len(ways) > 1 else "forward pipeline"
    took = sum(total + (m - 1) * most for total, most in ways) + hops * pipe.send
    return form_of(job, name, f"{words} = {numbers}", took)


def _senders(ranks: int) -> list[Floats]:
    """Return which stages send, forward and backward, (ranks,) each: all but the last, and all but the first."""
    last = np.arange(ranks) < ranks - 1
    return [last.astype(np.float64), last[::-1].astype(np.float64)]


class _Times(NamedTuple):
    """Seconds that are the same on every stage."""

    forward: float
    input_grad: float
    weight_grad: float
    send: float


class _Pipe(NamedTuple):
    times: list[Floats]  # (p,) s of F, and of B if there are any
    microbatches: int
    send: float


def _plays_in_order(job: Job) -> bool:
    """Return whether a pipeline is played in the order of its schedule, with delays alone and without luck."""
    graph = job.graph
    if not graph.orders or job.policy_name != "in_order" or job.cluster.limited or graph.lanes:
        return False
    if job.cluster.slows and np.any(graph.edges.delay > 0):
        return False
    moving = any(np.any(column > 0) for column in (graph.edges.size, graph.given, graph.result))
    return not moving and not np.any(job.cost.luck(job.seed, len(graph)) != 1)


def _schedule(job: Job) -> Ask | None:
    """Return the schedule of a pipeline of stages, if it claims the idle seconds of a rank."""
    said = (job.values.get("plan") or {}).get("schedule")
    name = kind_of(said)
    if name not in schedules.entries() or "idle" not in schedules.claims(name) or not _plays_in_order(job):
        return None
    arguments = {key: said[key] for key in said if key != "kind"} if isinstance(said, dict) else {}
    return Ask(name, schedules[name], arguments)


def _seconds(job: Job) -> Floats:
    """Return the seconds of each task on the worker of its rank, (tasks,)."""
    graph, devices, workers = job.graph, job.cluster.devices, job.cluster.workers
    seconds = np.empty(len(graph))
    for rank, order in enumerate(graph.orders):
        index = workers[rank].device
        seconds[list(order)] = job.cost.expected(graph, index, devices[index])[list(order)]
    return seconds


def _equal_times(job: Job) -> _Times | None:
    """Return the seconds of F, I and W where they are the same on every stage; W is 0 where no half runs apart."""
    graph, seconds = job.graph, _seconds(job)
    found = {name: seconds[graph.kind == code] for code, name in enumerate(graph.kinds)}
    delays = graph.edges.delay[graph.edges.delay > 0]
    unlike = [column for column in (*found.values(), delays) if len(column) and np.ptp(column) > 0]
    if unlike or {name for name, column in found.items() if len(column)} - {*NAMES, "overlap"}:
        return None
    forward, backward, first, second = (float(found[name][0]) if len(found[name]) else -1.0 for name in NAMES)
    if first < 0:
        first, second = backward, 0.0
    return _Times(forward, first, second, float(delays.max(initial=0.0)))


def _pipeline(job: Job) -> _Pipe | None:
    """Return the times of a pipeline, played in order, whose ranks run one stage, first forward, then all backward."""
    graph = job.graph
    if not _plays_in_order(job) or {graph.kinds[k] for k in graph.kind} - {"forward", "backward"}:
        return None
    kinds = [["FB"[int(graph.kind[task] == graph.kinds.index("backward"))] for task in order] for order in graph.orders]
    if any(sorted(order, reverse=True) != order for order in kinds):
        return None
    m, ways = kinds[0].count("F"), sorted(set(kinds[0]), reverse=True)
    stages = [{Op.parse(graph.names[task]).stage for task in order} for order in graph.orders]
    if stages != [{rank} for rank in range(len(graph.orders))] or any(len(order) != len(ways) * m for order in kinds):
        return None
    seconds = _seconds(job)
    by_rank = [(seconds[list(order)], np.array(kind)) for order, kind in zip(graph.orders, kinds, strict=True)]
    return _Pipe(
        times=[np.array([time[kind == way][0] for time, kind in by_rank]) for way in ways],
        microbatches=m,
        send=float(graph.edges.delay.max(initial=0.0)),
    )
