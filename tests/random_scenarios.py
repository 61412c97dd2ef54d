"""Strategies that draw whole scenarios, as mappings; small whole numbers are likely, so that instants coincide."""

from functools import cache

from hypothesis import strategies as st

from parsim.policies import policies

POLICIES = st.sampled_from([name for name in policies.entries() if name != "in_order"])


@cache  # a strategy that is made once is checked once
def seconds(low=0):
    whole = st.integers(low, 5)
    rough = st.floats(low + 0.01, 5, allow_nan=False, allow_infinity=False)
    return st.one_of(whole, whole, rough).map("{!r} s".format)


def megabytes(low=0, high=8):
    return st.integers(low, high).map("{} MB".format)


@cache
def some_of(count, least, most):
    """Draw different numbers below *count*, at least and at most so many."""
    return st.lists(st.sampled_from(range(count)), min_size=least, max_size=most, unique=True)


@cache
def shuffled(count):
    return st.permutations(range(count))


@st.composite
def devices(draw, least=1, most=4, memory=()):
    """A list of devices that may differ in speed, slots and memory, or (without memory) a plain count."""
    count = draw(st.sampled_from(range(least, most + 1)))
    if draw(st.integers(0, 3 if memory else 1)) == 0:
        return count
    rows = []
    for index in range(count):
        row = {"name": f"d{index}"}
        if draw(st.integers(0, 3)) == 0:
            row["speed"] = draw(st.sampled_from([0.5, 2, 3]))
        if draw(st.integers(0, 3)) >= (1 if memory else 3):  # whoever has one slot hardly waits for room
            row["slots"] = draw(st.integers(2, 3))
        if memory and draw(st.integers(0, 3)):
            row["memory"] = draw(megabytes(*memory))
        rows.append(row)
    return rows


def names_of(rows):
    return [f"w{i}" for i in range(rows)] if isinstance(rows, int) else [row["name"] for row in rows]


BANDWIDTHS = st.sampled_from(["1 MB/s", "2 MB/s", "3 MB/s"])
LATENCIES = st.sampled_from(["0 s", "0 s", "1 s", "300 ms"])


@st.composite
def wires(draw, places):
    """A star, a full mesh, or a custom network on which any two of *places* (and the host) have a route."""
    kind = draw(st.sampled_from(["star", "full", "custom"]))
    if kind != "custom":
        return {"kind": kind, "bandwidth": draw(BANDWIDTHS), "latency": draw(LATENCIES)}
    links = [
        {"name": f"L{i}", "bandwidth": draw(BANDWIDTHS), "latency": draw(LATENCIES)}
        for i in range(draw(st.integers(1, 5)))
    ]
    ways = some_of(len(links), 1, 3)
    pairs = [(a, b) for a in places for b in places if a != b]
    routes = [{"from": a, "to": b, "over": [links[link]["name"] for link in draw(ways)]} for a, b in pairs]
    return {"kind": "custom", "links": links, "routes": routes}


@st.composite
def steps(draw):
    if draw(st.booleans()):
        return {}
    return {step: draw(seconds()) for step in ("split", "create", "allocate", "gather", "merge") if draw(st.booleans())}


