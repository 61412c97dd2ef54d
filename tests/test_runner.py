"""Where the runs of a study are played: the answers are the same here, in worker processes, and on any executor."""

import json
import os
import pickle
import signal
import subprocess
import sys
import time
import warnings
from concurrent.futures import Executor, Future

import pytest
from commands import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

import parsim
from parsim.core.errors import Silence
from parsim.entries import registry
from parsim.policies import policies
from parsim.scenario.scenario import load
from parsim.study import case, process_pool, runner
from parsim.study.case import Case
from parsim.study.process_pool import ProcessPool
from parsim.study.runner import Runner

PATIENCE = 60  # s
FILES_IN_USE = registry.files_in_use
FIFTH = ROOT / "scenarios/05_heft_ten_tasks.yaml"
ITEMS = {
    "cluster": {"devices": 2, "topology": {"kind": "star", "bandwidth": "1 GB/s", "latency": "10 us"}},
    "workload": {"kind": "items", "count": 6, "item": "1 MB", "weights": "4 MB", "weights_at": "host"},
    "plan": {"split": "data"},
    "cost": {"kind": "constant", "compute": "1 ms"},
}
LAYERED = {
    "cluster": {"devices": 3, "device": {"memory": "2 GB"}},
    "workload": {"kind": "layered", "tasks": 12, "compute": "1 s"},
    "cost": {"kind": "noisy", "spread": 0.5},
}
STUDIES = {
    "compare": lambda executor: parsim.compare(LAYERED, set={"policy": ["fifo", "heft"]}, seeds=3, executor=executor),
    "compare, a link to blame": lambda executor: parsim.compare(
        ITEMS, set={"cluster.topology.bandwidth": ["1 GB/s", "1 MB/s"]}, executor=executor
    ),
    "explain": lambda executor: parsim.explain(str(FIFTH), executor=executor),
    "explain, a pipeline": lambda executor: parsim.explain("scenarios/06_pipeline_1f1b.yaml", executor=executor),
    "scaling": lambda executor: parsim.scaling(LAYERED, executor=executor),
    "splits": lambda executor: parsim.splits(ITEMS, over=["workload.weights"], executor=executor),
}


class Sent(Executor):
    """Calls what it gets in this process, but sends calls and answers through pickle, as processes do."""

    def __init__(self):
        self.calls = []

    def submit(self, function, /, *args):
        future = Future()
        function, *rest = pickle.loads(pickle.dumps((function, *args)))
        self.calls.append(function)
        try:
            future.set_result(pickle.loads(pickle.dumps(function(*rest))))
        except Exception as error:
            future.set_exception(error)
        return future


@pytest.fixture(scope="module")
def processes():
    """Two worker processes."""
    two = ProcessPool(2)
    yield two
    two.shutdown()


@pytest.fixture(autouse=True)
def clean_shelves(monkeypatch):
    """Let no file that another test used, and no entry that it added, keep studies in this process."""
    monkeypatch.setattr(registry, "files_in_use", tuple)


class Never:
    def __init__(self, count):
        raise AssertionError("processes were started")


@pytest.fixture
def started(monkeypatch):
    """Take every study for a long one; return the numbers of processes that are started."""
    counts = []

    class Counted(Sent):
        def __init__(self, count):
            super().__init__()
            counts.append(count)

        begun = staticmethod(float)

    monkeypatch.setattr(runner, "LONG_S", 0.0)
    monkeypatch.setattr(runner, "cores", lambda: 5)
    monkeypatch.setattr(process_pool, "ProcessPool", Counted)
    return counts


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_is_the_same_wherever_it_is_played(name, started, processes, monkeypatch):
    monkeypatch.chdir(ROOT)
    other, real = (STUDIES[name](executor) for executor in (None, processes))
    assert len(started) == 1
    assert 2 <= started[0] <= 5  # no more than there are runs
    monkeypatch.setattr(runner, "LONG_S", 3.0)
    monkeypatch.setattr(process_pool, "ProcessPool", Never)  # the study is short
    plain = STUDIES[name](None)
    assert json.dumps(plain.to_dict()) == json.dumps(other.to_dict()) == json.dumps(real.to_dict())
    assert plain.report() == other.report() == real.report()
    for one, two, three in zip(*(getattr(found, "variants", ()) for found in (plain, other, real)), strict=True):
        assert one.result.timeline.rows() == two.result.timeline.rows() == three.result.timeline.rows()


@settings(max_examples=6)
@given(
    tasks=st.integers(1, 30),
    devices=st.integers(1, 5),
    seeds=st.integers(1, 3),
    names=st.lists(st.sampled_from(["fifo", "lpt", "heft", "work_stealing"]), min_size=2, max_size=3, unique=True),
    memory=st.sampled_from(["1 GB", "1 B"]),
)
def test_random_comparisons_are_the_same_wherever_they_are_played(tasks, devices, seeds, names, memory):
    work = {"kind": "layered", "tasks": tasks, "compute": "1 s"}
    scenario = {"cluster": {"devices": devices, "device": {"memory": memory}}, "workload": work}
    one, other = (parsim.compare(scenario, set={"policy": names}, seeds=seeds, executor=who) for who in (None, Sent()))
    assert one.to_dict() == other.to_dict()


