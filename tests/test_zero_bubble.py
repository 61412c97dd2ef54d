"""Zero-bubble and V schedules against those of their authors, and against the tables of the papers."""

import hashlib
import json
from collections import Counter
from itertools import product
from math import inf
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_pipeline import busy, most_live, play

import parsim
from parsim.core.errors import Invalid
from parsim.core.op import ops_of
from parsim.core.orders import StageTimes, unit_times
from parsim.metrics.checker import check
from parsim.schedules import schedules
from parsim.schedules.zb_auto import _Greedy, _problem, zb_auto

DATA = json.loads((Path(__file__).parent / "data/zero_bubble.json").read_text())
ORACLES = Path(__file__).parents[2] / "shared/oracles"


def lines(orders):
    return [" ".join(map(str, order)) for order in orders]


def digest(rows):
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()[:12]


def seconds(stages, forward, input_grad, weight_grad, send):
    each = ([*times] if isinstance(times, list) else [times] * stages for times in (forward, input_grad, weight_grad))
    return StageTimes(*(tuple(map(float, times)) for times in each), float(send))


def span(orders, forward=1, input_grad=1, weight_grad=1, send=0):
    """The longest time from the first start of a rank to its last end; rank r starts with F of stage r."""
    ends = play(orders, forward, input_grad, weight_grad, send)
    return max(end - rank * (forward + send) for rank, end in enumerate(ends))


def played(times, microbatches, schedule):
    """Play `stages`; return the makespan and the span."""
    stages = dict(zip(("forward", "input_grad", "weight_grad", "send"), times, strict=True))
    texts = {name: [f"{t!r} s" for t in time] if name != "send" else f"{time!r} s" for name, time in stages.items()}
    run = parsim.simulate(
        {
            "cluster": {"devices": len(times.forward)},
            "workload": {"kind": "stages", **texts},
            "plan": {"schedule": schedule, "microbatches": microbatches},
        }
    )
    spans = run.timeline
    worker, start, end = (column[spans.computes] for column in (spans.worker, spans.start_s, spans.end_s))
    return run, spans.makespan_s, max(np.ptp(np.r_[start[worker == w], end[worker == w]]) for w in np.unique(worker))


def once(orders, stages, microbatches):
    ops = Counter(op for order in orders for op in ops_of(order))
    return ops == Counter(product(range(stages), "FIW", range(microbatches)))


@pytest.mark.parametrize("name", ["zb-h1", "zb-h2"])
def test_recipes_are_the_authors(name):
    for _, ranks, microbatches, right in [case for case in DATA["recipes"] if case[0] == name]:
        assert digest(lines(schedules[name](ranks, microbatches))) == right, (ranks, microbatches)


def test_searched_orders_are_the_authors_or_better():
    """In one case the authors' search counts forwards before the first I that a slow first stage cannot deliver."""
    other = []
    for ranks, microbatches, *times, limit, kept, least, right in DATA["auto"]:
        given = seconds(ranks, *times)
        if digest(lines(zb_auto(ranks, microbatches, given, limit, kept))) != right:
            schedule = {"kind": "zb-auto", "kept": kept, **({"limit": limit} if limit else {})}
            other.append((ranks, microbatches, times[0], limit, least, played(given, microbatches, schedule)[2]))
    assert other == [(4, 8, [20, 10, 10, 10], 8, 484, 480)]


@pytest.mark.parametrize("scale", [10, 1000, 7])
def test_scaled_times_give_the_same_order(scale):
    for ranks, microbatches, *times, limit, kept, _, right in DATA["auto"][::5]:
        given = seconds(ranks, *times)
        less = StageTimes(*(tuple(t / scale for t in time) for time in given[:3]), given.send / scale)
        if scale == 7:  # no decimal number: the order may differ where 7ths are rounded, but it stays an order
            assert once(zb_auto(ranks, microbatches, less, limit, kept), ranks, microbatches)
        else:
            assert digest(lines(zb_auto(ranks, microbatches, less, limit, kept))) == right


