"""Play rows of a space on an engine, and write each to the store when it is done.

rows  --claim-->  a batch of as many rows as take CALL_S  --submit-->  a worker
store  <--write--  outcomes

Few quick rows are played in this process. The rows of a worker that has died are tried again, each when
nothing else is played, so that only a deadly one fails, after TRIES further deaths.
"""

from __future__ import annotations

import pickle
from asyncio import CancelledError
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import AbstractContextManager, ExitStack
from math import ceil
from time import monotonic, time

from parsim.core.errors import RunError, told
from parsim.core.version import __version__
from parsim.study.engines.engine import Engine
from parsim.study.row import Outcome
from parsim.study.runner import SameProcess, Setting
from parsim.study.space import Space
from parsim.study.sweep.batch import OtherVersion, batch
from parsim.study.sweep.store import Played, Store

CALL_S = 0.1  # of the rows of a call
MOST = 64  # rows of a call
AHEAD = 2  # calls for each worker, so that none waits
LOADED_S = 0.5  # of the first row, at most, where rows are quick
LOOK_S = 10.0  # between two looks for workers
PATIENCE_S = 300.0  # without a worker, which may be on its way
TRIES = 3

Start = Callable[[], AbstractContextManager[Engine]]


class Here(SameProcess):
    """The engine that is this process itself."""

    workers = 1

    def lost(self, error: BaseException) -> bool:
        """Return False: this process lives."""
        return False


class Player:
    """Plays rows.

    Parameters
    ----------
    space : whose rows they are.
    store : where they are written.
    setting : what workers need besides the space; None: nothing.
    start : starts the engine.
    long_s : seconds of all rows from which the engine plays them, and not this process; infinite: it never does.
    """

    def __init__(self, space: Space, store: Store, setting: Setting | None, start: Start, long_s: float) -> None:
        self._space, self._store, self._setting, self._start, self._long_s = space, store, setting, start, long_s
        self._packed = pickle.dumps(space)
        self._engine: Engine = Here()
        self._own = ExitStack()
        self._idle_since = monotonic()
        self._pending: dict[Future[list[Played]], list[int]] = {}
        self._alone: deque[int] = deque()  # rows whose worker has died
        self._tries: Counter[int] = Counter()  # of rows whose worker has died
        self._spent, self._last_s, self._count = 0.0, 0.0, 0  # s of the rows that were played, and their number

    def played(self, rows: Sequence[int]) -> Iterator[Played]:
        """Yield those of *rows* that no other process has claimed, when they are done and written."""
        waiting = deque(rows)
        while waiting or self._alone or self._pending:
            if isinstance(self._engine, Here) and self._foreseen_s(len(waiting)) >= self._long_s:
                self._engine = self._own.enter_context(self._start())
            self._submit(waiting)
            for one in self._ended() if self._pending else ():
                self._last_s = one.ended - one.started
                self._spent, self._count = self._spent + self._last_s, self._count + 1
                yield one

    def __enter__(self) -> Player:
        return self

    def __exit__(self, *_: object) -> None:
        self._own.close()

    def _foreseen_s(self, rows: int) -> float:
        """Return the seconds of so many rows, if each takes as long as the last; the first also loads modules."""
        return rows * self._last_s if self._count > 1 or self._last_s > LOADED_S else 0.0

    @property
    def _mean_s(self) -> float:
        return self._spent / self._count if self._count else CALL_S

    def _submit(self, waiting: deque[int]) -> None:
        """Submit calls until every worker has one, and one more; a row whose worker has died has the engine alone."""
        if self._alone:
            if not self._pending:
                row = self._alone.popleft()
                self._tries[row] += 1
                self._call([row])
            return
        while waiting and len(self._pending) < AHEAD * max(self._engine.workers, 1):
            some = self._claimed(waiting)
            if some:
                self._call(some)
            if isinstance(self._engine, Here):
                return

    def _call(self, rows: list[int]) -> None:
        future = self._engine.submit(batch, __version__, self._setting, self._packed, rows)
        self._pending[future] = rows

    def _claimed(self, waiting: deque[int]) -> list[int]:
        fair = ceil(len(waiting) / (AHEAD * max(self._engine.workers, 1)))
        quick = int(CALL_S / max(self._mean_s, 1e-9))
        size = 1 if isinstance(self._engine, Here) else max(1, min(quick, MOST, fair))
        rows = [waiting.popleft() for _ in range(min(size, len(waiting)))]
        return self._store.claim((row, self._space.set_of(row)) for row in rows)

    def _ended(self) -> list[Played]:
        """Return the rows of the calls that have ended, when they are written."""
        ended = wait(self._pending, timeout=LOOK_S, return_when=FIRST_COMPLETED).done
        if ended or self._engine.workers:
            self._idle_since = monotonic()
        elif monotonic() - self._idle_since > PATIENCE_S:
            raise RunError("the engine has no worker left; start one, and run the sweep again")
        found: list[Played] = []
        for future in ended:
            found += self._answer(future, self._pending.pop(future))
        self._store.write(found)
        return found

    def _answer(self, future: Future[list[Played]], rows: list[int]) -> list[Played]:
        try:
            return future.result()
        except OtherVersion as other:
            raise RunError(f"a worker has parsim {other}, and this is {__version__}; install the same there") from None
        except (Exception, CancelledError) as error:
            if not self._engine.lost(error):
                raise RunError(f"the engine failed: {told(error)}") from error
        lost = [row for row in rows if self._tries[row] == TRIES]
        self._alone.extend(row for row in rows if row not in lost)
        message = f"its worker died, also when it was tried again {TRIES} times; does it need too much memory?"
        return [Played(row, Outcome("failed", message=message), time(), time()) for row in lost]
