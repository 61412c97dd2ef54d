"""Who ended on a worker at a moment, against the definition."""

from types import SimpleNamespace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from parsim.sim.waits import UNKNOWN, ended_on

TASKS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.integers(0, 2)), max_size=12)  # worker, start, s
ASKED = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 7)), max_size=12)  # worker, moment


@given(TASKS, ASKED)
def test_the_task_of_highest_number_that_ended_then_and_had_begun_before(tasks, asked):
    worker, start, length = np.array(tasks, dtype=np.int64).reshape(-1, 3).T
    end = (start + length).astype(float)
    who, when = np.array(asked, dtype=np.int64).reshape(-1, 2).T
    record = SimpleNamespace(worker=worker, start_s=start.astype(float), end_s=end)
    # Of several that end then the one of highest number counts, and nothing does if it took no time.
    last = [
        max((task for task in range(len(tasks)) if worker[task] == one and end[task] == moment), default=UNKNOWN)
        for one, moment in asked
    ]
    wanted = [task if task != UNKNOWN and start[task] < end[task] else UNKNOWN for task in last]
    assert ended_on(record, who, when.astype(float)).tolist() == wanted
