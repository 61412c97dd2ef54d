"""Fixtures of every test."""

import gc
import os
import sys
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # small products on many threads wait for each other

import pytest
from hypothesis import settings

from parsim import cli

# What tests import or give to `--with` is no test: to look for doctests would import it, and fill the shelves.
collect_ignore = [path.name for path in Path(__file__).parent.glob("*.py") if not path.name.startswith("test_")]

# How long an example takes tells of the machine.
settings.register_profile("parsim", deadline=None, max_examples=20)
settings.register_profile("thorough", deadline=None, max_examples=1000)
settings.load_profile("parsim")


def pytest_collection_modifyitems(items):
    """Start the dear ones first: none of them is left to the end, when other processes have nothing to do."""
    items.sort(key=lambda item: item.get_closest_marker("dear") is None)


def pytest_collection_finish():
    """Let no search for cyclic garbage walk over thousands of tests again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def command(monkeypatch, capsys):
    """Call the command line in this process; return exit code, standard output and standard error."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["parsim", *map(str, arguments)])
        code = cli._main()
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call
