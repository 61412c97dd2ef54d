"""Wrong input: place, path and remedy of every fault, exit code 2, nothing printed, nothing written.

Places are marked by hand in the scenarios below: the first § stands where the first fault is to be found, and so on;
the marks are taken out before the scenario is read.
"""

import os
import re
import sys
import time

import pytest

import parsim
from parsim.cli import _main

LINE = re.compile(r"(?P<file>.+?):(?P<line>\d+):(?P<column>\d+): (?P<path>.+?): (?P<message>.+)")

ITEMS = """\
# two workers
cluster: {devices: 2, topology: {kind: star, bandwidth: 10 MB/s, latency: 0 s}}
workload: {kind: items, data: [1, 2, 3], kernel: double, merge: sum, item: 1 MB, result: 1 kB, weights: 10 MB}
plan: {split: data, steps: {split: 0 s}}
cost: {kind: constant, compute: 1 s}
policy: fifo
"""
COUNTED = ITEMS.replace("data: [1, 2, 3], kernel: double, merge: sum", "count: 3")
TASKS = """\
cluster:
  devices: [p1, {name: p2, speed: 2, memory: 4 GB, slots: 2}]
  topology: {kind: full, bandwidth: 1 GB/s}
workload:
  kind: tasks
  tasks:
    - {name: t1, compute: {p1: 14 s, p2: 16 s}, output: 10 MB}
    - {name: t2, compute: 13 s, after: {t1: 18 MB}, memory: 1 GB}
    - name: t3
      compute: 5 s
      after: [t1, t2]
plan: {prefetch: 1}
policy: heft
seed: 3
"""
DOUBLED = TASKS.replace("compute: {p1: 14 s, p2: 16 s}", "compute: 14 s")
STAGES = """\
cluster: {devices: 4}
workload: {kind: stages, forward: 1 ms, input_grad: 1 ms, weight_grad: 1 ms, send: 0 s}
plan: {pipeline: 4, schedule: 1f1b, microbatches: 8, chunks: 1}
"""
FLOWS = """\
cluster:
  devices: [h0, h1, h2]
  topology:
    kind: custom
    links: [{name: L1, bandwidth: 1 GB/s, latency: 1 ms}, {name: L2, bandwidth: 2 GB/s}]
    routes: [{from: h0, to: h1, over: [L1]}, {from: h0, to: h2, over: [L1, L2]}]
workload:
  kind: transfers
  flows: [{name: f0, from: h0, to: h1, size: 1 GB, start: 0 s}, {name: f1, from: h0, to: h2, size: 2 GB, limit: 1 B/s}]
"""


