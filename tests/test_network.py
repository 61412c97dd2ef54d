"""Flows that share links, against SimGrid, exact fractions and hand counts."""

import json
import math
import random
from fractions import Fraction
from itertools import permutations
from pathlib import Path

import plain_filling
import pytest
import random_flows
from broken_network import BROKEN_NETWORK, broken
from hypothesis import given, settings
from hypothesis import strategies as st

from parsim.core.columns import NEVER
from parsim.sim import fair_rates as solver
from parsim.sim.network import Network
from parsim.sim.ticks import SHARED, Ticks

CASES = json.loads((Path(__file__).parent / "data" / "flow_cases.json").read_text())["cases"]
LINKS = 5
TICKS = Ticks(unit=SHARED, digits=16)


def light(links):
    """Weigh 1 on each of *links*."""
    return tuple((link, 1.0) for link in dict.fromkeys(links))


class InSeconds:
    """A network asked in seconds."""

    def __init__(self, capacities):
        self.network = Network(capacities, TICKS)
        self.rates = self.network.rates

    def join(self, flow, links, size, limit, now):
        self.network.join(flow, light(links), size, limit, TICKS.of(now))

    def settle(self, now):
        end = self.network.settle(TICKS.of(now))
        return math.inf if end == NEVER else TICKS.seconds(end)

    def finished(self, now):
        return self.network.finished(TICKS.of(now))


def play(network, flows):
    """Let each (start, links, size, limit) join in turn; return every flow's end, by its place in the list."""
    waiting = sorted(range(len(flows)), key=lambda flow: flows[flow][0])
    ends, now, first = {}, 0.0, math.inf
    while waiting or first < math.inf:
        now = min(first, flows[waiting[0]][0] if waiting else math.inf)
        ends |= dict.fromkeys(network.finished(now), now)
        while waiting and flows[waiting[0]][0] <= now:
            flow = waiting.pop(0)
            network.join(flow, *flows[flow][1:], now)
        first = network.settle(now)
        assert first >= now
    assert network.rates() == {}
    return ends


# What SimGrid and an exact rational solver say (tests/data/README.md).


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_every_flow_ends_when_simgrid_says(case):
    number = {link["name"]: index for index, link in enumerate(case["links"])}
    routes = {(row["src"], row["dst"]): tuple(number[name] for name in row["links"]) for row in case["routes"]}
    flows = []
    for flow in case["flows"]:
        links = routes[flow["src"], flow["dst"]]
        latency = sum(case["links"][link]["latency"] for link in links)
        flows.append((flow["start"] + latency, links, flow["size"], flow.get("rate", math.inf)))
    ends = play(InSeconds([link["bandwidth"] for link in case["links"]]), flows)
    named = {flow["id"]: ends[index] for index, flow in enumerate(case["flows"])}
    assert named == pytest.approx(case["answers"], rel=1e-9, abs=0)
    assert named == pytest.approx(case["exact"], rel=1e-12, abs=0)


# Hand counts.


def test_a_lone_flow_is_held_by_its_least_link_or_its_limit():
    network = InSeconds([4.0, 2.0])
    network.join(0, (0, 1), 8.0, math.inf, now=1.0)
    assert network.settle(1.0) == 1.0 + 8.0 / 2.0
    network = InSeconds([4.0, 2.0])
    network.join(0, (0, 1), 8.0, 0.5, now=1.0)
    assert network.settle(1.0) == 1.0 + 8.0 / 0.5


def test_what_a_limited_flow_leaves_goes_to_the_other():
    network = InSeconds([10.0])
    network.join(0, (0,), 100.0, 2.0, now=0.0)
    network.join(1, (0,), 100.0, math.inf, now=0.0)
    network.settle(0.0)
    assert network.rates() == {0: 2.0, 1: 8.0}


def test_a_joining_flow_slows_the_others_and_a_leaving_one_speeds_them_up():
    network = InSeconds([1.0])
    network.join(7, (0,), 2.0, math.inf, now=0.0)
    assert network.settle(0.0) == 2.0
    network.join(3, (0,), 3.0, math.inf, now=1.0)  # flow 7 has 1 B left: at half speed 2 s more
    assert network.settle(1.0) == 3.0
    assert network.finished(2.0) == []  # the end first foreseen holds no longer
    assert network.finished(3.0) == [7]
    assert network.settle(3.0) == 5.0  # flow 3 has 2 B left, alone
    assert network.finished(5.0) == [3]
    assert network.settle(5.0) == math.inf


