"""Every entry of every shelf keeps its shelf's rules; and each kind of wrong entry is found, in words."""

import json
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

import parsim
from parsim.conformance import cases, check_file, findings, workloads
from parsim.conformance.case import Case, Found, find
from parsim.conformance.policies import about_bounds, about_change
from parsim.entries.registry import SHELVES, shelf

ROOT = Path(__file__).parents[1]
ENTRIES = [(name, entry) for name in SHELVES for entry in shelf(name).entries()]
NEED_A_FILE = {"stg": {"file": str(ROOT / "scenarios" / "robot.stg")}}


@pytest.mark.parametrize(("name", "entry"), ENTRIES, ids="-".join)
def test_every_entry_keeps_the_rules_of_its_shelf(name, entry):
    found = (
        [find(name, entry, case) for case in workloads.cases(entry, NEED_A_FILE[entry])]
        if entry in NEED_A_FILE
        else findings(name, entry)
    )
    assert len(found) >= 3
    assert [one for one in found if one.broken] == []


def test_every_shelf_has_cases_of_its_own():
    assert {name for name, _ in ENTRIES} == set(SHELVES)
    for name, entry in ENTRIES:
        names = [case.name for case in cases(name, entry)]
        assert len(set(names)) == len(names) >= 3


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder to be in, and shelves that are afterwards as they were."""
    monkeypatch.chdir(tmp_path)
    stocks = {name: shelf(name).stock() for name in SHELVES}
    yield tmp_path
    for name, stock in stocks.items():
        shelf(name).restock(stock)


NEWEST = """
class Newest:
    tasks = []

    def prepare(self, graph, workers, estimate):
        self.able = [set(workers[place]) for place in graph.place.tolist()]
        self.graph, self.tasks, self.taken = graph, [], []

    def home(self, task):
        return None

    def ready(self, task, by):
        self.tasks.append(task)

    def take(self, worker, fits):
        mine = (task for task in reversed(self.tasks) if worker in self.able[task] and fits(task))
        task = next(mine, None)
        if task is not None:
            self.tasks.remove(task)
            self.taken.append(task)
        return task
