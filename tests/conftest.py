"""Fixtures of every test."""

import gc
import os
import signal
import sys
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # small products on many threads wait for each other
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # of the processes that tests start, the first compiles for all others

import pytest
from hypothesis import settings

from parsim import cli

# What tests import or give to `--with` is no test: to look for doctests would import it, and fill the shelves.
collect_ignore = [path.name for path in Path(__file__).parent.glob("*.py") if not path.name.startswith("test_")]

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts what runs in the background without it

SECOND = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 2

# How long an example takes tells of the machine.
settings.register_profile("parsim", deadline=None, max_examples=20)
settings.register_profile("thorough", deadline=None, max_examples=1000)
settings.load_profile("parsim")


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    """Let every second process collect backwards: in a fresh clone it finds compiled what others have come to."""
    report = yield
    if SECOND and isinstance(collector, pytest.Directory):
        report.result.reverse()
    return report


def pytest_collection_modifyitems(items):
    """Start the dear ones first: none of them is left to the end, when other processes have nothing to do."""
    items.sort(key=lambda item: (item.get_closest_marker("dear") is None, item.path))


def pytest_collection_finish():
    """Search seldom for cyclic garbage, and never among thousands of tests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@pytest.fixture
def sketches(monkeypatch):
    """Leave out what costs most of a picture, and is tried elsewhere: it is made, but never becomes bytes."""
    monkeypatch.setattr("parsim.plot.paper._bytes", lambda sheet, form: form.encode())


@pytest.fixture
def marks(tmp_path, monkeypatch):
    """The folder of the marks that rows of a sweep leave."""
    folder = tmp_path / "marks"
    folder.mkdir()
    monkeypatch.setenv("MARKS", str(folder))
    return folder


@pytest.fixture
def command(monkeypatch, capsys):
    """Call the command line in this process; return exit code, standard output and standard error."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["parsim", *map(str, arguments)])
        code = cli._main()
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call