def test_a_link_passed_twice_counts_once():
    network = InSeconds([1.0])
    network.join(0, (0, 0), 1.0, math.inf, now=0.0)
    assert network.settle(0.0) == 1.0
    network.join(1, (0, 0), 1.0, math.inf, now=0.0)
    network.settle(0.0)
    assert network.rates() == {0: 0.5, 1: 0.5}
    assert network.finished(2.0) == [0, 1]


def test_nothing_to_carry_ends_at_once_and_slows_nobody():
    network = InSeconds([1.0])
    network.join(0, (0,), 2.0, math.inf, now=0.5)
    network.join(1, (0,), 0.0, math.inf, now=0.5)
    network.join(2, (0,), 0.0, 1.0, now=0.5)
    assert network.settle(0.5) == 0.5
    assert network.finished(0.5) == [1, 2]
    assert network.settle(0.5) == 2.5


def test_zero_bytes_end_at_time_zero():
    network = InSeconds([1.0])
    network.join(0, (0,), 0.0, math.inf, now=0.0)
    assert network.settle(0.0) == 0.0
    assert network.finished(0.0) == [0]


def test_a_route_without_links_is_held_by_its_limit_alone():
    network = InSeconds([])
    network.join(0, (), 4.0, math.inf, now=1.0)
    network.join(1, (), 4.0, 2.0, now=1.0)
    assert network.settle(1.0) == 1.0
    assert network.finished(1.0) == [0]
    assert network.settle(1.0) == 3.0


def test_flows_that_end_together_come_in_the_order_of_joining():
    network = InSeconds([1.0, 1.0])
    for flow, link in [(9, 0), (4, 1), (6, 0), (2, 1)]:
        network.join(flow, (link,), 1.0, math.inf, now=0.0)
    assert network.settle(0.0) == 2.0
    assert network.finished(2.0) == [9, 4, 6, 2]


def test_ends_a_few_ulps_apart_are_one_instant():
    network = InSeconds([1.0, 1.0])
    network.join(0, (0,), math.nextafter(3.0, 4.0), math.inf, now=0.0)
    network.join(1, (1,), 3.0, math.inf, now=0.0)
    assert network.settle(0.0) == 3.0
    assert network.finished(3.0) == [0, 1]


def test_ends_a_billionth_apart_are_two_instants():
    network = InSeconds([1.0, 1.0])
    network.join(0, (0,), 3.0 + 3e-9, math.inf, now=0.0)
    network.join(1, (1,), 3.0, math.inf, now=0.0)
    network.settle(0.0)
    assert network.finished(3.0) == [1]


def test_equal_flows_end_at_equal_floats():
    # All to all over a star of 7: each of the 42 flows gets a sixth of an up and a down link of 0.7 B/s.
    up_and_down = [(2 * source, 2 * target + 1) for source, target in permutations(range(7), 2)]
    ends = play(InSeconds([0.7] * 14), [(0.1, links, 1.1, math.inf) for links in up_and_down])
    assert len(set(ends.values())) == 1
    assert ends[0] == pytest.approx(0.1 + 6 * 1.1 / 0.7, rel=1e-12)


def test_equal_flows_among_unequal_ones_end_at_equal_floats():
    # Twins stay twins though strangers of many sizes come and go on both links alike.
    draw = random.Random(5)
    strangers = [(draw.uniform(0, 9), draw.uniform(0.1, 2)) for _ in range(40)]
    flows = [(0.0, (link,), 17.0, math.inf) for link in (0, 1)]
    flows += [(start, (link,), size, math.inf) for start, size in strangers for link in (0, 1)]
    ends = play(InSeconds([3.3, 3.3]), flows)
    assert all(ends[flow] == ends[flow + 1] for flow in range(0, len(flows), 2))


def test_flows_of_equal_share_end_together_whatever_was_taken_from_their_links_before():
    # A limited flow leaves 3.9 B/s of 4.1, which in floats is another number than the 3.9 B/s of the other link.
    assert 4.1 - 0.2 < 3.9
    network = InSeconds([3.9, 4.1])
    network.join(0, (0,), 39.0, math.inf, now=0.0)
    network.join(1, (1,), 39.0, math.inf, now=0.0)
    network.join(2, (1,), 39.0, 0.2, now=0.0)
    assert network.settle(0.0) == 10.0
    assert network.finished(10.0) == [0, 1]


