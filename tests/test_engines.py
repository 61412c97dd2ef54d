"""Engines of sweeps: worker processes, a real scheduler of Dask with real workers, MPI; and workers that die."""

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import BrokenExecutor, Future
from contextlib import nullcontext, suppress
from pathlib import Path
from threading import Timer

import pytest
from sweeping import PATIENCE, SMALL, ended, players, started, stored, text, times, until

import parsim
from parsim.study.engines import dask_workers
from parsim.study.engines.engine import GivenExecutor
from parsim.study.engines.processes import Processes
from parsim.study.row import Outcome, played
from parsim.study.runner import SameProcess
from parsim.study.sweep import playing
from parsim.study.sweep.store import Played

BIN = Path(sys.executable).parent
MPIEXEC = shutil.which("mpiexec", path=os.pathsep.join([str(BIN), os.environ.get("PATH", "")]))
needs_mpi = pytest.mark.skipif(
    MPIEXEC is None or importlib.util.find_spec("mpi4py") is None, reason="mpi4py or mpiexec is missing"
)
FAILED = "parsim: row 4 failed: its worker died, also when it was tried again 3 times; does it need too much memory?"


@pytest.fixture
def space(tmp_path):
    """A space in a file: so many rows, of which one may be deadly."""

    def write(count, **policy):
        file = tmp_path / "space.yaml"
        file.write_text(text(count, **policy))
        return file

    return write


def kill_one(marks):
    """Kill a worker that has played rows, and is alive."""
    for player in players(marks):
        with suppress(ProcessLookupError):
            os.kill(player, signal.SIGKILL)
            return
    pytest.fail("no worker is left")


# --- worker processes ---


class Counted(GivenExecutor):
    """An engine that counts its calls, and whose workers die in calls with certain rows."""

    def __init__(self, deadly=()):
        self.calls, self.workers, self._deadly = [], 2, set(deadly)

    def submit(self, function, /, *args):
        rows = args[-1]
        self.calls.append(list(rows))
        if not self._deadly & {*rows}:
            return SameProcess().submit(function, *args)
        future = Future()
        future.set_exception(BrokenExecutor("a process was terminated abruptly"))
        return future

    def lost(self, error):
        return isinstance(error, BrokenExecutor)


@pytest.fixture
def engine(monkeypatch):
    """Let sweeps be played on an engine; return what makes one."""

    def use(made):
        monkeypatch.setattr("parsim.study.sweep.sweeping.GivenExecutor", lambda executor: made)
        return made

    return use


def test_a_row_whose_worker_dies_fails_by_name_and_takes_no_other_with_it(engine, monkeypatch):
    monkeypatch.setattr(playing, "CALL_S", 10.0)
    made = engine(Counted(deadly=[4, 7]))
    found = parsim.sweep(SMALL, executor=made)
    assert {record.row: record.status for record in found.records} == {
        **dict.fromkeys(range(10), "done"),
        **dict.fromkeys((4, 7), "failed"),
    }
    assert found.failed.startswith("row 4 failed: its worker died, also when it was tried again 3 times")
    assert "; 1 more failed; " in found.failed
    assert [rows for rows in made.calls if 4 in rows][1:] == [[4], [4], [4]]


class Together(Counted):
    """An engine whose calls all fail when one of them is deadly, as those in the queue of one worker do."""

    def __init__(self, deadly):
        super().__init__(deadly)
        self._held = []

    def submit(self, function, /, *args):
        future = Future()
        self._held.append((future, function, args))
        Timer(0.01, self._flush).start()
        return future

    def _flush(self):
        held, self._held = self._held, []
        deadly = any(self._deadly & {*args[-1]} for _, _, args in held)
        for future, function, args in held:
            self.calls.append(list(args[-1]))
            future.set_exception(BrokenExecutor()) if deadly else future.set_result(function(*args))


def test_rows_that_waited_for_the_worker_of_a_deadly_one_are_played(engine):
    found = parsim.sweep(SMALL, executor=engine(Together(deadly=[4])))
    assert found.counts == {"done": 9, "failed": 1}
    assert found.records[4].status == "failed"


def test_calls_hold_as_many_rows_as_take_a_while(engine, monkeypatch):
    """The first calls are short, since nobody knows how long a row takes; then each has many rows."""
    made = engine(Counted())
    monkeypatch.setattr(
        "parsim.study.sweep.batch.play",
        lambda space, row: Played(row, Outcome("done", figures={"iteration_s": 1.0, "makespan_s": 1.0}), 0.0, 0.001),
    )
    parsim.sweep(SMALL, {"workload.count": {"from": 1, "to": 500, "step": 1}}, executor=made)
    sizes = [len(rows) for rows in made.calls]
    assert sum(sizes) == 1000
    assert sizes[0] == 1
    assert max(sizes) == playing.MOST
    assert sizes[-1] < playing.MOST, "the last calls are short, so that all workers end together"


