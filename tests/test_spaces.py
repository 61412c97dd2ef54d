"""The spaces that come with parsim: their best plans are those of closed forms, and what their openings say."""

from itertools import product

import pytest
from commands import ROOT
from degree_counts import llama_sizes
from test_scenarios import opening

import parsim
from parsim.scenario.choices import choices_of
from parsim.study.plan import search
from parsim.study.plan.sensitivity import unknown
from parsim.study.runner import Runner
from parsim.study.space import space_of

FOLDER = ROOT / "scenarios"
DEVICES, NETWORKS, BUBBLES, ASSERTED = (
    "51_which_device",
    "52_cheaper_network",
    "53_bubbles_by_hand",
    "54_llama3_70b_128_h100",
)


def plans_of(name, find=search.searched, best=100, **set):
    """Return the plans of a space, best first."""
    return find(space_of(FOLDER / f"{name}.yaml", set), Runner(), best).plans


def opened(name):
    """Return what a scenario opens with, in one line."""
    return " ".join(line.lstrip("# ") for line in opening(name))


# -- which device is worth its money


def test_51_the_fastest_device_is_not_the_cheapest():
    """Prices are those of parsim/devices; a step costs its seconds on eight devices."""
    found = search.searched(space_of(FOLDER / f"{DEVICES}.yaml"), Runner(), 100)
    plans = found.plans
    took = {device: min(one.took_s for one in plans if one.set["cluster.device"] == device) for device in PRICES}
    for one in plans:
        price = PRICES[one.set["cluster.device"]]
        cost = None if price is None else pytest.approx(8 * price / 3600 * one.took_s, rel=1e-12)
        assert one.figures["cost"] == cost
    costs = {device: 8 * price / 3600 * took[device] for device, price in PRICES.items() if price is not None}
    assert (min(took, key=took.get), min(costs, key=costs.get)) == ("h200", "a100-40g")
    assert plans[0].set == {"cluster.device": "h200", "plan.microbatch_size": 4}
    said = opened(DEVICES)
    for device in ("h200", "h100-80g", "a100-40g"):
        assert f"{took[device]:.2f} s" in said
    assert f"for {100 * costs['a100-40g']:.2f} cents" in said
    assert f"for {100 * costs['h100-80g']:.2f} cents" in said
    even = PRICES["a100-40g"] * took["a100-40g"] / took["h200"]
    first = unknown(found)[0]
    assert (first.plan, first.fact, first.break_even) == (0, "price", pytest.approx(even, rel=1e-12))
    assert f"at {even:.2f} USD/h" in said


PRICES = {"a100-40g": 4.0966, "a100-80g": 5.1207, "h100-80g": 12.29, "h200": None}  # USD/h


# -- is a cheaper network enough


@pytest.mark.dear
def test_52_the_best_plan_changes_with_the_network(monkeypatch):
    monkeypatch.setattr(search, "AT_ONCE", 2)  # so that bounds decide, though few plans are left
    best = {}
    for times in (1, 2, 4, 8):
        set = {"cluster.topology.oversubscription": times}
        first, *_ = best[times] = plans_of(NETWORKS, best=1 if times < 8 else 100, **set)
        replicas = {"plan.data": 32, "plan.tensor": 1, "plan.pipeline": 1, "plan.sharding": "zero3"}
        assert (first.set == replicas) == (times < 8)
        assert f"{first.took_s:.2f}" in opened(NETWORKS)
    assert best[8][0].set == {"plan.data": 8, "plan.tensor": 2, "plan.pipeline": 2, "plan.sharding": "zero3"}
    [sharded] = [one for one in best[8] if one.set == replicas]
    of_block, of_table, of_head = llama_sizes(4096, 11008, 32000)
    weights = 32 * of_block + of_table + of_head
    up = 2 * 25e9 / 2 / 8  # two cards of a rail a leaf, two spines, an eighth of that
    rings = 3 * 31 / 32 * 2 * weights / (8 * up)
    assert rings < sharded.took_s < 1.02 * rings
    assert f"= {rings:.2f} s between leaves" in opened(NETWORKS)
    [alone] = [one for one in best[8] if one.set == replicas | {"plan.sharding": "zero1"}]
    assert f"at 8 {alone.took_s:.2f} s" in opened(NETWORKS)