def test_distant_links_are_not_looked_at_again(monkeypatch):
    looked_at = []

    def counted(link):
        looked_at.append(link.capacity)
        return fair_share(link)

    fair_share = solver.fair_share
    monkeypatch.setattr(solver, "fair_share", counted)
    network = InSeconds([1.0, 2.0, 3.0, 4.0])
    for flow, links in enumerate([(0, 1), (1,), (2,), (3,)]):
        network.join(flow, links, 36.0 - 9 * flow, math.inf, now=0.0)
    assert network.settle(0.0) == 2.25
    assert looked_at
    assert set(looked_at) <= {1.0, 2.0}  # flows 0 and 1 share; 2 and 3 stand alone
    looked_at.clear()
    assert network.finished(2.25) == [3]
    network.settle(2.25)
    assert looked_at == []  # nobody used the link that flow 3 left


def test_a_limit_leaves_with_its_flow():
    network = InSeconds([4.0])
    network.join(7, (0,), 8.0, 1.0, now=0.0)
    network.join(3, (0,), 9.0, math.inf, now=0.0)
    assert (network.settle(0.0), network.rates()) == (3.0, {7: 1.0, 3: 3.0})
    assert (network.finished(3.0), network.settle(3.0), network.finished(8.0)) == ([3], 8.0, [7])
    assert network.settle(8.0) == math.inf


def test_stale_ends_do_not_pile_up():
    network = InSeconds([1.0, 1.0])
    for flow in range(300):
        network.join(flow, (flow % 2,), 1000.0, math.inf, now=float(flow))
        network.settle(float(flow))
        network.network.set_capacity(0, 1.0 + flow, TICKS.of(float(flow)))
        network.settle(float(flow))
    assert len(network.network._ends) <= 64 + 4 * 300


# Weights, capacities that change, many flows at once.


def test_a_flow_takes_its_weight_times_its_rate():
    network = Network([6.0, 6.0], TICKS)
    network.join(0, ((0, 2.0), (1, 1.0)), 10.0, math.inf, 0)
    network.join(1, ((0, 1.0),), 10.0, math.inf, 0)
    network.join(2, ((1, 1.0),), 10.0, math.inf, 0)
    network.settle(0)
    assert network.rates() == {0: 2.0, 1: 2.0, 2: 4.0}  # 2 x 2 + 2 on the first link, 2 + 4 on the second


def test_a_lone_flow_is_held_by_the_link_on_which_it_weighs_most():
    network = Network([4.0, 6.0], TICKS)
    network.join(0, ((0, 1.0), (1, 3.0)), 10.0, math.inf, 0)
    assert TICKS.seconds(network.settle(0)) == 5.0


def test_a_capacity_that_changes_is_shared_from_then_on():
    network = Network([2.0], TICKS)
    network.join(0, light((0,)), 8.0, math.inf, 0)
    network.join(1, light((0,)), 9.0, math.inf, 0)
    assert TICKS.seconds(network.settle(0)) == 8.0
    network.set_capacity(0, 10.0, TICKS.of(4.0))  # 4 B and 5 B are left
    assert TICKS.seconds(network.settle(TICKS.of(4.0))) == 4.8
    assert network.rates() == {0: 5.0, 1: 5.0}
    assert network.finished(TICKS.of(4.8)) == [0]
    assert TICKS.seconds(network.settle(TICKS.of(4.8))) == pytest.approx(4.9, rel=1e-14)


def test_flows_on_a_link_without_capacity_wait_until_it_has_some():
    network = Network([2.0, 5.0], TICKS)
    network.join(0, light((0, 1)), 8.0, math.inf, 0)
    network.join(1, light((1,)), 50.0, math.inf, 0)
    network.settle(0)
    network.set_capacity(0, 0.0, TICKS.of(1.0))
    network.settle(TICKS.of(1.0))
    assert network.rates() == {0: 0.0, 1: 5.0}
    network.set_capacity(0, 3.0, TICKS.of(2.0))
    assert TICKS.seconds(network.settle(TICKS.of(2.0))) == 4.4  # 6 B are left
    assert network.rates() == {0: 2.5, 1: 2.5}


