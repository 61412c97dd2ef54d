"""Replays that end badly: real processes, really killed. One line says what happened, and nothing is left behind."""

import csv
import json
import multiprocessing
import os
import pickle
import resource
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from worker_kernels import fail, nap_longer, twice

import parsim
from parsim.build import build
from parsim.core.errors import Silence
from parsim.export.csv import read_csv
from parsim.real import pipes, processes, worker_pool
from parsim.real.arena import GROWTH, LINE, Arena, get, put
from parsim.real.channel import Channel
from parsim.scenario.scenario import load

KERNELS = '''
"""Kernels that do something else with a 4."""

import os
import time
from pathlib import Path

import numpy as np

from parsim.kernels import kernels


@kernels.add("sleeps")
def sleeps(value):
    if value == 4:
        Path(os.environ["PARSIM_TEST_MARKS"], str(os.getpid())).touch()
        time.sleep(60)
    return value


@kernels.add("raises")
def raises(value):
    if value == 4:
        time.sleep(0.5)  # the others have ended by then
        raise ValueError("four is too much")
    return value


@kernels.add("grows")
def grows(value):
    if value == 4:
        time.sleep(0.5)
        return np.ones(1 << 18)
    return np.ones(8)


@kernels.add("shapes")
def shapes(value):
    return np.ones(2 if value == 4 else 3)
'''
ROOM = 1 << 20  # B, less than what `grows` makes
PATIENCE = 30  # s
ENDED = {"element0", "element1", "element2", "element4"}  # all but the one that is under way


def scenario(kernel="sleeps"):
    return {
        "cluster": {"devices": 2, "topology": {"kind": "full", "bandwidth": "1 GB/s"}},
        "workload": {"kind": "items", "data": [1, 2, 3, 4, 5], "kernel": kernel, "merge": "sum",
                     "item": "8 B", "result": "8 B"},
        "plan": {"split": "layers"},
        "cost": {"kind": "constant", "compute": "1 ms"},
    }  # fmt: skip


class Started:
    """A replay that runs in a session of its own."""

    def __init__(self, folder, kernel, *more, **options):
        self.folder, self.out = folder, folder / "out"
        (folder / "marks").mkdir()
        (folder / "kernels.py").write_text(KERNELS)
        (folder / "items.yaml").write_text(json.dumps(scenario(kernel)))
        arguments = ["replay", "items.yaml", "--with", "kernels.py", "--out", "out", "--json", *more]
        self.host = subprocess.Popen(
            [sys.executable, "-m", "parsim", *arguments], cwd=folder, start_new_session=True, text=True,
            env=os.environ | {"PARSIM_TEST_MARKS": str(folder / "marks")}, stdout=-1, stderr=-1, **options,
        )  # fmt: skip

    def sleeper(self):
        """Wait until all other tasks can have ended, and one sleeps; return the process that it sleeps in."""
        wait_until(lambda: list((self.folder / "marks").iterdir()))
        time.sleep(0.5)
        (mark,) = (self.folder / "marks").iterdir()
        return int(mark.name)

    def ended(self):
        """Return exit code, standard output and standard error; nothing else is left of it."""
        out, err = self.host.communicate(timeout=PATIENCE)
        wait_until(lambda: not living(self.host.pid))
        return self.host.returncode, out, err

    def tasks(self):
        """Return the tasks of the timeline that it left; parsim reads it."""
        file = self.out / "measured" / "timeline.csv"
        with file.open(newline="") as lines:
            rows = list(csv.DictReader(lines))
        assert read_csv(file).makespan_s == max(float(row["end_s"]) for row in rows)
        assert {row["task"].partition(">")[0] for row in rows if row["lane"].endswith(">host")} <= ENDED
        return {row["task"] for row in rows if row["kind"] == "compute"}


