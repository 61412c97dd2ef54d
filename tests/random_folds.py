"""Play random trainings with every device, and with one for all that do the same, and compare the two runs.

python tests/random_folds.py --count 1000 --seed 0
python tests/random_folds.py --count 1 --start 231 --singly          number 231 alone, every round by itself, to the bit
"""

import argparse
import random
import re
from collections import Counter
from contextlib import contextmanager, nullcontext
from unittest.mock import patch

import numpy as np

import parsim
from parsim.build import build
from parsim.collectives import collectives
from parsim.core.errors import Stalled
from parsim.metrics.checker import check
from parsim.scenario.scenario import load
from parsim.schedules import schedules
from parsim.shardings import shardings
from parsim.sim.by_sends import BySends
from parsim.sim.prepared import clock_unit

NEAR = 1e-12  # of the makespan
MOST = (16, 16, 32)  # devices

SLOW = {"bandwidth": "25 GB/s", "latency": "3 us"}
ALGORITHMS = [name for name in collectives.entries() if name != "custom"]
ALGORITHMS += [{"kind": "ring", "rings": 2}, {"kind": "hierarchical", "inside": "direct", "across": "halving-doubling"}]
SCHEDULES = [name for name in schedules.entries() if name not in ("custom", "dualpipe")]  # that need other plans
SHARDINGS = [*shardings.entries(), {"kind": "zero3", "prefetch": 2}, {"kind": "zero3", "reshard": False}]
ORDER = ["tensor", "context", "expert", "data", "pipeline"]
ROUTING = ["ecmp-target", "ecmp-target", "single", "ecmp-pair"]
RATES = ["25 GB/s", "10 GB/s"]


def above(draw):
    """Return how switches are joined by others."""
    return {"oversubscription": draw.choice([1, 2, 4]), "routing": draw.choice(ROUTING)}


def inside(draw, n, sizes=(2, 4, 8)):
    """Return the numbers of nodes in which several devices may share a card; the last one may be partly empty."""
    size = draw.choice([one for one in sizes if n % one == 0 or draw.random() < 0.2] or [2])
    cards = draw.choice([one for one in (1, 2, size) if one <= size])
    return {
        "per_node": size,
        "bandwidth": "300 GB/s",
        "latency": "1 us",
        "nics": cards,
        "nic": "25 GB/s",
        "nic_latency": "4 us",
    }


