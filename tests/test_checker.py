"""The checker proves sound timelines and finds every corruption made on purpose, a sentence for each."""

from dataclasses import replace

import numpy as np
import pytest

import parsim
from parsim.core.cluster import Link
from parsim.core.timeline import Idle, Words
from parsim.core.tolerance import CLOSE
from parsim.metrics.checker import check
from parsim.metrics.link_checks import Crossings, overfull

# p  |a           |d     |       |      a's output goes to q (1 MB, 1 s) and stays on p for d
# q  |b    |e     |a>c   |c     |
#     0     1      2      3      4 merge 5
TASKS = {
    "cluster": {
        "devices": [{"name": "p", "memory": "10 MB"}, "q"],
        "topology": {"kind": "full", "bandwidth": "1 MB/s"},
    },
    "workload": {
        "kind": "tasks",
        "tasks": [
            {"name": "a", "compute": {"p": "2 s"}, "memory": "6 MB", "output": "2 MB"},
            {"name": "b", "compute": {"q": "1 s"}},
            {"name": "c", "compute": {"q": "1 s"}, "after": {"a": "1 MB"}},
            {"name": "d", "compute": {"p": "1 s"}, "after": {"a": "4 MB"}, "memory": "5 MB"},
            {"name": "e", "compute": "1 s"},
        ],
    },
    "plan": {"steps": {"merge": "1 s"}},
}
A, B, C, D, E = range(5)


# p.0 |a       |b   |      6 MB each in 10 MB: b waits for room
# p.1 |        |    |
ROOM = {
    "cluster": {"devices": [{"name": "p", "memory": "10 MB", "slots": 2}]},
    "workload": {"kind": "tasks", "tasks": [{"name": n, "compute": "1 s", "memory": "6 MB"} for n in "ab"]},
}

# Two flows of 1 MB halve a link of 1 MB/s: both last from 0 to 2.
WIRE = {
    "cluster": {
        "devices": ["h", "i", "j"],
        "topology": {
            "kind": "custom",
            "links": [{"name": "wire", "bandwidth": "1 MB/s"}],
            "routes": [{"from": "h", "to": "i", "over": ["wire"]}, {"from": "h", "to": "j", "over": ["wire"]}],
        },
    },
    "workload": {
        "kind": "transfers",
        "flows": [{"name": f"to_{to}", "from": "h", "to": to, "size": "1 MB"} for to in "ij"],
    },
}

# q takes b at 1 and pays the delay until 3.
DELAY = {
    "cluster": {"devices": ["p", "q"]},
    "workload": {
        "kind": "tasks",
        "tasks": [
            {"name": "a", "compute": {"p": "1 s"}},
            {"name": "b", "compute": {"q": "1 s"}, "after": {"a": "2 s"}},
        ],
    },
    "plan": {"steps": {"split": "1 s"}},
}

RUNS = {
    name: parsim.simulate(scenario)
    for name, scenario in (("tasks", TASKS), ("room", ROOM), ("wire", WIRE), ("delay", DELAY))
}


@pytest.mark.parametrize("name", RUNS)
def test_sound_timelines_are_proved(name):
    assert check(RUNS[name].job, RUNS[name].timeline) == []


def at(timeline, task):
    return int(np.flatnonzero(timeline.task == task)[0])


def moved(timeline, task, start, end):
    """Put a span elsewhere in time."""
    row = at(timeline, task)
    start_s, end_s = timeline.start_s.copy(), timeline.end_s.copy()
    start_s[row], end_s[row] = start, end
    return replace(timeline, start_s=start_s, end_s=end_s)


def put(timeline, name, task, value):
    """Change one number of a span; codes of words too."""
    column = getattr(timeline, name)
    codes = (column.code if isinstance(column, Words) else column).copy()
    codes[at(timeline, task)] = value
    return replace(timeline, **{name: Words(codes, column.table) if isinstance(column, Words) else codes})


def rows(timeline, chosen):
    """Keep the chosen rows, in their order."""
    columns = {}
    for name, column in vars(timeline).items():
        if isinstance(column, Words):
            columns[name] = Words(column.code[chosen], column.table)
        elif isinstance(column, np.ndarray) and name in NUMBERS:
            columns[name] = column[chosen]
    return type(timeline)(**columns, idle=timeline.idle)


NUMBERS = ("number", "ready_s", "start_s", "end_s", "nominal_s", "transfer")


def without(timeline, task):
    return rows(timeline, np.arange(len(timeline)) != at(timeline, task))


def twice(timeline, task):
    return rows(timeline, np.sort(np.append(np.arange(len(timeline)), at(timeline, task))))


def idle(timeline, index, **change):
    """Change an idle interval."""
    columns = {name: column.copy() for name, column in timeline.idle._asdict().items()}
    for name, value in change.items():
        columns[name][index] = value
    return replace(timeline, idle=Idle(**columns))


def awake(timeline, index):
    """Lose an idle interval."""
    return replace(timeline, idle=Idle(*(np.delete(column, index) for column in timeline.idle)))