def living(session):
    """Return the processes of a session that exist and are no zombies."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            state, _, _, own = (place / "stat").read_text().rpartition(")")[2].split()[:4]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(own) == session and state != "Z":
            found.append(int(place.name))
    return found


def wait_until(happened):
    end = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture(autouse=True)
def _nothing_is_left():
    before = {file.name for file in Path("/dev/shm").iterdir()}
    yield
    left = {file.name for file in Path("/dev/shm").iterdir()} - before
    assert not {name for name in left if "parsim" in name}
    assert multiprocessing.active_children() == []


# -- really killed


def test_a_worker_that_is_killed(tmp_path):
    run = Started(tmp_path, "sleeps")
    victim = run.sleeper()
    assert len(living(run.host.pid)) >= 3  # the host and two workers
    os.kill(victim, signal.SIGKILL)
    code, out, err = run.ended()
    assert (code, out) == (1, "")
    assert err in [f"parsim: worker w{n} was killed by SIGKILL while it had task element3\n" for n in (0, 1)]
    assert run.tasks() == ENDED


@pytest.mark.parametrize(
    ("send", "signum"),
    [
        (os.killpg, signal.SIGINT),  # a terminal sends both to workers, too
        (os.killpg, signal.SIGHUP),
        (os.kill, signal.SIGTERM),
    ],
)
def test_an_interrupted_replay(send, signum, tmp_path):
    run = Started(tmp_path, "sleeps")
    run.sleeper()
    send(run.host.pid, signum)
    code, out, err = run.ended()
    assert (code, out) == (1, "")
    assert err in [f"parsim: interrupted while w{n} had task element3\n" for n in (0, 1)]
    assert run.tasks() == ENDED


def test_an_impatient_user(tmp_path):
    """Ctrl-C again and again: it ends all the same, with one line."""
    run = Started(tmp_path, "sleeps")
    run.sleeper()
    for _ in range(5):
        os.killpg(run.host.pid, signal.SIGINT)
        time.sleep(0.01)
    code, out, err = run.ended()
    assert (code, out) == (1, "")
    assert "interrupted" in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("after", [0.0, 0.05])
def test_interrupted_before_the_clock_starts(after, tmp_path):
    run = Started(tmp_path, "sleeps")
    wait_until(lambda: len(living(run.host.pid)) >= 3)  # workers are being started
    time.sleep(after)
    os.killpg(run.host.pid, signal.SIGINT)
    code, out, err = run.ended()
    assert (code, out) == (1, "")
    assert err.strip().startswith("parsim: interrupted")
    assert len(err.strip().splitlines()) == 1


def test_a_host_that_is_killed_takes_its_workers_along(tmp_path):
    run = Started(tmp_path, "sleeps")
    run.sleeper()
    run.host.kill()
    code, out, err = run.ended()
    assert (code, out, err) == (-signal.SIGKILL, "", "")


def test_a_kernel_that_raises(tmp_path):
    run = Started(tmp_path, "raises")
    code, out, err = run.ended()
    assert (code, out) == (1, "")
    assert err.endswith("kernels.py:25) raised ValueError for 4: four is too much\n")
    assert err.startswith(("parsim: task element3 on worker w0: ", "parsim: task element3 on worker w1: "))
    assert len(err.splitlines()) == 1
    assert run.tasks() == ENDED


def test_a_worker_that_hangs_ends_with_the_timeout(tmp_path):
    run = Started(tmp_path, "sleeps", "--timeout", "1.5")
    code, out, err = run.ended()
    assert (code, out) == (1, "")
    told = "parsim: no worker has answered for 1.5 s, the timeout: w{} had task element3\n"
    assert err in map(told.format, range(2))
    assert run.tasks() == ENDED


@pytest.mark.parametrize("command", [["replay", "--repeat", "2"], ["calibrate"]], ids=" ".join)
def test_every_other_command_with_workers_has_a_timeout(command, tmp_path):
    (tmp_path / "kernels.py").write_text(KERNELS)
    (tmp_path / "items.yaml").write_text(json.dumps(scenario("sleeps")))
    done = subprocess.run(
        [sys.executable, "-m", "parsim", *command, "items.yaml", "--with", "kernels.py", "--timeout", "1 s"],
        cwd=tmp_path, capture_output=True, text=True, env=os.environ | {"PARSIM_TEST_MARKS": str(tmp_path)},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("parsim: no worker has answered for 1 s, the timeout: w")


@pytest.mark.parametrize(
    ("wrong", "why"), [("0", "is not a time above 0"), ("-1", "has no unit"), ("1 MB", "is a size"), ("soon", "'soon'")]
)
def test_no_timeout(wrong, why, tmp_path, command):
    file = tmp_path / "items.json"
    file.write_text(json.dumps(scenario("double")))
    code, out, err = command("replay", file, "--timeout", wrong)
    assert (code, out) == (2, "")
    assert err.startswith("--timeout:0:0: timeout: ")
    assert why in err


def test_shared_memory_that_is_full(tmp_path):
    full = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (ROOM, ROOM))
    run = Started(tmp_path, "grows", preexec_fn=full)
    code, out, err = run.ended()
    assert (code, out) == (1, "")
    why = "shared memory has no room for its output: File too large"
    assert err in [f"parsim: task element3 on worker w{n}: {why}\n" for n in (0, 1)]
    assert run.tasks() == ENDED


def test_shared_memory_that_is_full_before_anything_runs(tmp_path):
    raw = {
        "cluster": {"devices": 2, "topology": {"kind": "full", "bandwidth": "1 GB/s"}},
        "workload": {"kind": "mlp", "widths": [100, 4], "batch": 4000},
        "plan": {"split": "data"},
        "cost": {"kind": "constant", "compute": "1 ms"},
    }
    (tmp_path / "mlp.yaml").write_text(json.dumps(raw))
    done = subprocess.run(
        [sys.executable, "-m", "parsim", "replay", "mlp.yaml"], cwd=tmp_path, capture_output=True, text=True,
        preexec_fn=partial(resource.setrlimit, resource.RLIMIT_FSIZE, (ROOM, ROOM)),
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "parsim: shared memory has no room for the input of task 0F0: File too large\n"


def test_outputs_that_do_not_fit_together(tmp_path):
    run = Started(tmp_path, "shapes")
    code, out, err = run.ended()
    assert (code, out) == (1, "")
    assert err.startswith("parsim: merge on host: ValueError: operands could not be broadcast together")
    assert len(err.splitlines()) == 1


# -- in this process


def job_of(kernel, devices=2, depth=1, **program):
    raw = scenario("double")
    raw["cluster"]["devices"] = devices
    raw["plan"] = {"split": "chain", "depth": depth}
    job = build(load(raw))
    return replace(job, graph=replace(job.graph, program=replace(job.graph.program, kernel=kernel, **program)))


def held():
    """Return what this process has open of shared memory, and how many files."""
    files = [os.readlink(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd") if exists(name)]
    maps = Path("/proc/self/maps").read_text().count("memfd:parsim")
    return len(files), sum("memfd:parsim" in file for file in files), maps


def exists(name):
    return os.path.lexists(f"/proc/self/fd/{name}")


def test_a_worker_that_hangs_is_told(monkeypatch):
    """Whoever waits long is told for whom; the replay goes on."""
    monkeypatch.setattr(worker_pool, "NOTICE_S", 0.2)
    with pytest.warns(Silence, match=r"^no worker has answered for 0\.2 s: w[01] had task item3.0$"):
        timeline, _ = processes.play(job_of(nap_longer))
    assert timeline.computes.sum() == 5


def test_no_file_and_no_memory_stays_open():
    processes.play(job_of(twice, devices=1))  # the first one starts what multiprocessing keeps for good
    before = held()
    processes.play(job_of(twice, devices=1))
    with pytest.raises(parsim.RunError):
        processes.play(job_of(fail))
    with pytest.raises(parsim.RunError, match="cannot be sent"):
        processes.play(job_of(lambda value: value))
    assert held() == before
    assert before[1:] == (0, 0)


def test_what_had_ended_is_in_the_error():
    with pytest.raises(parsim.Unfinished) as failed:
        processes.play(job_of(fail))
    timeline = failed.value.timeline
    assert timeline.task.tolist() == ["split", "create", "allocate"]
    assert not timeline.computes.any()


def test_arrays_do_not_travel_through_pipes(monkeypatch):
    """Ten hand-overs of 4 MiB, from the host and between workers, and not one message of a KiB."""
    sent = []

    def watched(name):
        plain = getattr(Channel, name)

        def call(self, *args):
            answer = plain(self, *args)
            sent.extend(map(len, answer if name == "receive" else args))
            return answer

        return call

    job = job_of(twice, depth=2)
    program = job.graph.program
    large = {task: [np.full(1 << 19, float(values[0]))] for task, values in program.given.items()}
    job = replace(job, graph=replace(job.graph, program=replace(program, given=large)))
    assert len(pickle.dumps(job.graph.program)) < 1024  # the data is not sent along
    monkeypatch.setattr(Channel, "receive", watched("receive"))
    monkeypatch.setattr(Channel, "post", watched("post"))
    _, value = processes.play(job)
    assert value == [60.0] * (1 << 19)
    assert len(sent) >= 20  # an order and a report for each of ten tasks
    assert max(sent) < 1024


def test_more_workers_than_cores_are_noted(monkeypatch):
    monkeypatch.setattr(pipes, "cores", lambda: 1)
    run = parsim.replay(scenario("double"))
    assert run.measured.value == 30
    assert [note for note in run.warnings if note.startswith("2 workers share 1 cores of this machine")]
    assert "2 workers share 1 cores" in run.report()
    monkeypatch.setattr(pipes, "cores", lambda: 2)
    assert not [note for note in parsim.replay(scenario("double")).warnings if "share" in note]


# -- arenas


@pytest.fixture
def arena():
    made = Arena.new(3)
    yield made
    made.close()


def test_arrays_come_back_as_they_went(arena):
    arrays = [
        np.arange(6.0).reshape(2, 3).T, np.array(5), np.arange(8, dtype=">i4")[::2], np.array([True, False]),
        np.array([1 + 2j]), np.empty((0, 3)), np.zeros((2, 1, 2), np.float32), np.arange(3, dtype=np.uint8),
    ]  # fmt: skip
    refs = [arena.put(array) for array in arrays]
    assert {ref.owner for ref in refs} == {3}
    assert all(ref.offset % LINE == 0 for ref in refs)
    for ref, array in zip(refs, arrays, strict=True):
        found = arena.get(ref)
        assert (found.dtype, found.shape) == (array.dtype, array.shape)
        np.testing.assert_array_equal(found, array)


def test_what_is_fetched_is_a_copy(arena):
    ref = arena.put(np.zeros(4))
    arena.get(ref)[:] = 7
    assert arena.get(ref).tolist() == [0, 0, 0, 0]


def test_room_is_used_again_and_gaps_grow_together(arena):
    a, b, c, d = (arena.put(np.zeros(8)) for _ in range(4))  # 64 B each, a line
    assert [ref.offset for ref in (a, b, c, d)] == [0, 64, 128, 192]
    arena.free(b)
    assert arena.put(np.ones(4)).offset == 64  # the first gap that is large enough
    arena.free(c)
    arena.free(a)
    assert arena.put(np.ones(9)).offset == 256  # two gaps of a line, and one of two lines is wanted
    arena.free(b)  # b's room, now of another array: a, b and c make one gap
    assert arena.put(np.ones(24)).offset == 0
    with pytest.raises(KeyError):
        arena.free(b)  # is not there any more
    np.testing.assert_array_equal(arena.get(d), np.zeros(8))


def test_it_grows_by_more_than_it_must_and_keeps_what_it_has(arena):
    small = arena.put(np.arange(4.0))
    assert os.fstat(arena.file).st_size == GROWTH
    large = arena.put(np.full(GROWTH // 8, 2.0))
    assert os.fstat(arena.file).st_size >= GROWTH + LINE
    np.testing.assert_array_equal(arena.get(small), np.arange(4.0))
    assert arena.get(large).sum() == GROWTH / 4
    size = os.fstat(arena.file).st_size
    for _ in range(20):
        arena.free(large)
        large = arena.put(np.zeros(GROWTH // 8))
    assert os.fstat(arena.file).st_size == size


def test_a_reader_sees_what_was_put_after_it_looked(arena):
    reader = Arena(3, os.dup(arena.file))
    first = arena.put(np.ones(2))
    assert reader.get(first).tolist() == [1, 1]
    later = arena.put(np.full(GROWTH, 5.0))  # beyond what the reader has mapped
    assert reader.get(later).sum() == 5 * GROWTH
    reader.close()


def test_only_plain_arrays_go_by_reference(arena):
    arenas = {3: arena}
    masked = np.ma.masked_array([1.0, 2.0], mask=[True, False])
    objects = np.array(["a", None], dtype=object)
    values = [1.5, "text", np.zeros(0), objects, masked, np.arange(3), None]
    held_ = put(arena, values)
    assert [type(one).__name__ for one in held_].count("Ref") == 1
    back = get(arenas, pickle.loads(pickle.dumps(held_)))
    assert back[:2] == [1.5, "text"]
    assert back[3].tolist() == ["a", None]
    assert back[4].mask.tolist() == [True, False]
    assert back[5].tolist() == [0, 1, 2]
    assert (back[2].shape, back[6]) == ((0,), None)


def test_full_memory_is_an_error_where_the_array_is_put_and_leaves_the_arena_whole():
    script = """
import resource
import numpy as np
from parsim.real.arena import Arena
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))
arena = Arena.new(0)
first = arena.put(np.ones(1 << 12))  # half of it; less than an arena likes to grow by
try:
    arena.put(np.ones(1 << 13))
except OSError as error:
    print(error.strerror)
second = arena.put(np.ones(1 << 11))
print(arena.get(first).sum() + arena.get(second).sum())
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("File too large\n6144.0\n", "")