@pytest.mark.parametrize(
    ("seconds", "started_at"),
    [
        ([0.4, *[0.001] * 9], None),  # the first row loads modules
        ([0.4, 0.5], 2),  # eight rows of half a second
        ([0.001, 0.001, 1.0], 3),
        ([0.7], 1),
    ],
)
def test_worker_processes_are_started_where_the_rows_take_more_than_some_seconds(monkeypatch, seconds, started_at):
    took, here = iter(seconds), []

    def play(space, row):
        here.append(row)
        return Played(row, Outcome("done", figures={"iteration_s": 1.0, "makespan_s": 1.0}), 0.0, next(took, 0.0))

    made = []
    monkeypatch.setattr("parsim.study.sweep.batch.play", play)
    monkeypatch.setattr(
        "parsim.study.sweep.sweeping.started", lambda name, workers: made.append(len(here)) or nullcontext(Counted())
    )
    assert parsim.sweep(SMALL).counts == {"done": 10}
    assert made == ([] if started_at is None else [started_at])


def test_an_engine_without_workers_ends_the_sweep(engine, monkeypatch):
    class Empty(Counted):
        def submit(self, function, /, *args):
            return Future()

    made = engine(Empty())
    made.workers = 0
    monkeypatch.setattr(playing, "LOOK_S", 0.01)
    monkeypatch.setattr(playing, "PATIENCE_S", 0.05)
    with pytest.raises(parsim.RunError, match="the engine has no worker left; start one, and run the sweep again"):
        parsim.sweep(SMALL, executor=made)


def test_a_broken_executor_of_the_caller_ends_the_sweep():
    class Broken(Counted):
        _max_workers = 2

        def lost(self, error):
            raise AssertionError("the executor of a caller is asked for nothing but calls")

    with pytest.raises(parsim.RunError, match="the engine failed: BrokenExecutor: a process was terminated abruptly"):
        parsim.sweep(SMALL, executor=Broken(deadly=range(10)))


def test_a_worker_of_another_version_ends_the_sweep(engine, monkeypatch):
    """As of a worker that has joined a cluster later."""
    made = engine(Counted())
    monkeypatch.setattr(playing, "__version__", "99.0")
    with pytest.raises(parsim.RunError, match=f"a worker has parsim {parsim.__version__}, and this is 99.0; install"):
        parsim.sweep(SMALL, executor=made)


def fails_by_name(process, marks, count):
    """Check that row 4 of so many has failed by name, after three tries alone, and that all others are done."""
    code, out, err = ended(process)
    assert code == 1
    assert err.startswith(FAILED)
    rows = json.loads(out)["rows"]
    assert {row["row"]: row["status"] for row in rows} == {**dict.fromkeys(range(count), "done"), 4: "failed"}
    assert times(marks)[4] in (3, 4)  # three of them alone


@pytest.mark.dear
def test_processes_that_die_are_replaced(space, marks):
    """One row kills each process that plays it, and one process is killed from outside."""
    file = space(40, seconds=0.02, deadly=5)
    process = started(file, "--engine", "processes")
    until(lambda: len(stored(file.with_name("space.sweep.db"))) >= 5)
    kill_one(marks)
    fails_by_name(process, marks, 40)


@pytest.mark.dear
def test_a_row_that_kills_the_sweep_itself_is_played_in_workers_the_next_time(space, marks):
    file = space(12, deadly=5)
    code, out, err = ended(started(file))
    assert (code, out, err) == (-signal.SIGKILL, "", "")
    assert len(stored(file.with_name("space.sweep.db"))) == 4
    code, out, err = ended(started(file))
    assert code == 1
    assert err.startswith(FAILED)
    assert len(stored(file.with_name("space.sweep.db"))) == 11


def test_processes_end_with_the_engine():
    with Processes(2) as two:
        pids = {two.submit(os.getpid).result(PATIENCE) for _ in range(4)}
        assert os.getpid() not in pids
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_workers_need_no_folder_where_rows_name_no_file(engine, monkeypatch):
    """So a cluster need not have the folders of this machine."""
    made = engine(Counted())
    submit, settings = made.submit, []

    def watched(function, /, *args):
        settings.append(args[1])
        return submit(function, *args)

    made.submit = watched
    parsim.sweep(SMALL, executor=made)
    assert set(settings) == {None}


# --- Dask ---


