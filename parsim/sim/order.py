"""What happens within an instant, and in which order: the one place where it is written.

    ends, by number  ->  released tasks, by number  ->  rounds: each worker that holds too little asks the policy
                         and all of it again until the instant brings nothing new

These functions run once a task or more, a million times in a run. They keep their state in variables of the function
around them, which Python reads several times faster than attributes of an object.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from simpy import Event

from parsim.core.columns import packed
from parsim.core.errors import RunError
from parsim.core.escape import printable

if TYPE_CHECKING:
    from parsim.sim.engine import Engine

NOBODY = -1

Time = Any  # whole ticks on the simulated clock, seconds on the wall clock
Released = list[tuple[int, int]]  # task, and the worker whose end released it
Bind = Callable[[int, int, Time], None]  # (task, worker, time)


class Hooks(NamedTuple):
    """What only some runs do on the way; None costs nothing."""

    began: Callable[[Time], None] | None = None  # the first instant has come
    ended: Callable[[list[int], Time], None] | None = None  # tasks have ended
    released: Callable[[Released, Time], None] | None = None  # tasks are about to become ready, by number
    asking: Callable[[], None] | None = None
    in_vain: Callable[[int, Time], None] | None = None  # a worker asked and got nothing
    asked: Callable[[Time], None] | None = None
    more: Callable[[Time], bool] | None = None  # does the instant bring anything else?


def starting(engine: Engine) -> Bind:
    """Return what starts a task."""
    agenda, starts, lasts, idle_from = engine.agenda, engine.starts, engine.lasts, engine.idle_from
    close_idle, at = engine.close_idle, engine.instants.at

    def start(task: int, worker: int, now: Time) -> None:
        starts[task] = now
        if idle_from[worker] < now:
            close_idle(worker, now)
        end = now + lasts[worker][task]
        if idle_from[worker] < end:
            idle_from[worker] = end
        if end in agenda:
            agenda[end].append(task)
        else:
            agenda[end] = [task]
            at(end)

    return start


def ending(engine: Engine) -> Callable[[list[int]], Released]:
    """Return what frees the workers of ended tasks, and says which tasks that releases."""
    first, child_at, missing = engine.first, engine.child, engine.missing
    worker_of, holding, stirred = engine.worker, engine.holding, engine.stirred

    def end(ended: list[int]) -> Released:
        released = []
        if len(ended) > 1:
            ended.sort()
        for task in ended:
            worker = worker_of[task]
            holding[worker] -= 1
            stirred.append(worker)
            if child_at:  # two reads the less where all tasks are independent
                for child in child_at[first[task] : first[task + 1]]:
                    missing[child] -= 1
                    if not missing[child]:
                        released.append((child, worker))
        return released

    return end


def releasing(engine: Engine) -> Callable[[Released], None]:
    """Return what tells the policy of ready tasks, and stirs the workers that may run them."""
    ready, named, homes, stirred = engine.policy.ready, engine.named, engine.homes, engine.stirred
    place, places = engine.graph.place.tolist(), engine.graph.places

    def release(released: Released) -> None:
        for task, by in released:
            ready(task, by)
        if named:
            stirred.extend([homes[task] for task, _ in released])
        else:
            for where in {place[task] for task, _ in released}:
                stirred.extend(places[where])

    return release


def asking(engine: Engine, bind: Bind, hooks: Hooks) -> Callable[[float, int], int]:
    """Return what lets workers ask, in rounds, until a round takes none; it answers how many ready tasks are left.

    Only those are asked whose answer may have changed: freed workers, workers that may run what was released, and those
    who asked in vain. (A policy with homes answers a worker anew only when that worker's own tasks move.)
    """
    take, fits, named, limit = engine.policy.take, engine.fits, engine.named, engine.limit
    holding, missing, worker_of, stirred = engine.holding, engine.missing, engine.worker, engine.stirred
    in_vain = hooks.in_vain

    def ask(now: Time, ready: int) -> int:
        workers = sorted(set(stirred)) if len(stirred) > 1 else stirred[:]
        stirred.clear()
        while workers and ready:
            further = []
            for worker in workers:
                if holding[worker] >= limit or not ready:
                    continue
                task = take(worker, fits[worker])
                if task is None:
                    if not named:
                        stirred.append(worker)
                    if in_vain:
                        in_vain(worker, now)
                    continue
                if worker_of[task] != NOBODY or missing[task]:
                    raise RunError(
                        printable(f"the policy gave task {engine.graph.names[task]} a second time or before its inputs")
                    )
                worker_of[task] = worker
                holding[worker] += 1
                ready -= 1
                bind(task, worker, now)
                if limit > 1:
                    further.append(worker)
            workers = further
        return ready

    return ask


class Order(NamedTuple):
    """The events of one run."""

    begin: Callable[[Event], None]  # the first instant: roots are released
    instant: Callable[[Event], None]  # any other


def order_of_events(engine: Engine, bind: Bind, hooks: Hooks) -> Order:
    """Put the events of *engine* in order; *bind* is what becomes of a task that a worker has taken."""
    agenda, missing, stirred = engine.agenda, engine.missing, engine.stirred
    end, release, ask = ending(engine), releasing(engine), asking(engine, bind, hooks)
    ready = 0  # tasks that are ready, and that nobody has taken

    def begin(event: Event) -> None:
        nonlocal ready
        now = event.env.now
        roots = packed(np.flatnonzero(np.array(missing) == 0))
        ready = len(roots)
        if hooks.began:
            hooks.began(now)
        if hooks.released:
            hooks.released([(task, NOBODY) for task in roots], now)
        for task in roots:
            engine.policy.ready(task, None)
        instant(event)  # all workers are stirred

    def instant(event: Event) -> None:
        nonlocal ready
        now = event.env.now
        again = True
        while again:
            ended = agenda.pop(now, [])
            released = end(ended)
            if hooks.ended:
                hooks.ended(ended, now)
            if released:
                released.sort()
                ready += len(released)
                if hooks.released:
                    hooks.released(released, now)
                release(released)
            if ready and stirred:
                if hooks.asking:
                    hooks.asking()
                ready = ask(now, ready)
                if hooks.asked:
                    hooks.asked(now)
            again = now in agenda or bool(hooks.more and hooks.more(now))

    return Order(begin, instant)
