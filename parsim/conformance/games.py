"""Small jobs for policies: one for each possible mistake of a policy.

workers     equal, of several speeds, with slots, some of which may not run some tasks
tasks       independent, in chains and joins, of zero seconds, too many for the memory, with random times
inputs      none, delays, bytes over a network, with prefetch
"""

from __future__ import annotations

from typing import Any

Values = dict[str, Any]


def task(name: str, compute: Any, *after: str, **more: Any) -> Values:
    """Return a task that waits for its parents; *more* may contain an `after` with delays or bytes."""
    return {"name": name, "compute": compute, **({"after": list(after)} if after else {}), **more}


def game(devices: Any, tasks: list[Values], **more: Any) -> Values:
    """Return the scenario of a task graph."""
    return {"cluster": {"devices": devices}, "workload": {"kind": "tasks", "tasks": tasks}, **more}


STAR = {"kind": "star", "bandwidth": "1 MB/s", "latency": "100 ms"}
ALONE = [task(f"t{i}", f"{seconds} s") for i, seconds in enumerate((3, 1, 4, 1, 5))]
DIAMOND = [task("t0", "1 s"), task("t1", "2 s", "t0"), task("t2", "3 s", "t0"), task("t3", "1 s", "t1", "t2")]
LAYERS = [
    *(task(f"t{i}", f"{seconds} s") for i, seconds in enumerate((2, 3, 1))),
    *(task(f"t{i}", f"{i % 4 + 1} s", f"t{i - 3}", f"t{(i - 2) % 3}") for i in range(3, 6)),
    *(task(f"t{i}", f"{i % 3 + 1} s", f"t{i - 2}") for i in range(6, 10)),
]
REVERSED = [task("t0", "1 s", "t2"), task("t1", "2 s"), task("t2", "1 s", "t3"), task("t3", "3 s")]
EITHER = [
    task("t0", {"w0": "2 s", "w1": "3 s"}),
    task("t1", {"w1": "1 s"}),
    task("t2", {"w2": "2 s"}, "t0"),
    task("t3", "2 s", "t1"),
    task("t4", {"w0": "1 s", "w2": "4 s"}, "t2", "t3"),
]
DELAYED = [
    task("t0", "2 s"),
    task("t1", {"w0": "3 s", "w1": "1 s"}, after={"t0": "2 s"}),
    task("t2", "1 s", after={"t0": "1 s"}),
    task("t3", "2 s", after={"t1": "3 s", "t2": "500 ms"}),
]
CARRIED = [
    task("t0", "1 s", output="1 MB"),
    task("t1", "2 s", after={"t0": "1 MB"}),
    task("t2", "1 s", after={"t0": "3 MB"}),
    task("t3", "1 s", after={"t1": "500 kB", "t2": "2 MB"}),
    task("t4", "2 s"),
]
TIGHT = [task(f"t{i}", "2 s", *([f"t{i - 3}"] if i > 2 else []), memory="6 MB", output="500 kB") for i in range(6)]
LARGE = [task("t0", "1 s", memory="2 MB"), task("t1", "1 s", memory="6 MB"), task("t2", "1 s", "t0", memory="6 MB")]
NOTHING = [task("t0", "0 s"), task("t1", "0 s", "t0"), task("t2", "1 s"), task("t3", "0 s", "t2"), task("t4", "0 s")]
SLOTS = {"devices": [{"name": f"w{i}", "slots": 2, "memory": "10 MB"} for i in range(2)]}
ITEMS = {"kind": "items", "data": [1, 2, 3, 4, 5], "kernel": "double", "merge": "sum", "item": "1 MB"}
STAGES = {"kind": "stages", "forward": "1 s", "input_grad": "1 s", "weight_grad": "1 s"}

QUIET: dict[str, Values] = {  # equal workers without transfers: the makespan has lower and upper bounds
    "independent tasks on two workers": game(2, ALONE),
    "more workers than tasks": game(7, ALONE),
    "one worker": game(1, ALONE),
    "a fork and a join": game(2, DIAMOND),
    "layers of tasks on three workers": game(3, LAYERS),
    "children listed before their parents": game(2, REVERSED),
    "tasks of zero seconds": game(2, NOTHING),
    "workers that hold three tasks (prefetch)": game(2, LAYERS, plan={"prefetch": 2}),
    "two slots a device, and room for one task": game(0, TIGHT) | {"cluster": SLOTS},
}
OTHER: dict[str, Values] = {
    "tasks that only some workers may run": game(3, EITHER),
    "workers of several speeds": game([{"name": "w0", "speed": 2}, "w1", {"name": "w2", "speed": 0.5}], LAYERS),
    "delays between workers": game(2, DELAYED),
    "bytes between devices": game(3, CARRIED) | {"cluster": {"devices": 3, "topology": STAR}},
    "bytes, held tasks": game(2, CARRIED, plan={"prefetch": 1}) | {"cluster": {"devices": 2, "topology": STAR}},
    "a device that is too small for some tasks": game(
        [{"name": "w0", "memory": "4 MB"}, {"name": "w1", "memory": "10 MB"}], LARGE
    ),
    "random times, unknown to the policy": game(2, LAYERS, cost={"kind": "noisy", "spread": 0.3}, seed=7),
    "items that come from the host": {
        "cluster": {"devices": 2, "topology": STAR},
        "workload": ITEMS | {"result": "1 MB", "weights": "2 MB"},
        "plan": {"split": "data", "subsets": 4, "steps": {"split": "1 s", "merge": "1 s"}},
        "cost": {"compute": "1 s", "kind": "constant"},
    },
}
PIPELINES: dict[str, Values] = {
    f"a pipeline by {schedule}{with_send}": {
        "cluster": {"devices": 3},
        "workload": STAGES | send,
        "plan": {"schedule": schedule, "microbatches": 4},
    }
    for schedule in ("gpipe", "1f1b")
    for with_send, send in (("", {}), (" with sends", {"send": "500 ms"}))
}