def test_faults_are_told_all_at_once_and_as_here(processes):
    wrong = {"policy": ["fifo", "fifi"], "cluster.devices": [2, 0, "many"]}
    told = []
    for executor in (None, Sent(), processes):
        with pytest.raises(parsim.ScenarioError) as refused:
            parsim.compare(ITEMS, set=wrong, executor=executor)
        told.append(refused.value.faults)
    assert len(told[0]) > 2
    assert told[0] == told[1] == told[2]


# --- each job is built once ---


@pytest.mark.parametrize(
    ("study", "jobs"),
    [
        (lambda: parsim.compare(LAYERED, set={"policy": ["fifo", "lpt"]}, seeds=3), 2 * 3),
        (lambda: parsim.compare(LAYERED, set={"policy": ["fifo", "lpt"]}), 2),
        (lambda: parsim.scaling(LAYERED, workers=[1, 2, 3, 5]), 4),  # its own three among them
    ],
)
def test_each_job_is_built_once(study, jobs, monkeypatch):
    built = []
    plain = case.build
    monkeypatch.setattr(case, "build", lambda scenario: built.append(scenario) or plain(scenario))
    study()
    assert len(built) == jobs


def test_another_process_builds_a_case_once():
    one, other = (pickle.loads(pickle.dumps(mine)) for mine in [Case(load(LAYERED))] * 2)
    assert one is other
    assert one.job(5) is other.job(5)


# --- who plays ---


@pytest.mark.parametrize(
    "change",
    [("cores", lambda: 1), ("parent_process", lambda: "another"), ("LONG_S", 1e9), ("AT_ONCE", 10)],
    ids=lambda one: one[0],
)
def test_one_core_a_worker_process_and_little_work_play_here(change, started, monkeypatch):
    monkeypatch.setattr(runner, *change)
    STUDIES["compare"](None)
    assert started == []


def test_the_live_clock_measures_this_machine_with_nobody_beside(started):
    live, sent = {"kind": "items", "data": [1, 2, 3], "kernel": "double", "merge": "sum"}, Sent()
    parsim.compare({**ITEMS, "workload": live, "clock": "live"}, set={"plan.split": ["data", "layers"]}, executor=sent)
    assert (started, sent.calls) == ([], [])


def test_runs_that_take_longer_than_foreseen_are_played_elsewhere(monkeypatch, started):
    monkeypatch.setattr(runner, "LONG_S", 0.2)
    with Runner() as playing:
        assert not playing.expect(10, 1, [])
        assert playing.answers("runs", [(time.sleep, 0.1)] * 10) == [None] * 10
    assert started == [5]


@pytest.fixture
def used(tmp_path, monkeypatch):
    """A file from outside in use, and nothing else."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry, "_used", {})
    file = tmp_path / "slow.py"
    file.write_text(SLOW)
    parsim.use("slow.py")
    yield file
    policies.remove("slow")


def test_other_processes_use_the_same_files(used):
    assert FILES_IN_USE() == ("slow.py",)


@pytest.mark.parametrize("change", ["another text", "another folder", "an entry of a script"])
def test_where_other_processes_would_not_find_the_same_entries_a_study_is_played_here(change, used, monkeypatch):
    if change == "another text":
        used.write_text(SLOW + "# more")
    elif change == "another folder":
        monkeypatch.chdir(ROOT)
    else:
        policies.add("mine")(object)
    try:
        with pytest.raises(LookupError):
            FILES_IN_USE()
        monkeypatch.setattr(registry, "files_in_use", FILES_IN_USE)
        sent = Sent()
        STUDIES["compare"](sent)
        assert sent.calls == []
    finally:
        policies.remove("mine")


# --- processes ---


def ask(executor, *calls):
    """Let an executor play calls; return the answers."""
    with Runner(executor) as playing:
        assert playing.expect(len(calls) + 1, 1, [])
        return playing.answers("calls", calls)


def test_a_warning_is_given_here(processes):
    with pytest.warns(UserWarning, match="^odd$"):
        ask(processes, (exec, "import warnings; warnings.warn('odd')"))


def test_silence_is_told_while_it_lasts(processes):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        processes.submit(exec, "from parsim.entries import patience; patience._tellers[-1]('policy mine')").result()
        end = time.monotonic() + PATIENCE
        while not told and time.monotonic() < end:
            time.sleep(0.01)
    assert [(one.category, str(one.message)) for one in told] == [(Silence, "policy mine")]


def test_it_is_seen_how_far_runs_are(processes):
    half = "from parsim.core.progress import *\nimport time\nwith under_way('tasks', 4, lambda: 2): time.sleep(0.6)"
    runs = [processes.submit(exec, half) for _ in range(2)]
    end = time.monotonic() + PATIENCE
    while processes.begun() != 1.0:  # twice half a run
        assert time.monotonic() < end
    assert [run.result() for run in runs] == [None, None]


def test_an_answer_that_cannot_be_sent_is_found_here(processes):
    (answer,) = ask(processes, (eval, "lambda: 7"))
    assert answer() == 7


def test_an_error_of_a_run_is_raised_and_a_fault_of_the_code_too(processes):
    with pytest.raises(parsim.RunError, match="mine"):
        ask(processes, (exec, "import parsim; raise parsim.RunError('mine')"))
    with pytest.raises(ZeroDivisionError):
        ask(processes, (eval, "1 / 0"))


def test_what_a_worker_that_dies_had_to_play_is_played_here():
    dies = "import multiprocessing, os\nif multiprocessing.parent_process(): os._exit(3)"
    two = ProcessPool(2)
    assert ask(two, (eval, "1"), (exec, dies), (eval, "2")) == [1, None, 2]
    two.shutdown()


def test_the_current_folder_is_that_of_the_study(processes, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.stg").write_text("2\n0 0 0\n1 4 1 0\n2 3 1 1\n3 0 1 2\n")
    scenario = {"cluster": {"devices": 2}, "workload": {"kind": "stg", "file": "a.stg"}}
    found = parsim.compare(scenario, set={"policy": ["fifo", "lpt"]}, executor=processes)
    assert [one.makespans for one in found.variants] == [[7.0], [7.0]]


# --- commands and scripts ---

SLOW = """
import os
import time

