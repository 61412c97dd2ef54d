"""Replays over MPI, with the real mpiexec: the same work as in processes, and nothing is left however it ends."""

import csv
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commands import ROOT

import parsim

BIN = Path(sys.executable).parent
MPIEXEC = shutil.which("mpiexec", path=os.pathsep.join([str(BIN), os.environ.get("PATH", "")]))
HAVE = importlib.util.find_spec("mpi4py") is not None and MPIEXEC is not None
MISSING = "mpi4py or mpiexec is missing; pip install mpi4py mpich"
needs_mpi = pytest.mark.skipif(not HAVE, reason=MISSING)


def apart():
    """Return whether a process may have a clock that is another one's plus a known time."""
    unshare = shutil.which("unshare")
    try:
        return unshare is not None and not subprocess.run([unshare, "-T", "true"], capture_output=True).returncode
    except OSError:
        return False


APART = apart()
FOUND = "parsim: 3 ranks share "  # on a machine of two cores
PATIENCE = 60  # s
KERNELS = '''
"""Kernels that do something else with a 4.

3 -> 3
"""

import os
import signal
import time
from pathlib import Path

import numpy as np

from parsim.kernels import kernels


@kernels.add("sleeps")
def sleeps(value):
    if value == 4:
        Path(os.environ["PARSIM_TEST_MARKS"], f"{os.getpid()} {os.getppid()}").touch()
        time.sleep(60)
    return value


@kernels.add("falls")
def falls(value):
    if value == 4:
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGKILL)
    return value


@kernels.add("grows")
def grows(value):
    return np.full(1 << 19, float(value))
'''


def scenario(kernel="double", devices=1):
    return {
        "cluster": {"devices": devices, "topology": {"kind": "full", "bandwidth": "1 GB/s"}},
        "workload": {"kind": "items", "data": [1, 2, 3, 4, 5], "kernel": kernel, "merge": "sum",
                     "item": "8 B", "result": "8 B"},
        "plan": {"split": "layers"},
        "cost": {"kind": "constant", "compute": "1 ms"},
    }  # fmt: skip


class Job:
    """`mpiexec` with parsim, in a session and a folder of its own."""

    def __init__(self, folder, raw, *more, ranks=2, command=("replay", "--clock", "mpi", "items.yaml")):
        self.folder = folder
        (folder / "marks").mkdir()
        (folder / "kernels.py").write_text(KERNELS)
        (folder / "items.yaml").write_text(json.dumps(raw))
        self.shared = shared()
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PMI", "OMPI"))}
        self.process = subprocess.Popen(
            [MPIEXEC, "-n", str(ranks), sys.executable, "-m", "parsim", *command, "--with", "kernels.py", *more],
            cwd=folder, stdin=subprocess.DEVNULL, stdout=-1, stderr=-1, text=True, start_new_session=True,
            env=environment | {"PARSIM_TEST_MARKS": str(folder / "marks")},
        )  # fmt: skip

    def sleeper(self):
        """Wait until a task sleeps and all others have ended; return its process, and the parent of that."""
        wait_until(lambda: list((self.folder / "marks").iterdir()))
        time.sleep(0.5)
        (mark,) = (self.folder / "marks").iterdir()
        return [*map(int, mark.name.split())]

    def ended(self):
        """Return exit code, standard output and standard error; nothing else is left of it."""
        out, err = self.process.communicate(timeout=PATIENCE)
        wait_until(lambda: not self.living())
        wait_until(lambda: shared() <= self.shared)  # other jobs have some while they start
        return self.process.returncode, out, err

    def living(self):
        """Return the processes whose current folder is that of the job."""
        found = []
        for place in Path("/proc").glob("[0-9]*"):
            try:
                if (
                    os.readlink(place / "cwd") == str(self.folder)
                    and "\nState:\tZ" not in (place / "status").read_text()
                ):
                    found.append(place.name)
            except OSError:
                continue
        return found


def shared():
    return {file.name for file in Path("/dev/shm").iterdir() if "mpi" in file.name}


def wait_until(happened):
    end = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.02)


def mlp(bandwidth, plan):
    """Return the training of a small MLP by two workers."""
    return {
        "cluster": {"devices": 2, "topology": {"kind": "full", "bandwidth": bandwidth}},
        "workload": {"kind": "mlp", "widths": [16, 24, 10], "batch": 32, "iterations": 3},
        "plan": plan,
        "cost": {"kind": "constant", "compute": "1 ms"},
    }


def rows(file):
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines))


@pytest.fixture(scope="module")
def replayed(tmp_path_factory):
    """The replays of a training by two workers, on ranks and in processes."""
    if not HAVE:
        pytest.skip(MISSING)
    raw = mlp("1 GB/s", {"split": "layers", "pipeline": 2, "schedule": "1f1b", "microbatches": 2})
    folder = tmp_path_factory.mktemp("mpi")
    code, out, err = Job(folder, raw, "--json", "--out", "out", ranks=3).ended()
    assert code == 0, err
    assert all(line.startswith(FOUND) for line in err.splitlines())
    alone = json.loads(json.dumps(parsim.replay(folder / "items.yaml").to_dict()))
    return folder, json.loads(out), alone


