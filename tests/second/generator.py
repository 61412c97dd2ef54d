"""Random scenarios as mappings: small whole numbers and tenths, so that ties are frequent.

Number i of seed s is always the same scenario. At most ten transfers share a link, so that all of it is within the
limits of the clock (contract, section 4, "Instants").
"""

import random

PLANNING = ("heft", "cpop", "peft")
POLICIES = ("fifo", "list_order", "spt", "lpt", "critical_path", "work_stealing", "round_robin", *PLANNING)
STEPS = ("split", "create", "allocate", "gather", "merge")


def scenario(seed, number):
    draw = random.Random(f"{seed}/{number}")
    kinds = {task_graph: 8, crowded: 5, tenths: 5, lanes: 5, items: 6, pipeline: 2, traffic: 2}
    return draw.choices([*kinds], weights=[*kinds.values()])[0](draw)


def seconds(draw, low=0):
    """A whole number, or tenths; often equal to another one."""
    number = draw.choice([low, 1, 1, 2, 3, 5, draw.randint(low, 5), draw.randint(10 * low, 30) / 10])
    unit, factor = draw.choice([("s", 1)] * 7 + [("ms", 10**3), ("us", 10**6), ("ns", 10**9)])
    return f"{number} s" if unit == "s" else f"{round(number * factor)} {unit}"


def megabytes(draw, low, high):
    return f"{draw.randint(low, high)} MB"


def devices(draw, least, most, room=None):
    """A count, or devices that may differ in speed, slots and memory; *room* bounds their limits in MB."""
    count = draw.randint(least, most)
    if draw.random() < 0.25:
        return count
    rows = []
    for index in range(count):
        row = {"name": f"d{index}"}
        if draw.random() < 0.3:
            row["speed"] = draw.choice([0.5, 2, 3, 1.5, 0.7])
        if draw.random() < 0.3:
            row["slots"] = draw.randint(2, 3)
        if room and draw.random() < 0.75:
            row["memory"] = megabytes(draw, *room)
        rows.append(row)
    return rows


def names_of(rows):
    rows = [f"w{i}" for i in range(rows)] if isinstance(rows, int) else rows
    return [row if isinstance(row, str) else row["name"] for row in rows]


def topology(draw, places):
    bandwidths = ["1 MB/s", "1 MB/s", "8 Mbit/s", "2 MB/s", "3 MB/s", "500 kB/s", "700 kB/s", "1 MiB/s"]
    latencies = ["0 s", "0 s", "1 s", "300 ms"]
    kind = draw.choice(["star", "full", "custom"])
    if kind != "custom":
        return {"kind": kind, "bandwidth": draw.choice(bandwidths), "latency": draw.choice(latencies)}
    links = [
        {"name": f"L{i}", "bandwidth": draw.choice(bandwidths), "latency": draw.choice(latencies)}
        for i in range(draw.randint(1, 5))
    ]
    names = [link["name"] for link in links]
    ways = [draw.sample(names, draw.randint(1, min(3, len(names)))) for _ in range(3)]
    routes = [{"from": a, "to": b, "over": draw.choice(ways)} for a in places for b in places if a != b]
    return {"kind": "custom", "links": links, "routes": routes}


def steps(draw):
    return {step: seconds(draw) for step in STEPS if draw.random() < 0.2}


def costs(draw):
    return {"kind": "noisy", "spread": 0.3} if draw.random() < 0.1 else {"kind": "constant"}


def task_graph(draw):
    """Any graph: edges in seconds, bytes or neither, times per device, parents that stand later in the file."""
    rows = devices(draw, 1, 4, room=(8, 14))
    names = names_of(rows)
    order = list(range(draw.randint(1, draw.choice([6, 12, 12, 24]))))
    draw.shuffle(order)
    tight, listed = draw.random() < 0.6, {}
    for turn, number in enumerate(order):
        row = {"name": f"t{number}", "compute": seconds(draw)}
        if draw.random() < 0.25:
            able = draw.sample(names, draw.randint(1, len(names)))
            row["compute"] = {name: seconds(draw) for name in able}
        parents = draw.sample(order[:turn], min(turn, draw.choice([0, 1, 1, 2, 2, 3])))
        if parents:
            row["after"] = {f"t{parent}": edge(draw) for parent in parents}
            if draw.random() < 0.15:
                row["after"] = list(row["after"])
        if tight and draw.random() < 0.75:
            row |= {"memory": megabytes(draw, 0, 6), "output": megabytes(draw, 0, 3)}
        listed[number] = row
    return listed_tasks(draw, rows, names, listed)