def marked(text):
    """Return the text without its marks, and the places of the marks."""
    places = []
    for number, line in enumerate(text.splitlines(), 1):
        pieces = line.split("§")
        places += [(number, sum(map(len, pieces[: index + 1])) + 1) for index in range(len(pieces) - 1)]
    return text.replace("§", ""), places


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """Call the command line in an empty folder; return exit code, standard output and standard error."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["parsim", *map(str, arguments)])
        code = _main()
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def refused(command, tmp_path):
    """Call the command line with a wrong scenario and see that it prints and writes nothing; return its faults."""

    def call(text, *options, name="a.yaml"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        before = sorted(os.listdir(tmp_path))
        code, out, err = command("run", name, "--out", "new/folder", *options)
        assert (code, out) == (2, "")
        assert "Traceback" not in err
        assert sorted(os.listdir(tmp_path)) == before
        return parsed(err)

    return call


def parsed(err):
    matches = [LINE.fullmatch(line) for line in err.splitlines()]
    assert all(matches), err
    return [(m["file"], int(m["line"]), int(m["column"]), m["path"], m["message"]) for m in matches]


def assert_faults(found, text, expected):
    """*expected* are (path, piece of the message); their places are the marks of *text*."""
    _, places = marked(text)
    assert [fault[:4] for fault in found] == [
        ("a.yaml", *place, path) for place, (path, _) in zip(places, expected, strict=True)
    ]
    for fault, (_, piece) in zip(found, expected, strict=True):
        assert piece in fault[4], fault


# (base, what stands there, what is written instead, path, piece of the message that says what to do)
ONE_FAULT = [
    # what is missing is told at the mapping that lacks it
    (
        ITEMS,
        "{kind: star, bandwidth: 10 MB/s,",
        "§{kind: star,",
        "cluster.topology.bandwidth",
        "write for example 'bandw",
    ),
    (ITEMS, "{kind: star, ", "§{", "cluster.topology.kind", "is missing; write for example 'kind: "),
    (ITEMS, "{devices: 2, ", "§{", "cluster.devices", "is missing; write for example 'devices: 4'"),
    (ITEMS, "{split: data, ", "§{", "plan.split", "is missing; write for example 'split: "),
    (ITEMS, "{kind: constant, compute: 1 s", "§{kind: constant", "cost.compute", "write for example 'compute: 1 s'"),
    (ITEMS, "{kind: constant", "§{kind: noisy", "cost.spread", "is missing; write for example 'spread: 0.5'"),
    (ITEMS, "{kind: items, ", "§{", "workload.kind", "is missing; write for example 'kind: chains'"),
    (ITEMS, "{kind: items, data: [1, 2, 3], ", "§{kind: items, ", "workload.data", "is missing; write data: [1, 2, 3]"),
    (
        ITEMS,
        "{kind: items, data: [1, 2, 3], kernel: double, merge: sum,",
        "§{kind: items, data: [1], kernel: double,",
        "workload.merge",
        "is missing; write for example merge: sum",
    ),
    (
        TASKS,
        "{name: t2, compute: 13 s, ",
        "§{name: t2, ",
        "workload.tasks[1].compute",
        "write for example 'compute: 5 s'",
    ),
    (TASKS, "name: t3\n      compute: 5 s", "§compute: 5 s", "workload.tasks[2].name", "is missing"),
    (TASKS, "{name: p2, ", "§{", "cluster.devices[1].name", "is missing"),
    (
        FLOWS,
        "{name: f1, from: h0, to: h2, size: 2 GB",
        "§{name: f1, from: h0, to: h2",
        "workload.flows[1].size",
        "10 MB",
    ),
    (FLOWS, "{name: f1, from: h0, ", "§{name: f1, ", "workload.flows[1].from", "is missing"),
    (
        FLOWS,
        "kind: custom\n    links: [{name: L1,",
        "kind: custom\n    links: [§{",
        "cluster.topology.links[0].name",
        "missing",
    ),
    (STAGES, "{pipeline: 4, schedule: 1f1b,", "§{pipeline: 4,", "plan.schedule", "write for example 'schedule: 1f1b'"),
    (
        STAGES,
        "{pipeline: 4, schedule: 1f1b, microbatches: 8,",
        "§{schedule: 1f1b,",
        "plan.microbatches",
        "'microbatches: 4'",
    ),
    # missing unit, bits and bytes, wrong dimension
    (ITEMS, "10 MB/s", "§10", "cluster.topology.bandwidth", "'10' has no unit; write for example '10 Gbit/s'"),
    (ITEMS, "10 MB/s", "§10 Mb/s", "cluster.topology.bandwidth", "write Mbit/s or MB/s"),
    (ITEMS, "10 MB/s", "§10 mb/s", "cluster.topology.bandwidth", "write Mbit/s or MB/s"),
    (ITEMS, "10 MB/s", "§10 MB", "cluster.topology.bandwidth", "is a size; write a bandwidth, for example"),
    (ITEMS, "1 MB", "§1", "workload.item", "'1' has no unit; write for example '1 MB'"),
    (ITEMS, "1 MB", "§1 Mb", "workload.item", "write Mbit or MB"),
    (ITEMS, "1 kB", "§1 KB", "workload.result", "write kB (1000) or KiB (1024)"),
    (ITEMS, "1 MB", "§1 s", "workload.item", "is a time; write a size, for example '10 MB'"),
    (ITEMS, "compute: 1 s", "compute: §1", "cost.compute", "'1' has no unit; write for example '1 s'"),
    (ITEMS, "compute: 1 s", "compute: §'1'", "cost.compute", "'1' has no unit; write for example '1 s'"),
    (ITEMS, "compute: 1 s", "compute: §1 sec", "cost.compute", "write s"),
    (ITEMS, "compute: 1 s", "compute: §one s", "cost.compute", "is not a number with a unit; write for example '5 s'"),
    (ITEMS, "steps: {split: 0 s}", "steps: {merge: §5}", "plan.steps.merge", "'5' has no unit"),
    (TASKS, "p2: 16 s", "p2: §16", "workload.tasks[0].compute.p2", "'16' has no unit; write for example '16 s'"),
    (TASKS, "compute: 13 s", "compute: §13", "workload.tasks[1].compute", "'13' has no unit"),
    (TASKS, "t1: 18 MB", "t1: §18", "workload.tasks[1].after.t1", "has no unit"),
    (TASKS, "t1: 18 MB", "t1: §18 MB/s", "workload.tasks[1].after.t1", "write a time or a size"),
    (TASKS, "memory: 4 GB", "memory: §4", "cluster.devices[1].memory", "has no unit"),
    (STAGES, "forward: 1 ms", "forward: [1 ms, §1, 1 ms, 1 ms]", "workload.forward[1]", "'1' has no unit"),
    (STAGES, "send: 0 s", "send: §0", "workload.send", "'0' has no unit; write for example '0 s'"),
    (FLOWS, "size: 1 GB", "size: §1 Gb", "workload.flows[0].size", "write Gbit or GB"),
    (FLOWS, "latency: 1 ms", "latency: §1 mB", "cluster.topology.links[0].latency", "unknown unit 'mB'"),
    # unknown keys
    (ITEMS, "policy:", "§polcy:", "polcy", "unknown key 'polcy'. Did you mean 'policy'?"),
    (ITEMS, "devices: 2", "devices: 2, §devces: 3", "cluster.devces", "Did you mean 'devices'?"),
    (ITEMS, "latency:", "§latncy:", "cluster.topology.latncy", "Did you mean 'latency'?"),
    (ITEMS, "weights:", "§wieghts:", "workload.wieghts", "Did you mean 'weights'?"),
    (ITEMS, "steps:", "§stepps:", "plan.stepps", "Did you mean 'steps'?"),
    (ITEMS, "steps: {split", "steps: {§spilt", "plan.steps.spilt", "Did you mean 'split'?"),
    (ITEMS, "compute: 1 s", "compute: 1 s, §speed: 2", "cost.speed", "unknown key 'speed'; known are: compute"),
    (ITEMS, "merge: sum", "merge: {kind: sum, §x: 1}", "workload.merge.x", "unknown key 'x'; no names are known here"),
    (ITEMS, "policy: fifo", "policy: {kind: fifo, §x: 1}", "policy.x", "unknown key 'x'; no names are known here"),
    (TASKS, "speed: 2", "§sped: 2", "cluster.devices[1].sped", "Did you mean 'speed'?"),
    (TASKS, "memory: 1 GB", "§memry: 1 GB", "workload.tasks[1].memry", "Did you mean 'memory'?"),
    (TASKS, "plan: {", "plan: {§split: data, ", "plan.split", "unknown key 'split'; known are: prefetch, steps"),
    (FLOWS, "limit:", "§limmit:", "workload.flows[1].limmit", "Did you mean 'limit'?"),
    (FLOWS, "workload:", "plan: {§prefetch: 1}\nworkload:", "plan.prefetch", "no names are known here"),
    # unknown names, a shelf each; the place is the name
    (ITEMS, "kind: star", "kind: §str", "cluster.topology.kind", "unknown name 'str'. Did you mean 'star'?"),
    (
        ITEMS,
        "topology: {kind: star, bandwidth: 10 MB/s, latency: 0 s}",
        "topology: §strr",
        "cluster.topology",
        "'star'?",
    ),
    (ITEMS, "kind: items", "kind: §item", "workload.kind", "Did you mean 'items'?"),
    (ITEMS, "split: data,", "split: §dat,", "plan.split", "Did you mean 'data'?"),
    (ITEMS, "split: data,", "split: {kind: §dat},", "plan.split.kind", "Did you mean 'data'?"),
    (ITEMS, "double", "§duoble", "workload.kernel", "Did you mean 'double'?"),
    (ITEMS, "merge: sum", "merge: {kind: §sun}", "workload.merge.kind", "Did you mean 'sum'?"),
    (ITEMS, "kind: constant", "kind: §constand", "cost.kind", "Did you mean 'constant'?"),
    (ITEMS, "policy: fifo", "policy: §fifi", "policy", "Did you mean 'fifo'?"),
    (ITEMS, "policy: fifo", "policy: {kind: §zzz}", "policy.kind", "known are: cpop, critical_path, fifo, heft"),
    (STAGES, "schedule: 1f1b", "schedule: §1f1c", "plan.schedule", "Did you mean '1f1b'?"),
    (STAGES, "schedule: 1f1b", "schedule: {kind: §gpip}", "plan.schedule.kind", "Did you mean 'gpipe'?"),
    (ITEMS, "policy: fifo", "clock: §simulatd", "clock", "wants one of"),
    # wrong types
    (ITEMS, "devices: 2", "devices: §true", "cluster.devices", "wants a whole number, or a list, not true"),
    (ITEMS, "devices: 2", "devices: §2.5", "cluster.devices", "wants a whole number, or a list, not 2.5"),
    (ITEMS, "devices: 2", "devices: §'2'", "cluster.devices", "wants a whole number, or a list, not the text '2'"),
    (ITEMS, "devices: 2", "devices: [a, §5]", "cluster.devices[1]", "wants text, or a mapping, not 5"),
    (ITEMS, "devices: 2", "devices: [§'', b]", "cluster.devices[0]", "must not be empty"),
    (ITEMS, "data: [1, 2, 3]", "data: [1, §x, 3]", "workload.data[1]", "not the text 'x'"),
    (ITEMS, "data: [1, 2, 3]", "data: [1, §~, 3]", "workload.data[1]", "not nothing"),
    (ITEMS, "data: [1, 2, 3]", "data: §5", "workload.data", "wants a list, not 5"),
    (ITEMS, "merge: sum", "merge: §[sum]", "workload.merge", "wants a name such as 'sum', or a mapping with 'kind'"),
    (ITEMS, "kind: star", "kind: §5", "cluster.topology.kind", "wants a name such as"),
    (ITEMS, "plan: {split: data, steps: {split: 0 s}}", "plan: §[data]", "plan", "wants a mapping, not a list"),
    (ITEMS, "policy: fifo", "policy: §5", "policy", "wants a name such as"),
    (ITEMS, "policy: fifo", "seed: §1.5", "seed", "wants a whole number, not 1.5"),
    (ITEMS, "policy: fifo", "seed: §no", "seed", "wants a whole number, not the text 'no'"),
    (
        TASKS,
        "after: [t1, t2]",
        "after: §t1",
        "workload.tasks[2].after",
        "wants a list, or a mapping, not the text 't1'",
    ),
    (TASKS, "compute: 5 s", "compute: §[5 s]", "workload.tasks[2].compute", "wants a time such as '5 s', or a mapping"),
    (TASKS, "name: t3", "name: §3", "workload.tasks[2].name", "wants text, not 3"),
    # negative, not a number, infinite
    (ITEMS, "1 MB", "§-1 MB", "workload.item", "is negative; write for example '10 MB'"),
    (ITEMS, "1 MB", "§-1", "workload.item", "-1 is not a quantity; write for example '10 MB'"),
    (ITEMS, "1 MB", "§.nan", "workload.item", "nan is not a quantity; write for example '10 MB'"),
    (ITEMS, "1 MB", "§nan MB", "workload.item", "is not a number with a unit; write for example '10 MB'"),
    (ITEMS, "1 MB", "§.inf", "workload.item", "inf is not a quantity; write for example '10 MB'"),
    (ITEMS, "1 MB", "§inf MB", "workload.item", "is not a number with a unit"),
    (ITEMS, "1 MB", "§1e999 MB", "workload.item", "is out of range"),
    (ITEMS, "compute: 1 s", "compute: §-1 s", "cost.compute", "is negative"),
    (TASKS, "speed: 2", "speed: §-2", "cluster.devices[1].speed", "must be more than 0"),
    (TASKS, "speed: 2", "speed: §1e308", "cluster.devices[1].speed", "1e+308 is too large; it must be at most 1e+100"),
    (TASKS, "speed: 2", "speed: §.nan", "cluster.devices[1].speed", "wants a finite number, not nan"),
    (TASKS, "speed: 2", "speed: §.inf", "cluster.devices[1].speed", "wants a finite number, not inf"),
    (ITEMS, "data: [1, 2, 3]", "data: [1, §.nan]", "workload.data[1]", "wants a finite number, not nan"),
    (ITEMS, "data: [1, 2, 3]", "data: [1, §1e400]", "workload.data[1]", "wants a finite number, not inf"),
    (TASKS, "prefetch: 1", "prefetch: §-1", "plan.prefetch", "must be at least 0"),
    (TASKS, "seed: 3", "seed: §-3", "seed", "must be at least 0"),
    # zero where a rate, a speed, a capacity or a count is meant
    (ITEMS, "10 MB/s", "§0 MB/s", "cluster.topology.bandwidth", "is zero; a bandwidth must be above 0"),
    (FLOWS, "limit: 1 B/s", "limit: §0 B/s", "workload.flows[1].limit", "is zero; a bandwidth must be above 0"),
    (TASKS, "speed: 2", "speed: §0", "cluster.devices[1].speed", "0 is too small; it must be more than 0"),
    (TASKS, "memory: 4 GB", "memory: §0 B", "cluster.devices[1].memory", "or leave it out for no limit"),
    (
        ITEMS,
        "devices: 2",
        "devices: 2, device: {memory: §0 GB}",
        "cluster.device.memory",
        "or leave it out for no limit",
    ),
    (TASKS, "slots: 2", "slots: §0", "cluster.devices[1].slots", "it must be at least 1"),
    (ITEMS, "split: data,", "split: data, subsets: §0,", "plan.subsets", "it must be at least 1"),
    (ITEMS, "split: data,", "split: chain, depth: §0,", "plan.depth", "it must be at least 1"),
    (STAGES, "microbatches: 8", "microbatches: §0", "plan.microbatches", "it must be at least 1"),
    (STAGES, "chunks: 1", "chunks: §0", "plan.chunks", "it must be at least 1"),
    (STAGES, "pipeline: 4", "pipeline: §0", "plan.pipeline", "it must be at least 1"),
    # P = 0, N = 0, too many
    (ITEMS, "devices: 2", "devices: §0", "cluster.devices", "it must be at least 1"),
    (ITEMS, "devices: 2", "devices: §[]", "cluster.devices", "is empty; at least one device is needed"),
    (ITEMS, "data: [1, 2, 3]", "data: §[]", "workload.data", "is empty; at least one item is needed"),
    (COUNTED, "count: 3", "count: §0", "workload.count", "it must be at least 1"),
    (COUNTED, "count: 3", "count: §10000001", "workload.count", "it must be at most 10000000"),
    (COUNTED, "count: 3", "count: §-1", "workload.count", "it must be at least 1"),
    (ITEMS, "devices: 2", "devices: §10000000", "cluster.devices", "10000000 devices are more than 1000000"),
    (ITEMS, "split: data,", "split: data, subsets: §4,", "plan.subsets", "4 subsets of 3 items"),
    (STAGES, "microbatches: 8", "microbatches: §9000000", "plan.microbatches", "is more than 10000000"),
    # names twice, or taken
    (ITEMS, "devices: 2", "devices: [a, §a]", "cluster.devices[1]", "'a' is taken by devices[0]; choose another"),
    (ITEMS, "devices: 2", "devices: [§host, b]", "cluster.devices[0]", "the name of the coordinator; choose another"),
    (DOUBLED, "name: p2", "name: §p1", "cluster.devices[1].name", "'p1' is taken by devices[0]; choose another"),
    (TASKS, "name: t3", "name: §t1", "workload.tasks[2].name", "'t1' is the name of tasks[0] already; choose another"),
    (FLOWS, "name: f1", "name: §f0", "workload.flows[1].name", "'f0' is the name of flows[0] already; choose another"),
    # dangling, cyclic
    (TASKS, "after: [t1, t2]", "after: [t1, §t22]", "workload.tasks[2].after[1]", "Did you mean 't2'?"),
    (TASKS, "after: {t1: 18 MB}", "after: {§t7: 18 MB}", "workload.tasks[1].after.t7", "unknown name 't7'"),
    (TASKS, "after: [t1, t2]", "after: [t1, §t1]", "workload.tasks[2].after[1]", "'t1' is listed twice"),
    (TASKS, "after: [t1, t2]", "after: §[t3]", "workload.tasks[2].after", "is part of a cycle"),
    (TASKS, "output: 10 MB}", "after: §[t3], output: 10 MB}", "workload.tasks[0].after", "is part of a cycle"),
    (TASKS, "after: {t1: 18 MB}", "after: §{t1: 18 MB, t3: 1 s}", "workload.tasks[1].after", "is part of a cycle"),
    (TASKS, "p2: 16 s", "§p3: 16 s", "workload.tasks[0].compute.p3", "unknown name 'p3'"),
    (TASKS, "compute: {p1: 14 s, p2: 16 s}", "compute: §{}", "workload.tasks[0].compute", "names no device"),
    (FLOWS, "to: h2, size", "to: §h3, size", "workload.flows[1].to", "unknown name 'h3'"),
    (
        FLOWS,
        "bandwidth: 1 GB/s, latency: 1 ms",
        "bandwidth: 1 GB/s, profile: [{at: 2 s, bandwidth: 0 B/s}, {at: §2 s, bandwidth: 1 B/s}]",
        "cluster.topology.links[0].profile[1].at",
        "is not after the change before it",
    ),
    (FLOWS, "over: [L1, L2]", "over: [L1, §L3]", "cluster.topology.routes[1].over[1]", "unknown name 'L3'"),
    (FLOWS, "to: h1, over", "to: §h7, over", "cluster.topology.routes[0].to", "unknown name 'h7'"),
    # what cannot go together
    (ITEMS, "policy: fifo", "policy: §in_order", "policy", "use fifo or heft, or workload kind stages"),
    (ITEMS, "split: data,", "split: data, §depth: 2,", "plan.depth", "does not apply to split: data"),
    (
        TASKS,
        "plan:",
        "cost: {kind: constant, §compute: 1 s}\nplan:",
        "cost.compute",
        "the workload already states times",
    ),
    (STAGES, "forward: 1 ms", "forward: §[1 ms, 2 ms]", "workload.forward", "2 times for 4 stages"),
    (STAGES, "forward: 1 ms", "forward: 1 ms, activation: §[1 B, 2 B]", "workload.activation", "2 sizes for 4 stages"),
    (STAGES, "pipeline: 4", "pipeline: §5", "plan.pipeline", "a pipeline of 5 ranks needs 5 workers"),
    (STAGES, "chunks: 1", "chunks: §2", "plan.chunks", "use chunks: 1"),
    (ITEMS, "kind: constant", "kind: noisy, spread: §1.5", "cost.spread", "must be at least 0 and below 1"),
]


@pytest.mark.parametrize(("base", "old", "new", "path", "message"), ONE_FAULT, ids=lambda value: str(value)[:40])
def test_one_fault(refused, base, old, new, path, message):
    assert base.count(old) >= 1
    text = base.replace(old, new, 1)
    assert_faults(refused(marked(text)[0]), text, [(path, message)])


def test_a_missing_section_is_told_at_the_whole(refused):
    assert refused("# nothing but\n\n  \npolicy: fifo\n") == [
        ("a.yaml", 4, 1, "cluster", "is missing; write for example 'cluster: {devices: 4}'"),
        ("a.yaml", 4, 1, "workload", "is missing; write for example 'workload: chains'"),
    ]


def test_a_plan_left_out_lacks_its_keys_and_an_empty_plan_is_no_mapping(refused):
    text = ITEMS.replace("plan: {split: data, steps: {split: 0 s}}\n", "")
    assert [fault[:4] for fault in refused(text)] == [("a.yaml", 2, 1, "plan.split")]
    text = ITEMS.replace("plan: {split: data, steps: {split: 0 s}}\n", "plan:\n")
    assert [fault[:4] for fault in refused(text)] == [("a.yaml", 4, 6, "plan")]


# --- YAML ---


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        (ITEMS.replace("devices: 2", "devices: 2, §devices: 3"), "cluster.devices", "is already in line 2"),
        (ITEMS + "§policy: heft\n", "policy", "the key 'policy' is already in line 6; write it once"),
        (ITEMS.replace("devices: 2", "devices: §02"), "cluster.devices", "starts with a zero; leave the zero out"),
        (ITEMS.replace("1 MB", "§01 MB"), "workload.item", "write '1 MB'"),
        (ITEMS.replace("[1, 2, 3]", "[1, §007]"), "workload.data[1]", "starts with a zero"),
        (ITEMS.replace("devices: 2", "devices: §&many 2"), "cluster.devices", "is an anchor; leave it out"),
        (ITEMS.replace("devices: 2", "devices: §*many"), "cluster.devices", "is an alias; write the value out"),
        (ITEMS.replace("devices: 2", "devices: §!!int 2"), "cluster.devices", "is a tag; leave it out"),
        (ITEMS.replace("devices: 2", "§2: 2, devices: 2"), "cluster.2", "the key 2 is not text"),
        ("§", "yaml", "is empty"),
        ("§# nothing\n", "yaml", "is empty"),
        ("§- 1\n", "yaml", "a scenario is a mapping of key: value, not a list"),
        ("§fifo\n", "yaml", "a scenario is a mapping of key: value, not the text 'fifo'"),
        ("policy: [fifo\n§", "yaml", "did not find expected"),
        ("policy: fifo\n\t§x: 3\n", "yaml", ""),
        (ITEMS + "§---\npolicy: fifo\n", "yaml", "a second document starts here"),
        ("policy: §" + "[" * 39 + "§" + "[" * 200, "", "is nested deeper than 40 levels"),
        ("x: §{" + "a: {" * 1000, "", "is nested deeper than 40 levels"),
    ],
    ids=lambda value: str(value)[-30:],
)  # fmt: skip
def test_a_fault_of_yaml(refused, text, path, message):
    bare, places = marked(text)
    found = refused(bare)
    fault = next(fault for fault in found if message in fault[4])
    if path:
        assert fault[3] == path
        if "\t" not in text:
            assert fault[1:3] == (places or [(1, 1)])[0] or "\n§" in text[-2:]
    else:
        assert len(found) == 1


def test_a_bomb_does_not_go_off(refused):
    rows = "\n".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12))
    begin = time.perf_counter()
    found = refused(f"a0: &a0 [x, x]\n{rows}\n")
    assert time.perf_counter() - begin < 5  # a wide bound: laid out, it would hold 9^11 values
    assert all("is an alias" in fault[4] or "is an anchor" in fault[4] or "unknown key" in fault[4] or
               "is missing" in fault[4] for fault in found)  # fmt: skip


def test_a_bomb_of_a_mapping_does_not_go_off(monkeypatch):
    monkeypatch.setattr("parsim.scenario.scenario.MOST_VALUES", 100_000)
    bomb = ["x"]
    for _ in range(30):
        bomb = [bomb] * 9
    with pytest.raises(parsim.ScenarioError, match="contains more than"):
        parsim.simulate({"policy": bomb})


def test_a_large_file_is_refused_by_its_size(command, tmp_path):
    with open(tmp_path / "large.yaml", "wb") as file:
        file.truncate(100 * 2**20)
    begin = time.perf_counter()
    code, out, err = command("run", "large.yaml")
    assert time.perf_counter() - begin < 0.5  # not read: reading alone would take longer
    assert (code, out) == (2, "")
    assert err == "large.yaml:0:0: SCENARIO: is larger than 16 MiB\n"


@pytest.mark.parametrize("data", [b"\x7fELF\x02\x01\x01\x00\x00", b"\x89PNG\r\n\x1a\n", b"a: \xff", b"a: \x00b"])
def test_a_binary_file_is_no_scenario(refused, data):
    (fault,) = refused(data)
    assert fault[3] == "yaml"
    assert "is not UTF-8 text" in fault[4] or "is it a text file?" in fault[4]


# --- routes and room ---

ROUTES = FLOWS.replace(", {from: h0, to: h2, over: [L1, L2]}", "")


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        (ITEMS.replace(", topology: {kind: star, bandwidth: 10 MB/s, latency: 0 s}", "").replace("1 kB", "0 B")
         .replace("1 MB", "§1 MB"), "workload.item", "from host to w0, but the topology has no route there"),
        (ITEMS.replace(", topology: {kind: star, bandwidth: 10 MB/s, latency: 0 s}", "").replace("1 MB", "0 B")
         .replace("1 kB", "§1 kB"), "workload.result", "from w0 to host, but the topology has no route there"),
        (TASKS.replace("  topology: {kind: full, bandwidth: 1 GB/s}\n", "").replace("t1: 18 MB", "t1: §18 MB"),
         "workload.tasks[1].after.t1", "from p1 to p2, but the topology has no route there"),
        (ROUTES.replace("{name: f1", "§{name: f1"), "workload.flows[1]", "the topology has no route from h0 to h2"),
        (FLOWS.replace("from: h0, to: h2, size", "from: h0, to: §h0, size"), "workload.flows[1].to", "to itself"),
        (TASKS.replace("memory: 1 GB", "memory: §5 GB").replace("compute: 13 s", "compute: {p2: 13 s}"),
         "workload.tasks[1].memory", "task t2 needs 5 GB on its device, but the largest has 4 GB"),
        (TASKS.replace("p1: 14 s, ", "").replace("output: 10 MB", "output: §5 GB"), "workload.tasks[0].output",
         "task t1 needs 5 GB on its device, but the largest has 4 GB"),
        (ITEMS.replace("devices: 2", "devices: 1, device: {memory: 9 MB}").replace("weights: 10 MB", "weights: §10 MB"),
         "workload.weights", "task part0 needs 13 MB on its device, but the largest has 9 MB"),
    ],
    ids=lambda value: str(value)[-30:],
)  # fmt: skip
def test_what_cannot_travel_or_fits_nowhere(refused, text, path, message):
    found = refused(marked(text)[0])
    assert len(found) == 1
    assert_faults(found, text, [(path, message)])


# --- all at once ---


def test_all_faults_are_told_at_once_in_the_order_of_their_places(refused):
    text = """\
