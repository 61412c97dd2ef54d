"""The scenarios that come with parsim, each played once in a process of the tests: nobody changes a result."""

from functools import cache

from commands import ROOT

import parsim


@cache
def played(name):
    """Return the result of a scenario of the folder `scenarios/`, by the name of its file without `.yaml`."""
    return parsim.simulate(ROOT / "scenarios" / f"{name}.yaml")
