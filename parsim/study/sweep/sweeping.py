"""Sweep a space: play all its rows that are not in the store yet."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import closing, contextmanager, nullcontext
from functools import partial
from math import inf
from time import sleep
from typing import Any, Literal, NamedTuple, get_args

from parsim.core.errors import Complaint, Fault, ScenarioError
from parsim.core.machine import cores
from parsim.core.suggestions import did_you_mean
from parsim.entries import registry
from parsim.scenario.scenario import Source
from parsim.study.engines.engine import GivenExecutor, refused
from parsim.study.engines.named import AUTO, MPI, PROCESSES, checked, started
from parsim.study.runner import Setting, may_start_processes
from parsim.study.space import REQUIRE, Space, space_of
from parsim.study.sweep.identity import Identity, identity_of
from parsim.study.sweep.playing import Player, Start
from parsim.study.sweep.shown import Shown
from parsim.study.sweep.store import IN_MEMORY, Store
from parsim.study.sweep.swept import Sweep

Again = Literal["failed", "refused", "done"]
AGAIN: tuple[Again, ...] = get_args(Again)
OTHERS_S = 0.2  # between two looks at what other processes play
LONG_S = 3.0  # of all rows: less is played in this process, since worker processes take a while to start


def sweep(
    source: Source,
    set: Mapping[str, Any] | None = None,
    store: str | os.PathLike[str] | None = None,
    engine: str = AUTO,
    retry: Collection[str] = (),
    executor: Executor | None = None,
) -> Sweep:
    """Play all rows of a scenario with choices, and keep them in a file, so that a sweep can be interrupted.

    Parameters
    ----------
    source, set : as for `simulate`; a value may be a choice such as {"in": [1, 2, 4]}.
    store : a file; rows that it holds are not played again, and several processes may play into it. Left out: rows are
        kept in memory.
    engine : where rows are played: auto (this process, and worker processes where rows take long), processes (of this
        machine), dask (a cluster on this machine), tcp://HOST:PORT (a scheduler of Dask that is there), or mpi (the
        ranks of this job).
    retry : statuses of rows in the store that are played again: failed, refused, done.
    executor : plays rows in place of an engine; any `concurrent.futures.Executor` whose workers are processes.

    Raises `ScenarioError` where the input is wrong, `RunError` where the store or the engine fails. A row that fails
    is a row of the answer.

    >>> items = {"kind": "items", "count": 4}
    >>> whole = {"cluster": {"devices": {"in": [1, 2]}}, "workload": items, "plan": {"split": "data"},
    ...          "cost": {"kind": "constant", "compute": "1 s"}}
    >>> [(row["set"], row["makespan_s"]) for row in sweep(whole).rows()]
    [({'cluster.devices': 1}, 4.0), ({'cluster.devices': 2}, 2.0)]
    """
    again = [again_of(status) for status in retry]
    with way_of(engine, executor) as way:
        return swept(space_of(source, set), IN_MEMORY if store is None else os.fspath(store), way, again)


class Way(NamedTuple):
    """How rows are played: *start* starts an engine for them, if all of them take *long_s* or more."""

    start: Start
    long_s: float = 0.0  # infinite: this process plays them


@contextmanager
def way_of(engine: str, executor: Executor | None = None) -> Iterator[Way]:
    """Return for a block how rows are played; an engine that is not there raises `ScenarioError`.

    In ranks of MPI other than 0 the block is not entered: they work, and the process ends.
    """
    if executor is not None:
        yield Way(lambda: nullcontext(GivenExecutor(executor)))
    elif engine == AUTO:
        yield Way(partial(started, PROCESSES, cores()), LONG_S if may_start_processes() else inf)
    elif checked(engine) == PROCESSES and not may_start_processes():
        raise refused("worker processes cannot be started here; use --engine auto, which then plays in this process")
    elif engine == MPI:
        from parsim.study.engines.ranks import ranks

        with ranks() as joined:
            yield Way(lambda: nullcontext(joined))
    else:
        yield Way(partial(started, engine, cores()))


def again_of(status: str) -> Again:
    """Return a status of rows that are played again; another word raises `ScenarioError`."""
    for known in AGAIN:
        if known == status:
            return known
    raise ScenarioError([Fault("--retry", 0, 0, "retry", did_you_mean(status, AGAIN))])


def swept(space: Space, file: str, way: Way, retry: Collection[Again] = ()) -> Sweep:
    """Play the rows of a space that are not in the store, and return all."""
    early, own = space.early(), identity_of(space)
    if not len(early.rows):
        raise about_none(space, early.refused)
    with closing(Store(file, own)) as store:
        store.forget(retry)
        long_s = _long_s(space, store, way)
        with Player(space, store, _setting(own) if long_s < inf else None, way.start, long_s) as player:
            _play(player, store, early.rows.tolist())
        records = [record for record in store.records() if record.status != "running"]
        note = store.note(own)
    return Sweep(space, early.refused, records, "" if file == IN_MEMORY else file, (note,) if note else ())


def about_none(space: Space, refused: Mapping[str, int]) -> ScenarioError:
    """Return the error that the conditions refuse every row: which of them refuses how many."""
    return space.scenario.error(
        Complaint((REQUIRE, number), f"refuses {refused[one.text]} of {space.size} rows, and no row is left")
        for number, one in enumerate(space.require)
        if refused.get(one.text)
    )


def _play(player: Player, store: Store, rows: Sequence[int]) -> None:
    """Play rows until each is done, refused or failed, by this process or by another one that uses the store."""
    shown = Shown(len(rows))
    with shown.under_way():
        left = _left(store, rows, shown)
        while left:
            for one in player.played(left):
                shown.take(one)
            left = _left(store, rows, shown)
            if left:
                sleep(OTHERS_S)


def _left(store: Store, rows: Sequence[int], shown: Shown) -> list[int]:
    """Return the rows that nobody has finished."""
    statuses = store.statuses()
    left = [row for row in rows if statuses.get(row, "running") == "running"]
    shown.done = len(rows) - len(left)
    return left


def _long_s(space: Space, store: Store, way: Way) -> float:
    """Return the seconds above which the engine plays the rows: none where one of them may have killed a sweep.

    They are infinite where other processes cannot play: rows that measure this machine, or use a script's entries.
    """
    try:
        os.getcwd(), registry.files_in_use()
    except (OSError, LookupError):  # the current folder has been deleted
        return inf
    if space.scenario_of(0).values.get("clock") == "live":
        return inf
    return 0.0 if way.long_s < inf and store.left_by_others() else way.long_s


def _setting(own: Identity) -> Setting | None:
    """Return the folder and the files that workers need; None: rows name no file, and play in any folder."""
    return Setting(os.getcwd(), registry.files_in_use()) if own.files else None