from parsim.policies import policies
from parsim.policies.fifo import Fifo


@policies.add("slow")
class Slow(Fifo):
    def prepare(self, graph, workers, estimate):
        super().prepare(graph, workers, estimate)
        try:
            os.close(os.open("one has ended", os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            open("waiting", "w").close()
            time.sleep(120)
"""
LONG = "from parsim.study import runner; runner.LONG_S = 0.0; runner.cores = lambda: 2; "
SLOWLY = [
    *(sys.executable, "-c", f"{LONG}from parsim.cli import main; main()"),
    *("compare", "a.yaml", "--with", "slow.py", "--set", "policy=fifo,slow", "--seeds", "3", "--json"),
]


@pytest.fixture
def waiting(tmp_path, monkeypatch):
    """Start a comparison whose second policy waits with all seeds but one; return the process once it does."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "slow.py").write_text(SLOW)
    (tmp_path / "a.yaml").write_text(json.dumps(LAYERED))
    running = subprocess.Popen(
        [*SLOWLY, "--out", "out"], start_new_session=True, stdin=subprocess.DEVNULL, stdout=-1, stderr=-1, text=True
    )
    until(lambda: os.path.exists("waiting") and (tmp_path / "one has ended").exists())
    yield running
    until(lambda: not alive(running.pid))


def until(true):
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def alive(group):
    """Say whether any process of a group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(("send", "sign"), [(os.kill, signal.SIGTERM), (os.killpg, signal.SIGINT)])
def test_an_interruption_keeps_what_had_ended_and_leaves_no_process(waiting, send, sign):
    time.sleep(0.5)  # the seed that does not wait has ended
    send(waiting.pid, sign)
    out, err = waiting.communicate(timeout=PATIENCE)
    found = json.loads(out)
    assert (waiting.returncode, found["interrupted"], len(found["seeds"])) == (1, True, 1)
    assert err == "parsim: interrupted; not every seed was played\n"
    assert os.path.exists("out/comparison.json")


def test_no_process_outlives_one_that_is_killed(waiting):
    waiting.kill()
    waiting.communicate(timeout=PATIENCE)  # and `waiting` sees that none is left


def test_a_script_needs_no_guard_and_its_own_policies_are_played(tmp_path):
    (tmp_path / "script.py").write_text(
        f"""{LONG}
import parsim

print("once", __name__)
scenario = {LAYERED!r}
found = parsim.compare(scenario, set={{"policy": ["fifo", "lpt"]}}, seeds=3)

from parsim.policies import policies
from parsim.policies.fifo import Fifo

@policies.add("mine")
class Mine(Fifo):
    pass

own = parsim.compare(scenario, set={{"policy": ["fifo", "mine"]}}, seeds=3)
assert own.variants[0].makespans == own.variants[1].makespans == found.variants[0].makespans
"""
    )
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE)
    assert (done.returncode, done.stdout, done.stderr) == (0, "once __main__\n", "")


def test_a_file_from_outside_is_used_by_every_process(tmp_path):
    (tmp_path / "slow.py").write_text(SLOW.replace("time.sleep(120)", "raise ValueError('two')"))
    (tmp_path / "a.yaml").write_text(json.dumps(LAYERED))
    done = subprocess.run(SLOWLY, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE)
    reasons = [failure["reason"] for failure in json.loads(done.stdout)["variants"][1]["failures"]]
    assert reasons == ["policy slow (slow.py:17) raised ValueError in prepare: two"] * 2
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
