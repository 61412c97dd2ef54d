"""The order of events within an instant. No other module decides it.

    ends, by number  ->  released tasks, by number  ->  rounds: each worker that holds too little asks the policy
                         and all of it again until the instant brings nothing new

These functions run at least once per task. They keep their state in local variables of the enclosing function, which
Python reads several times faster than attributes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from parsim.core.columns import NEVER, packed
from parsim.core.errors import RunError
from parsim.core.escape import printable
from parsim.sim.state import NOBODY, State, Time

Released = list[tuple[int, int]]  # task, and the worker whose end released it
Bind = Callable[[int, int, Time], None]  # (task, worker, time)


class Hooks(NamedTuple):
    """Functions that only some runs call; None: no call."""

    began: Callable[[Time], None] | None = None  # the first instant has come
    ended: Callable[[list[int], Time], Released] | None = None  # tasks have ended; returns what else that releases
    released: Callable[[Released, Time], Released] | None = None  # tasks are ready, by number; returns the policy's
    asking: Callable[[], None] | None = None
    in_vain: Callable[[int, Time], None] | None = None  # a worker asked and got nothing
    asked: Callable[[Time], None] | None = None
    more: Callable[[Time], bool] | None = None  # does the instant bring anything else?


def ending(state: State) -> Callable[[list[int]], Released]:
    """Return a function that frees the workers of ended tasks and returns the tasks that this releases."""
    first, child_at, missing = state.first, state.child, state.missing
    worker_of, holding, stirred = state.worker, state.holding, state.stirred

    def end(ended: list[int]) -> Released:
        released = []
        if len(ended) > 1:
            ended.sort()
        for task in ended:
            worker = worker_of[task]
            holding[worker] -= 1
            stirred.append(worker)
            if child_at:  # saves two reads per task where all tasks are independent
                for child in child_at[first[task] : first[task + 1]]:
                    missing[child] -= 1
                    if not missing[child]:
                        released.append((child, worker))
        return released

    return end


def releasing(state: State) -> Callable[[Released], None]:
    """Return a function that tells the policy which tasks are ready and stirs the workers that may run them."""
    ready, named, homes, stirred = state.policy.ready, state.named, state.homes, state.stirred
    place, places = state.graph.place.tolist(), state.graph.places

    def release(released: Released) -> None:
        for task, by in released:
            ready(task, by)
        if named:
            stirred.extend([homes[task] for task, _ in released])
        else:
            for where in {place[task] for task, _ in released}:
                stirred.extend(places[where])

    return release


def asking(state: State, bind: Bind, hooks: Hooks) -> Callable[[Time, int], int]:
    """Return a function that lets workers ask in rounds until a round takes no task; it returns the ready tasks left.

    It asks only workers whose answer may have changed: freed workers, workers that may run a released task, and workers
    that asked in vain. (With homes, the answer changes only when the worker's own tasks change.)
    """
    take, fits, named, limit = state.policy.take, state.fits, state.named, state.limit
    holding, missing, worker_of, stirred = state.holding, state.missing, state.worker, state.stirred
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
                        printable(f"the policy gave task {state.graph.names[task]} a second time or before its inputs")
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

    begin: Callable[[Time], None]  # the first instant: roots are released
    instant: Callable[[Time], None]  # any other


def order_of_events(state: State, bind: Bind, hooks: Hooks) -> Order:
    """Return the events of a run; *bind* is called for every task that a worker takes."""
    agenda, missing, stirred, prepared = state.agenda, state.missing, state.stirred, state.ready
    end, release, ask = ending(state), releasing(state), asking(state, bind, hooks)
    also_ended, takes_out, more = hooks.ended, hooks.released, hooks.more
    ready = 0  # tasks that are ready, and that nobody has taken

    def begin(now: Time) -> None:
        nonlocal ready
        prepared.now = state.passing = now
        roots = packed(np.flatnonzero(np.array(missing) == 0))
        if hooks.began:
            hooks.began(now)
        if hooks.released:
            roots = packed(np.array([task for task, _ in hooks.released([(task, NOBODY) for task in roots], now)], int))
        ready = len(roots)
        for task in roots:
            state.policy.ready(task, None)
        if goes_on(now):  # all workers are stirred
            instant(now)

    def instant(now: Time) -> None:
        nonlocal ready
        prepared.now = state.passing = now
        while state.passing == now:
            ended = agenda.pop(now, [])
            released = end(ended) if ended else []
            if also_ended:
                released += also_ended(ended, now)
            if released:
                released.sort()
                if takes_out:
                    released = takes_out(released, now)
                ready += len(released)
                release(released)
            goes_on(now)

    def goes_on(now: Time) -> bool:
        """Let the workers ask, which is the end of a pass; say whether another one follows."""
        nonlocal ready
        if ready and stirred:
            if hooks.asking:
                hooks.asking()
            ready = ask(now, ready)
            if hooks.asked:
                hooks.asked(now)
        state.passing = now if now in agenda or (more and more(now)) else NEVER
        return bool(state.passing == now)

    return Order(begin, instant)
