"""The command line: compare, explain, scaling, splits, and files of one's own by --with.

What they find is in test_compare.py, test_explain.py, test_scaling.py, test_splits.py; here is what the options do.
"""

import json
import os
import pty
import re
import subprocess
import sys

import pytest
from commands import FIRST, ROOT, SIXTH, process

from parsim.core import progress

FOURTH, FIFTH = ROOT / "scenarios/04_quantisation.yaml", ROOT / "scenarios/05_heft_ten_tasks.yaml"

NEWEST = '''\
"""Newest: the task that became ready last."""

from parsim.policies import policies


@policies.add("newest_of_all")
class Newest:
    """Take tasks in the opposite order of becoming ready."""

    def prepare(self, graph, workers, estimate):
        self._able = [set(workers[place]) for place in graph.place.tolist()]
        self._ready = []

    def home(self, task):
        return None

    def ready(self, task, by):
        self._ready.append(task)

    def take(self, worker, fits):
        task = next((t for t in reversed(self._ready) if worker in self._able[t] and fits(t)), None)
        if task is not None:
            self._ready.remove(task)
        return task
'''
TRIPLE = '''\
"""Triple.

3 x
"""

from parsim.kernels import kernels


@kernels.add("triple_of_mine")
def triple(value: float) -> float:
    """Return 3 *value*."""
    return 3 * value
'''


pytestmark = pytest.mark.usefixtures("sketches")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Work in a folder of one's own, and leave the shelves as they were."""
    from parsim.entries.registry import SHELVES, shelf

    stocks = [(shelf(name), shelf(name).stock()) for name in SHELVES]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "newest.py").write_text(NEWEST)
    (tmp_path / "triple.py").write_text(TRIPLE)
    yield tmp_path
    for one, stock in stocks:
        one.restock(stock)


def lines(err):
    assert "Traceback" not in err
    found = [re.fullmatch(r"(.+?):(\d+):(\d+): (\S+?): (.+)", line) for line in err.splitlines()]
    assert all(found), err
    return [(m[1], m[4]) for m in found]


def refused(command, here, *arguments):
    before = sorted(os.listdir(here))
    code, out, err = command(*arguments)
    assert (code, out) == (2, "")
    assert sorted(os.listdir(here)) == before
    return lines(err)


# --- what all of them have in common ---

ASKED = [
    (("compare", FIFTH, "--set", "policy=fifo,heft"), "comparison", "80 s"),
    (("explain", FIFTH), "explanation", "Critical path"),
    (("scaling", FOURTH, "--workers", "1,2"), "scaling", "speed-up"),
    (("splits", FIRST, "--over", "count"), "splits", "data"),
]
IDS = [asked[0][0] for asked in ASKED]


@pytest.mark.parametrize(("arguments", "name", "piece"), ASKED, ids=IDS)
def test_it_is_told_to_people_or_as_json_or_not_at_all(command, here, arguments, name, piece):
    code, out, err = command(*arguments)
    assert (code, err) == (0, "")
    assert piece in out
    assert out.endswith("\n")
    code, out, err = command(*arguments, "--json", "--out", here / "out")
    assert (code, err) == (0, "")
    assert out.count("\n") == 1
    assert json.loads((here / "out" / f"{name}.json").read_text()) == json.loads(out)
    pictures = sorted(file.suffix for file in (here / "out").iterdir() if file.suffix != ".json")
    assert pictures == [".png", ".svg"]
    assert command(*arguments, "--quiet") == (0, "", "")


@pytest.mark.parametrize(("arguments", "name", "piece"), ASKED, ids=IDS)
def test_a_folder_where_a_file_has_to_go_is_found_before_the_clock(command, here, arguments, name, piece):
    assert command(*arguments, "--quiet", "--out", here / "out")[0] == 0
    for file in sorted(os.listdir(here / "out")):
        folder = here / f"blocked by {file}"
        (folder / file).mkdir(parents=True)
        assert refused(command, here, *arguments, "--out", folder) == [("--out", "out")]
        assert os.listdir(folder) == [file]


@pytest.mark.parametrize(("arguments", "name", "piece"), ASKED, ids=IDS)
def test_all_that_is_wrong_is_told_at_once(command, here, arguments, name, piece):
    wrong = ("--seed", "-1", "--set", "oops", "--out", "newest.py", "--with", "nowhere.py")
    assert refused(command, here, *arguments, *wrong) == [
        ("nowhere.py", "with"), ("--set", "oops"), ("--seed", "seed"), ("--out", "out")
    ]  # fmt: skip
    found = refused(command, here, *arguments, "--set", "clock=simulatd", "--set", "cost=gues", "--out", "newest.py")
    assert found[0] == ("--out", "out")
    assert set(found[1:]) == {("--set", "clock"), ("--set", "cost")}