Q = 1  # the worker's code
CORRUPTIONS = {
    "overlap": ("tasks", lambda t: moved(t, "e", 0.5, 1.5), "tasks b and e overlap on one lane of a worker"),
    "earlier than its parent": ("tasks", lambda t: moved(t, "d", 1, 2), "d started before the output of a"),
    "earlier than its input": ("tasks", lambda t: moved(t, "c", 2.5, 3.5), "c started before a>c had arrived"),
    "missing task": ("tasks", lambda t: without(t, "b"), "task b ran 0 times"),
    "doubled task": ("tasks", lambda t: twice(t, "b"), "task b ran 2 times"),
    "task that nobody knows": ("tasks", lambda t: put(t, "number", "b", 99), "a number that is not a task's"),
    "wrong worker": ("tasks", lambda t: put(t, "workers", "b", 0), "task b ran on p, where it must not run"),
    "too short": ("tasks", lambda t: moved(t, "b", 0, 0.5), "task b took 0.5 s, but its cost is 1 s"),
    "too long": ("tasks", lambda t: moved(t, "d", 2, 3.5), "task d took 1.5 s, but its cost is 1 s"),
    "wrong nominal": ("tasks", lambda t: put(t, "nominal_s", "b", 2), "task b has the nominal time 2 s"),
    "no time at all": ("tasks", lambda t: put(t, "start_s", "d", np.nan), "span d starts before time 0"),
    "before the clock": ("tasks", lambda t: moved(t, "b", -1, 0), "span b starts before time 0"),
    "backwards": ("tasks", lambda t: moved(t, "d", 3, 2), "span d ends before it starts"),
    "too fast a transfer": (
        "tasks",
        lambda t: moved(t, "a>c", 2.5, 3),
        "transfer a>c took less time than its route allows",
    ),
    "too early a transfer": ("tasks", lambda t: moved(t, "a>c", 1, 3), "a>c started before its parent had ended"),
    "a transfer's nominal": (
        "tasks",
        lambda t: put(t, "nominal_s", "a>c", 0.5),
        "a>c takes 1 s alone, but has the nominal time 0.5 s",
    ),
    "missing transfer": ("tasks", lambda t: without(t, "a>c"), "never took place"),
    "doubled transfer": ("tasks", lambda t: twice(t, "a>c"), "transfer a>c took place twice"),
    "needless transfer": ("tasks", lambda t: put(t, "transfer", "a>c", 1), "though it was not needed"),
    "another's transfer": (
        "tasks",
        lambda t: put(t, "workers", "a>c", 0),
        "the sum of the ledger differs from the makespan",
    ),
    "step too early": ("tasks", lambda t: moved(t, "merge", 3, 4), "step merge started before everything had arrived"),
    "missing step": ("tasks", lambda t: without(t, "merge"), "step merge should take 1 s, but has no span"),
    "idle stretched": ("tasks", lambda t: idle(t, 0, start_s=2.5), "p is marked idle at 2.5 s"),
    "idle too short": (
        "tasks",
        lambda t: idle(t, 0, end_s=3.5),
        "the sum of the ledger differs from the makespan by -0.25 s",
    ),
    "idle lost": ("tasks", lambda t: awake(t, 0), "the sum of the ledger differs from the makespan by -0.5 s"),
    "idle twice": ("tasks", lambda t: idle(t, 1, start_s=3), "p is marked idle at 3 s"),
    "another's idleness": ("tasks", lambda t: idle(t, 0, worker=Q), "q is marked idle at 3 s"),
    "no room": ("room", lambda t: put(moved(t, "b", 0, 1), "workers", "b", Q), "p held 12000000 B at 0 s"),
    "link too full": ("wire", lambda t: moved(moved(t, "to_i", 0, 1), "to_j", 0, 1), "link wire carried more than its"),
    "flow too early": ("wire", lambda t: moved(t, "to_i", -1, 2), "to_i started before its parent had ended"),
    "delay too short": ("delay", lambda t: moved(t, "a>b", 2, 3), "a>b does not end 2 s after its parent"),
    "delay not awaited": ("delay", lambda t: moved(t, "b", 3, 4), "b started before the output of a was there"),
    "before the steps": (
        "delay",
        lambda t: moved(t, "a", 0, 1),
        "before the steps split, create and allocate were over",
    ),
}


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_corruptions_are_found(name):
    run, corrupt, sentence = CORRUPTIONS[name]
    broken = check(RUNS[run].job, corrupt(RUNS[run].timeline))
    assert any(sentence in said for said in broken), broken


def test_the_timelines_are_those_drawn():
    spans = {(name, start, end) for _, name, _, _, _, _, start, end, _, _ in RUNS["tasks"].timeline.rows()}
    drawn = {("a", 0, 2), ("b", 0, 1), ("e", 1, 2), ("a>c", 2, 3), ("c", 3, 4), ("d", 2, 3), ("merge", 4, 5)}
    assert spans == drawn
    intervals = RUNS["tasks"].timeline.idle
    assert list(zip(intervals.worker, intervals.start_s, intervals.end_s, strict=True)) == [
        (0, 3, 4),
        (0, 4, 5),
        (1, 4, 5),
    ]


def test_luck_is_checked_too():
    noisy = parsim.simulate(TASKS | {"cost": {"kind": "noisy", "spread": 0.5}})
    assert check(noisy.job, noisy.timeline) == []
    assert any("its cost is" in said for said in check(noisy.job, RUNS["tasks"].timeline))


@pytest.mark.parametrize("seed", range(8))
def test_many_transfers_on_a_link_are_checked_window_by_window(seed):
    """The first busy period in which transfers that end by some moment have more bytes than the link can carry."""
    draw = np.random.default_rng(seed)
    joined = np.sort(draw.integers(0, 200, 80)).astype(float)
    end = joined + draw.integers(1, 4, 80)
    size = (end - joined) * draw.choice([0.2, 0.4, 0.9], 80) * (1 + seed % 2)
    on = Crossings(np.arange(80), joined, end, size, np.ones(80), np.full(80, np.inf), np.zeros(80))
    wrong = [
        joined[at]
        for at in range(80)
        if not at or joined[at] > end[:at].max()
        if any(size[at:][end[at:] <= last].sum() > 2 * (last - joined[at]) * (1 + CLOSE) for last in end[at:])
    ]
    assert [*overfull(on, Link("l", 2.0), 0.0)] == wrong[:1]
