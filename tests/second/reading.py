"""From a scenario, a mapping as the YAML holds it, to a `Problem` (contract, section 3)."""

import math
from fractions import Fraction

import numpy as np

from second.problem import HOST, Device, Edge, Flow, Link, Problem, Task
from second.quantities import exact, rate, seconds, size
from second.schedules import SCHEDULES

NOTHING = Fraction(0)


def read(scenario):
    cluster, workload, plan = scenario["cluster"], scenario["workload"], scenario.get("plan", {})
    devices = tuple(read_devices(cluster))
    links, routes = read_topology(cluster.get("topology"), [device.name for device in devices])
    bare = Problem(devices, links, routes)
    kind = workload["kind"]
    tasks = tuple(WORKLOADS[kind](bare, scenario))
    return Problem(
        devices,
        links,
        routes,
        tasks=tasks,
        flows=tuple(flow(row) for row in workload.get("flows", ())),
        policy=scenario.get("policy", "in_order" if kind == "stages" else "fifo"),
        prefetch=plan.get("prefetch", 0),
        steps={step: seconds(text) for step, text in plan.get("steps", {}).items()},
        luck=luck(scenario, len(tasks)),
        plan=order_of_stages(bare, scenario, tasks) if kind == "stages" else (),
    )


# The cluster.


def read_devices(cluster):
    rows, common = cluster["devices"], cluster.get("device", {})
    if isinstance(rows, int):
        rows = [f"w{number}" for number in range(rows)]
    for row in rows:
        row = {"name": row} if isinstance(row, str) else row
        keys = common | row.get("device", {}) | row  # the key nearest to the device wins
        memory = size(keys["memory"]) if "memory" in keys else math.inf
        yield Device(keys["name"], exact(keys.get("speed", 1)), memory, keys.get("slots", 1))


def read_topology(topology, names):
    """Return links by name, and the links of the way between any two places."""
    if topology is None:
        return {}, {}
    places = [*names, HOST]
    pairs = [(a, b) for a in places for b in places if a != b]
    if topology["kind"] == "custom":
        links = {row["name"]: link(row) for row in topology["links"]}
        return links, {(row["from"], row["to"]): tuple(row["over"]) for row in topology["routes"]}
    if topology["kind"] == "full":
        return {pair: link(topology) for pair in pairs}, {pair: (pair,) for pair in pairs}
    links = {(name, way): link(topology) for name in names for way in ("up", "down")}
    return links, {(a, b): tuple(end for end in ((a, "up"), (b, "down")) if end[0] != HOST) for a, b in pairs}


def link(row):
    return Link(rate(row["bandwidth"]), seconds(row.get("latency", "0 s")))


# Workloads.


def flow(row):
    limit = rate(row["limit"]) if "limit" in row else math.inf
    return Flow(row["name"], row["from"], row["to"], size(row["size"]), seconds(row.get("start", "0 s")), limit)


def on_any(bare, text):
    """Seconds by worker of a time that is stated as one quantity: divided by the speed."""
    return {w: seconds(text) / bare.devices[device].speed for w, (_, device) in enumerate(bare.workers)}


def listed(bare, scenario):
    rows = scenario["workload"]["tasks"]
    number = {row["name"]: i for i, row in enumerate(rows)}
    for row in rows:
        compute, after = row["compute"], row.get("after", {})
        if isinstance(compute, str):
            times = on_any(bare, compute)
        else:  # by device, taken as written
            names = [bare.devices[device].name for _, device in bare.workers]
            times = {w: seconds(compute[name]) for w, name in enumerate(names) if name in compute}
        if not isinstance(after, dict):
            after = dict.fromkeys(after, "0 s")
        edges = tuple(edge(number[parent], text) for parent, text in after.items())
        room = [size(row.get(key, "0 B")) for key in ("memory", "output")]
        yield Task(row["name"], times, edges, *room, lane=row.get("lane", ""))


def edge(parent, text):
    if text.split()[1].endswith(("B", "bit")):
        return Edge(parent, size=size(text))
    return Edge(parent, delay=seconds(text))