@pytest.mark.parametrize("name", ["v-half", "v-min"])
def test_v_shapes_are_as_short_as_the_shortest_known(name):
    """With times of 1 the best of three programs is the bar, with other times the authors' runtime."""
    longer = []
    for _, ranks, microbatches, peak, bars in [case for case in DATA["v"] if case[0] == name]:
        orders = schedules[name](ranks, microbatches)
        assert max(map(most_live, orders)) <= peak
        for times, bar in list(zip(DATA["v_times"], bars, strict=True))[: 9 if ranks * microbatches < 200 else 1]:
            longer += [(ranks, microbatches, times, bar)] * (span(orders, *times) > bar)
    assert longer == ([(8, 23, [1, 1, 2, 0], 200)] if name == "v-half" else [])  # by 1, where W lasts two slots


@pytest.mark.parametrize("name", ["v-half", "v-min"])
def test_v_shapes_keep_their_claims_at_every_size(name):
    claims = schedules.claims(name)
    for ranks, microbatches in [*product(range(1, 10), range(1, 12)), (12, 29), (14, 20)]:
        orders = schedules[name](ranks, microbatches)
        assert once(orders, 2 * ranks, microbatches)
        live = claims["live"](ranks, microbatches)
        assert all(most_live(order) <= most for order, most in zip(orders, live, strict=True))
        claim = claims["idle"](ranks, microbatches, 1, 1, 1, send=0)
        assert (claim is None) == (ranks < 3 or microbatches < ranks)
        assert claim is None or claim.seconds == max(play(orders)) - 6 * microbatches == span(orders) - 6 * microbatches


@pytest.mark.parametrize(("ranks", "microbatches"), [(2, 4), (4, 8), (3, 11), (5, 10), (6, 17)])
def test_published_bubbles_of_the_recipes(ranks, microbatches):
    """The forms of the docstrings: makespan less work for zb-h1, span less work for zb-h2."""
    first, second = (schedules[name](ranks, microbatches) for name in ("zb-h1", "zb-h2"))
    for f, i, w in product((1, 2, 3), repeat=3):
        assert max(play(first, f, i, w)) - busy(first[0], f, i, w) == (ranks - 1) * max(f + i - w, f, i)
        assert span(second, f, i, w) - busy(second[0], f, i, w) == (ranks - 1) * max(0, f + i - 2 * w, i - f)


@pytest.mark.parametrize("name", ["zb-h1", "zb-h2"])
def test_recipes_keep_their_claims(name):
    draw, claim, tried = Random(name), schedules.claims(name)["idle"], 0
    for ranks, microbatches in 20 * [(2, 4), (3, 7), (4, 8), (5, 11)]:
        times = {"forward": draw.randint(9, 20), "input_grad": draw.randint(9, 20), "weight_grad": draw.randint(5, 12)}
        times["send"] = draw.choice([0, 2, 4])
        shape = {"microbatches": microbatches} if name == "zb-h1" else {}
        found = claim(ranks, **shape, **times)
        if found is not None:
            tried += 1
            work = microbatches * sum(times.values()) - microbatches * times["send"]
            assert max(play(schedules[name](ranks, microbatches), **times)) - work == found.seconds, times
    assert tried >= 20


@pytest.mark.parametrize("ranks", [2, 3, 5])
def test_published_bubbles_of_the_search(ranks):
    """The span with times of 1, less work: p - 1 within p activations, none within 2p from m = 2p - 1 on."""
    for microbatches in range(ranks, 2 * ranks + 3):
        first, second = (zb_auto(ranks, microbatches, unit_times(ranks), most) for most in (ranks, 2 * ranks))
        assert span(first) - 3 * microbatches == ranks - 1
        assert span(second) - 3 * microbatches == max(0, 2 * ranks - 1 - microbatches)


