"""What the tests of sweeps share: spaces whose rows leave marks, real processes, and a look into their store."""

import json
import sqlite3
import subprocess
import sys
import time

from commands import ROOT

MARKING = ROOT / "tests/marking.py"
PATIENCE = 120  # s
SMALL = {
    "cluster": {"devices": {"in": [1, 2]}},
    "workload": {"kind": "items", "count": {"from": 1, "to": 5, "step": 1}},
    "plan": {"split": "data"},
    "cost": {"kind": "constant", "compute": "1 s"},
}


def text(count, **policy):
    """Return a space of so many rows, which leave marks."""
    number = {"from": 1, "to": count, "step": 1}
    return json.dumps(
        {
            "cluster": {"devices": 2},
            "workload": {"kind": "items", "count": 5},
            "plan": {"split": "data"},
            "cost": {"kind": "constant", "compute": "1 s"},
            "policy": {"kind": "marking", "number": number, **policy},
        }
    )


def started(file, *options, before=(sys.executable, "-m"), **more):
    """Start a sweep as people do."""
    arguments = [*before, "parsim", "sweep", file, "--with", MARKING, "--json", *options]
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([*map(str, arguments)], cwd=file.parent, **pipes, **more)


def ended(process):
    """Return the exit code, standard output and standard error of a process."""
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out, err


def stored(file, status="done"):
    """Return the rows with a status in a store, which another process may be writing."""
    if not file.exists():
        return set()
    base = sqlite3.connect(file)
    try:
        return {row for (row,) in base.execute("SELECT row FROM runs WHERE status = ?", (status,))}
    except sqlite3.OperationalError:  # the tables are being made
        return set()
    finally:
        base.close()


def until(true):
    """Wait until a condition holds."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < PATIENCE
        time.sleep(0.005)


def times(marks):
    """Return how often each row was begun."""
    return {int(mark.name) - 1: mark.read_text().count("\n") for mark in marks.iterdir()}


def players(marks):
    """Return the processes that have begun rows."""
    return {int(word) for mark in marks.iterdir() for word in mark.read_text().split()}