@pytest.mark.parametrize(("arguments", "name", "piece"), ASKED, ids=IDS)
def test_a_scenario_that_is_not_there(command, here, arguments, name, piece):
    assert refused(command, here, arguments[0], "nowhere.yaml", *arguments[2:])[0] == ("nowhere.yaml", "SCENARIO")


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (("compare", FIFTH, "--set", "policy=fifo,heft", "--seeds", "0"), ("--seeds", "seeds")),
        (("compare", FIFTH, "--set", "policy=fifo,heft", "--seeds", "many"), ("--seeds", "seeds")),
        (("compare", FIFTH, "--set", "policy=fifo,heft", "--seeds", "10001"), ("--seeds", "seeds")),
        (("scaling", FOURTH, "--workers", "1,x"), ("--workers", "workers")),
        (("scaling", FOURTH, "--workers", ""), ("--workers", "workers")),
        (("scaling", FOURTH, "--workers", "0"), ("--workers", "workers")),
        (("splits", FIRST, "--over", "bandwith"), ("--over", "over")),
        (("splits", FIRST, "--over", ""), ("--over", "over")),
    ],
    ids=lambda value: " ".join(map(str, value[-2:])),
)
def test_options_of_their_own(command, here, arguments, fault):
    assert refused(command, here, *arguments) == [fault]
    assert refused(command, here, *arguments, "--seed", "x") == [fault, ("--seed", "seed")]


# --- compare ---


def test_scenarios_are_compared(command, here):
    for name, policy in (("one", "fifo"), ("two", "heft")):
        (here / f"{name}.yaml").write_text(FIFTH.read_text().replace("policy: heft", f"policy: {policy}"))
    code, out, _ = command("compare", "one.yaml", "two.yaml", "--json")
    found = json.loads(out)
    assert code == 0
    # 80 s is HEFT's own figure in its paper; fifo's is that of scenario 05 with --set policy=fifo.
    fifo = json.loads(command("run", "one.yaml", "--json")[1])["makespan_s"]
    assert [(one["label"], one["makespan_s"]) for one in found["variants"]] == [("one", fifo), ("two", 80.0)]


def test_the_luck_of_seeds_is_that_of_runs(command):
    noisy = ("--set", "cost={kind: noisy, spread: 0.5}")
    options = ("--set", "policy=fifo,heft", *noisy, "--seeds", "3", "--seed", "7", "--json")
    found = json.loads(command("compare", FIFTH, *options)[1])
    assert found["seeds"] == [7, 8, 9]
    for variant, policy in zip(found["variants"], ("fifo", "heft"), strict=True):
        runs = [
            json.loads(command("run", FIFTH, *noisy, "--set", f"policy={policy}", "--seed", seed, "--json")[1])
            for seed in (7, 8, 9)
        ]
        assert variant["makespans_s"] == [run["makespan_s"] for run in runs]


def test_a_variant_that_fails_is_exit_code_1(command, here):
    # As in test_cli.py: b needs 5 B beside the 6 B that a leaves behind; with 11 B there is room.
    (here / "tight.yaml").write_text(
        "cluster: {devices: 1, device: {memory: 10 B}}\n"
        "workload: {kind: tasks, tasks: [{name: a, compute: 1 s, output: 6 B},"
        " {name: b, compute: 1 s, memory: 5 B, after: [a]}]}\n"
    )
    code, out, err = command("compare", "tight.yaml", "--set", "cluster.device.memory=10 B,11 B", "--json")
    assert code == 1
    assert [one["makespan_s"] for one in json.loads(out)["variants"]] == [None, 2.0]
    assert err.startswith("parsim: ")
    assert "stalled at 1 s" in err


def test_compare_wants_a_scenario(command, here):
    assert refused(command, here, "compare") == [("SCENARIO", "SCENARIO")]
    ((_, path),) = refused(command, here, "compare", FIFTH)
    assert path == "SCENARIO"