"""
HEADS = {
    "policies": "import random\nfrom itertools import count\n" + NEWEST,
    "topologies": """
        import random
        from parsim.core.cluster import Link, Wiring
        from parsim.core.units import BytesPerSecond
        """,
    "schedules": """
        from parsim.core.errors import Complaint, Invalid
        from parsim.core.op import Op
        """,
    "costs": """
        import random
        import numpy as np
        from parsim.core.job import Cost
        from parsim.core.units import Seconds
        from parsim.costs.constant import constant, expected, no_luck
        """,
    "kernels": "import random\n",
    "merges": "import random\n",
    "shardings": "from parsim.core.sharding import Sharding\n",
    "parallel": """
        from dataclasses import replace
        import numpy as np
        from parsim.core.items import Items
        from parsim.parallel.data import data
        """,
    "workloads": """
        import random
        from parsim.core.plan import Plan
        from parsim.core.schema import Count
        from parsim.workloads.tasks import TaskRow, tasks
        """,
}


def verdict(of, body, claims=""):
    """Check a file that puts *body* on the shelf *of*, with *claims*."""
    head = f"from parsim.{of} import {of}\n{textwrap.dedent(HEADS[of])}\n\n@{of}.add('mine'{claims})\n"
    text = head + textwrap.dedent(body)
    Path("mine.py").write_text(text, encoding="utf-8")
    return check_file("mine.py")


def broken(of, body, claims=""):
    """Return what is broken, by case."""
    found = verdict(of, body, claims)
    assert not found.good
    return {one.case: " ".join(one.broken) for one in found.findings if one.broken}


class TestVerdict:
    def test_a_good_file(self, here):
        found = verdict("policies", "class Mine(Newest): pass\n")
        assert found.good
        lines = found.report().splitlines()
        assert lines[0] == "policies: mine"
        assert lines[1].split() == ["holds", "independent", "tasks", "on", "two", "workers"]
        assert lines[-1] == f"mine.py: all {len(found.findings)} cases hold"
        assert json.loads(json.dumps(found.to_dict()))["verdict"] == f"all {len(found.findings)} cases hold"

    def test_what_is_broken_is_named(self, here):
        found = verdict("kernels", "def mine(value):\n    return 1 / (value - 2)\n")
        assert found.verdict == "6 of 8 cases are broken"  # the two without a 2 among the numbers hold
        assert (
            "  BROKEN  whole numbers, twice\n            kernel mine (mine.py:7) raised ZeroDivisionError for 2: "
            in (found.report())
        )
        assert found.to_dict()["good"] is False

    @pytest.mark.parametrize(
        ("body", "told"),
        [
            ("class Mine: pass", "mine has no method prepare"),
            ("class Mine(Newest):\n    def __init__(self, often): pass", "does not say what its parameter 'often' is"),
            ("class Mine(Newest):\n    def prepare(self, *_): raise ValueError('no')", "raised ValueError in prepare"),
        ],
    )
    def test_one_cause_is_told_once(self, here, body, told):
        found = verdict("policies", body)
        report = found.report()
        assert (report.count(told), report.count("each of 21 cases"), len(report.splitlines())) == (1, 1, 4)
        assert found.verdict == "21 of 21 cases are broken"

    def test_what_breaks_some_cases_alike_is_told_at_the_first(self, here):
        lines = verdict("kernels", "def mine(value):\n    return 'text'[value]\n").report().splitlines()
        sentences = [line for line in lines if line.startswith(" " * 12)]
        assert len(sentences) == len(set(sentences)) > 0
        assert any(line.endswith("(as above)") for line in lines)

    def test_a_rank_that_is_no_number_is_broken(self, here):
        body = """
            from parsim.policies.by_rank import ByRank
            import numpy as np
            class Ranked(ByRank):
                def rank(self, graph, estimate):
                    return np.full(len(graph), np.nan)
            """
        found = verdict("policies", f"class Other(Newest): pass\n{textwrap.dedent(body)}policies.add('nans')(Ranked)")
        nans = [one for one in found.findings if one.entry == "nans"]
        assert all("ValueError in prepare: Ranked.rank returned NaN for task " in one.broken[0] for one in nans)

    def test_a_file_that_adds_nothing_is_a_fault(self, here):
        Path("mine.py").write_text("x = 1\n", encoding="utf-8")
        with pytest.raises(parsim.ScenarioError, match=r"mine.py:1:1: with: adds nothing to a shelf"):
            check_file("mine.py")

    def test_everything_that_the_file_adds_is_tried(self, here):
        body = """
            def mine(value):
                return value

            @kernels.add("other")
            def other(value):
                return value + random.random()
            """
        found = verdict("kernels", body)
        assert {one.entry for one in found.findings} == {"mine", "other"}
        assert {one.entry for one in found.findings if one.broken} == {"other"}

    def test_whatever_a_case_raises_is_told(self):
        def ask() -> Found:
            raise KeyError("a\nb")

        assert find("costs", "mine", Case("some", ask)).broken == ("raised KeyError: 'a\\nb'",)

    def test_a_parameter_that_nobody_can_make_up(self, here):
        told = "file: check cannot choose a value for this parameter; give it a default"
        body = "def mine(value, file: File):\n    return value\n"
        text = (
            f"from parsim.kernels import kernels\nfrom parsim.core.schema import File\n\n@kernels.add('mine')\n{body}"
        )
        Path("mine.py").write_text(text, encoding="utf-8")
        assert {one.broken for one in check_file("mine.py").findings} == {(told,)}


class TestPolicies:
    @pytest.mark.parametrize(
        ("take", "case", "told"),
        [
            (
                "return self.graph.place.tolist().index(0)",
                "independent tasks on two workers",
                "policy mine (mine.py:29) took task t0 a second time, for worker w1",
            ),
            (
                "return None",
                "one worker",
                "w0 waits for t0: it is ready, but the policy mine gives it to no worker",
            ),
            (
                "return len(self.taken) if not self.taken.append(0) else None",
                "children listed before their parents",
                "gave worker w1 the task t2 before its inputs: t3 has not ended",
            ),
            (
                "return self.tasks.pop() if self.tasks else None",
                "tasks that only some workers may run",
                "gave worker w0 the task t1, which may run only on w1",
            ),
            (
                "return next((self.tasks.remove(t) or t for t in list(self.tasks) if worker in self.able[t]), None)",
                "two slots a device, and room for one task",
                "gave worker w0.1 the task t1, which does not fit; call fits(task) first",
            ),
        ],
    )
    def test_a_broken_rule_names_the_task_and_the_worker(self, here, take, case, told):
        found = broken("policies", f"class Mine(Newest):\n    def take(self, worker, fits):\n        {take}\n")
        assert told in found[case]

    def test_state_in_the_class_is_found(self, here):
        body = """
            class Mine(Newest):
                played = count()

                def prepare(self, graph, workers, estimate):
                    super().prepare(graph, workers, estimate)
                    self.turn = next(self.played) % 2

                def take(self, worker, fits):
                    if self.turn:
                        self.tasks.sort(reverse=True)
                    return super().take(worker, fits)
            """
        found = broken("policies", body)
        assert found["independent tasks on two workers"].startswith("decides otherwise when played again: ")
        assert "one worker" in found

    def test_homes_on_a_device_that_holds_no_such_task(self, here):
        body = "class Mine(Newest):\n    def home(self, task):\n        return min(self.able[task])\n"
        take = """
                def take(self, worker, fits):
                    mine = [task for task in self.tasks if self.home(task) == worker and fits(task)]
                    return mine and self.tasks.remove(mine[0]) or (mine[0] if mine else None)
            """
        found = broken("policies", textwrap.dedent(body) + textwrap.indent(textwrap.dedent(take), "    "))
        assert set(found) == {"a device that is too small for some tasks"}
        assert "w0 waits for t1: it needs 6 MB more on w0" in " ".join(found.values())

    def test_bounds_of_equal_workers(self):
        """Two tasks of 1 s on two workers take 1 s; a timeline of two such runs one after the other takes too long."""
        tasks = {"kind": "tasks", "tasks": [{"name": name, "compute": "1 s"} for name in "ab"]}
        run = parsim.simulate({"cluster": {"devices": 2}, "workload": tasks})
        assert list(about_bounds(run.job, run.timeline)) == []
        late = replace(run.timeline, start_s=run.timeline.start_s + 2, end_s=run.timeline.end_s + 2)
        assert list(about_bounds(run.job, late)) == ["ends after 3 s, but one worker needs only 2 s"]
        early = replace(run.timeline, end_s=run.timeline.end_s / 2)
        told = "ends after 0.5 s, but the critical path and the work need 1 s"
        assert list(about_bounds(run.job, early)) == [told]

    def test_a_policy_that_looks_no_further_than_one_worker_breaks_no_rule(self, here):
        """Slow is not wrong: everything on one worker takes exactly the work, the most that is allowed."""
        body = """
            class Mine(Newest):
                def take(self, worker, fits):
                    return super().take(worker, fits) if worker == max(self.able[self.tasks[-1]]) else None
            """
        found = verdict("policies", body)
        held = {one.case for one in found.findings if not one.broken}
        assert "more workers than tasks" in held


class TestSchedules:
    @pytest.mark.parametrize(
        ("body", "case", "told"),
        [
            (
                "return [[Op(r, k, i) for i in range(microbatches) for k in 'BF'] for r in range(ranks)]",
                "2 ranks, 4 microbatches, 1 chunk",
                "deadlock: rank 1 stops before 1B0, which needs 1F0",
            ),
            (
                "return [[Op(r, k, i) for k in 'FB' for i in range(microbatches - 1)] for r in range(ranks)]",
                "2 ranks, 4 microbatches, 1 chunk",
                "never runs 0F3",
            ),
            (
                "return [[Op(r, k, i) for k in 'FFB' for i in range(microbatches)] for r in range(ranks)]",
                "1 rank, 1 microbatch, 1 chunk",
                "runs 0F0 twice",
            ),
            ("raise Invalid([Complaint(('chunks',), 'no')])", "at least one shape is accepted", "refuses every shape"),
        ],
    )
    def test_wrong_orders(self, here, body, case, told):
        assert told in broken("schedules", f"def mine(ranks, microbatches, chunks):\n    {body}\n")[case]

    GPIPE = """
        def mine(ranks, microbatches, chunks=1):
            if chunks != 1:
                raise Invalid([Complaint(("chunks",), "use 1")])
            return [[Op(r, k, i) for k in "FB" for i in range(microbatches)] for r in range(ranks)]
        """

    def test_what_it_claims_is_held_against_what_it_plays(self, here):
        claims = ", bubble=lambda ranks: 0.0, live=lambda ranks, microbatches, chunks: [1] * ranks"
        found = broken("schedules", self.GPIPE, claims)
        # GPipe: (p - 1) / (m + p - 1) of the whole = 1/5, and all m activations at once.
        assert found["2 ranks, 4 microbatches, 1 chunk"] == (
            "claims a bubble of 0 of the makespan, but has 0.2 with equal stages; rank 0 waits longest, 3 s before 0B0 "
            "claims at most 1 activations on rank 0, but it holds 4; 0F1 is one too many "
            "claims at most 1 activations on rank 1, but it holds 4; 1F1 is one too many"
        )
        assert "1 rank, 1 microbatch, 1 chunk" not in found

    @pytest.mark.parametrize(
        ("orders", "claims", "told", "drawn"),
        [
            ("0F0 0F1 0B0 0B1|1F0 1B0 1B0 1F1 1B1", "", "rank 1 runs 1B0 twice", "1F0 1B0 [1B0] 1F1 1B1"),
            ("0F0 0F1 0B0 0B1|1F0 1B0 1F1", "", "rank 1 never runs 1B1", "1F0 1B0 1F1 [1B1 is missing]"),
            ("0F0 0B0 0F1 0B1|1F0 1F1 1B0 1B1", "", "rank 0 stops before 0B0, which needs 1B0", "0F0 [0B0] 0F1 0B1"),
            ("0F0 0B0 0F1 0B1|1F0 1F1 1B0 1B1", "", "rank 1 stops before 1F1, which needs 0F1", "1F0 [1F1] 1B0 1B1"),
            (
                "0F0 0F1 0B0 0B1|1F0 1F1 1B0 1B1",
                ", live=lambda ranks: [2, 1]",
                "at most 1 activations on rank 1, but it holds 2; 1F1 is one too many",
                "1F0 [1F1] 1B0 1B1",
            ),
            (
                "0F0 0F1 0B0 0B1|1F0 1F1 1B0 1B1",
                ", bubble=lambda ranks: 0.25",
                "0.25 of the makespan, but has 0.333333 with equal stages; rank 0 waits longest, 3 s before 0B0",
                "0F0 0F1 [0B0] 0B1",
            ),
        ],
    )
    def test_wrong_orders_name_rank_and_action_and_a_table_marks_it(self, here, orders, claims, told, drawn):
        body = f"""
            def mine(ranks, microbatches):
                if (ranks, microbatches) != (2, 2):
                    raise Invalid([Complaint(("ranks",), "2 of 2")])
                return [[Op(int(w[0]), w[1], int(w[2])) for w in row.split()] for row in "{orders}".split("|")]
            """
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("parsim.conformance.schedules.SHAPES", ((1, 1, 1), (2, 2, 1)))
            found = verdict("schedules", body, claims)
        assert [one.case for one in found.findings if one.broken] == ["2 ranks, 2 microbatches, 1 chunk"]
        assert told in found.report()
        assert drawn in found.report()

    @pytest.mark.parametrize("chunks", ["", ", chunks=1", ", **more"])
    def test_orders_of_one_stage_per_rank_hold_and_more_chunks_are_refused(self, here, chunks):
        body = f"""
            def mine(ranks, microbatches{chunks}):
                return [[Op(r, k, i) for k in "FB" for i in range(microbatches)] for r in range(ranks)]
            """
        found = verdict("schedules", body)
        told = {one.case: one.told for one in found.findings}
        assert found.good
        assert told["2 ranks, 4 microbatches, 1 chunk"] == "live activations 4 4"
        refused = "refused: chunks: mine gives each rank one stage; use chunks: 1"
        assert told["2 ranks, 4 microbatches, 2 chunks"] == refused
        stages = {"kind": "stages", "forward": "1 s", "input_grad": "1 s", "weight_grad": "1 s"}
        plan = {"schedule": "mine", "microbatches": 2}
        scenario = {"cluster": {"devices": 2}, "workload": stages, "plan": plan}
        assert parsim.simulate(scenario).timeline.makespan_s == 9.0  # GPipe: (m + p - 1) (F + B)
        with pytest.raises(parsim.ScenarioError, match=r"plan\.chunks: mine gives each rank one stage"):
            parsim.simulate(scenario, set={"plan.chunks": 2})
        mlp = {"kind": "mlp", "widths": [4, 8, 3], "batch": 8}
        layers = {"split": "layers", "pipeline": 2, "schedule": "mine", "microbatches": 2}
        device = {"peak": "1 GFLOP/s", "bandwidth": "1 GB/s"}
        trained = parsim.simulate(
            {
                "cluster": {"devices": 2, "device": device, "topology": {"kind": "star", "bandwidth": "1 GB/s"}},
                "workload": mlp,
                "plan": layers,
                "cost": "roofline",
            }
        )
        assert trained.timeline.makespan_s > 0

    def test_orders_that_lack_part_of_the_second_chunk_are_broken(self, here):
        body = """
            def mine(ranks, microbatches, chunks):
                stages = range(ranks * chunks - (chunks > 1))
                mine = [[s for s in stages if s % ranks == r] for r in range(ranks)]
                return [[Op(s, k, i) for k in "FB" for i in range(microbatches) for s in own] for own in mine]
            """
        found = broken("schedules", body)
        assert "): no rank runs stage 3: nobody runs 3F0" in found["2 ranks, 4 microbatches, 2 chunks"]

    def test_the_peak_of_activations_and_refusals_are_told(self, here):
        told = {one.case: one.told for one in verdict("schedules", self.GPIPE).findings}
        assert told["3 ranks, 7 microbatches, 1 chunk"] == "live activations 7 7 7"
        assert told["2 ranks, 4 microbatches, 2 chunks"] == "refused: chunks: use 1"


class TestShardings:
    @pytest.mark.parametrize(
        ("body", "told"),
        [
            ("return 3", "returned 3; return a Sharding(optimizer, gradients, weights)"),
            ("return Sharding(optimizer=3)", "returned a Sharding with optimizer=3; write True or False"),
            ("return Sharding(prefetch=-1)", "a Sharding with prefetch=-1; write a whole number, 0 or more"),
        ],
    )
    def test_wrong_answers_are_told(self, here, body, told):
        found = broken("shardings", f"def mine():\n    {body}")
        assert found
        assert all(told in words for words in found.values())


class TestTopologies:
    @pytest.mark.parametrize(
        ("body", "case", "told"),
        [
            (
                "return Wiring(lambda a, b: (0,))",
                "routes between 1 devices and the host",
                "returned (0,) for the route from w0 to host; return a tuple of Link(name, bandwidth, latency)",
            ),
            (
                "return Wiring(lambda a, b: None)",
                "routes between 2 devices and the host",
                "has no route",
            ),
            (
                "return Wiring(lambda a, b: (Link('a', speed),) if random.random() < 0.5 else None)",
                "routes between 5 devices and the host",
                "differs when asked for again",
            ),
            (
                "return Wiring(lambda a, b: (Link('a', -speed),))",
                "flows between 1 devices and the host",
                "link a needs a bandwidth above 0 B/s",
            ),
            (
                "return Wiring(lambda a, b: (Link('a', speed),), lambda a, b: iter([(a[0], b[-1], len(a))]))",
                "routes between 2 devices and the host",
                "alike yields pairs or counts that do not cover all routes",
            ),
        ],
    )
    def test_wrong_wires(self, here, body, case, told):
        assert told in broken("topologies", f"def mine(places, speed: BytesPerSecond):\n    {body}\n")[case]


class TestCosts:
    @pytest.mark.parametrize(
        ("body", "case", "told"),
        [
            (
                "return Cost(lambda g, i, d: -np.ones(len(g)), no_luck)",
                "a pipeline",
                "returned -1 for task 0F0; return a finite number, 0 or more",
            ),
            (
                "return Cost(lambda g, i, d: np.ones(len(g)), lambda seed, tasks: np.arange(tasks)[::-1] + 1.0)",
                "luck of seed 7",
                "returns other factors for 10 tasks than for the first 10 of 1000; a factor may depend "
                "only on (seed, task)",
            ),
            (
                "return Cost(lambda g, i, d: np.ones(len(g)), lambda seed, tasks: np.random.rand(tasks))",
                "luck of seed 0",
                "returns other factors when called again",
            ),
            (
                "return Cost(lambda g, i, d: np.ones(len(g)), lambda seed, tasks: np.zeros(tasks))",
                "luck of seed 0",
                "returns factors of mean 0",
            ),
            (
                "return Cost(lambda g, i, d: np.full(len(g), random.random()), no_luck)",
                "tasks with times of their own",
                "tasks take other seconds when played again",
            ),
        ],
    )
    def test_wrong_seconds(self, here, body, case, told):
        assert told in broken("costs", f"def mine():\n    {body}\n")[case]


class TestKernelsAndMerges:
    def test_a_kernel_that_makes_something_else_each_time(self, here):
        found = broken("kernels", "def mine(value):\n    return value + random.random()\n")
        assert "but the second time" in found["fractions, twice"]
        assert "those of one worker are" in found["items split as {'split': 'layers'}"]

    @pytest.mark.parametrize(
        ("body", "case", "told"),
        [
            ("return values.pop()", "whole numbers, twice", "changes the list of outputs"),
            ("return {sum(values)}", "one output, twice", "the result is {2} of type set, which JSON cannot represent"),
            ("return sum(values) + random.random()", "fractions, twice", "but the second time"),
            ("return max(values[1:])", "one output, twice", "merge mine (mine.py:7) raised ValueError for [2]: "),
        ],
    )
    def test_wrong_merges(self, here, body, case, told):
        assert told in broken("merges", f"def mine(values):\n    {body}\n")[case]


class TestParallelAndWorkloads:
    @pytest.mark.parametrize(
        ("body", "told"),
        [
            (
                "return data(replace(items, values=items.values[:-1]), workers)",
                "computes 20 from items 1 to 5, but one worker computes 30",
            ),
            (
                "return replace(data(items, workers), group_size=np.zeros(1))",
                "its tasks own 0 B of weights in all",
            ),
            ("return replace(data(items, workers), program=None)", "drops the values"),
            ("return replace(data(items, workers), units=np.zeros(3))", "units is not an array of"),
        ],
    )
    def test_wrong_splits(self, here, body, told):
        found = broken("parallel", f"def mine(items: Items, workers: int):\n    {body}\n")
        assert told in found["5 items on 2 devices"]

    @pytest.mark.parametrize(
        ("body", "told"),
        [
            (
                "return tasks(cluster, plan, [TaskRow(str(i), random.random()) for i in range(count)])",
                "makes another graph when called again; draw random numbers from a seed parameter",
            ),
            ("return tasks(cluster, plan, [TaskRow(str(i), -1.0) for i in range(count)])", "stated has a time that is"),
            ("return tasks(cluster, plan, [])", "workload.tasks: is empty; at least one task is needed"),
        ],
    )
    def test_wrong_workloads(self, here, body, told):
        found = broken("workloads", f"def mine(cluster, plan: Plan, count: Count):\n    {body}\n")
        assert told in found["three devices"]


def test_a_run_that_begins_like_the_first_and_goes_on_is_told():
    # A chain of two tasks, and one of three: the first two lines are alike, and then there is nothing.
    def played(tasks):
        work = {"kind": "chains", "count": 1, "length": tasks, "compute": "1 s"}
        return parsim.simulate({"cluster": {"devices": 1}, "workload": work}).timeline

    assert list(about_change(played(2), played(2))) == []
    (told,) = about_change(played(2), played(3))
    assert told.startswith("decides otherwise when played again: nothing, then chain0.2 on w0 at 2 s; keep no state")