@given(data=st.data())
@settings(max_examples=40)
def test_zb_auto_at_any_times(data):
    ranks, microbatches = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 14))
    times = [data.draw(st.lists(st.integers(1, 9), min_size=ranks, max_size=ranks)) for _ in range(3)]
    given = seconds(ranks, *times, data.draw(st.integers(0, 6)))
    limit, kept = data.draw(st.none() | st.integers(1, 2 * ranks)), data.draw(st.sampled_from([1.0, 0.5, 0.1]))
    orders = zb_auto(ranks, microbatches, given, limit, kept)
    assert once(orders, ranks, microbatches)
    play(orders)  # fails at a deadlock
    adds = {"F": 1, "I": kept - 1, "W": -kept}
    held = [np.cumsum([adds[op.kind] for op in order]).max() for order in orders]
    assert limit is None or max(held) <= limit + 1e-9
    tenths = StageTimes(*(tuple(t / 10 for t in time) for time in given[:3]), given.send / 10)
    assert zb_auto(ranks, microbatches, tenths, limit, kept) == orders
    runs = [_Greedy(_problem(microbatches, given, limit, kept), one, inf) for one in product((True, False), repeat=3)]
    assert all(run.play() for run in runs)
    best = min(runs, key=_Greedy.span)  # the first of the best: leaving out runs changes nothing
    assert ["".join(op.kind for op in order) for order in orders] == ["".join(stage.order) for stage in best.stages]


def test_zb_auto_plays_as_long_as_it_says():
    given = seconds(4, [10, 12, 12, 10], [10, 12, 12, 10], [8, 9, 9, 8], 1)
    run, _, longest = played(given, 16, {"kind": "zb-auto", "limit": 8})
    assert longest == 528
    assert check(run.job, run.timeline) == []


def test_kept_is_a_share():
    with pytest.raises(Invalid, match=r"W needs 1\.5 of an activation"):
        schedules["zb-auto"](2, 2, seconds(2, 1, 1, 1, 0), kept=1.5)


@pytest.mark.parametrize("row", DATA["table5"][:-3], ids=lambda row: f"{row[2]}x{row[1]}")  # the others take longer
def test_bubble_rates_of_the_paper(row):
    """Table 5 of Zero Bubble Pipeline Parallelism from the stage times of its Table 9, in ms.

    Its memory limits count 34 h + 5 a s bytes of a layer and token from F to I, of which W needs 32 h. Its rates of
    1F1B are in `test_pipeline_forms.py`.
    """
    ranks, microbatches, hidden, heads, *times, rates = row
    kept = 32 * hidden / (34 * hidden + 5 * heads * 1024)
    work = microbatches * sum(times[:3])
    asked = [{"kind": "zb-h1"}, {"kind": "zb-h2"}]
    asked += [{"kind": "zb-auto", "limit": limit, "kept": kept} for limit in (ranks, 2 * ranks)]
    for schedule, rate in zip(asked, rates, strict=True):
        _, makespan, longest = played(seconds(ranks, *times), microbatches, schedule)
        whole = makespan if schedule["kind"] == "zb-h1" else longest
        assert 1 - work / whole == pytest.approx(rate, abs=5.1e-5), schedule


@pytest.mark.skipif(not ORACLES.exists(), reason="the whole oracles are not beside the checkout")
def test_whole_oracles():
    cases = json.loads((ORACLES / "zb_schedules.json").read_text())["cases"]
    equal = Counter()
    for case in cases:
        name, ranks, microbatches = case["schedule"], case["pp"], case["microbatches"]
        if name == "zb-auto":
            memory, times = case["memory"], case["times"]
            limit = case["limit"] and case["limit"] // memory["F"]
            given = seconds(ranks, *(times[key] for key in ("F", "I", "W", "comm")))
            orders = zb_auto(ranks, microbatches, given, limit, -memory["W"] / memory["F"])
        elif "ranks" in case and name != "dualpipe":
            orders = schedules[name](ranks, microbatches)
        else:
            continue
        equal[name] += lines(orders) == case["ranks"]
        if name == "zb-h1" and "variant" in case:  # it joins I and W where they touch
            assert all(span(orders, *(one[k] for k in ("F", "I", "W", "comm"))) <= one["span"] for one in case["plays"])
    assert equal == {"zb-h1": 24, "zb-h2": 17, "zb-auto": 97, "v-half": 0, "v-min": 2}