def test_a_capacity_may_change_before_anybody_uses_the_link():
    network = Network([2.0], TICKS)
    network.set_capacity(0, 4.0, 0)
    network.join(0, light((0,)), 8.0, math.inf, 0)
    assert TICKS.seconds(network.settle(0)) == 2.0


def test_a_thousand_flows_into_one_link_end_by_their_sizes(monkeypatch):
    # Each has a link of its own first, which cannot be its bottleneck: so an end costs one look at one link.
    looked_at = []
    fair_share = solver.fair_share
    monkeypatch.setattr(solver, "fair_share", lambda link: looked_at.append(link) or fair_share(link))
    ends = play(InSeconds([1000.0] * 1001), [(0.0, (1 + flow, 0), 1.0 + flow, math.inf) for flow in range(1000)])
    wanted, served, now = {}, 0.0, 0.0
    for flow in range(1000):  # flow f has 1 + f bytes, and 1000 - f flows share the link until it ends
        now += (1.0 + flow - served) * (1000 - flow) / 1000.0
        served = 1.0 + flow
        wanted[flow] = now
    assert ends == pytest.approx(wanted, rel=1e-12, abs=0)
    assert len(looked_at) < 1100


# Random networks, against progressive filling in exact fractions.


def exact_rates(capacities, flows):
    """Raise all flows together; whoever meets a full link or the own limit stops."""
    rates = dict.fromkeys(range(len(flows)), Fraction(0))
    rising = set(rates)
    while rising:
        room = [flows[flow][1] - rates[flow] for flow in rising if flows[flow][1] < math.inf]
        for link, capacity in enumerate(capacities):
            on = [flow for flow in rates if link in flows[flow][0]]
            if rising & set(on):
                room.append((capacity - sum(rates[flow] for flow in on)) / len(rising & set(on)))
        step = min(room)
        for flow in rising:
            rates[flow] += step
        full = {
            link
            for link, capacity in enumerate(capacities)
            if sum(rates[flow] for flow in rates if link in flows[flow][0]) == capacity
        }
        rising = {flow for flow in rising if rates[flow] < flows[flow][1] and not full & set(flows[flow][0])}
    return rates


def exact_ends(capacities, flows):
    """Play (start, links, size, limit) in fractions, all solved anew at every change."""
    left = {flow: Fraction(size) for flow, (_, _, size, _) in enumerate(flows)}
    ends, now = {}, Fraction(0)
    while left:
        here = [flow for flow in left if flows[flow][0] <= now]
        done = [flow for flow in here if not left[flow]]
        if done:
            for flow in done:
                ends[flow] = now
                del left[flow]
            continue
        rates = dict(zip(here, exact_rates(capacities, [flows[flow][1::2] for flow in here]).values(), strict=True))
        changes = [now + left[flow] / rates[flow] for flow in here]
        changes += [Fraction(flows[flow][0]) for flow in left if flows[flow][0] > now]
        for flow in here:
            left[flow] -= rates[flow] * (min(changes) - now)
        now = min(changes)
    return ends


capacity = st.integers(1, 12)
route = st.lists(st.integers(0, LINKS - 1), min_size=1, max_size=LINKS, unique=True).map(tuple)
limit = st.one_of(st.just(math.inf), st.integers(1, 8))
traffic = st.lists(st.tuples(st.integers(0, 6), route, st.integers(0, 20), limit), min_size=1, max_size=9)
network_of = st.lists(capacity, min_size=LINKS, max_size=LINKS)


@settings(deadline=None)
@given(network_of, traffic)
def test_random_traffic_ends_when_exact_fractions_say(capacities, flows):
    ends = play(InSeconds([float(capacity) for capacity in capacities]), flows)
    wanted = {flow: float(end) for flow, end in exact_ends(capacities, flows).items()}
    assert ends == pytest.approx(wanted, rel=1e-12, abs=0)


@settings(deadline=None)
@given(network_of, traffic)
def test_rates_are_max_min_fair_and_fit_the_links(capacities, flows):
    network = InSeconds([float(capacity) for capacity in capacities])
    flows = [flow for flow in flows if flow[2]]
    for number, (_, links, size, limit) in enumerate(flows):
        network.join(number, links, size, limit, now=0.0)
        network.settle(0.0)
    rates = network.rates()
    exact = exact_rates(capacities, [flow[1::2] for flow in flows])
    assert rates == pytest.approx({flow: float(rate) for flow, rate in exact.items()}, rel=1e-12, abs=0)
    on = [[rates[flow] for flow in rates if link in flows[flow][1]] for link in range(LINKS)]
    assert all(sum(on[link]) <= capacities[link] * (1 + 1e-12) for link in range(LINKS))
    for flow, rate in rates.items():
        assert rate <= flows[flow][3]
        held = [
            link
            for link in flows[flow][1]
            if sum(on[link]) >= capacities[link] * (1 - 1e-9) and rate >= max(on[link]) * (1 - 1e-9)
        ]
        assert held or rate == pytest.approx(flows[flow][3], rel=1e-9)