# -- a space that can be counted by hand


def counted(p=4):
    """Return the milliseconds and bytes of the rows in which a device computes for 96 ms, by closed forms.

    The bubble of GPipe and 1F1B is (p - 1)(F + B), of interleaved 1F1B as many ops of a chunk (Narayanan et al. 2021),
    and of ZB-H1 (p - 1)(F + I - W) (Qi et al. 2023). The first rank holds most activations: of every microbatch, of p
    of them, or of the chunks of Megatron-LM's warm-up and one.
    """
    for t, m in product((1, 2, 4), (4, 8, 16)):
        held = {("gpipe", 1): m, ("1f1b", 1): min(p, m), ("zb-h1", 1): min(p, m)}
        held |= {("interleaved-1f1b", v): min(2 * (p - 1) + (v - 1) * p + 1, m * v) for v in (2, 4)}
        for (schedule, v), count in held.items():
            if 3 * m * v * t == 96:
                yield 96 + (p - 1) * (t if schedule == "zb-h1" else 3 * t), count * t * 10**9


def test_53_is_the_space_that_is_counted():
    space = space_of(FOLDER / f"{BUBBLES}.yaml")
    found = search.exhausted(space, Runner(), 100)
    rows = sorted(counted())
    assert [round(1000 * one.took_s, 9) for one in found.plans] == [took for took, _ in rows]
    assert [one.figures["peak_memory_bytes"] for one in found.plans] == [held for _, held in rows]
    assert found.refused == {"require": space.size - len(rows)}
    assert f"leave the {len(rows)} rows" in opened(BUBBLES)
    plan = found.plans[0].set["plan"]
    assert (plan["schedule"], plan["microbatches"], rows[0][0]) == ("zb-h1", 16, 96 + 6)
    second, third = (found.plans[place].set["plan"] for place in (1, 2))
    assert [(one["microbatches"], one["chunks"]) for one in (second, third)] == [(16, 2), (8, 4)]
    alone = plans_of(BUBBLES, plan={"schedule": "1f1b", "microbatches": {"in": [8, 16]}})
    assert f"schedule: {1000 * alone[0].took_s:.0f} ms)" in opened(BUBBLES)


def test_53_shows_what_differs_in_whole_sections():
    space = space_of(FOLDER / f"{BUBBLES}.yaml")
    assert [choice.path for choice in choices_of(space.scenario.values)[0]] == ["workload", "plan"]
    lines = [line.split() for line in parsim.plan(FOLDER / f"{BUBBLES}.yaml", best=3).report().splitlines()]
    head = ["forward", "input_grad", "weight_grad", "activation", "schedule", "microbatches", "chunks"]
    place = lines.index(head)
    assert [" ".join(line) for line in lines[place + 1 : place + 4]] == [
        "1 2 ms 2 ms 2 ms 2 GB zb-h1 16 -",
        "2 1 ms 1 ms 1 ms 1 GB interleaved-1f1b 16 2",
        "3 1 ms 1 ms 1 ms 1 GB interleaved-1f1b 8 4",
    ]
    assert ["makespan", "peak", "memory", "exposed"] in lines  # nothing is trained: no tokens, no MFU, no cost


# -- a plan as a test


def test_54_fails_with_exit_code_3_and_the_line_that_is_shown(command):
    path = FOLDER / f"{ASSERTED}.yaml"
    assert command("run", path, "--quiet") == (0, "", "")
    code, _, err = command("run", path, "--quiet", "--set", "workload.batch=128")
    assert (code, err.count("\n")) == (3, 1)
    assert err.strip() in opened(ASSERTED)
    assert command("run", path, "--quiet", "--set", "plan.recompute=full")[2].count("the assertion fails") == 2