def test_a_terminal_sees_how_far_it_is(here):
    ours, theirs = pty.openpty()
    arguments = ["compare", str(FIFTH), "--set", "policy=fifo,heft", "--seeds", "30", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "parsim", *arguments], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=theirs, env={**os.environ, "TERM": "xterm", "COLUMNS": "200"},
    )  # fmt: skip
    os.close(theirs)
    shown = os.read(ours, 100_000)
    os.close(ours)
    assert done.returncode == 0
    assert json.loads(done.stdout)["seeds"] == [*range(30)]
    assert re.search(rb": \d+ of 60 runs", shown)


def test_a_pipe_and_quiet_hear_nothing_of_it(here):
    arguments = [sys.executable, "-m", "parsim", "compare", str(FIFTH), "--set", "policy=fifo,heft"]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    ours, theirs = pty.openpty()
    done = subprocess.run([*arguments, "--quiet"], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs)
    os.close(theirs)
    with pytest.raises(OSError, match="Input/output error"):  # nothing was written
        os.read(ours, 1)
    os.close(ours)
    assert done.returncode == 0


LASTING = {
    "run": (["run", FIFTH, "--out", "out"], {"tasks", "files"}),
    "live": (["run", FIRST, "--set", "clock=live"], {"tasks"}),
    "replay": (["replay", FIRST, "--repeat", "2"], {"tasks", "replays"}),
    "calibrate": (["calibrate", FIRST, "--repeat", "1", "--out", "p.json"], {"rounds"}),
    "compare": (["compare", FIFTH, "--set", "policy=fifo,heft"], {"tasks", "runs"}),
    "explain": (["explain", FIFTH], {"tasks", "runs"}),
    "scaling": (["scaling", FOURTH, "--workers", "1,2"], {"tasks", "runs"}),
    "splits": (["splits", FIRST, "--over", "count"], {"tasks", "variables"}),
    "plot": (["plot", FIFTH, "--kind", "gantt,memory", "--out", "."], {"tasks", "pictures", "files"}),
}


@pytest.mark.parametrize("name", LASTING)
def test_every_command_that_lasts_says_how_far_it_is(name, here, command, monkeypatch):
    """What is under way is noted for whoever shows it, and is all done at its end."""
    arguments, expected = LASTING[name]
    ended = {}

    class Noted(list):
        def remove(self, part):
            super().remove(part)
            ended[part.what] = (part.done(), part.total)

    monkeypatch.setattr(progress, "_parts", Noted())
    assert command(*arguments, "--quiet")[0] == 0
    assert ended.keys() >= expected
    assert {what: done for what, (done, total) in ended.items() if done != total} == {}
    assert progress.parts() == []


# --- scaling, splits ---


def test_workers_are_those_asked_for(command):
    found = json.loads(command("scaling", FOURTH, "--workers", "5, 2", "--json")[1])
    # Ten tasks of 1 s: ten rounds, five, two.
    assert [(point["p"], point["makespan_s"]) for point in found["points"]] == [(1, 10.0), (2, 5.0), (5, 2.0)]


def test_splits_are_held_against_each_other_over_what_was_asked_for(command):
    for words in ("bandwidth,item", "cluster.topology.bandwidth, workload.item"):
        code, out, _ = command("splits", FIRST, "--over", words, "--json")
        assert code == 0
        found = json.loads(out)
        assert len(found["sweeps"]) == 2
        assert set(found["here"]) >= {"cluster.topology.bandwidth", "workload.item"}


def test_a_pipeline_is_no_scenario_for_them(command, here):
    assert refused(command, here, "scaling", SIXTH) == [(str(SIXTH), "workload")]
    assert (str(SIXTH), "workload.kind") in refused(command, here, "splits", SIXTH)


# --- --with ---


WITH = [
    ("run", FIFTH),
    ("validate", FIFTH),
    ("compare", FIFTH, "--set", "cluster.devices=[p1, p2, p3]"),
    ("explain", FIFTH),
    ("scaling", FIFTH, "--workers", "1,2"),
]


@pytest.mark.parametrize("arguments", WITH, ids=lambda words: words[0])
def test_a_policy_of_ones_own_is_played(command, here, arguments):
    policy = "policy=fifo,newest_of_all" if arguments[0] == "compare" else "policy=newest_of_all"
    code, out, err = command(*arguments, "--with", "newest.py", "--set", policy, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)
    assert command("run", FIFTH, "--with", "newest.py", "--quiet")[0] == 0


def test_a_policy_of_ones_own_is_explained_beside_all_others(command):
    found = json.loads(command("explain", FIFTH, "--with", "newest.py", "--json")[1])
    assert "newest_of_all" in found["others"]["makespan_s"]


