"""The unit in which a scenario writes its times changes nothing (contract, section 4, "Instants")."""

from decimal import Decimal

import pytest
from second.agreement import different, engine
from second.generator import POLICIES, scenario
from second.scaling import scaled

# A seventh is written with 12 digits, and all sums of sevenths are exact multiples of it.
FACTORS = [Decimal(text) for text in ("0.1", "3", "1000", "0.142857142857")]
PLANNING = ("heft", "cpop", "peft")


def any_policy(number):
    """A scenario of the generator, every third one under a policy that plans ahead."""
    some = scenario("scaled", number)
    if some.get("policy") in POLICIES and number % 3 == 0:
        some["policy"] = PLANNING[number // 3 % 3]
    return some


@pytest.mark.parametrize("number", range(80))
def test_times_and_bytes_times_a_factor_scale_the_timeline(number):
    some = any_policy(number)
    once = engine(some)
    for factor in FACTORS:
        again = engine(scaled(some, factor))
        if isinstance(once, str):
            assert again == once
            continue
        close = 1e-9 * again["makespan"]
        for key in ("tasks", "transfers"):
            assert list(different(times(once[key], factor), again[key], close)) == [], f"times {factor}"
        assert again["peaks"] == pytest.approx([peak * float(factor) for peak in once["peaks"]], rel=1e-9)


def times(spans, factor):
    return {name: (worker, start * float(factor), end * float(factor)) for name, (worker, start, end) in spans.items()}