@settings(deadline=None)
@given(network_of, traffic)
def test_the_same_traffic_ends_at_the_same_floats(capacities, flows):
    assert play(InSeconds(capacities), flows) == play(InSeconds(capacities), flows)


@pytest.mark.parametrize("few", [solver.FEW, 0], ids=["link by link", "all anew"])
@pytest.mark.parametrize("number", range(60))
def test_random_flows_end_when_plain_filling_says(monkeypatch, number, few):
    monkeypatch.setattr(solver, "FEW", few)
    assert list(random_flows.differences(0, number)) == []


@pytest.mark.parametrize("rule", BROKEN_NETWORK)
def test_random_flows_show_each_broken_rule(rule):
    network = broken(*BROKEN_NETWORK[rule])
    assert any(wrong(network, number) for number in range(60))


def wrong(network, number):
    try:
        return list(random_flows.differences(0, number, network))
    except (ArithmeticError, LookupError, AssertionError):
        return True


def test_dense_traffic_ends_when_plain_filling_says():
    # All to all of distinct sizes: an end is felt everywhere, so links are looked at one by one, and then all anew.
    draw = random.Random(3)
    up_and_down = [((2 * source, 1.0), (2 * target + 1, 1.0)) for source, target in permutations(range(12), 2)]
    flows = [(0.0, ways, draw.uniform(1, 10), math.inf) for ways in up_and_down]
    found = random_flows.ends([1.0] * 24, flows, [])
    assert found == pytest.approx(plain_filling.ends([1.0] * 24, flows), rel=1e-12, abs=0)


def test_the_parking_lot_is_shared_in_halves():
    # Bertsekas and Gallager's picture: one long flow over n links, one short flow on each; all get a half.
    network = InSeconds([1.0] * 4)
    for flow, links in enumerate([(0, 1, 2, 3), (0,), (1,), (2,), (3,)]):
        network.join(flow, links, 1.0, math.inf, now=0.0)
    network.settle(0.0)
    assert set(network.rates().values()) == {0.5}


# Flows that are withdrawn.


def test_a_withdrawn_flow_leaves_its_share_and_says_what_it_has_left():
    network = Network([2.0], TICKS)
    network.join(0, ((0, 1.0),), 8.0, math.inf, 0)
    network.join(1, ((0, 1.0),), 8.0, math.inf, 0)
    assert TICKS.seconds(network.settle(0)) == 8.0
    assert network.withdraw(0, TICKS.of(3.0)) == 5.0
    assert TICKS.seconds(network.settle(TICKS.of(3.0))) == 5.5
    assert network.rates() == {1: 2.0}
    assert network.withdraw(1, TICKS.of(4.0)) == 3.0
    assert network.settle(TICKS.of(4.0)) == NEVER
    assert network.finished(TICKS.of(5.5)) == []


class Restless(Network):
    """A network from which, at each instant, a drawn flow is withdrawn to join again with what it has left."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.draw, self.asked = random.Random(1), {}

    def join(self, flow, ways, size, limit, now):
        self.asked.setdefault(flow, (len(self.asked), ways if size else (), limit if size else math.inf))
        super().join(flow, ways, size, limit, now)

    def settle(self, now):
        end = super().settle(now)
        flows = [flow for flow, bottleneck in self._flows.items() if bottleneck.bottleneck is not self._unlimited]
        if not flows or end == now:
            return end
        flow = self.draw.choice(flows)
        left = self.withdraw(flow, now)
        super().join(flow, *self.asked[flow][1:2], left, self.asked[flow][2], now)
        return super().settle(now)

    def finished(self, now):
        return sorted(super().finished(now), key=lambda flow: self.asked[flow][0])


@pytest.mark.parametrize("number", range(40))
def test_to_withdraw_and_join_again_changes_nobody(number):
    assert list(random_flows.differences(5, number, Restless)) == []
