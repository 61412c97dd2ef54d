"""Longest paths against plain recursion, in waves and task by task."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsim.core import paths


@st.composite
def graphs(draw):
    """Parent, child, lag, own and earliest of up to nine tasks; edges may go round in circles."""
    tasks = draw(st.integers(1, 9))
    task = st.integers(0, tasks - 1)
    edges = draw(st.lists(st.tuples(task, task, st.integers(0, 5)), max_size=14))
    columns = [np.array(column, np.int64) for column in zip(*edges, strict=True)] or [np.empty(0, np.int64)] * 3
    times = st.lists(st.integers(0, 9), min_size=tasks, max_size=tasks)
    return [*columns, np.array(draw(times)), np.array(draw(times))]


def by_recursion(parent, child, lag, own, earliest):
    """Follow every path backwards; a task that comes back to itself never starts."""

    def start(task, behind):
        if task in behind:
            return None
        found = earliest[task]
        for edge in np.flatnonzero(child == task):
            before = start(parent[edge], behind | {task})
            if before is None:
                return None
            found = max(found, before + own[parent[edge]] + lag[edge])
        return found

    starts = [start(task, frozenset()) for task in range(len(own))]
    return [paths.NEVER if found is None else found for found in starts]


@pytest.mark.parametrize("grace", [0, 2, paths.GRACE])
@given(graph=graphs())
def test_starts_are_those_of_the_longest_path(grace, graph):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(paths, "GRACE", grace)
        assert paths.longest_paths(*graph).tolist() == by_recursion(*graph)
