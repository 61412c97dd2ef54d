"""Workers of Dask: of a scheduler on this machine for the time of a sweep, or of one that is there.

dask scheduler                       on one machine, it says tcp://HOST:PORT
dask worker tcp://HOST:PORT          on many, or as jobs of SLURM by dask-jobqueue
parsim sweep ... --engine tcp://HOST:PORT
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from parsim.core.errors import RunError
from parsim.core.version import __version__
from parsim.real.start import main_replaced, starting
from parsim.study.engines.engine import EXAMPLE, refused

if TYPE_CHECKING:
    from distributed import Client

PATIENCE_S = 5.0  # until a scheduler answers, and until it has a worker
OFTEN_S = 1.0  # between two counts of the workers
START_S = 30.0  # of a worker, at most
SETTLED_S = 0.2  # until its nanny knows that it has started


class DaskWorkers:
    """The workers of a scheduler of Dask.

    Parameters
    ----------
    client : is connected.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._executor = client.get_executor(pure=False)
        self._count, self._counted = 0, 0.0
        self._most, self._has_lost = 0, False

    @property
    def workers(self) -> int:
        """How many calls the workers can play at once."""
        if monotonic() - self._counted > OFTEN_S:
            self._count, self._counted = self._found(), monotonic()
            self._most = max(self._most, self._count)
        return self._count

    def _found(self) -> int:
        try:
            return sum(self._client.nthreads().values())
        except (OSError, TimeoutError):  # the scheduler has gone
            return 0

    def submit(self, function: Callable[..., Any], /, *args: Any) -> Future[Any]:
        """Call *function* in a worker."""
        if self._has_lost:
            self._settle()
        future: Future[Any] = self._executor.submit(function, *args)
        return future

    def lost(self, error: BaseException) -> bool:
        """Return whether the worker of a call has died."""
        from distributed import KilledWorker

        self._has_lost = isinstance(error, KilledWorker)
        return self._has_lost

    def _settle(self) -> None:
        """Wait until a worker is replaced: a call that kills it while it starts may be the end of its nanny, too."""
        until = monotonic() + START_S
        while self._found() < self._most and monotonic() < until:
            sleep(SETTLED_S)
        sleep(SETTLED_S)
        self._has_lost = False


@contextmanager
def local(workers: int) -> Iterator[DaskWorkers]:
    """Start a scheduler on this machine with so many *workers*, and end it after the block."""
    import dask
    from distributed import Client, LocalCluster

    tried_once = {"distributed.scheduler.allowed-failures": 0}  # a sweep itself decides what is tried again
    options = {"threads_per_worker": 1, "dashboard_address": ":0", "host": "127.0.0.1"}
    with _silence(), main_replaced(), ExitStack() as stack:  # workers that die are started anew at any time
        with dask.config.set(tried_once), starting():
            cluster = LocalCluster(n_workers=workers, silence_logs=logging.CRITICAL, **options)
        stack.enter_context(cluster)
        yield DaskWorkers(stack.enter_context(Client(cluster)))


@contextmanager
def joined(address: str) -> Iterator[DaskWorkers]:
    """Join the scheduler at an *address*; workers with another version of parsim are refused."""
    from distributed import Client

    with _silence():
        try:
            _knock(address)
            client = Client(address, timeout=PATIENCE_S, set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            why = f"no scheduler of Dask answers at {address} ({_first_line(error)}); start one with dask scheduler"
            raise refused(f"{why}, which says its address, such as {EXAMPLE}") from None
        with client:
            _refuse_others(client, address)
            yield DaskWorkers(client)


@contextmanager
def _silence() -> Iterator[None]:
    """Keep Dask's log quiet within the block: what a sweep has to tell of workers, it tells itself."""
    with ExitStack() as before:
        for logger in map(logging.getLogger, ("distributed", "distributed.client")):
            before.callback(logger.setLevel, logger.level)
            logger.setLevel(logging.CRITICAL)
        yield


def _knock(address: str) -> None:
    """Raise `OSError` at once where nobody listens; a client would try again for a while."""
    place = urlsplit(address)
    with socket.create_connection((place.hostname, place.port), PATIENCE_S):
        pass


def _refuse_others(client: Client, address: str) -> None:
    """Refuse a scheduler without workers, and workers that would play other rows."""
    try:
        client.wait_for_workers(1, timeout=PATIENCE_S)
    except TimeoutError:
        raise RunError(f"the scheduler at {address} has no worker; start some with dask worker {address}") from None

    def version() -> str:  # it is sent as it stands, since a worker may have no parsim
        from parsim.core.version import __version__

        return __version__

    found = client.run(version, on_error="return")
    wrong = {worker: version for worker, version in found.items() if version != __version__}
    if wrong:
        told = ", ".join(
            f"{worker} has {f'parsim {version}' if isinstance(version, str) else 'no parsim'}"
            for worker, version in sorted(wrong.items())
        )
        raise refused(f"workers need parsim {__version__}, as here, but {told}; install the same version there")


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