TOPOLOGIES = {
    "star": lambda draw, n: SLOW,
    "full": lambda draw, n: SLOW,
    "switch": lambda draw, n: SLOW | {"fabric": draw.choice(["50 GB/s", "500 GB/s"]), "up": draw.choice(RATES)},
    "ring": lambda draw, n: SLOW | {"back": draw.choice(RATES)},
    "torus": lambda draw, n: SLOW | {"sides": draw.choice([[n // 2, 2], [n // 4, 2, 2]][: 1 + (n % 4 == 0)])},
    "islands": lambda draw, n: inside(draw, n) | {"inside": draw.choice(["switch", "full"])},
    "rail": lambda draw, n: inside(draw, n, (2, 4)) | {"nics": 2, "spines": draw.choice([1, 2]), "nodes_per_leaf": 2}
    | {"leaf_latency": "1 us", "across": draw.choice(["nvlink", "spine"])} | above(draw),
    "leaf_spine": lambda draw, n: SLOW | {"per_leaf": draw.choice([2, 4]), "spines": 2} | above(draw),
    "fat_tree": lambda draw, n: SLOW | {"k": 4} | above(draw),
}  # fmt: skip

TRANSFORMER = {"kind": "transformer", "vocabulary": 1000, "width": 256, "heads": 8, "sequence": 128}
WORKLOADS = {  # of so many layers
    "transformer": lambda draw, layers: TRANSFORMER | {"blocks": layers, "key_value_heads": 4},
    "mixture": lambda draw, layers: TRANSFORMER
    | {"kind": "mixture", "blocks": layers, "experts": 8, "hidden": 64}
    | draw.choice([{}, {"imbalance": 2}, {"capacity": 1.25}]),
    "mlp": lambda draw, layers: {"kind": "mlp", "widths": [256] * (layers + 3)},
    "cnn": lambda draw, layers: {"kind": "cnn", "image": 8, "classes": 4, "channels": [4] * 2},
}  # fmt: skip


def case(seed, number):
    """Return a scenario; one number, one case. It may be wrong, as some schedules ask for more microbatches."""
    draw = random.Random(f"{seed} {number}")
    plan, n = degrees(draw)
    kind = draw.choice([one for one in TOPOLOGIES if one != "fat_tree" or n == 16])
    work = {"context": ["transformer", "mixture"], "expert": ["mixture"], "tensor": ["transformer", "mixture", "mlp"]}
    kinds = next((work[name] for name in ("expert", "context", "tensor") if name in plan), list(WORKLOADS))
    layers = 6 if plan.get("pipeline", 1) > 2 else draw.choice([2, 3])
    workload = WORKLOADS[draw.choice(kinds)](draw, layers) | {"iterations": draw.choice([1, 1, 2])}
    workload["batch"] = plan.get("data", 1) * plan.get("microbatches", 1) * draw.choice([1, 2])
    topology = {"kind": kind, **TOPOLOGIES[kind](draw, n)}
    cluster = {"device": device(draw), "devices": devices(draw, n, plan), "topology": topology}
    found = {"cluster": cluster, "workload": workload, "plan": plan | details(draw, workload["kind"])}
    if draw.random() < 0.15 and kind != "star":
        topology["changes"] = [changed(draw, found)]
    return found


def degrees(draw):
    """Return the degrees of a plan, with the schedule of its pipeline, and the number of devices."""
    most = draw.choice(MOST)
    while True:
        found = {"data": draw.choice([1, 2, 3, 4, 8, 16, 16, 24, 32])}
        found |= {name: draw.choice([1, 1, 2, 4]) for name in ("tensor", "pipeline")}
        found |= {"context": draw.choice([1, 1, 1, 2])}
        n = int(np.prod(list(found.values())))
        if 2 <= n <= most and n % 2 == 0:
            break
    if found["data"] % 2 == 0 and draw.random() < 0.25:
        found["expert"] = draw.choice([one for one in (2, 4) if found["data"] % one == 0])
    found = {name: value for name, value in found.items() if value > 1}
    if "pipeline" in found:
        found |= {"microbatches": found["pipeline"] * draw.choice([1, 2, 2]), "schedule": draw.choice(SCHEDULES)}
        found |= {"sends": draw.choice(["overlapped", "overlapped", "blocking"])}
    return found, n


def details(draw, workload):
    """Return keys of a plan that change no number of devices."""
    found = {"detail": draw.choice(["stages", "layers"]), "sharding": draw.choice(SHARDINGS)}
    found |= {"algorithm": draw.choice(ALGORITHMS)} if draw.random() < 0.6 else {}
    found |= {"bucket": draw.choice(["1 MB", "200 kB"])} if draw.random() < 0.5 else {}
    found |= {"order": draw.sample(ORDER, len(ORDER))} if draw.random() < 0.3 else {}
    if workload in ("transformer", "mixture"):
        found |= {"recompute": draw.choice(["none", "selective", "full"])}
        found |= {"sequence_parallel": draw.random() < 0.7}
    return found


def device(draw):
    """Return what all devices are."""
    found = {"kind": "a100-80g"}
    found |= {"overlap_slowdown": 1.2} if draw.random() < 0.2 else {}
    return found | ({"memory": draw.choice(["20 MB", "60 MB"])} if draw.random() < 0.2 else {})


def devices(draw, n, plan):
    """Return how many devices there are, or a list: one is slower, or one rank of the pipeline in all replicas."""
    what = draw.random()
    if what > 0.2:
        return n
    ranks = plan.get("pipeline", 1)
    slow = {draw.randrange(n)} if what < 0.1 else set(range(n // ranks))
    return [{"name": f"w{place}", "speed": 0.8} if place in slow else f"w{place}" for place in range(n)]


def links_of(scenario):
    """Return the names of the links of a scenario's topology; none where it is wrong."""
    try:
        routes = build(load(scenario)).cluster.wiring.route
    except parsim.ScenarioError:
        return ["*"]
    return [routes.link(number).name for number in range(routes.count)]


def changed(draw, scenario):
    """Return a change of one of the links, or of all whose names begin alike."""
    name = draw.choice(links_of(scenario))
    name = re.sub(r"[0-9].*", "*", name) if draw.random() < 0.3 else name
    cut = [{"at": "100 us", "bandwidth": "1 GB/s"}, {"at": "1 ms", "bandwidth": "20 GB/s"}]
    return {"link": name} | draw.choice([{"bandwidth": "5 GB/s"}, {"latency": "9 us"}, {"profile": cut}])


# -- two runs of one scenario


@contextmanager
def one_clock():
    """Give the run of some devices the unit of time of the run of all: rounding may grow where links are shared."""
    known = {}

    def unit(job, compute):
        training = job.graph.program
        return known.setdefault(training and training.iterations, clock_unit(job, compute))

    with patch("parsim.sim.prepared.clock_unit", unit):
        yield


@contextmanager
def singly():
    """Play every round of a collective by itself."""
    with patch("parsim.sim.collectives.player", BySends):
        yield


def both(scenario):
    """Return the run of every device, and that of the devices that are played; raises ScenarioError."""
    build(load(scenario), "on")
    return parsim.simulate(scenario, fold="off"), parsim.simulate(scenario, fold="on")


def stalls(scenario, fold):
    """Return whether a run of a scenario stalls."""
    try:
        parsim.simulate(scenario, fold=fold)
    except Stalled:
        return True
    return False


def differences(whole, fold, near=NEAR):
    """Yield what differs between a run of every device and that of those which are played.

    Times may differ by *near* of the makespan; figures, which are sums in another order, by `NEAR` of it.
    """
    yield from check(fold.job, fold.timeline)
    span = whole.timeline.makespan_s
    mine, theirs = (numbers(run) for run in (whole, fold))
    for name in theirs:
        if name not in mine:
            yield f"{name}: is in one run alone"
        elif not abs(theirs[name] - mine[name]) <= NEAR * max(span, abs(mine[name])):
            yield f"{name}: {theirs[name]!r}, but {mine[name]!r}"
    all_, some = tasks(whole), tasks(fold)
    for worker in fold.job.cluster.workers:
        one, other = all_[worker.name], some[worker.name]
        if [row[:2] for row in one] != [row[:2] for row in other]:
            yield f"{worker.name}: other tasks"
            continue
        apart = np.array([row[2:] for row in one]) - np.array([row[2:] for row in other])
        if not np.abs(apart).max() <= near * span:
            yield f"{worker.name}: times differ by {np.abs(apart).max()!r} of {span!r}"


def tasks(run):
    """Return by worker (name, lane, ready, start, end) of its tasks, and of the outputs that it receives for them."""
    line, found = run.timeline, {}
    times = np.column_stack([line.ready_s, line.start_s, line.end_s])[line.sender < 0].tolist()
    words = [column[line.sender < 0].tolist() for column in (line.worker, line.task, line.lane)]
    for worker, name, lane, each in zip(*words, times, strict=True):
        row = (name.split(">")[1], "receives") if ">" in name else (name, lane)
        found.setdefault(worker, []).append((*row, *each))
    return {worker: sorted(rows) for worker, rows in found.items()}


FIGURES = ("makespan_s", "workers", "theory", "ledger", "communication", "slowed_s", "pipeline", "training", "model")


def numbers(run):
    """Return the figures of a run by name, and those of its devices."""
    facts = run.to_dict()
    found = dict(pair for name in FIGURES for pair in flat(name, facts[name]))
    for device in facts["devices"]:
        found.update(flat(device["name"], {key: device[key] for key in device if key != "stands_for"}))
    return found


def flat(name, value):
    """Yield the numbers in nested mappings, by their path."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from flat(f"{name} {key}", part)
    elif isinstance(value, int | float):
        yield name, float(value)


def compared(scenario, played=nullcontext, near=NEAR):
    """Return what became of a scenario in one word, and what differs; `singly` as *played* skips no rounds."""
    with one_clock(), played():
        try:
            runs = both(scenario)
        except parsim.ScenarioError as wrong:
            return ("refused" if "cannot be folded" in str(wrong) else "wrong"), []
        except Stalled:  # blocking sends of some schedules wait for each other; then a fold does so, too
            return "stalled", [] if all(stalls(scenario, fold) for fold in ("off", "on")) else ["only one stalls"]
        return "folded", [*differences(*runs, near)]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--singly", action="store_true")
    asked, seen = parser.parse_args(), Counter()
    for number in range(asked.start, asked.start + asked.count):
        scenario = case(asked.seed, number)
        word, found = compared(scenario, singly, 0.0) if asked.singly else compared(scenario)
        seen[word if not found else "differs"] += 1
        for line in found[:3]:
            print(f"case {number}, {scenario['cluster']['topology']['kind']}, {scenario['plan']}: {line}", flush=True)
    print(dict(seen))


if __name__ == "__main__":
    main()