cluster:
  devices: [{name: p1, memory: §5}, p2, §p2]
  topology: {kind: custom, links: [{name: L, bandwidth: §5}, {name: §L, bandwidth: 5 GB/s}],
    routes: [{from: p1, to: §p9, over: [L, §M]}]}
workload:
  kind: tasks
  tasks:
    - {name: t1, compute: §5, after: [§t3]}
    - {name: t2, compute: {p1: 5 s, §p7: 2 s}, after: {§t9: 3 MB, t1: §5}}
    - {name: §t2, compute: 5 s, §aftr: [t1], memory: §-1 B}
    - §{name: t4}
plan: {prefetch: §-2, §split: data}
cost: {kind: noisy, spread: §3, §compute: 3 s}
policy: §fifi
seed: §x
§other: 3
"""
    expected = [
        ("cluster.devices[0].memory", "has no unit"),
        ("cluster.devices[2]", "is taken by devices[1]"),
        ("cluster.topology.links[0].bandwidth", "has no unit"),
        ("cluster.topology.links[1].name", "is the name of links[0] already"),
        ("cluster.topology.routes[0].to", "unknown name 'p9'"),
        ("cluster.topology.routes[0].over[1]", "unknown name 'M'"),
        ("workload.tasks[0].compute", "has no unit"),
        ("workload.tasks[0].after[0]", "unknown name 't3'"),
        ("workload.tasks[1].compute.p7", "unknown name 'p7'"),
        ("workload.tasks[1].after.t9", "unknown name 't9'"),
        ("workload.tasks[1].after.t1", "has no unit"),
        ("workload.tasks[2].name", "is the name of tasks[1] already"),
        ("workload.tasks[2].aftr", "Did you mean 'after'?"),
        ("workload.tasks[2].memory", "is negative"),
        ("workload.tasks[3].compute", "is missing"),
        ("plan.prefetch", "must be at least 0"),
        ("plan.split", "unknown key 'split'"),
        ("cost.spread", "must be at least 0 and below 1"),
        ("policy", "unknown name 'fifi'"),
        ("seed", "wants a whole number"),
        ("other", "unknown key 'other'"),
    ]
    text = text.replace("§compute: 3 s", "compute: 3 s")  # whether it is one too many, only a right workload can say
    assert_faults(refused(marked(text)[0]), text, expected)


def test_cycles_are_told_each_with_other_faults(refused):
    text = TASKS.replace("after: [t1, t2]", "after: §[t3, §t9]").replace("output: 10 MB}", "after: §[t2]}")
    expected = [
        ("workload.tasks[0].after", "is part of a cycle"),
        ("workload.tasks[2].after", "is part of a cycle"),
        ("workload.tasks[2].after[1]", "unknown name 't9'"),
    ]
    assert_faults(refused(marked(text)[0]), text, expected)


def test_a_task_behind_a_cycle_is_no_part_of_it(refused):
    rows = "".join(
        f"    - {{name: a{i}, compute: 1 s, after: [{after}]}}\n" for i, after in enumerate(("a1", "a3", "a1", "a2"))
    )
    found = refused(f"cluster: {{devices: 1}}\nworkload:\n  kind: tasks\n  tasks:\n{rows}")
    assert [fault[:4] for fault in found] == [("a.yaml", 6, 42 - 3, "workload.tasks[1].after")]


def test_routes_are_checked_beside_a_wrong_policy_and_cost(refused):
    text = ROUTES.replace("{name: f1", "§{name: f1") + "policy: §hefft\ncost: {kind: noisy, spread: §2}\n"
    expected = [
        ("workload.flows[1]", "no route"),
        ("policy", "Did you mean 'heft'?"),
        ("cost.spread", "at least 0 and below 1"),
    ]
    assert_faults(refused(marked(text)[0]), text, expected)


def test_a_misspelt_key_is_one_fault_not_two(refused):
    text = """\
