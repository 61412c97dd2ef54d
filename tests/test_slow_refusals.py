"""Wrong input of any size is refused soon: a large file is checked while it is read, and is not read to its end.

Each shape takes from 12 s to minutes where the whole file is read, or each fault is compared with all that is known.
"""

import time

import pytest
from commands import SCENARIOS
from hypothesis import given
from hypothesis import strategies as st

import parsim
from parsim.core.errors import Complaint
from parsim.reading import load
from parsim.scenario import document
from parsim.scenario.excerpt import EDGE, Excerpt

MANY, MOST_SECONDS = 1_000_000, 4.0
ONES = "[" + "1, " * MANY + "]"
BLOCK = "\n" + "        - 1\n" * (MANY // 2)
KEYS = ", ".join(f"key{i}: 1" for i in range(200_000))
CLUSTER = "cluster: {devices: 2}\n"
ITEMS = "workload: {kind: items, count: 4}\nplan: {split: data}\ncost: {kind: constant, compute: 1 s}\n"


def rows(row, count=100_000):
    return "[" + ",\n".join(map(row.format, range(count))) + "]"


def tasks(row):
    return f"{CLUSTER}workload: {{kind: tasks, tasks: {row}}}\n"


def devices(row):
    return f"cluster: {{devices: {row}}}\n{ITEMS}"


LARGE = {
    "a list under an unknown key": (f"bogus: {ONES}\n{CLUSTER}{ITEMS}", "bogus", "unknown key 'bogus'"),
    "the same at the end": (f"{CLUSTER}{ITEMS}bogus: {ONES}\n", "bogus", "unknown key 'bogus'"),
    "the same as a block": (f"bogus:{BLOCK}{CLUSTER}{ITEMS}", "bogus", "unknown key 'bogus'"),
    "of a device": (devices(f"[{{name: a, bogus: {ONES}}}]"), "cluster.devices[0].bogus", "unknown key 'bogus'"),
    "of a task": (tasks(f"[{{name: a, bogus: {ONES}}}]"), "workload.tasks[0].bogus", "unknown key 'bogus'"),
    "of a task, the kind unknown": (
        f"{CLUSTER}workload: {{tasks: [{{bogus: {ONES}}}], kind: tasks}}",
        "workload.tasks[0].bogus",
        "unknown key 'bogus'",
    ),
    "of a workload, the kind unknown": (
        f"{CLUSTER}workload: {{bogus: {ONES}, kind: tasks}}",
        "workload.bogus",
        "unknown key 'bogus'",
    ),
    "of the plan": (f"{CLUSTER}{ITEMS.replace('split', f'bogus: {ONES}, split')}", "plan.bogus", "unknown key 'bogus'"),
    "of the plan, before the workload": (f"plan: {{bogus: {ONES}}}\n{CLUSTER}{ITEMS}", "plan.bogus", "unknown key"),
    "of a topology": (
        f"cluster: {{devices: 2, topology: {{bogus: {ONES}, kind: star}}}}\n{ITEMS}",
        "cluster.topology.bogus",
        "unknown key 'bogus'",
    ),
    "in place of a number": (f"seed: {ONES}\n{CLUSTER}{ITEMS}", "seed", "wants a whole number, not a list"),
    "in place of a name": (f"policy: {ONES}\n{CLUSTER}{ITEMS}", "policy", "wants a name such as"),
    "in place of a scenario": (ONES, "yaml", "a scenario is a mapping of key: value, not a list"),
    "numbers in place of names": (tasks(f"[{{name: a, after: {ONES}}}]"), "workload.tasks[0].after[0]", "wants text"),
    "numbers in place of devices": (devices(ONES), "cluster.devices[0]", "wants text, or a mapping, not 1"),
    "many mappings": (f"bogus: [{'{}, ' * MANY}]\n{CLUSTER}{ITEMS}", "bogus", "unknown key 'bogus'"),
    "deep": (f"policy: {'[' * MANY}\n{CLUSTER}{ITEMS}", "policy" + "[0]" * 39, "is nested deeper than 40 levels"),
    "unknown keys": (f"{{{KEYS}, seed: 3}}", "key0", "unknown key 'key0'"),
    "unknown keys of a device": (devices(f"[{{{KEYS}}}]"), "cluster.devices[0].key0", "unknown key 'key0'"),
    "unknown keys of a task": (tasks(f"[{{{KEYS}}}]"), "workload.tasks[0].key0", "unknown key 'key0'"),
    "keys that are numbers": (rows("{}: 1").replace("[", "{").replace("]", "}"), "0", "the key 0 is not text"),
    "keys that are doubled": (rows("seed: 1").replace("[", "{").replace("]", "}"), "seed", "write it once"),
    "negative speeds": (devices(rows("{{name: a{}, speed: -1}}")), "cluster.devices[0].speed", "must be more than 0"),
    "devices without names": (devices(rows("{{speed: {}}}")), "cluster.devices[0].name", "is missing"),
    "seconds without a unit": (tasks(rows("{{name: t{}, compute: 1}}")), "workload.tasks[0].compute", "has no unit"),
    "unknown parents": (
        tasks(rows("{{name: t{}, compute: 1 s, after: [x]}}", 10_000)),
        "workload.tasks[0].after[0]",
        "unknown name 'x'",
    ),
    "one name for all": (
        tasks(rows("{{name: t, compute: 1 s}}", 10_000)),
        "workload.tasks[1].name",
        "'t' is the name of tasks[0] already",
    ),
    "long text": (f"{CLUSTER}{ITEMS}policy: {'x' * MANY}\n", "policy", "unknown name 'xxxxxxxxx"),
    "a long key": (f"{CLUSTER}{ITEMS}? {'x' * MANY}\n: 1\n", "x" * document.WIDEST + "...", "unknown key 'xxxxxx"),
}


@pytest.mark.parametrize(("text", "path", "message"), LARGE.values(), ids=LARGE)
def test_a_large_file_is_refused_soon(tmp_path, text, path, message):
    file = tmp_path / "large.yaml"
    file.write_text(text)
    begin = time.process_time()
    with pytest.raises(parsim.ScenarioError) as wrong:
        parsim.simulate(file)
    assert time.process_time() - begin < MOST_SECONDS
    (first, *_) = [fault for fault in wrong.value.faults if fault.path == path]
    assert message in first.message
    assert first.file == str(file)
    assert len(wrong.value.faults) <= document.MANY + 10


def test_a_mapping_of_many_unknown_keys_is_refused_soon():
    begin = time.process_time()
    with pytest.raises(parsim.ScenarioError) as wrong:
        parsim.simulate({f"key{i}": 1 for i in range(50_000)} | {"cluster": {"devices": 2}})
    assert time.process_time() - begin < MOST_SECONDS
    assert len(wrong.value.faults) == document.MANY
    assert wrong.value.faults[-1].message.endswith("; 47001 more faults are not shown")


@pytest.fixture
def eager(monkeypatch):
    """Look at a document after every value."""
    monkeypatch.setattr(document, "LOOK", 1)
    monkeypatch.setattr("parsim.scenario.excerpt.EDGE", 2)


@pytest.mark.parametrize("file", SCENARIOS, ids=lambda file: file.stem)
def test_what_is_right_is_right_at_every_step_of_reading(eager, file):
    load(file)


def test_what_is_set_is_not_refused_early(eager, tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text(f"{CLUSTER}{ITEMS}policy: {{fifi: 3}}\nseed: x\n")
    with pytest.raises(parsim.ScenarioError, match=r"unknown key 'fifi'.*; the rest of the file was not read"):
        load(file, {"policy.kind": "fifo"})
    assert load(file, {"policy": "heft", "seed": 1}).values["policy"] == "heft"


NAMES = st.sampled_from("abc")
TREES = st.recursive(st.integers(), lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner), max_leaves=30)


@given(TREES.filter(lambda tree: isinstance(tree, dict)), st.data())
def test_a_complaint_about_an_excerpt_leads_to_its_place(tree, data):
    """Stop somewhere in a tree, complain of any value of the excerpt, and find the same value in the tree."""
    open, path, begun = [tree], (), tree
    while isinstance(begun, list | dict) and begun and data.draw(st.booleans()):
        step = data.draw(st.sampled_from(range(len(begun)) if isinstance(begun, list) else list(begun)))
        cut = list(begun[:step]) if isinstance(begun, list) else {k: v for k, v in begun.items() if k != step}
        open[-1], path, begun = cut, (*path, step), begun[step]
        if isinstance(begun, list | dict):
            open.append(begun)
    excerpt = Excerpt(open, path)
    for way, value in leaves(excerpt.values):
        found = tree
        (told,) = excerpt.placed([Complaint(way, "wrong")])
        for step in told.path:
            found = found[step]
        assert found == value


def leaves(values, path=()):
    if isinstance(values, int):
        yield path, values
    else:
        for step, held in values.items() if isinstance(values, dict) else enumerate(values):
            yield from leaves(held, (*path, step))


def test_an_excerpt_keeps_both_ends():
    excerpt = Excerpt([{"kind": 1, "tasks": 2}, list(range(1000))], ("tasks", 1000))
    assert excerpt.values == {"kind": 1, "tasks": [*range(EDGE), *range(1000 - EDGE, 1000)]}
    told = excerpt.placed([Complaint(("tasks", EDGE), "first of the end"), Complaint(("plan",), "is missing")])
    assert list(told) == [Complaint(("tasks", 1000 - EDGE), "first of the end")]
