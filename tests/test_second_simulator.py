"""The engine agrees with a second simulator (tests/second), and either would be noticed if it broke a rule.

`python tests/second_simulator.py --count 5000` plays more scenarios than the sample here.
"""

import ast
import functools
from pathlib import Path
from pkgutil import resolve_name

import pytest
import second_simulator
import yaml
from second import agreement, policies
from second.broken import BROKEN
from second.broken_engine import BROKEN_ENGINE
from second.generator import PLANNING, scenario
from second.shrinking import shrink, smaller_ones

SEED, SAMPLE, CHUNK = 0, 200, 20
HERE = Path(__file__).parent
RIGHT = yaml.safe_load((HERE / "data" / "right_values.yaml").read_text(encoding="utf-8"))


@functools.cache
def engine(number):
    return agreement.engine(scenario(SEED, number))


@functools.cache
def wanted(number):
    return agreement.judged(scenario(SEED, number), engine(number))


@pytest.mark.parametrize("first", range(0, SAMPLE, CHUNK))
def test_engine_and_judge_agree(first):
    for number in range(first, first + CHUNK):
        answer = wanted(number)
        assert answer is None or agreement.compare(answer, engine(number)) == [], f"number {number} of seed {SEED}"


def test_nearly_all_of_them_are_judged():
    unjudged = [number for number in range(SAMPLE) if wanted(number) is None]
    assert all(scenario(SEED, number)["policy"] in PLANNING for number in unjudged)
    assert len(unjudged) <= 0.05 * SAMPLE


@pytest.mark.parametrize("case", RIGHT, ids=lambda case: case["name"])
def test_right_values(case):
    for policy in case["policies"]:
        some = case["scenario"] | {"policy": policy}
        found = agreement.engine(some)
        answer = agreement.judged(some, found)
        assert answer is None or agreement.compare(answer, found) == [], policy
        if case["right"] == "stall":
            assert found == "stall"
            continue
        spans = found["tasks"] | found["transfers"]
        for name, (worker, *times) in case["right"].items():
            assert spans[name] == (worker, *(pytest.approx(time, rel=1e-12) for time in times)), policy


@functools.cache
def right_ones():
    return [case["scenario"] | {"policy": case["policies"][0]} for case in RIGHT]


@functools.cache
def engine_of_right_ones():
    return [agreement.engine(some) for some in right_ones()]


def known():
    """Yield the scenarios with right values, then the sample, with what the engine says."""
    yield from zip(right_ones(), engine_of_right_ones(), strict=True)
    for number in range(SAMPLE):
        if scenario(SEED, number).get("policy") not in PLANNING:  # whose plans would be tried one after the other
            yield scenario(SEED, number), engine(number)


def noticed(some, answer):
    try:
        return agreement.compare(agreement.judged(some, answer), answer) != []
    except Exception:  # a broken judge may fall over, which is noticed, too
        return True


def concerns(where, some):
    """Say whether a rule of this class can matter: those of a policy only under it."""
    return where not in vars(policies).values() or issubclass(policies.POLICIES[some.get("policy", "in_order")], where)


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_judge_is_noticed(name, monkeypatch):
    where, rule, broken = BROKEN[name]
    monkeypatch.setattr(where, rule, broken)
    for some, answer in known():
        if concerns(where, some) and noticed(some, answer):
            return
    pytest.fail("the sample does not tell")


@functools.cache
def judged(number):
    return agreement.judged(scenario(SEED, number), "no plan is needed")


@functools.cache
def judge_of_right_ones():
    return [agreement.judged(some, "no plan is needed") for some in right_ones()]


def judgements():
    """Yield the scenarios with right values, then the sample, with what the judge says."""
    yield from zip(right_ones(), judge_of_right_ones(), strict=True)
    for number in range(2 * SAMPLE):  # seldom so many: the first that tells is enough
        yield scenario(SEED, number), judged(number)


@pytest.mark.parametrize("name", BROKEN_ENGINE)
def test_a_broken_engine_is_noticed(name, monkeypatch):
    place, broken, shown_by = BROKEN_ENGINE[name]
    monkeypatch.setattr(place, broken(resolve_name(place)))
    for some, answer in judgements():
        if some.get("policy") in shown_by and agreement.compare(answer, agreement.engine(some)):
            return
    pytest.fail("the sample does not tell")


def test_number_i_of_a_seed_is_always_the_same():
    assert scenario(3, 14) == scenario(3, 14) != scenario(3, 15)
    assert scenario(0, 0)["workload"]["kind"] == "tasks"


def test_a_difference_is_made_small(monkeypatch):
    monkeypatch.setattr(*BROKEN["no latency"])
    number = next(n for n in range(SAMPLE) if noticed(scenario(SEED, n), engine(n)))
    small = shrink(scenario(SEED, number), second_simulator.still_differs)
    assert second_simulator.still_differs(small)
    assert not any(second_simulator.still_differs(less) for less in smaller_ones(small))


def test_the_command(monkeypatch, capsys):
    assert second_simulator.main(["--count", "3"]) == 0
    assert capsys.readouterr().out == "3 played, 3 agree, 0 not judged\nall agree\n"
    monkeypatch.setattr(*BROKEN["no latency"])
    assert second_simulator.main(["--count", "3"]) == 1
    shown = capsys.readouterr().out
    assert shown.startswith("# seed 0, number ")
    small = yaml.safe_load(shown.partition("\n")[2].partition("\n\n")[0])
    assert second_simulator.still_differs(small)


def test_the_judge_looks_into_nothing_of_the_engine():
    for path in (HERE / "second").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            found = [name for name in names if name.partition(".")[0] == "parsim"]
            assert found == (["parsim"] if path.name == "agreement.py" and found else []), path.name