cluster: {devices: 2}
workload: {kind: items, §cont: 5}
plan: {split: data, §subset: 3}
cost: {kind: constant, compute: §5}
"""
    expected = [("workload.cont", "'count'?"), ("plan.subset", "'subsets'?"), ("cost.compute", "has no unit")]
    assert_faults(refused(marked(text)[0]), text, expected)


def test_faults_of_reading_and_of_meaning_are_told_together(refused):
    text = ITEMS.replace("devices: 2", "devices: §02").replace("policy: fifo", "policy: §fifi\n§policy: heft")
    expected = [("cluster.devices", "starts with a zero"), ("policy", "'fifo'?"), ("policy", "write it once")]
    assert_faults(refused(marked(text)[0]), text, expected)


def test_very_many_faults_are_told_in_time(refused):
    rows = "".join(f"    - {{name: t{i}, compute: 1 s, after: [x{i}]}}\n" for i in range(2000))
    begin = time.perf_counter()
    found = refused(f"cluster: {{devices: 1}}\nworkload:\n  kind: tasks\n  tasks:\n{rows}")
    assert time.perf_counter() - begin < 20
    assert len(found) == 2000
    assert all(len(fault[4]) < 400 for fault in found)


# --- the command line ---


@pytest.mark.parametrize(
    ("options", "path", "message"),
    [
        (["cluster.devices=0"], "cluster.devices", "must be at least 1"),
        (["cluster.devces=3"], "cluster.devces", "Did you mean 'devices'?"),
        (["cluster.topology.bandwidth=5"], "cluster.topology.bandwidth", "'5' has no unit"),
        (["policy=fifi"], "policy", "Did you mean 'fifo'?"),
        (["workload.data[1]=x"], "workload.data[1]", "not the text 'x'"),
        (["workload.data[9]=3"], "workload.data[9]", "has 3 elements; the first is number 0"),
        (["cluster.devices.x=3"], "cluster.devices.x", "cluster.devices is 2, not a mapping"),
        (["cluster.devices=02"], "cluster.devices", "starts with a zero"),
        (["policy={a: 1, a: 2}"], "policy", "write it once"),
        (["policy=[a"], "policy", "is not a YAML value"),
        (["policy=*a"], "policy", "is an alias"),
        (["policy"], "policy", "is not PATH=VALUE; write for example cluster.devices=4"),
        (["=3"], "yaml", "is not PATH=VALUE; write for example cluster.devices=4"),
        (["a..b=3"], "a..b", "is not a path; write for example workload.tasks[2].compute"),
        (["[0]=3"], "[0]", "is not a path"),
        (["workload.item=1 Mb"], "workload.item", "write Mbit or MB"),
        (["cost.kind=noisy", "cost.spread=0"], "cost.spread", "must be more than 0"),
    ],
)  # fmt: skip
def test_a_fault_of_set(refused, options, path, message):
    (fault,) = refused(ITEMS, *(word for option in options for word in ("--set", option)))
    assert fault[:4] == ("--set", 0, 0, path)
    assert message in fault[4]


def test_faults_of_set_come_with_those_of_the_file(refused):
    found = refused(ITEMS.replace("10 MB/s", "10"), "--set", "policy=fifi", "--set", "cluster.devices=0")
    assert [fault[:4] for fault in found] == [
        ("--set", 0, 0, "cluster.devices"),
        ("--set", 0, 0, "policy"),
        ("a.yaml", 2, 57, "cluster.topology.bandwidth"),
    ]


def test_faults_of_several_options_are_told_at_once(refused):
    found = refused(ITEMS, "--seed", "x", "--set", "policy", "--set", "b=[")
    assert [fault[:4] for fault in found] == [
        ("--set", 0, 0, "policy"),
        ("--set", 0, 0, "b"),
        ("--seed", 0, 0, "seed"),
    ]


@pytest.mark.parametrize(
    ("arguments", "place", "message"),
    [
        (["run", "a.yaml", "--seed", "x"], "--seed:0:0: seed", "'x' is not a whole number"),
        (["run", "a.yaml", "--seed", "-1"], "--seed:0:0: seed", "write for example 7"),
        (["run", "a.yaml", "--seed", "1.5"], "--seed:0:0: seed", "write for example 7"),
        (["run", "a.yaml", "--seed", "9" * 5000], "--seed:0:0: seed", "write for example 7"),
        (["run", "a.yaml", "--seed", "٣"], "--seed:0:0: seed", "write for example 7"),
        (["run", "a.yaml", "--seed"], "--seed:0:0: seed", "requires an argument"),
        (["run", "a.yaml", "--sed", "3"], "--sed:0:0: sed", "--seed"),
        (["run", "a.yaml", "b.yaml"], "parsim:0:0: parsim", "unexpected extra argument"),
        (["run"], "SCENARIO:0:0: SCENARIO", "Missing argument"),
        (["run", "none.yaml"], "none.yaml:0:0: SCENARIO", "no such file"),
        (["run", "."], ".:0:0: SCENARIO", "is a folder; name a file"),
        (["run", "a.yaml", "--set", "policy=fifo,heft"], "--set:0:0: policy", "parsim compare plays "
         "several side by side"),
        (["run", "a.yaml/b"], "a.yaml/b:0:0: SCENARIO", "cannot be read"),
        (["run", "x" * 5000], "x" * 5000 + ":0:0: SCENARIO", "cannot be read"),
        (["run", "two\nlines.yaml"], r"two\nlines.yaml:0:0: SCENARIO", "no such file"),
        (["rn", "a.yaml"], "parsim:0:0: parsim", "Did you mean 'run'?"),
        (["--foo"], "--foo:0:0: foo", "No such option"),
        (["validate"], "SCENARIO:0:0: SCENARIO", "Missing argument"),
        (["validate", "none.yaml"], "none.yaml:0:0: SCENARIO", "no such file"),
        (["schedule"], "NAME:0:0: NAME", "Missing argument"),
        (["schedule", "gpipe"], "--ranks:0:0: ranks", "is missing; write for example --ranks 4"),
        (["schedule", "gpip", "--ranks", "2", "--microbatches", "2"], "NAME:0:0: NAME", "Did you mean 'gpipe'?"),
        (["schedule", "gpipe", "--ranks", "0", "--microbatches", "2"], "--ranks:0:0: ranks", "write for example 4"),
        (["schedule", "gpipe", "--ranks", "x", "--microbatches", "2"], "--ranks:0:0: ranks", "write for example 4"),
        (["schedule", "1f1b", "--ranks", "2", "--microbatches", "0"], "--microbatches:0:0: microbatches", "example 4"),
        (["schedule", "1f1b", "--ranks", "2", "--microbatches", "2", "--chunks", "2"], "--chunks:0:0: chunks", "use"),
        (["schedule", "1f1b", "--ranks", "10000", "--microbatches", "10000"], "--microbatches:0:0: micro", "more than"),
        (["ledger"], "TIMELINE:0:0: TIMELINE", "Missing argument"),
        (["ledger", "none.csv"], "none.csv:0:0: TIMELINE", "cannot be read: No such file or directory"),
        (["ledger", "."], ".:0:0: TIMELINE", "cannot be read"),
        (["ledger", "empty.csv"], "empty.csv:1:1: csv", "the file is empty"),
        (["ledger", "one.csv", "--workers", "0"], "--workers:0:0: workers", "write for example 4"),
        (["ledger", "one.csv", "--workers", "1"], "--workers:0:0: workers", "the file names 2 workers"),
        (["list", "policy"], "SHELF:0:0: SHELF", "Did you mean 'policies'?"),
        (["schema", "x"], "parsim:0:0: parsim", "unexpected extra argument"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)  # fmt: skip
def test_a_fault_on_the_command_line(command, tmp_path, arguments, place, message):
    (tmp_path / "a.yaml").write_text(ITEMS)
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "one.csv").write_text(
        "number,task,kind,worker,lane,ready_s,start_s,end_s,nominal_s,waited_for\n"
        "0,a,compute,w0,compute,0,0,1,1,start\n1,b,compute,w1,compute,0,0,1,1,start\n"
    )
    before = sorted(os.listdir(tmp_path))
    code, out, err = command(*arguments)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert err.startswith(place)
    assert message in err
    assert sorted(os.listdir(tmp_path)) == before


def test_no_command_at_all_shows_how_to_use_it(command):
    code, out, err = command()
    assert (code, out) == (2, "")
    assert err.startswith("Usage: parsim")


def test_all_counts_of_a_schedule_are_checked_at_once(command):
    code, _, err = command("schedule", "zzz", "--ranks", "0", "--microbatches", "x", "--chunks", "-1")
    assert code == 2
    assert [line.split(":")[0] for line in err.splitlines()] == ["--ranks", "--microbatches", "--chunks", "NAME"]


# --- the output folder ---


@pytest.mark.parametrize("folder", ["a.yaml/below", "a.yaml", "/proc/parsim/x", "", "x" * 300, "/dev/null/x"])
def test_an_output_folder_that_cannot_be_is_told_before_the_clock_starts(command, tmp_path, folder, monkeypatch):
    def play(*_):
        raise AssertionError("the clock started")

    monkeypatch.setattr("parsim.run.valued", play)
    (tmp_path / "a.yaml").write_text(ITEMS)
    code, out, err = command("run", "a.yaml", "--out", folder)
    assert (code, out) == (2, "")
    ((file, line, column, path, message),) = parsed(err)
    assert (file, line, column, path) == ("--out", 0, 0, "out")
    assert message.startswith(f"'{folder}' cannot be written to: ")
    assert message.endswith("name another folder")
    assert os.listdir(tmp_path) == ["a.yaml"]


def test_a_wrong_folder_and_a_wrong_scenario_are_told_at_once(command, tmp_path):
    (tmp_path / "a.yaml").write_text("policy: fifi\n")
    code, out, err = command("run", "a.yaml", "--out", "a.yaml/x/y")
    assert (code, out) == (2, "")
    assert [fault[0] for fault in parsed(err)] == ["--out", "a.yaml", "a.yaml", "a.yaml"]


def test_wrong_input_makes_no_folder_and_leaves_old_files(command, tmp_path):
    (tmp_path / "a.yaml").write_text(ITEMS.replace("10 MB/s", "10"))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "result.json").write_text("old")
    assert command("run", "a.yaml", "--out", "new/deep")[0] == 2
    assert command("run", "a.yaml", "--out", "out")[0] == 2
    assert sorted(os.listdir(tmp_path)) == ["a.yaml", "out"]
    assert os.listdir(tmp_path / "out") == ["result.json"]
    assert (tmp_path / "out" / "result.json").read_text() == "old"


STALL = """\
# both hold 6 of 10 bytes for a child that needs 5 more
cluster: {devices: 1, device: {memory: 10 B}}
workload:
  kind: tasks
  tasks:
    - {name: a, compute: 1 s, output: 6 B}
    - {name: b, compute: 1 s, memory: 5 B, after: [a]}
