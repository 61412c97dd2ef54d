"""A smaller scenario on which engine and judge still differ: leave out whatever they do not need for it."""

from copy import deepcopy

from second.generator import names_of


def shrink(scenario, fails):
    """Return a scenario of which nothing can be left out any more; *fails* says whether one still shows the fault."""
    again = True
    while again:
        again = False
        for smaller in smaller_ones(scenario):
            if fails(smaller):
                scenario, again = smaller, True
                break
    return scenario


def smaller_ones(scenario):
    """Yield scenarios that lack one thing each, large things first."""
    for key in ("tasks", "flows"):
        rows = scenario["workload"].get(key, ())
        yield from (without_row(scenario, key, row["name"]) for row in rows if len(rows) > 1)
    yield from without_devices(scenario)
    yield from without_keys(scenario)
    for path in numbers(scenario):
        yield from lower(scenario, path)


def without_row(scenario, key, name):
    """Leave out a task, and all edges from it."""
    smaller = deepcopy(scenario)
    smaller["workload"][key] = [row for row in smaller["workload"][key] if row["name"] != name]
    for row in smaller["workload"][key]:
        after = row.get("after", {})
        row["after"] = {p: what for p, what in pairs(after) if p != name}
    return smaller


def pairs(after):
    return after.items() if isinstance(after, dict) else ((parent, "0 s") for parent in after)


def without_devices(scenario):
    """Leave out the last device, where no task and no route names it: a list only."""
    devices = scenario["cluster"]["devices"]
    if isinstance(devices, int):
        return
    for index, row in enumerate(devices):
        for key in ("speed", "slots", "memory"):
            if isinstance(row, dict) and key in row:
                smaller = deepcopy(scenario)
                del smaller["cluster"]["devices"][index][key]
                yield smaller
        if len(devices) > 1:
            smaller = deepcopy(scenario)
            del smaller["cluster"]["devices"][index]
            forget_place(smaller, names_of(devices)[index])
            yield smaller


def forget_place(scenario, name):
    topology = scenario["cluster"].get("topology", {})
    if "routes" in topology:
        topology["routes"] = [row for row in topology["routes"] if name not in (row["from"], row["to"])]
    workload = scenario["workload"]
    if "flows" in workload:
        workload["flows"] = [row for row in workload["flows"] if name not in (row["from"], row["to"])]
    for row in workload.get("tasks", ()):
        if isinstance(row["compute"], dict):
            row["compute"].pop(name, None)


def without_keys(scenario):
    """Leave out steps, prefetch, edges, memory and whatever else has a default."""
    paths = [("plan", "steps"), ("plan", "prefetch"), ("cost", "kind"), ("workload", "weights_at")]
    paths += [("plan", "steps", step) for step in scenario.get("plan", {}).get("steps", {})]
    paths += [("workload", key) for key in ("weights", "result", "item", "send")]
    for index, row in enumerate(scenario["workload"].get("tasks", ())):
        paths += [("workload", "tasks", index, key) for key in ("memory", "output", "after")]
        paths += [("workload", "tasks", index, "after", parent) for parent, _ in pairs(row.get("after", {}))]
    for index in range(len(scenario["workload"].get("flows", ()))):
        paths += [("workload", "flows", index, "limit")]
    for path in paths:
        smaller = deepcopy(scenario)
        holder = find(smaller, path[:-1])
        if isinstance(holder, dict) and holder.pop(path[-1], None) is not None:
            yield smaller
    if "topology" in scenario["cluster"]:
        smaller = deepcopy(scenario)
        smaller["cluster"]["topology"] = {"kind": "full", "bandwidth": "1 MB/s"}
        if smaller != scenario:
            yield smaller


def find(scenario, path):
    for key in path:
        if isinstance(scenario, dict) and key not in scenario:
            return None
        scenario = scenario[key]
    return scenario


def numbers(scenario):
    """Yield paths of counts and of times."""
    yield from [("plan", key) for key in ("microbatches", "subsets", "depth", "prefetch")]
    yield from [("workload", "count"), ("cluster", "devices"), ("cost", "compute")]
    for index, row in enumerate(scenario["workload"].get("tasks", ())):
        yield ("workload", "tasks", index, "compute")
        if isinstance(row["compute"], dict):
            yield from [("workload", "tasks", index, "compute", name) for name in row["compute"]]


def lower(scenario, path):
    """Yield scenarios in which a count is lower by 1, or a time is 0 s or 1 s."""
    holder = find(scenario, path[:-1])
    value = holder.get(path[-1]) if isinstance(holder, dict) else None
    simpler = []
    if isinstance(value, int) and value > 1:
        simpler = [value - 1]
    elif isinstance(value, str):
        simpler = {"0 s": [], "1 s": ["0 s"]}.get(value, ["0 s", "1 s"])
    for new in simpler:
        smaller = deepcopy(scenario)
        find(smaller, path[:-1])[path[-1]] = new
        yield smaller