def dask(*arguments, **more):
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen([sys.executable, "-m", "dask", *map(str, arguments)], **pipes, **more)


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory):
    """A real scheduler; return its address, and what starts workers for it."""
    folder = tmp_path_factory.mktemp("dask")
    said = folder / "scheduler.json"
    running = [
        dask("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", said, cwd=folder)
    ]
    until(lambda: said.exists() and said.read_text().endswith("}"))

    def work(count, **more):
        options = ("--nworkers", count, "--nthreads", 1, "--no-dashboard", "--local-directory", folder)
        running.append(dask("worker", "--scheduler-file", said, *options, cwd=folder, **more))
        return running[-1]

    yield json.loads(said.read_text())["address"], work
    for process in reversed(running):
        process.terminate()
    for process in running:
        process.wait(PATIENCE)


@pytest.fixture
def workers(scheduler, marks):
    """Two workers of the scheduler, which leave marks; return its address."""
    from distributed import Client

    address, work = scheduler
    process = work(2)
    with Client(address, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=PATIENCE)
    yield address
    process.terminate()
    process.wait(PATIENCE)


@pytest.mark.dear
def test_workers_of_a_cluster_play_and_one_is_killed_in_the_middle(space, marks, workers):
    file = space(40, seconds=0.02)
    process = started(file, "--engine", workers)
    until(lambda: len(stored(file.with_name("space.sweep.db"))) >= 5)
    kill_one(marks)
    code, out, err = ended(process)
    assert (code, err) == (0, "")
    assert [row["makespan_s"] for row in json.loads(out)["rows"]] == [3] * 40
    assert process.pid not in players(marks)


@pytest.mark.dear
def test_a_deadly_row_fails_by_name_on_a_cluster_of_this_machine(space, marks):
    file = space(12, deadly=5)
    fails_by_name(started(file, "--engine", "dask"), marks, 12)


@pytest.mark.dear
def test_workers_with_another_version_are_refused_and_named(space, marks, scheduler, tmp_path):
    """What the interpreter loads first gives parsim another version."""
    from distributed import Client

    address, work = scheduler
    (tmp_path / "sitecustomize.py").write_text("import parsim.core.version as held\nheld.__version__ = '0.0.1'\n")
    process = work(1, env={**os.environ, "PYTHONPATH": str(tmp_path)})
    try:
        with Client(address, set_as_default=False) as client:
            client.wait_for_workers(1, timeout=PATIENCE)
        code, out, err = ended(started(space(4), "--engine", address))
    finally:
        process.terminate()
        process.wait(PATIENCE)
    assert (code, out) == (2, "")
    assert err.startswith(
        f"--engine:0:0: engine: workers need parsim {parsim.__version__}, as here, but tcp://127.0.0.1:"
    )
    assert err.endswith(" has parsim 0.0.1; install the same version there\n")
    assert not times(marks)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "tcp://nowhere.invalid:8786", "http://127.0.0.1:1"])
def test_a_scheduler_that_is_not_there_is_a_fault_within_seconds(tmp_path, command, address):
    file, began = tmp_path / "space.yaml", time.monotonic()
    file.write_text(json.dumps(SMALL))
    code, out, err = command("sweep", file, "--store", tmp_path / "a.db", "--engine", address)
    assert (code, out) == (2, "")
    assert err.startswith(f"--engine:0:0: engine: no scheduler of Dask answers at {address} (")
    assert err.count("\n") == 1
    assert time.monotonic() - began < PATIENCE


def test_a_scheduler_without_workers_is_told(scheduler, monkeypatch):
    monkeypatch.setattr(dask_workers, "PATIENCE_S", 0.5)
    with pytest.raises(parsim.RunError, match="has no worker; start some with dask worker tcp://127"):
        parsim.sweep(SMALL, engine=scheduler[0])


# --- MPI ---


@needs_mpi
@pytest.mark.dear
def test_ranks_of_mpi_play(space, marks):
    file = space(20, seconds=0.01)
    before = (MPIEXEC, "-n", "3", sys.executable, "-m")
    code, out, err = ended(started(file, "--engine", "mpi", before=before))
    assert (code, err) == (0, "")
    assert len(json.loads(out)["rows"]) == 20
    assert len(players(marks)) == 2
    code, out, err = ended(started(file, "--engine", "mpi", "--retry", "none", before=before))
    assert (code, out) == (2, "")
    assert err == "--retry:0:0: retry: unknown name 'none'. Did you mean 'done'?\n"


@needs_mpi
def test_mpi_needs_ranks(space, marks):
    code, _, err = ended(started(space(4), "--engine", "mpi"))
    assert code == 2
    assert err.startswith("--engine:0:0: engine: mpi needs at least two ranks; write for example mpiexec -n 3 parsim")


def test_played_is_what_the_rows_of_an_engine_are(engine):
    made = engine(Counted())
    found = parsim.sweep(SMALL, executor=made)
    assert [record.figures for record in found.records] == [
        played(found.space.scenario_of(row)).figures for row in range(10)
    ]