"""


def test_a_failed_run_leaves_old_results_whole(command, tmp_path):
    (tmp_path / "a.yaml").write_text(STALL)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "result.json").write_text("old")
    code, out, err = command("run", "a.yaml", "--out", "out")
    assert (code, out) == (1, "")
    assert err.startswith("parsim: stalled at 1 s: 1 of 2 tasks cannot end\n")
    assert "w0 waits for b" in err
    assert os.listdir(tmp_path / "out") == ["result.json"]
    assert (tmp_path / "out" / "result.json").read_text() == "old"


@pytest.mark.usefixtures("sketches")
@pytest.mark.parametrize("failing", ["result.json", "trace.json"])
def test_a_failing_write_leaves_each_old_file_whole(command, tmp_path, monkeypatch, failing):
    (tmp_path / "a.yaml").write_text(ITEMS)
    assert command("run", "a.yaml", "--out", "out", "--quiet")[0] == 0
    names = sorted(os.listdir(tmp_path / "out"))
    for name in names:
        (tmp_path / "out" / name).write_text("old")
    replace = os.replace

    def full(source, target):
        if os.path.basename(target) == failing:
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", full)
    code, out, err = command("run", "a.yaml", "--out", "out", "--json")
    assert (code, out) == (1, "")
    assert "No space left on device" in err
    assert "Traceback" not in err
    assert sorted(os.listdir(tmp_path / "out")) == [name for name in names if name != "result.json"]  # it is not whole
    assert failing == "result.json" or (tmp_path / "out" / failing).read_text() == "old"


def test_what_is_no_part_of_a_result_stays_in_the_folder(command, tmp_path):
    (tmp_path / "a.yaml").write_text(ITEMS)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    (tmp_path / "out" / "result.json").write_text("old")
    assert command("run", "a.yaml", "--out", "out", "--quiet")[0] == 0
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"
    assert (tmp_path / "out" / "result.json").read_text() != "old"


# --- a mapping instead of a file ---


def test_a_mapping_has_no_lines():
    scenario = {
        "cluster": {"devices": 2, "topology": {"kind": "star", "bandwidth": "10"}},
        "workload": {"kind": "tasks", "tasks": [{"name": "a", "compute": "1 s", "after": ["b"]}]},
        "policy": "fifi",
    }
    with pytest.raises(parsim.ScenarioError) as caught:
        parsim.simulate(scenario, set={"seed": -1, "cluster.devices": 0})
    assert {fault[:4] for fault in caught.value.faults} == {
        ("scenario", 0, 0, "cluster.topology.bandwidth"),
        ("scenario", 0, 0, "policy"),
        ("--set", 0, 0, "cluster.devices"),
        ("--set", 0, 0, "seed"),
    }
    assert isinstance(caught.value.faults, tuple)
    assert all(isinstance(fault, tuple) and len(fault) == 5 for fault in caught.value.faults)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (float("nan"), "nan is not a finite number"),
        (float("inf"), "inf is not a finite number"),
        (10**400, "has too many digits"),
        (object(), "YAML cannot express a"),
        (b"fifo", "YAML cannot express a"),
        ({1: 2}, "the key 1 is not text"),
        ("\ud800", "contains half a surrogate pair"),
        ({"\ud800": 1}, "is not text"),
    ],
)
def test_what_yaml_could_not_say(value, message):
    for arguments in (({"policy": value},), ({}, {"policy": value})):
        with pytest.raises(parsim.ScenarioError) as caught:
            parsim.simulate(*arguments)
        assert any(message in fault.message and fault.path == "policy" for fault in caught.value.faults)


@pytest.mark.parametrize("source", [None, 3, [1], b"\0", "a\0b", object()])
def test_what_is_neither_path_nor_mapping(source):
    with pytest.raises(parsim.ScenarioError):
        parsim.simulate(source)


def test_a_mapping_that_holds_itself():
    loop = {}
    loop["cluster"] = loop
    with pytest.raises(parsim.ScenarioError, match="nested deeper"):
        parsim.simulate(loop)


@pytest.mark.parametrize(
    ("item", "weights", "place", "needs"),
    [
        ("1 MB", "10 MB", "weights", "11 MB"),
        ("10 MB", "1 MB", "item", "11 MB"),
        ("1 B", "9 MB", "weights", "9000001 B"),  # in three figures no more than the 9 MB that there are
    ],
)
def test_tasks_too_large_are_told_once_where_most_of_their_need_is(item, weights, place, needs):
    scenario = {
        "cluster": {"devices": 4, "device": {"memory": "9 MB"}, "topology": {"kind": "star", "bandwidth": "1 MB/s"}},
        "workload": {"kind": "items", "count": 16, "item": item, "weights": weights},
        "plan": {"split": "data", "subsets": 16},
        "cost": {"kind": "constant", "compute": "1 s"},
    }
    with pytest.raises(parsim.ScenarioError) as caught:
        parsim.simulate(scenario)
    held = "9000000 B" if needs.endswith(" B") else "9 MB"
    message = f"task part0 needs {needs} on its device, but the largest has {held}, and 15 more tasks are too large"
    assert [fault[3:] for fault in caught.value.faults] == [(f"workload.{place}", message)]
