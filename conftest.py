"""Doctests of what needs mpi4py are skipped where it is missing; what a test adds to shelves is gone after it."""

import importlib.util
from collections.abc import Iterator

import pytest

collect_ignore_glob = [] if importlib.util.find_spec("mpi4py") else ["parsim/real/mpi/*"]


def _as_before() -> Iterator[None]:
    """Restore the entries of shelves, and the files in use."""
    from parsim.entries import registry

    shelves = [registry.shelf(name) for name in registry.SHELVES]
    stocks, used = [one.stock() for one in shelves], dict(registry._used)
    yield
    for one, stock in zip(shelves, stocks, strict=True):
        one.restock(stock)
    registry._used.clear()
    registry._used.update(used)


of_a_module = pytest.fixture(scope="module", autouse=True)(_as_before)
of_a_test = pytest.fixture(autouse=True)(_as_before)