@st.composite
def items(draw, memory=True):
    """Items by data, layers or chain; with values, or only counted. A device with a limit holds one sub-task or two."""
    split = draw(st.sampled_from(["data", "layers", "chain"]))
    count = draw(st.sampled_from(range(1, 8)))
    item, weights = draw(st.integers(0, 3)), draw(st.integers(0, 6))
    enough = max(1, weights + item * {"data": (count + 1) // 2, "layers": count, "chain": 1}[split])  # MB
    rows = draw(devices(memory=(enough, 2 * enough) if memory else ()))
    workload = {"kind": "items", "item": f"{item} MB", "result": draw(megabytes(0, 2)), "weights": f"{weights} MB"}
    if draw(st.booleans()):
        workload["weights_at"] = "host"
    if draw(st.booleans()):
        workload |= {"data": list(range(1, count + 1)), "kernel": "double", "merge": "sum"}
    else:
        workload["count"] = count
    plan = {"split": split, "steps": draw(steps()), "prefetch": draw(st.integers(0, 2))}
    if split == "chain":
        plan["depth"] = draw(st.integers(1, 4))
    if split == "data" and draw(st.booleans()):
        plan["subsets"] = draw(st.integers(1, count))
    return {
        "cluster": {"devices": rows, "topology": draw(wires([*names_of(rows), "host"]))},
        "workload": workload,
        "plan": plan,
        "cost": {**draw(costs()), "compute": draw(seconds())},
        "policy": draw(POLICIES),
        "seed": draw(st.integers(0, 5)),
    }


def costs():
    return st.sampled_from([{"kind": "constant"}, {"kind": "constant"}, {"kind": "noisy", "spread": 0.3}])


SIZES = st.one_of(megabytes(0, 2), megabytes(1, 2))
TRAVELS = st.sampled_from(
    [st.one_of(seconds(), SIZES), SIZES]
)  # of a graph's edges; sizes alone share links more often
MEMORY, OUTPUT = megabytes(2, 7), megabytes(0, 2)
COMPUTES = st.one_of(seconds(1), seconds())


@st.composite
def task_graphs(draw, memory=True):
    """Any graph: edges in seconds, bytes or neither, computes per device, parents later in the file.

    Where devices have limits, most hold any one task, but seldom two.
    """
    rows = draw(devices(memory=(8, 12) if memory else ()))
    names = names_of(rows)
    order = draw(shuffled(draw(st.sampled_from(range(1, 13)))))
    travel, listed = draw(TRAVELS), {}
    for turn, number in enumerate(order):
        after = [order[earlier] for earlier in draw(some_of(turn, 0, 2))] if turn else []
        row = {"name": f"t{number}", "compute": draw(COMPUTES)}
        if draw(st.integers(0, 3)) == 0:
            able = draw(some_of(len(names), 1, len(names)))
            row["compute"] = {names[place]: draw(seconds()) for place in able}
        if after:
            row["after"] = {f"t{parent}": draw(travel) for parent in after}
            if draw(st.integers(0, 4)) == 0:
                row["after"] = list(row["after"])
        if draw(st.integers(0, 3)):
            row |= {"memory": draw(MEMORY), "output": draw(OUTPUT)}
        listed[number] = row
    return {
        "cluster": {"devices": rows, "topology": draw(wires([*names, "host"]))},
        "workload": {"kind": "tasks", "tasks": [listed[number] for number in sorted(listed)]},
        "plan": {"steps": draw(steps()), "prefetch": draw(st.integers(0, 2))},
        "cost": draw(costs()),
        "policy": draw(POLICIES),
        "seed": draw(st.integers(0, 5)),
    }


@st.composite
def pipelines(draw):
    """GPipe or 1F1B, with or without sends, equal stages or not, on in_order or another policy."""
    ranks = draw(st.sampled_from(range(1, 5)))
    rows = draw(st.one_of(st.just(ranks), devices(least=ranks, memory=())))
    time = st.one_of(seconds(), st.lists(seconds(), min_size=ranks, max_size=ranks))
    workload = {"kind": "stages", **{name: draw(time) for name in ("forward", "input_grad", "weight_grad")}}
    if draw(st.booleans()):
        workload["send"] = draw(seconds())
    plan = {
        "pipeline": ranks,
        "schedule": draw(st.sampled_from(["gpipe", "1f1b"])),
        "microbatches": draw(st.integers(1, 6)),
    }
    if draw(st.booleans()):
        plan["steps"] = draw(steps())
    scenario = {"cluster": {"devices": rows}, "workload": workload, "plan": plan, "cost": draw(costs())}
    if draw(st.integers(0, 3)) == 0:
        plan["sends"] = "blocking"
    elif draw(st.integers(0, 3)) == 0:
        scenario["policy"] = draw(POLICIES)
    return scenario


@st.composite
def traffic(draw):
    """Flows on random networks, limited or not, some of zero bytes."""
    rows = draw(devices(memory=()))
    places = [*names_of(rows), "host"]
    flows = []
    for index in range(draw(st.integers(1, 6))):
        a, b = draw(st.permutations(places))[:2]
        flow = {"name": f"f{index}", "from": a, "to": b, "size": draw(megabytes()), "start": draw(seconds())}
        if draw(st.integers(0, 2)) == 0:
            flow["limit"] = draw(st.sampled_from(["1 MB/s", "500 kB/s", "10 MB/s"]))
        flows.append(flow)
    return {
        "cluster": {"devices": rows, "topology": draw(wires(places))},
        "workload": {"kind": "transfers", "flows": flows},
    }


def scenarios(memory=True):
    """Any of them."""
    return st.one_of(items(memory=memory), task_graphs(memory=memory), pipelines(), traffic())


@st.composite
def plain_items(draw):
    """Items on equal devices without limits or luck, where closed forms are likely to apply; links may be shared."""
    count = draw(st.integers(1, 4))
    split = draw(st.sampled_from(["data", "layers", "chain"]))
    rows = {
        "devices": count,
        "device": {"speed": draw(st.sampled_from([1, 2])), "slots": draw(st.sampled_from([1, 1, 2]))},
    }
    places = [*names_of(count), "host"]
    plan = {"split": split, "steps": draw(steps()), "prefetch": draw(st.sampled_from([0, 0, 1]))}
    number = draw(st.integers(1, 7))
    if split == "data":
        plan["subsets"] = draw(st.integers(1, number))
    if split == "chain":
        plan["depth"] = draw(st.integers(1, 3))
    sizes = {key: draw(megabytes(0, 2)) for key in ("item", "result", "weights")}
    return {
        "cluster": rows | {"topology": draw(st.one_of(wires(places), spread_wires(places)))},
        "workload": {"kind": "items", "count": number, **sizes},
        "plan": plan,
        "cost": {"kind": "constant", "compute": draw(seconds())},
        "policy": draw(st.one_of(st.just("fifo"), POLICIES)),
    }


@st.composite
def spread_wires(draw, places):
    """Equal links, a route over one of them: few enough routes share that some scenarios have none that do."""
    links = [{"name": f"L{i}", "bandwidth": "1 MB/s"} for i in range(2 * len(places))]
    pairs = [(a, b) for a in places for b in places if a != b]
    over = draw(st.permutations(range(len(links))))
    shift = draw(st.integers(0, 3))
    routes = [
        {"from": a, "to": b, "over": [f"L{over[(i + shift * (b == 'host')) % len(links)]}"]}
        for i, (a, b) in enumerate(pairs)
    ]
    return {"kind": "custom", "links": links, "routes": routes}