# -- the same work


@needs_mpi
def test_ranks_compute_what_processes_and_a_serial_run_compute(replayed):
    _, ranks, processes = replayed
    assert ranks["result_matches_serial"] is True
    assert ranks["measured"]["result"] == processes["measured"]["result"]
    assert (ranks["measured"]["engine"], processes["measured"]["engine"]) == ("mpi", "processes")
    assert ranks["measured"]["clock"] == processes["measured"]["clock"] == "replayed"
    assert processes["clocks"] is None


@needs_mpi
def test_every_worker_keeps_the_order_of_the_simulation(replayed):
    folder, *_ = replayed

    def order(run):
        mine = [row for row in rows(folder / "out" / run / "timeline.csv") if row["kind"] == "compute"]
        mine.sort(key=lambda row: float(row["start_s"]))
        return {worker: [row["task"] for row in mine if row["worker"] == worker] for worker in ("w0", "w1")}

    assert order("measured") == order("predicted")


@needs_mpi
def test_the_ledger_adds_up(replayed):
    measured = replayed[1]["measured"]
    terms = measured["ledger"]
    total = terms["t_total_s"] + terms["deviation_s"] + terms["idle_s"] + terms["contention_s"] - terms["hidden_s"]
    assert total == pytest.approx(measured["makespan_s"], abs=1e-9 * max(map(abs, list(terms.values())[:5])))
    assert terms["idle"]["overhead"] > 0


@needs_mpi
def test_what_is_needed_has_come_before(replayed):
    """By the aligned clocks, to their error."""
    folder, ranks, _ = replayed
    when = {row["task"]: row for row in rows(folder / "out" / "measured" / "timeline.csv")}
    error = ranks["clocks"]["error_s"]
    sends = [task for task in when if ">" in task and "host" not in task]
    assert sends
    for task in sends:
        sender, _, receiver = task.partition(">")
        assert float(when[sender]["end_s"]) <= float(when[task]["start_s"]) + error
        assert float(when[task]["end_s"]) <= float(when[receiver]["start_s"]) + error


@needs_mpi
def test_ranks_of_a_machine_have_one_clock(replayed):
    """The oracle: it is one clock, so each measured offset must lie within its own error."""
    clocks = replayed[1]["clocks"]
    assert clocks["method"] == "least round trip"
    assert [(one["worker"], one["rank"], one["offset_s"], one["drift"]) for one in clocks["ranks"]] == [
        ("w0", 1, 0.0, 0.0), ("w1", 2, 0.0, 0.0),
    ]  # fmt: skip
    for one in clocks["ranks"]:
        for reading in one["measured"]:
            assert abs(reading["offset_s"]) <= reading["round_trip_s"] / 2
            assert reading["exchanges"] >= 1
        assert one["error_s"] == max(reading["round_trip_s"] for reading in one["measured"]) / 2
    assert clocks["error_s"] == max(one["error_s"] for one in clocks["ranks"])


@needs_mpi
def test_arrays_travel_between_ranks_and_several_replays_share_a_job(tmp_path):
    """4 MiB from each task, where 8 B were stated: what finds no room in the window goes with the message."""
    code, out, err = Job(tmp_path, scenario("grows"), "--json", "--repeat", "2").ended()
    assert code == 0, err
    told = json.loads(out)
    assert [run["result_matches_serial"] for run in told["runs"]] == [True, True]
    assert told["runs"][1]["measured"]["result"][:2] == [15.0, 15.0]
    assert len(told["runs"][0]["measured"]["result"]) == 1 << 19