def listed_tasks(draw, rows, names, listed):
    """Return the scenario of some tasks, by number, on devices of these rows and names."""
    return {
        "cluster": {"devices": rows, "topology": topology(draw, [*names, "host"])},
        "workload": {"kind": "tasks", "tasks": [listed[number] for number in sorted(listed)]},
        "plan": {"steps": steps(draw), "prefetch": draw.randint(0, 2)},
        "cost": costs(draw),
        "policy": draw.choice(POLICIES),
        "seed": draw.randint(0, 5),
    }


def edge(draw):
    return draw.choice([seconds, lambda draw: megabytes(draw, 0, 2), lambda draw: megabytes(draw, 1, 2)])(draw)


def tenths(draw):
    """Graphs without limits, all times a few tenths of a second: sums of floats that are equal on paper only."""
    names, tasks = [f"w{i}" for i in range(draw.randint(2, 3))], []
    for number in range(draw.randint(6, 24)):
        row = {"name": f"t{number}", "compute": tenth(draw)}
        if draw.random() < 0.3:
            row["compute"] = {name: tenth(draw) for name in names}
        parents = draw.sample(range(number), min(number, draw.choice([0, 1, 1, 2])))
        if parents:
            row["after"] = {f"t{p}": draw.choice([tenth(draw), "0 s", f"{draw.randint(1, 5)}00 kB"]) for p in parents}
        tasks.append(row)
    return {
        "cluster": {"devices": names, "topology": {"kind": "full", "bandwidth": "1 MB/s"}},
        "workload": {"kind": "tasks", "tasks": tasks},
        "plan": {"prefetch": draw.randint(0, 2)},
        "policy": draw.choice(POLICIES),
    }


def tenth(draw):
    return f"0.{draw.choice([0, 1, 1, 2, 3, 4, 6])} s"


def crowded(draw):
    """Graphs on devices that hold one or two tasks; many times are 0 s, so that one instant has many passes."""
    rows = [{"name": f"d{i}", "memory": megabytes(draw, 8, 11)} for i in range(draw.randint(2, 3))]
    if draw.random() < 0.5:
        rows[0]["slots"] = 2
    order, listed = list(range(draw.randint(6, 16))), {}
    draw.shuffle(order)
    for turn, number in enumerate(order):
        row = {"name": f"t{number}", "compute": f"{draw.choice([0, 0, 1, 1, 2])} s"}
        if draw.random() < 0.2:
            row["compute"] = {row["name"]: seconds(draw) for row in draw.sample(rows, 2)}
        parents = draw.sample(order[:turn], min(turn, draw.choice([0, 1, 1, 2])))
        row["after"] = {f"t{p}": draw.choice(["0 s", "0 s", "1 s", "1 MB", "500 kB"]) for p in parents}
        row |= {"memory": megabytes(draw, 1, 5), "output": megabytes(draw, 0, 2)}
        listed[number] = row
    return {
        "cluster": {"devices": rows, "topology": {"kind": "full", "bandwidth": "1 MB/s"}},
        "workload": {"kind": "tasks", "tasks": [listed[number] for number in sorted(listed)]},
        "plan": {"prefetch": draw.choice([0, 0, 1, 2])},
        "policy": draw.choice([*POLICIES, "fifo", "round_robin", "work_stealing"]),
    }


