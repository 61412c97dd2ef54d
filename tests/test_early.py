"""Early inputs: they never stall what ends without them, and what a rank holds does not grow with the microbatches."""

import random

import pytest
from hypothesis import settings

import parsim
from parsim.build import build
from parsim.scenario.scenario import load
from parsim.sim.carrier import Carrier
from parsim.sim.play import engine_of
from parsim.sim.prepared import prepared
from parsim.sim.state import NOBODY

ORDERED = ("heft", "peft", "cpop")
SEEDS = 3 * settings.default.max_examples
STAR = {"kind": "star", "bandwidth": "1 MB/s"}


def tight(seed, slots):
    """Draw tasks with large inputs, memory and outputs on devices that hold two or three of them at a time."""
    draw = random.Random(seed)
    devices = [
        {"name": f"d{i}", "memory": f"{draw.randint(8, 14)} MB", "slots": draw.choice(slots)}
        for i in range(draw.randint(2, 3))
    ]
    tasks = []
    for number in range(draw.randint(6, 16)):
        parents = draw.sample(range(number), min(number, draw.choice([0, 1, 1, 2])))
        after = {f"t{p}": f"{draw.choice([0, 1, 1, 2, 3])} {draw.choice(['MB', 'MB', 's'])}" for p in parents}
        row = {"name": f"t{number}", "compute": f"{draw.randint(0, 4)} s", "after": after}
        row |= {"memory": f"{draw.randint(0, 4)} MB", "output": f"{draw.choice([0, 0, 1, 2])} MB"}
        tasks.append(row if after else {key: value for key, value in row.items() if key != "after"})
    return {"cluster": {"devices": devices, "topology": STAR}, "workload": {"kind": "tasks", "tasks": tasks}}


def ends(scenario, **more):
    try:
        return parsim.simulate(scenario | more).timeline.makespan_s > 0
    except parsim.Stalled:
        return False
    except parsim.ScenarioError:  # a task is too large for every device
        return None


@pytest.mark.parametrize("policy", ORDERED)
def test_what_ends_without_early_transfers_ends_with_them(policy, monkeypatch):
    found = [ends(tight(seed, slots=[1]), policy=policy) for seed in range(SEEDS)]
    monkeypatch.setattr(Carrier, "_spared", lambda *_: False)
    waiting = [ends(tight(seed, slots=[1]), policy=policy) for seed in range(SEEDS)]
    assert sum(map(bool, waiting)) > SEEDS / 2
    assert [seed for seed, (now, then) in enumerate(zip(found, waiting, strict=True)) if then and not now] == []


@pytest.mark.parametrize("policy", [*ORDERED, "round_robin"])
def test_no_stall_is_caused_by_room_that_early_inputs_hold(policy):
    """In a stall, no task whose turn it is would have room if the early inputs of other tasks were not there."""
    stalls = 0
    for seed in range(SEEDS):
        try:
            job = build(load(tight(seed, slots=[1, 2, 3]) | {"policy": policy}))
        except parsim.ScenarioError:
            continue
        engine = engine_of(prepared(job))
        engine.play()
        state, carrier, room = engine.state, engine.carrier, engine.carrier.room
        waiting = [task for task in engine.unstarted() if state.worker[task] == NOBODY]
        early = {task: room.rooms._inputs[task] for task in waiting}
        stalls += bool(waiting)
        turns = [next((task for task in order if task in early), None) for order in carrier.turns.orders]
        for task in turns:
            if task is None or state.missing[task]:
                continue
            device = state.device[state.homes[task]]
            others = sum(
                size for other, size in early.items() if other != task and state.device[state.homes[other]] == device
            )
            assert not others or not room.rooms.has(room.need(task, device) - others, device), (seed, task)
    assert stalls or policy in ORDERED


@pytest.mark.parametrize("prefetch", [0, 1, 2])
@pytest.mark.parametrize("policy", [*ORDERED, "round_robin"])
def test_host_inputs_travel_in_the_order_of_the_worker(policy, prefetch):
    """Ten inputs of 1 s hide behind computing: 1 + prefetch share the link at first, then one or more come in time."""
    scenario = {
        "cluster": {"devices": 1, "topology": STAR},
        "workload": {"kind": "items", "count": 10, "item": "1 MB"},
        "plan": {"split": "data", "subsets": 10, "prefetch": prefetch},
        "cost": {"kind": "constant", "compute": "1 s"},
        "policy": policy,
    }
    assert parsim.simulate(scenario).timeline.makespan_s == 11 + prefetch


@pytest.mark.parametrize("schedule", ["1f1b"])
def test_what_a_rank_holds_does_not_depend_on_the_number_of_microbatches(schedule):
    def held(microbatches):
        scenario = {
            "cluster": {
                "devices": 4,
                "device": {"peak": "50 GFLOP/s", "bandwidth": "10 GB/s"},
                "topology": {"kind": "full", "bandwidth": "1 GB/s"},
            },
            "workload": {"kind": "mlp", "widths": [64] * 5, "batch": 64 * microbatches},
            "plan": {"split": "layers", "pipeline": 4, "schedule": schedule, "microbatches": microbatches},
            "cost": "roofline",
        }
        return [row["peak_memory_bytes"] for row in parsim.simulate(scenario).metrics["devices"]]

    assert held(8) == held(16) == held(64)