def test_a_picture_of_a_run_with_a_file_wants_the_file(command, here):
    options = ("--with", "newest.py", "--set", "policy=newest_of_all", "--out", "out", "--quiet")
    assert command("run", FIFTH, *options) == (0, "", "")
    assert command("plot", "out", "--quiet") == (0, "", "")
    assert command("plot", "out", "--kind", "memory", "--with", "newest.py", "--quiet") == (0, "", "")
    fresh = process("plot", here / "out", "--kind", "memory")
    assert fresh.returncode == 2
    assert f"{here / 'out' / 'scenario.json'}:0:0: policy: unknown name 'newest_of_all'" in fresh.stderr


def test_a_kernel_of_ones_own_is_replayed_in_worker_processes(here, command):
    options = ("--with", here / "triple.py", "--set", "workload.kernel=triple_of_mine", "--set", "cost.compute=1 ms")
    code, out, err = command("replay", FIRST, *options, "--json")
    assert code == 0, err
    found = json.loads(out)
    # 3 x (1 + 2 + 3 + 4 + 5), in this process and in the workers
    assert [found[part]["result"] for part in ("predicted", "measured")] == [45, 45]
    assert found["result_matches_serial"] is True


def test_a_kernel_that_fails_in_a_worker_is_told_of_its_file(here, command):
    (here / "broken.py").write_text(
        TRIPLE.replace("return 3 * value", 'raise KeyError("mine")').replace("triple_", "broken_")
    )
    options = ("--with", here / "broken.py", "--set", "workload.kernel=broken_of_mine", "--set", "cost.compute=1 ms")
    code, out, err = command("replay", FIRST, *options)
    assert (code, out) == (1, "")
    assert "Traceback" not in err
    assert re.search(r"broken\.py:12\b.*KeyError", err)


def test_several_files_are_used(command):
    files = ("--with", "newest.py", "--with", "triple.py")
    options = ("--set", "policy=newest_of_all", "--set", "workload.kernel=triple_of_mine", "--json")
    assert json.loads(command("run", FIRST, *files, *options)[1])["result"] == 45


def test_what_is_wrong_with_files_joins_all_else(command, here):
    (here / "syntax.py").write_text("x = (\n")
    (here / "raises.py").write_text("\n\n1 / 0\n")
    (here / "nothing.py").write_text("x = 1\n")
    files = [word for name in ("syntax", "raises", "nothing") for word in ("--with", f"{name}.py")]
    found = refused(command, here, "run", FIFTH, *files, "--seed", "x", "--set", "policy=mine", "--out", "newest.py")
    assert [file for file, _ in found] == ["syntax.py", "raises.py", "nothing.py", "--seed", "--out"]
    for rest in (("list",), ("schema",), ("schedule", "1f1b", "--ranks", "2", "--microbatches", "2")):
        assert [file for file, _ in refused(command, here, *rest, *files)] == ["syntax.py", "raises.py", "nothing.py"]
    found = refused(command, here, "schedule", "mine", "--ranks", "0", "--microbatches", "2", "--with", "syntax.py")
    assert [file for file, _ in found] == ["syntax.py", "--ranks"]


def test_schema_and_list_know_files_of_ones_own(command):
    schema = command("schema", "--with", "newest.py")[1]
    assert "newest_of_all" in schema
    rows = json.loads(command("list", "policies", "--with", "newest.py", "--json")[1])["policies"]["entries"]
    (mine,) = [row for row in rows if row["name"] == "newest_of_all"]
    assert mine["file"] == "newest.py"
    assert mine["does"] == "Take tasks in the opposite order of becoming ready."


def test_a_schedule_of_ones_own_is_printed(command, here):
    (here / "mine.py").write_text(
        "from parsim.core.op import Op\nfrom parsim.schedules import schedules\n\n\n"
        '@schedules.add("mine_alone")\ndef mine(ranks: int, microbatches: int, chunks: int = 1):\n'
        '    """Order one microbatch after the other."""\n'
        "    return [[Op.parse(f'{r}{o}{i}') for i in range(microbatches) for o in 'FB'] for r in range(ranks)]\n"
    )
    code, out, err = command("schedule", "mine_alone", "--ranks", "2", "--microbatches", "2", "--with", "mine.py")
    assert (code, out, err) == (0, "0F0 0B0 0F1 0B1\n1F0 1B0 1F1 1B1\n", "")