def lanes(draw):
    """Graphs with sends on communication lanes, most of which somebody waits for; devices hold a few tasks."""
    rows = devices(draw, 2, 3, room=(3, 8))
    names, single = names_of(rows), one_slot(rows)
    order, listed = list(range(draw.randint(2, draw.choice([8, 14, 20])))), {}
    draw.shuffle(order)
    lasts, tight = draw.choice([seconds, instants]), draw.random() < 0.6
    for turn, number in enumerate(order):
        sends = [other for other in order[:turn] if "lane" in listed[other]]
        waited = draw.sample(sends, min(len(sends), draw.choice([0, 1, 1, 2])))
        others = [other for other in order[:turn] if other not in sends]
        parents = [*waited, *draw.sample(others, min(len(others), draw.choice([0, 1, 1, 2])))]
        row = {"name": f"t{number}", "compute": lasts(draw)}
        if single and (waited or draw.random() < 0.8):
            row["compute"] = {draw.choice([single[0], *single]): lasts(draw)}
        if turn and isinstance(row["compute"], dict) and draw.random() < 0.6:
            row["lane"] = draw.choice(["dp", "dp", "dp", "pp"])
        elif tight:
            row |= {"memory": megabytes(draw, 0, 2), "output": megabytes(draw, 0, 2)}
        row["after"] = {f"t{p}": edge(draw) if p in waited or "lane" not in row else "0 s" for p in parents}
        listed[number] = row
    return listed_tasks(draw, rows, names, listed)


def one_slot(rows):
    return names_of(rows) if isinstance(rows, int) else names_of([row for row in rows if row.get("slots", 1) == 1])


def instants(draw):
    return f"{draw.choice([0, 0, 1, 1, 2])} s"


def items(draw):
    """Items by data, layers or chain; a device with a limit holds one sub-task or a few."""
    split, count = draw.choice(["data", "layers", "chain"]), draw.randint(1, 7)
    policy = draw.choice(POLICIES)
    item, weights = draw.randint(0, 3), draw.randint(0, 6)
    enough = max(1, weights + (item + 2) * {"data": (count + 1) // 2, "layers": count, "chain": 1}[split])
    rows = devices(draw, 1, 4, room=(enough, 2 * enough))
    workload = {"kind": "items", "count": count, "item": f"{item} MB"}
    if draw.random() < 0.2:
        workload |= {"data": list(range(count)), "kernel": "double", "merge": "sum"}
        del workload["count"]
    workload |= {"result": megabytes(draw, 0, 2), "weights": f"{weights} MB"}
    if draw.random() < 0.4:
        workload["weights_at"] = "host"
    plan = {"split": split, "steps": steps(draw), "prefetch": draw.randint(0, 2)}
    if split == "chain":
        plan["depth"] = draw.randint(1, 4)
    if split == "data" and draw.random() < 0.7:
        plan["subsets"] = draw.randint(1, count)
    return {
        "cluster": {"devices": rows, "topology": topology(draw, [*names_of(rows), "host"])},
        "workload": workload,
        "plan": plan,
        "cost": costs(draw) | {"compute": seconds(draw, low=1 if policy in PLANNING else 0)},
        "policy": policy,
        "seed": draw.randint(0, 5),
    }


def pipeline(draw):
    """GPipe or 1F1B, with or without sends, equal stages or not."""
    ranks = draw.randint(1, 4)
    lasts = {
        key: seconds(draw) if draw.random() < 0.5 else [seconds(draw) for _ in range(ranks)]
        for key in ("forward", "input_grad", "weight_grad")
    }
    workload = {"kind": "stages", **lasts}
    if draw.random() < 0.7:
        workload["send"] = seconds(draw)
    plan = {"pipeline": ranks, "schedule": draw.choice(["gpipe", "1f1b"]), "microbatches": draw.randint(1, 6)}
    return {
        "cluster": {"devices": devices(draw, ranks, 4)},
        "workload": workload,
        "plan": plan | {"steps": steps(draw)},
    }


def traffic(draw):
    """Flows, limited or not, some of zero bytes."""
    rows = devices(draw, 1, 4)
    places, flows = [*names_of(rows), "host"], []
    for index in range(draw.randint(1, 7)):
        a, b = draw.sample(places, 2)
        flow = {"name": f"f{index}", "from": a, "to": b, "size": megabytes(draw, 0, 6), "start": seconds(draw)}
        if draw.random() < 0.5:
            flow["limit"] = draw.choice(["1 MB/s", "500 kB/s", "250 kB/s"])
        flows.append(flow)
    return {
        "cluster": {"devices": rows, "topology": topology(draw, places)},
        "workload": {"kind": "transfers", "flows": flows},
    }
