"""Commands that end early: what the live clock keeps, what signals do, and streams that are closed or full."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest
from commands import FIRST, ROOT

import parsim
from parsim.build import build
from parsim.metrics.ledger import ledger
from parsim.run import run
from parsim.scenario.scenario import load
from parsim.sim.cut import Cut

PATIENCE = 60  # s
KERNEL = '''
"""A kernel that waits long for a 5, once all others are computed."""

import time
from pathlib import Path

from parsim.kernels import kernels


@kernels.add("waits")
def waits(value):
    if value == 5:
        Path("waiting").touch()
        time.sleep(120)
    return value
'''
STOPS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
ITEMS = {"kind": "items", "data": [1, 2, 3, 4, 5], "kernel": "double", "merge": "sum", "item": "8 kB", "result": "8 B"}
WAITING = ["live.yaml", "--with", "kernel.py", "--set", "workload.kernel=waits"]


def scenario(**more):
    return {
        "cluster": {"devices": 2, "topology": {"kind": "star", "bandwidth": "1 GB/s", "latency": "1 us"}},
        "workload": ITEMS,
        "plan": {"split": "layers", "steps": {"split": "1 us", "merge": "1 us"}},
        "cost": {"kind": "constant", "compute": "1 ms"},
        "clock": "live",
    } | more


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kernel.py").write_text(KERNEL)
    (tmp_path / "live.yaml").write_text(json.dumps(scenario()))
    return tmp_path


def started(*arguments, hangup=signal.SIG_DFL):
    """Start the command."""
    script = f"import signal; signal.signal(signal.SIGHUP, {int(hangup)}); from parsim.cli import main; main()"
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(command, start_new_session=True, stdout=-1, stderr=-1, text=True)


def wait_for_the_kernel():
    end = time.monotonic() + PATIENCE
    while not os.path.exists("waiting"):
        assert time.monotonic() < end
        time.sleep(0.05)


def stopped(command, sign):
    """Wait until the kernel waits, send a signal; return exit code, standard output and standard error."""
    wait_for_the_kernel()
    os.kill(command.pid, sign)
    out, err = command.communicate(timeout=PATIENCE)
    return command.returncode, out, err


@pytest.mark.usefixtures("sketches")
@pytest.mark.parametrize("sign", STOPS, ids=lambda sign: sign.name)
def test_a_run_on_the_live_clock_keeps_what_has_ended(here, command, sign):
    parsim.simulate("live.yaml", set={"workload.data": [1, 2]}).save("out")  # what an earlier run left
    code, out, err = stopped(started("run", *WAITING, "--out", "out", "--json"), sign)
    assert (code, out) == (1, "")
    assert re.fullmatch(r"parsim: interrupted while w[01] had task element4; [234] of 5 tasks had ended\n", err)
    assert not (here / "out" / "result.json").exists()
    with open("out/timeline.csv", newline="") as lines:
        rows = list(csv.DictReader(lines))
    computed = [row["task"] for row in rows if row["kind"] == "compute"]
    assert len(computed) == int(err.split("; ")[1].split()[0])
    assert "element4" not in computed
    code, _, err = command("ledger", "out/timeline.csv")
    assert (code, err) == (0, "")


def test_without_out_nothing_is_written(here):
    code, out, err = stopped(started("run", *WAITING), signal.SIGTERM)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert sorted(os.listdir(here)) == ["kernel.py", "live.yaml", "waiting"]


@pytest.mark.parametrize("sign", STOPS, ids=lambda sign: sign.name)
def test_a_simulated_run_that_is_interrupted_says_so(here, sign):
    code, out, err = stopped(started("run", *WAITING, "--set", "clock=simulated", "--out", "out"), sign)
    assert (code, out, err.strip()) == (1, "", "parsim: interrupted")
    assert not (here / "out").exists()


def test_what_the_caller_ignores_stays_ignored(here):
    """As under nohup."""
    command = started("run", *WAITING, hangup=signal.SIG_IGN)
    wait_for_the_kernel()
    os.kill(command.pid, signal.SIGHUP)
    time.sleep(0.3)
    assert command.poll() is None
    code, _, err = stopped(command, signal.SIGTERM)
    assert (code, "interrupted while" in err) == (1, True)


# -- in this process


TASKS = {"layers": 5, "chain": 10, "data": 2}


@pytest.mark.parametrize(
    ("split", "stop"), [(split, stop) for split, tasks in TASKS.items() for stop in range(1, tasks + 1)]
)
def test_what_is_kept_is_a_whole_timeline(monkeypatch, split, stop):
    """Interrupted in each of its tasks: spans that had ended, idleness between them, and a ledger that adds up."""
    job = build(load(scenario(plan={"split": split} | ({"depth": 2} if split == "chain" else {}))))
    program, calls = job.graph.program, []

    def compute(self, task, received):
        calls.append(task)
        if len(calls) == stop:
            raise KeyboardInterrupt
        return plain(self, task, received)

    plain = type(program).compute
    monkeypatch.setattr(type(program), "compute", compute)
    with pytest.raises(Cut) as interrupted:
        run(job)
    timeline = interrupted.value.timeline
    names = {job.graph.names[task] for task in calls[:-1]}
    assert {*timeline.task[timeline.computes]} <= names
    assert job.graph.names[calls[-1]] in str(interrupted.value)
    assert not len(timeline.task) or timeline.end_s.max() == timeline.makespan_s
    terms = ledger(timeline, job.cluster.stands_for, 0.0)
    spent = terms.busy_nominal_s + terms.idle_s + terms.contention_s - terms.hidden_s
    assert spent == pytest.approx(terms.makespan_s, rel=1e-9, abs=1e-15)


def test_in_python_it_is_unfinished(monkeypatch):
    def stop(self, task, received):
        raise KeyboardInterrupt

    monkeypatch.setattr("parsim.core.items.Elements.compute", stop)
    with pytest.raises(parsim.Unfinished, match=r"^interrupted while w0 had task element0; 0 of 5 tasks had ended$"):
        parsim.simulate(scenario())
    with pytest.raises(KeyboardInterrupt):
        parsim.explain(scenario())


# -- standard streams

PARSIM = f"{sys.executable} -m parsim"
RUN = f"{PARSIM} run {FIRST}"
NOBODY = "parsim: standard output is closed, so the answer cannot be printed; use --out DIR or --quiet\n"
LOST = "parsim: standard output: it is closed, so the answer is lost\n"
FULL = "parsim: standard output: No space left on device\n"


@pytest.mark.parametrize(
    ("line", "code", "told"),
    [
        (f"{RUN} --json >&-", 1, NOBODY),
        (f"{RUN} --json --out {{}} >&-", 1, LOST),
        (f"{RUN} --json > /dev/full", 1, FULL),
        (f"{RUN} > /dev/full", 1, FULL),
        (f"{RUN} --quiet --out {{}} >&-", 0, ""),
        (f"{RUN} --json 2>&- > /dev/null", 0, ""),
        (f"{RUN} --quiet 0<&- 2>&- >&-", 0, ""),
        (f"{PARSIM} run nothing 2>&-", 2, ""),
        (f"{PARSIM} --help >&-", 1, LOST),
        (f"{PARSIM} list > /dev/full", 1, FULL),
        (f"{PARSIM} replay {FIRST} --quiet 0<&- 2>&- >&-", 0, ""),
    ],
)
def test_streams_that_are_closed_or_full(tmp_path, line, code, told):
    out = tmp_path / "out"
    done = subprocess.run(line.format(out), shell=True, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (code, told)
    if "{}" in line:
        assert json.loads((out / "result.json").read_text())["makespan_s"] == 3.3
        assert "parsim" not in (out / "timeline.csv").read_text()  # nothing printed has got into a file