def items(bare, scenario):
    workload, plan = scenario["workload"], scenario["plan"]
    count = workload["count"] if "count" in workload else len(workload["data"])
    item, result, weights = (size(workload.get(key, "0 B")) for key in ("item", "result", "weights"))
    compute = on_any(bare, scenario["cost"]["compute"])
    tasks = {"data": subsets, "layers": elements, "chain": chain}[plan["split"]]
    travels = workload.get("weights_at") == HOST
    return tasks(bare, plan, (count, item, result), Model(weights, travels), compute)


class Model:
    """The weights: parts of equal size that lie on the devices, or travel with each task's input."""

    def __init__(self, weights, travels):
        self.weights, self.travels = weights, travels

    def part(self, index, parts):
        """Return what a task that needs this part says of it."""
        if self.travels:
            return {"given": self.weights / parts}
        return {"weights": ((f"part {index} of {parts}", self.weights / parts),)}


def with_input(room, given):
    return room | {"given": room.get("given", NOTHING) + given}


def subsets(bare, plan, sizes, model, compute):
    count, item, result = sizes
    number = plan.get("subsets", min(len(bare.workers), count))
    for index in range(number):
        many = subset_size(count, number, index)
        times = {worker: many * time for worker, time in compute.items()}
        room = with_input(model.part(0, 1), many * item)
        yield Task(f"part{index}", times, result=many * result, **room)


def subset_size(count, number, index):
    """Sizes differ by one at most, and the larger come first."""
    return count // number + (index < count % number)


def elements(bare, plan, sizes, model, compute):
    count, item, result = sizes
    for index in range(count):
        room = with_input(model.part(index, count), count * item)
        yield Task(f"element{index}", compute, result=result, **room)


def chain(bare, plan, sizes, model, compute):
    count, item, result = sizes
    depth = plan.get("depth", 1)
    for index in range(count):
        for layer in range(depth):
            number = index * depth + layer
            room = with_input(model.part(layer, depth), item if layer == 0 else NOTHING)
            if layer > 0:
                room["after"] = (Edge(number - 1, size=item),)
            if layer == depth - 1:
                room["result"] = result
            yield Task(f"item{index}.{layer}", compute, **room)


def stages(bare, scenario):
    """The actions of a pipeline of one chunk: F, and B for both halves of backward; rank r is worker r."""
    workload, ranks = scenario["workload"], scenario["plan"]["pipeline"]
    many, send = scenario["plan"]["microbatches"], seconds(workload.get("send", "0 s"))
    names = [f"{r}{op}{m}" for m in range(many) for r in range(ranks) for op in "FB"]
    number = {name: i for i, name in enumerate(names)}
    lasts = {key: times_by_rank(workload[key], ranks) for key in ("forward", "input_grad", "weight_grad")}
    for m in range(many):
        for r in range(ranks):
            forward = (Edge(number[f"{r - 1}F{m}"], delay=send),) if r else ()
            backward = (Edge(number[f"{r}F{m}"]),)
            if r < ranks - 1:
                backward += (Edge(number[f"{r + 1}B{m}"], delay=send),)
            speed = bare.devices[bare.workers[r][1]].speed
            yield Task(f"{r}F{m}", {r: lasts["forward"][r] / speed}, forward)
            yield Task(f"{r}B{m}", {r: (lasts["input_grad"][r] + lasts["weight_grad"][r]) / speed}, backward)


def times_by_rank(texts, ranks):
    return [seconds(text) for text in ([texts] * ranks if isinstance(texts, str) else texts)]


def order_of_stages(bare, scenario, tasks):
    plan = scenario["plan"]
    number = {task.name: i for i, task in enumerate(tasks)}
    lines = SCHEDULES[plan["schedule"]](plan["pipeline"], plan["microbatches"])
    idle = [()] * (len(bare.workers) - len(lines))
    return (*(tuple(number[name] for name in line) for line in lines), *idle)


# Costs.


def luck(scenario, count):
    """What multiplies the seconds of each task: 1, or 1 + spread (2u - 1) with u from the seed's PCG64 stream."""
    cost = scenario.get("cost", {})
    if cost.get("kind", "constant") == "constant":
        return (Fraction(1),) * count
    draws = np.random.Generator(np.random.PCG64(scenario.get("seed", 0))).random(count)
    return tuple(1 + exact(cost["spread"]) * (2 * Fraction(float(u)) - 1) for u in draws)


WORKLOADS = {"tasks": listed, "items": items, "stages": stages, "transfers": lambda *_: ()}
