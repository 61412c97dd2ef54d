"""No two things of a run go by one name: what would is wrong input, at the place of the name that has to change."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import parsim

STAR = {"kind": "star", "bandwidth": "1 GB/s"}


def scenario(tasks, *devices, steps=None, memory=None, topology=STAR):
    rows = [{"name": name, "compute": "1 s", "after": after} for name, after in tasks.items()]
    cluster = {"devices": list(devices)} | ({"topology": topology} if topology else {})
    cluster |= {"device": {"memory": memory}} if memory else {}
    plan = {"plan": {"steps": steps}} if steps else {}
    return {"cluster": cluster, "workload": {"kind": "tasks", "tasks": rows}} | plan


SHARED = {
    "a slot of a later device": (
        scenario({"x": []}, {"name": "a.0"}, {"name": "a", "slots": 2}),
        "cluster.devices[1].name",
        "'a.0', a slot of 'a', is taken by devices[0]; choose another",
    ),
    "a slot of an earlier device": (
        scenario({"x": []}, {"name": "a", "slots": 2}, "a.1"),
        "cluster.devices[1]",
        "'a.1' is taken by devices[0]; choose another",
    ),
    "the host": (
        scenario({"x": []}, "host"),
        "cluster.devices[0]",
        "'host' is the name of the coordinator; choose another",
    ),
    "two ways": (
        scenario({"x": []}, "a", "b>c", "a>b", "c"),
        "cluster.devices[2]",
        "the ways from a to b>c and from a>b to c both have the name 'a>b>c'; choose another name",
    ),
    "a way of the host": (
        scenario({"x": []}, "a", "host>b", "b>a"),
        "cluster.devices[2]",
        "the ways from host to b>a and from host>b to a both have the name 'host>b>a'; choose another name",
    ),
    "a delay": (
        scenario({"a": [], "b": {"a": "1 s"}, "a>b": []}, "v", "w"),
        "workload.tasks[2].name",
        "'a>b' is also the name of the transfer from a to b; choose another name",
    ),
    "bytes, the task being named first": (
        scenario({"a>b": [], "a": [], "b": {"a": "1 MB"}}, "v", "w"),
        "workload.tasks[0].name",
        "'a>b' is also the name of the transfer from a to b; choose another name",
    ),
    "two transfers": (
        scenario({"a": [], "b>c": {"a": "1 s"}, "a>b": [], "c": {"a>b": "1 s"}}, "v", "w"),
        "workload.tasks[2].name",
        "the transfers from a to b>c and from a>b to c both have the name 'a>b>c'; choose another name",
    ),
    "a step": (
        scenario({"a": [], "merge": []}, "v", steps={"merge": "1 s"}),
        "workload.tasks[1].name",
        "'merge' is also the name of the step plan.steps.merge; choose another name",
    ),
    "the policy": (scenario({"policy": []}, "v"), "workload.tasks[0].name", "'policy' is also the name of the cause"),
    "memory": (
        scenario({"memory": []}, "v", memory="1 GB"),
        "workload.tasks[0].name",
        "'memory' is also the name of the cause",
    ),
}


@pytest.mark.parametrize(("source", "path", "message"), SHARED.values(), ids=SHARED)
def test_a_shared_name_is_wrong_input(source, path, message):
    with pytest.raises(parsim.ScenarioError) as wrong:
        parsim.simulate(source)
    (fault,) = wrong.value.faults
    assert fault.path == path
    assert fault.message.startswith(message)


def test_the_place_is_that_of_the_name(command, tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text(
        "cluster: {devices: 2}\nworkload:\n  kind: tasks\n  tasks:\n    - {name: a, compute: 1 s}\n"
        "    - {name: b, compute: 1 s, after: {a: 1 s}}\n    - {name: a>b, compute: 1 s}\n"
    )
    code, out, err = command("run", str(file))
    message = "workload.tasks[2].name: 'a>b' is also the name of the transfer from a to b; choose another name"
    assert (code, out, err) == (2, "", f"{file}:7:14: {message}\n")


NOT_SHARED = {
    "a step that takes no time": scenario({"merge": [], "split": []}, "v", steps={"create": "1 s"}),
    "the host": scenario({"host": [], "b": {"host": "1 s"}}, "v", "w"),
    "an edge along which nothing travels": scenario({"a": [], "b": ["a"], "a>b": []}, "v", "w"),
    "a transfer without anybody to send to": scenario({"a": [], "b": {"a": "1 s"}, "a>b": []}, "v"),
    "causes of idleness": scenario({"fill": [], "drain": [], "memory": []}, "v"),
    "ways that nobody wires": scenario({"x": []}, "a", "b>c", "a>b", "c", topology=None),
    "a signs of a way": scenario({"x": []}, ">", "a>", "b", "w.0"),
}


@pytest.mark.parametrize("source", NOT_SHARED.values(), ids=NOT_SHARED)
def test_a_name_of_one_thing_is_right(source):
    assert_told_apart(source)


NAMES = st.lists(st.sampled_from(["a", "b", ">", "host", ".0", "split", "policy"]), min_size=1, max_size=3).map("".join)
GRAPHS = st.lists(NAMES, min_size=1, max_size=6, unique=True)
TRAVELS = st.sampled_from(["0 s", "1 s", "1 MB"])


@given(GRAPHS, st.lists(NAMES, min_size=1, max_size=4, unique=True), st.data())
def test_whatever_is_accepted_shares_no_name(tasks, devices, data):
    slots = [{"name": name, "slots": data.draw(st.integers(1, 2))} for name in devices]
    edges = {name: {other: data.draw(TRAVELS) for other in tasks[:place]} for place, name in enumerate(tasks)}
    source = scenario(edges, *slots, steps=data.draw(st.sampled_from([{}, {"split": "1 s"}])))
    source["policy"] = data.draw(st.sampled_from(["fifo", "round_robin"]))
    try:
        assert_told_apart(source)
    except parsim.ScenarioError as wrong:
        assume(False)
        raise AssertionError from wrong


def assert_told_apart(source):
    """Play *source*; no two tasks, transfers or steps have one name, no two workers, and no two ways."""
    result = parsim.simulate(source)
    timeline, cluster = result.timeline, result.job.cluster
    assert timeline.tasks.table is timeline.waits.table
    told = {int(code) for words in (timeline.tasks, timeline.waits) for code in words.code}
    assert len({timeline.tasks.table[code] for code in told}) == len(told)
    workers, places = [worker.name for worker in cluster.workers], cluster.places
    assert len(set(workers)) == len(workers)
    assert len(set(places)) == len(places)
    several = {
        f"{device.name}.{slot}" for device in cluster.devices if device.slots > 1 for slot in range(device.slots)
    }
    assert not several & set(places)
    pairs = ((a, b) for a in range(len(places)) for b in range(len(places)) if a != b)
    ways = [f"{places[a]}>{places[b]}" for a, b in pairs if cluster.path(a, b)]
    assert len(set(ways)) == len(ways)