@pytest.fixture(scope="module")
def exchanged(tmp_path_factory):
    """A training whose ranks exchange gradients; the clock of the first worker is 1,000 s ahead, where Linux can."""
    if not HAVE:
        pytest.skip(MISSING)
    raw = mlp("5 GB/s", {"data": 2, "microbatches": 2, "bucket": "4 kB"})
    folder = tmp_path_factory.mktemp("exchange")
    (folder / "mlp.yaml").write_text(json.dumps(raw))
    command = [sys.executable, "-m", "parsim", "replay", "--clock", "mpi", "mlp.yaml", "--json"]
    ahead = ["unshare", "-T", "--monotonic", "1000", "--fork"] if APART else []
    done = subprocess.run(
        [MPIEXEC, "-n", "1", *command, ":", "-n", "1", *ahead, *command, ":", "-n", "1", *command],
        cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@needs_mpi
def test_ranks_exchange_gradients_with_each_other(exchanged):
    assert exchanged["result_matches_serial"] is True
    losses = exchanged["measured"]["result"]["loss"]
    assert losses[0] > losses[-1]
    shared = exchanged["measured"]["communication"]["data"]
    assert shared["exposed_s"] + shared["hidden_s"] > 0


@needs_mpi
@pytest.mark.skipif(not APART, reason="this system gives no process a clock of its own")
def test_clocks_that_are_apart_are_aligned(exchanged):
    """The oracle: the clock is 1,000 s ahead, as Linux itself has set it."""
    first, second = exchanged["clocks"]["ranks"]
    for reading in first["measured"]:
        assert abs(reading["offset_s"] + 1000) <= reading["round_trip_s"] / 2
    assert first["offset_s"] == first["measured"][0]["offset_s"]
    assert second["offset_s"] == 0
    measured = exchanged["measured"]
    assert measured["makespan_s"] < 100  # no stamp is 1,000 s off
    assert all(0 <= device["compute_s"] <= measured["makespan_s"] for device in measured["devices"])
    assert 0 < measured["communication"]["data"]["exposed_s"] < measured["makespan_s"]


@needs_mpi
def test_the_links_of_a_job_are_measured(tmp_path):
    job = Job(tmp_path, scenario(), "--links", "--repeat", "9", "--quiet", command=("calibrate",))
    code, out, err = job.ended()
    assert (code, out, err) == (0, "", "")
    told = json.loads((tmp_path / "links.json").read_text())
    assert (told["made"]["links"], told["made"]["workers"], len(told["made"]["machines"])) == ("mpi", 1, 2)
    assert told["transfers"] == told["host"]  # the only ones, with one worker
    assert told["host"]["points"][-1]["median_s"] > told["host"]["points"][0]["median_s"] > 0  # 8 MiB and 64 B


# -- bad ends


@needs_mpi
def test_a_rank_that_dies_ends_all(tmp_path):
    job = Job(tmp_path, scenario("falls"), "--json", "--out", "out")
    code, out, err = job.ended()
    assert (code, out) == (1, "")
    assert err == "parsim: worker w0 (rank 1) was killed by SIGKILL while it had task element3\n"
    assert not (tmp_path / "out").exists()  # nor half of it


@needs_mpi
def test_a_supervisor_that_dies_ends_all(tmp_path):
    job = Job(tmp_path, scenario("sleeps"), "--json")
    _, supervisor = job.sleeper()
    os.kill(supervisor, signal.SIGKILL)
    code, out, err = job.ended()
    assert (code, out) == (1, "")
    assert err == "parsim: the supervisor of worker w0 (rank 1) has ended while it had task element3\n"


@needs_mpi
def test_a_rank_that_hangs_ends_with_the_timeout(tmp_path):
    code, out, err = Job(tmp_path, scenario("sleeps"), "--json", "--timeout", "1 s").ended()
    assert (code, out) == (1, "")
    assert err == "parsim: no worker has answered for 1 s, the timeout: w0 had task element3\n"


@needs_mpi
def test_an_interrupted_job(tmp_path):
    job = Job(tmp_path, scenario("sleeps"), "--json", "--quiet")
    job.sleeper()
    job.process.send_signal(signal.SIGINT)
    code, _, err = job.ended()  # standard output has what mpiexec says of Ctrl-C
    assert code == 1
    assert err == "parsim: interrupted while w0 had task element3\n"


# -- bad input


@needs_mpi
def test_a_job_of_the_wrong_size_is_told_once(tmp_path):
    code, out, err = Job(tmp_path, scenario(devices=2)).ended()
    assert (code, out) == (2, "")
    assert err == (
        "--clock:0:0: clock: the host and 2 workers need 3 ranks, and mpiexec has started 2; "
        "write mpiexec -n 3 parsim replay --clock mpi SCENARIO\n"
    )


def test_without_mpiexec(tmp_path, command, monkeypatch):
    for name in ("PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_RANK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("parsim.cli.ranks.find_spec", lambda name: name)
    file = tmp_path / "items.json"
    file.write_text(json.dumps(scenario()))
    code, out, err = command("replay", file, "--clock", "mpi")
    assert (code, out) == (2, "")
    assert err == (
        "--clock:0:0: clock: the host and 1 worker need 2 ranks, which mpiexec starts; "
        "write mpiexec -n 2 parsim replay --clock mpi SCENARIO\n"
    )


def test_without_mpi4py(tmp_path, command, monkeypatch):
    monkeypatch.setattr("parsim.cli.ranks.find_spec", lambda name: None)
    file = tmp_path / "items.json"
    file.write_text(json.dumps(scenario()))
    code, out, err = command("replay", file, "--clock", "mpi")
    assert (code, out) == (2, "")
    assert err == "--clock:0:0: clock: mpi needs mpi4py, which is not installed; write pip install mpi4py mpich\n"


def test_mpi_is_loaded_only_where_it_is_asked_for():
    script = "import sys, parsim; parsim.replay; from parsim import cli; print('mpi4py' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "False\n"
