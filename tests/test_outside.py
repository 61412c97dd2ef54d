"""Files from outside the package: put on the shelves, replaced when they change, and told of when they are wrong."""

import copy
import json
import pickle
import threading
import time
from pathlib import Path

import pytest

import parsim
from parsim.build import build
from parsim.core.errors import Silence
from parsim.entries import patience
from parsim.entries.checked_policy import Guard
from parsim.entries.registry import SHELVES, shelf, use
from parsim.policies.fifo import Fifo
from parsim.scenario.scenario import load
from parsim.scenario_schema import scenario_schema

NEWEST = '''\
from parsim.policies import policies


@policies.add("mine")
class Newest:
    """Take the newest."""

    def prepare(self, graph, workers, estimate):
        self.able = [set(workers[place]) for place in graph.place.tolist()]
        self.tasks = []

    def home(self, task):
        return None

    def ready(self, task, by):
        self.tasks.append(task)

    def take(self, worker, fits):
        mine = (task for task in reversed(self.tasks) if worker in self.able[task] and fits(task))
        task = next(mine, None)
        if task is not None:
            self.tasks.remove(task)
        return task
'''
TASKS = [
    {"name": "t0", "compute": "1 s", "memory": "6 MB"},
    {"name": "t1", "compute": {"w1": "1 s"}},
    {"name": "t2", "compute": "1 s", "after": ["t0", "t1"]},
    {"name": "t3", "compute": "2 s", "memory": "8 MB"},
]
SCENARIO = {
    "cluster": {"devices": 2, "device": {"memory": "10 MB"}},
    "workload": {"kind": "tasks", "tasks": TASKS},
    "policy": "mine",
}
ITEMS = {
    "cluster": {"devices": 2},
    "workload": {"kind": "items", "data": [1, 2, 3], "kernel": "double", "merge": "sum"},
    "plan": {"split": "data"},
    "cost": {"kind": "constant", "compute": "1 s"},
}


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder to be in, and shelves that are afterwards as they were."""
    monkeypatch.chdir(tmp_path)
    stocks = {name: shelf(name).stock() for name in SHELVES}
    yield tmp_path
    for name, stock in stocks.items():
        shelf(name).restock(stock)


def written(text, name="mine.py"):
    Path(name).write_text(text, encoding="utf-8")
    return name


def faults(file):
    with pytest.raises(parsim.ScenarioError) as wrong:
        use(file)
    return [str(fault) for fault in wrong.value.faults]


def verbs(**changed):
    """The policy NEWEST with other verbs, each a line that starts at line 25."""
    lines = "".join(f"\n    def {head}:\n        {body}\n" for head, body in changed.values())
    return NEWEST + lines


class TestUse:
    def test_its_entries_stand_on_the_shelf_with_their_file(self, here):
        assert use(written(NEWEST)) == [("policies", "mine")]
        assert shelf("policies").place("mine") == "mine.py"
        assert Path(shelf("policies").place("fifo")).name == "fifo.py"
        run = parsim.simulate(SCENARIO)
        # Newest first: w0 takes t3 of 2 s; w1 takes t1, then t0, each of 1 s; t2 follows at 2 s.
        assert run.timeline.makespan_s == 3.0
        spans = zip(
            run.timeline.task.tolist(), run.timeline.worker.tolist(), run.timeline.start_s.tolist(), strict=True
        )
        assert set(spans) == {("t3", "w0", 0.0), ("t1", "w1", 0.0), ("t0", "w1", 1.0), ("t2", "w0", 2.0)}

    def test_used_twice_it_is_there_once(self, here):
        assert use(written(NEWEST)) == use(here / "mine.py") == [("policies", "mine")]

    def test_a_changed_file_is_loaded_anew(self, here):
        use(written(NEWEST))
        first = shelf("policies")["mine"]
        assert use(written(NEWEST.replace("Take the newest.", "Take the last."))) == [("policies", "mine")]
        assert (first.__doc__, shelf("policies")["mine"].__doc__) == ("Take the newest.", "Take the last.")
        assert use(written(NEWEST.replace('"mine"', '"other"'))) == [("policies", "other")]
        assert "mine" not in shelf("policies").entries()

    def test_what_stood_there_stays_where_the_new_file_is_wrong(self, here):
        use(written(NEWEST))
        assert faults(written(NEWEST + "1 / 0\n")) == [
            "mine.py:24:1: with: raised ZeroDivisionError while it was loaded: division by zero"
        ]
        assert parsim.simulate(SCENARIO).timeline.makespan_s == 3.0

    def test_several_entries_of_several_shelves(self, here):
        also = (
            "\nfrom parsim.kernels import kernels\n@kernels.add('triple')\ndef triple(value):\n    return 3 * value\n"
        )
        assert use(written(NEWEST + also)) == [("kernels", "triple"), ("policies", "mine")]
        run = parsim.simulate(ITEMS, set={"workload.kernel": "triple", "policy": "mine"})
        assert run.value == 3 * (1 + 2 + 3)

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("x = 1\ndef take(:\n", "2:10: with: is not valid Python: invalid syntax"),
            (
                "import parsim_has_no_such\n",
                "1:1: with: raised ModuleNotFoundError while it was loaded: No module named",
            ),
            ("def f():\n    raise KeyError('a')\n\nf()\n", "2:1: with: raised KeyError while it was loaded: 'a'"),
            ("import sys\nsys.exit(3)\n", "2:1: with: raised SystemExit while it was loaded: 3"),
            ("raise BaseException(3)\n", "1:1: with: raised BaseException while it was loaded: 3"),
            ("", "1:1: with: adds nothing to a shelf; decorate a class or a function, such as @schedules.add('mine')"),
            (NEWEST.replace('"mine"', '"fifo"'), "4:1: with: policies: 'fifo' is already on the shelf; choose"),
            (NEWEST + NEWEST, "27:1: with: policies: 'mine' is already on the shelf"),
            (NEWEST.replace('("mine")', ""), "4:1: with: write @policies.add('NAME')"),
            (NEWEST.replace('"mine"', '""'), "4:1: with: write @policies.add('NAME')"),
            ("from parsim.costs import costs\ncosts.add('x')(3)\n", "2:1: with: costs: 'x' must be a function or a"),
        ],
    )
    def test_what_is_wrong_is_told_with_its_line(self, here, text, told):
        before = {name: shelf(name).entries() for name in SHELVES}
        (fault,) = faults(written(text))
        assert fault.startswith(f"mine.py:{told}")
        assert {name: shelf(name).entries() for name in SHELVES} == before

    def test_a_file_that_cannot_be_read(self, here):
        assert faults("absent.py") == ["absent.py:0:0: with: no such file"]
        assert faults(str(here)) == [f"{here}:0:0: with: is a folder; name a file"]
        assert faults("a\0b")[0].startswith("a\\x00b:0:0: with: ")
        Path("latin.py").write_bytes(b"x = '\xe9'\n")
        assert faults("latin.py")[0].startswith("latin.py:1:")

    def test_what_it_prints_leaves_standard_output_alone(self, here, capsys):
        use(written("print('loaded')\n" + NEWEST.replace("mine = (", "print('asked')\n        mine = (")))
        parsim.simulate(SCENARIO)
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("loaded\nasked\n")

    def test_an_entry_travels_to_other_processes_and_through_copies(self, here):
        use(written("from parsim.kernels import kernels\n@kernels.add('mine')\ndef f(value):\n    return value + 1\n"))
        kernel = shelf("kernels")["mine"]
        assert pickle.loads(pickle.dumps(kernel))(1) == copy.deepcopy(kernel)(1) == 2


class TestGuard:
    @pytest.mark.parametrize(
        ("verb", "told"),
        [
            (("take(self, worker, fits)", "raise ValueError('no')"), "26) raised ValueError in take for worker w0: no"),
            (("take(self, worker)", "return None"), "25) raised TypeError in take for worker w0: "),
            (("take(self, worker, fits)", "return 0"), "25) took task t0 a second time, for worker w1"),
            (("take(self, worker, fits)", "return 1"), "25) gave worker w0 the task t1, which may run only on w1"),
            (
                ("take(self, worker, fits)", "return 2"),
                "25) gave worker w0 the task t2 before its inputs: t0 has not ended",
            ),
            (
                ("take(self, worker, fits)", "return 't0'"),
                "25) returned 't0' for worker w0; return a task number from 0 to 3, or None",
            ),
            (("take(self, worker, fits)", "return True"), "25) returned True for worker w0; return a task number"),
            (("take(self, worker, fits)", "return -1"), "25) returned -1 for worker w0; return a task number"),
            (("take(self, worker, fits)", "return 4"), "25) returned 4 for worker w0; return a task number"),
            (("take(self, worker, fits)", "return fits('t0')"), "26) raised TypeError in take for worker w0: "),
            (("home(self, task)", "return 0"), "25) named w0 as home of task t1, which may run only on w1"),
            (
                ("home(self, task)", "return 2"),
                "25) returned 2 as home of task t0; return a worker number from 0 to 1, or N",
            ),
            (
                ("home(self, task)", "return None if task else 0"),
                "25) gave a home to task t0 but not to task t1; give one to every task, or to none",
            ),
            (("home(self, task)", "return 1"), "18) gave worker w0 the task t3, whose home is w1"),
            (("home(self, task)", "return 1 / task"), "26) raised ZeroDivisionError in home for task t0: division by"),
            (("ready(self, task, by)", "exit(0)"), "26) raised SystemExit in ready for task t0: 0"),
            (("ready(self, task, by)", "raise BaseException(0)"), "26) raised BaseException in ready for task t0: 0"),
            (("prepare(self, *all)", "all[3]"), "26) raised IndexError in prepare: tuple index out of range"),
            (("prepare(self, graph, workers, estimate)", "graph.place[0] = 1"), "26) raised ValueError in prepare: "),
            (("__init__(self)", "self.x = self.y"), "26) raised AttributeError: 'Newest' object has no"),
        ],
    )
    def test_a_broken_rule_names_policy_line_task_and_worker(self, here, verb, told):
        use(written(verbs(changed=verb)))
        with pytest.raises(parsim.RunError) as failed:
            parsim.simulate(SCENARIO)
        assert str(failed.value).startswith(f"policy mine (mine.py:{told}")
        assert "\n" not in str(failed.value)

    def test_a_task_for_which_there_is_no_room(self, here):
        use(written(NEWEST.replace(" and fits(task)", "")))
        one = {"devices": [{"name": "w0", "slots": 2, "memory": "10 MB"}]}
        tasks = [{"name": f"t{i}", "compute": "1 s", "memory": "6 MB"} for i in range(2)]
        with pytest.raises(
            parsim.RunError, match=r"^policy mine \(mine.py:18\) gave worker w0.1 the task t0, which does"
        ):
            parsim.simulate({"cluster": one, "workload": {"kind": "tasks", "tasks": tasks}, "policy": "mine"})

    def test_a_task_whose_parents_run(self, here):
        use(written(verbs(changed=("take(self, worker, fits)", "return worker"))))
        two = [{"name": "t0", "compute": "1 s"}, {"name": "t1", "compute": "2 s"}]
        three = [*two, {"name": "t2", "compute": "1 s", "after": ["t0", "t1"]}, {"name": "t3", "compute": "1 s"}]
        work = {"kind": "tasks", "tasks": three}
        with pytest.raises(parsim.RunError, match=r"gave worker w2 the task t2 before its inputs: not all of t0, t1"):
            parsim.simulate({"cluster": {"devices": 3}, "workload": work, "policy": "mine"})

    def test_a_policy_that_never_takes_stalls(self, here):
        use(written(verbs(changed=("take(self, worker, fits)", "return None"))))
        with pytest.raises(parsim.Stalled) as stalled:
            parsim.simulate(SCENARIO)
        assert str(stalled.value).splitlines() == [
            "stalled at 0 s: 4 of 4 tasks cannot end",
            "  w0 waits for t0: it is ready, but the policy mine gives it to no worker",
            "  w1 waits for t0: it is ready, but the policy mine gives it to no worker",
        ]

    def test_what_it_does_to_its_estimate_stays_its_own(self, here):
        body = (
            "for row in estimate.compute: row[:] = [9.0] * len(row)\n        self.able, self.tasks = [{0, 1}] * 4, []"
        )
        use(written(verbs(changed=("prepare(self, graph, workers, estimate)", body))))
        tasks = [{"name": f"t{i}", "compute": "1 s"} for i in range(4)]
        run = parsim.simulate(
            {"cluster": {"devices": 2}, "workload": {"kind": "tasks", "tasks": tasks}, "policy": "mine"}
        )
        assert run.timeline.makespan_s == 2.0

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            (("def take", "def took"), "has no method take; write for example 'def take(self, worker, fits)'"),
            (
                ("def home", "home = 1\n\n    def homes"),
                "has no method home; write for example 'def home(self, task): return",
            ),
            (
                ("def home", "def __init__(self, depth):\n        pass\n\n    def home"),
                "does not say what its parameter 'depth' is; annotate it, for example 'depth: Count'",
            ),
            (
                ("def home", "def __init__(self, depth: 'Depth'):\n        pass\n\n    def home"),
                "has a signature that cannot be read: NameError: name 'Depth' is not defined",
            ),
            (
                ("def home", "def __init__(self, depth: type(iter([])) = 0):\n        pass\n\n    def home"),
                "has a signature that cannot be read: PydanticSchemaGenerationError: Unable to generate",
            ),
        ],
    )
    def test_what_it_lacks_is_a_fault_at_its_decorator(self, here, change, told):
        use(written(NEWEST.replace(*change)))
        with pytest.raises(parsim.ScenarioError) as wrong:
            parsim.simulate(SCENARIO)
        (fault,) = wrong.value.faults
        assert str(fault).startswith(f"mine.py:4:1: with: policy mine {told}")

    def test_the_schema_refuses_a_signature_that_cannot_be_read(self, here):
        use(written(NEWEST.replace("def home", "def __init__(self, depth):\n        pass\n\n    def home")))
        with pytest.raises(parsim.ScenarioError, match="'depth'"):
            scenario_schema()

    def test_parameters_are_read_by_their_annotations(self, here):
        init = "def __init__(self, least: Count = 2):\n        self.least = least\n\n    def home"
        use(written("from parsim.core.schema import Count\n" + NEWEST.replace("def home", init)))
        assert "least" in str(scenario_schema())
        parsim.simulate(SCENARIO, set={"policy": {"kind": "mine", "least": 3}})
        with pytest.raises(parsim.ScenarioError, match=r"--set:0:0: policy.least: 0 is too small"):
            parsim.simulate(SCENARIO, set={"policy": {"kind": "mine", "least": 0}})
        with pytest.raises(parsim.ScenarioError, match=r"unknown name 'mines'. Did you mean 'mine'"):
            parsim.simulate(SCENARIO, set={"policy": "mines"})

    def test_a_policy_of_the_package_is_asked_without_it(self, here):
        use(written(NEWEST))
        assert isinstance(build(load(SCENARIO)).policy(), Guard)
        assert type(build(load(SCENARIO, {"policy": "fifo"})).policy()) is Fifo

    def test_the_replay_asks_through_it(self, here):
        use(written(verbs(changed=("take(self, worker, fits)", "return 0"))))
        with pytest.raises(
            parsim.RunError, match=r"^policy mine \(mine.py:25\) took task part0 a second time, for worke"
        ):
            parsim.replay(ITEMS, set={"policy": "mine"})


HEADS = {
    "topologies": "from parsim.core.cluster import Link, Wiring\nfrom parsim.core.units import BytesPerSecond\n",
    "schedules": "from parsim.core.errors import Complaint, Invalid\nfrom parsim.core.op import Op\n",
    "costs": "import numpy as np\nfrom parsim.core.job import Cost\n",
    "kernels": "",
    "merges": "",
    "parallel": "from dataclasses import replace\nfrom parsim.parallel.data import data\n",
    "workloads": "from dataclasses import replace\nimport numpy as np\nfrom parsim.core.graph import Edges\n"
    "from parsim.core.plan import Plan\nfrom parsim.workloads.tasks import TaskRow, tasks\n",
}
PLACES = {
    "topologies": {"cluster.topology": {"kind": "mine"}},
    "schedules": {"plan.schedule": "mine"},
    "costs": {"cost": "mine"},
    "kernels": {"workload.kernel": "mine"},
    "merges": {"workload.merge": "mine"},
    "parallel": {"plan.split": "mine"},
    "workloads": {"workload": {"kind": "mine"}},
}
PIPELINE = {
    "cluster": {"devices": 2},
    "workload": {"kind": "stages", "forward": "1 s", "input_grad": "1 s", "weight_grad": "1 s"},
    "plan": {"schedule": "1f1b", "microbatches": 1},
}
FLOWS = {
    "cluster": {"devices": 2, "topology": {"kind": "full", "bandwidth": "1 MB/s"}},
    "workload": {"kind": "transfers", "flows": [{"name": "f", "from": "w0", "to": "w1", "size": "1 MB"}]},
}
PLAYED = {"topologies": FLOWS, "schedules": PIPELINE, "workloads": {"cluster": {"devices": 2}, "workload": {}}}


def added(here, of, body):
    """Use a file that puts *body*, a function's head and lines, on the shelf *of*; return what fails, in words."""
    use(written(f"from parsim.{of} import {of}\n{HEADS[of]}@{of}.add('mine')\ndef mine{body}\n"))
    with pytest.raises(parsim.ParsimError) as failed:
        parsim.simulate(PLAYED.get(of, ITEMS), set=PLACES[of])
    return failed.value


class TestAnswers:
    """What a function of another shelf does wrong, by the line of the file: the function's, or the one that raised."""

    @pytest.mark.parametrize(
        ("body", "told"),
        [
            ("(places):\n    return 3", "topology mine (mine.py:4) returned 3; return a Wiring(route), where route("),
            ("():\n    return 3", "topology mine (mine.py:4) raised TypeError: mine() got an unexpected keyword"),
            ("(places):\n    return Wiring(7)", "topology mine (mine.py:4) returned Wiring(route="),
            (
                "(places):\n    return Wiring(lambda a, b: (7,))",
                "topology mine (mine.py:6) returned (7,) for the route from w0 to w1; return a tuple of "
                "Link(name, bandwidth",
            ),
            (
                "(places):\n    return Wiring(lambda a, b: (Link('a', 0.0),))",
                "topology mine (mine.py:6) returned ('a',) for the route from w0 to w1; link a needs a "
                "bandwidth above 0 "
                "B/s and a latency of 0 s or more",
            ),
            (
                "(places):\n    return Wiring(lambda a, b: (Link('a', 1e6), Link('b', 1e6), Link('a', 1e6)))",
                "topology mine (mine.py:6) returned ('a', 'b', 'a') for the route from w0 to w1; it uses link a twice",
            ),
            (
                "(places):\n    return Wiring(lambda a, b: (Link('a', 1e6), Link('a', 2e6)))",
                "topology mine (mine.py:6) returned ('a', 'a') for the route from w0 to w1; link a was ('a', 1000000.0",
            ),
            (
                "(places):\n    return Wiring(lambda a, b: (Link('a', 1e6, 0.0, ((2.0, 0.0), (1.0, 1e6))),))",
                "topology mine (mine.py:6) returned ('a',) for the route from w0 to w1; the profile of link a needs "
                "times that ascend",
            ),
            (
                "(places):\n    return Wiring(lambda a, b: (Link('a', 1e6, 0.0, ((2.0,),)),))",
                "topology mine (mine.py:6) returned ('a',) for the route from w0 to w1; link a needs a profile of",
            ),
            (
                "(places):\n    return Wiring(lambda a, b: (Link('a', 1e6),), tiers=(8,))",
                "topology mine (mine.py:4) returned the tiers (8,); write each as Tier(name, size)",
            ),
            (
                "(places):\n    return Wiring(lambda a, b: a[b])",
                "topology mine (mine.py:6) raised TypeError for the route from w0 to w1: 'int' object is not subscr",
            ),
            (
                "(places):\n    return Wiring(lambda a, b: ())",
                "topology mine (mine.py:6) returned () for the route from w0 to w1; a route needs at least one link",
            ),
            (
                "(places):\n    return Wiring(lambda a, b: 'a')",
                "topology mine (mine.py:6) returned 'a' for the route from w0 to w1; return a tuple of "
                "Link(name, bandwidth",
            ),
            (
                "(places):\n    return Wiring(lambda a, b: (Link('a', 1e6),), weight=lambda a, b, link: 0)",
                "topology mine (mine.py:4) returned 0 for the weight on link a; return a number above 0",
            ),
        ],
    )
    def test_topologies(self, here, body, told):
        assert str(added(here, "topologies", body)).startswith(told)

    @pytest.mark.parametrize(
        ("body", "told"),
        [
            (
                "():\n    return 1.0",
                "cost mine (mine.py:4) returned 1.0; return a Cost(expected, luck) of two functions",
            ),
            (
                "():\n    return Cost(lambda graph, index, device: 1.0, lambda seed, tasks: np.ones(tasks))",
                "cost mine (mine.py:6) returned 1.0 as seconds on w0; return an array of 2 numbers",
            ),
            (
                "():\n    return Cost(lambda graph, index, device: -np.ones(2), lambda seed, tasks: np.ones(tasks))",
                "cost mine (mine.py:6) returned -1 for task part0; return a finite number, 0 or more",
            ),
            (
                "():\n    return Cost(lambda graph, index, device: np.nan * np.ones(2), lambda s, t: np.ones(t))",
                "cost mine (mine.py:6) returned nan for task part0; return a finite number, 0 or more",
            ),
            (
                "():\n    return Cost(lambda graph, index, device: np.ones(2), lambda s, t: 1 / 0)",
                "cost mine (mine.py:6) raised ZeroDivisionError for the luck of seed 0: division by zero",
            ),
            (
                "():\n    return Cost(lambda graph, index, device: 'abc', lambda s, t: 1 / 0)",
                "cost mine (mine.py:6) returned 'abc' as seconds on w0; return an array of 2 numbers",
            ),
        ],
    )
    def test_costs(self, here, body, told):
        assert str(added(here, "costs", body)).startswith(told)

    @pytest.mark.parametrize(
        ("body", "told"),
        [
            ("(**all):\n    return []", "returned []; return 2 lists of Op, one for each rank"),
            (
                "(**all):\n    return [['0F0'], ['1F0']]",
                "with 2 ranks, 1 microbatch and 1 chunk: rank 0 holds '0F0'; write an Op(",
            ),
            (
                "(**all):\n    return [[Op(0, 'F', 0)], [Op(1, 'F', 1)]]",
                "with 2 ranks, 1 microbatch and 1 chunk: rank 1 runs 1F1; there are 2 stages and 1 microbatch,",
            ),
            (
                "(**all):\n    return [[Op(i, 'F', 0), Op(i, 'B', 0), Op(i, 'B', 0)] for i in range(2)]",
                "with 2 ranks, 1 microbatch and 1 chunk: rank 0 runs 0B0 twice",
            ),
            (
                "(**all):\n    return [[Op(i, 'F', 0), Op(i, 'I', 0)] for i in range(2)]",
                "with 2 ranks, 1 microbatch and 1 chunk: rank 0 never runs 0W0",
            ),
            (
                "(**all):\n    return [[Op(i, k, 0) for k in 'FBW'] for i in range(2)]",
                "with 2 ranks, 1 microbatch and 1 chunk: rank 0 runs 0W0 beside 0B0; B is I and W in one",
            ),
        ],
    )
    def test_schedules(self, here, body, told):
        assert str(added(here, "schedules", body)).startswith(f"schedule mine (mine.py:4) {told}")

    def test_a_deadlock_of_a_schedule_names_its_file_rank_and_action(self, here):
        failed = added(here, "schedules", "(**all):\n    return [[Op(i, k, 0) for k in 'BF'] for i in range(2)]")
        shape = "with 2 ranks, 1 microbatch and 1 chunk"
        told = "deadlock: rank 1 stops before 1B0, which needs 1F0"
        assert str(failed) == f"schedule mine (mine.py:4) {shape}: {told}"

    def test_an_action_of_an_unknown_kind_names_its_rank(self, here):
        failed = added(here, "schedules", "(**all):\n    return [[Op(i, 'FX'[i], 0)] for i in range(2)]")
        assert ": rank 1 holds 1X0; write an Op(" in str(failed)
        assert failed.drawn == "rank 0 | 0F0\nrank 1 | [1X0]"

    @pytest.mark.parametrize("parameters", ["()", "(ranks)", "(microbatches)", "(ranks, count=1)"])
    def test_a_schedule_that_does_not_take_its_shape_is_a_fault_of_the_scenario(self, here, parameters):
        failed = added(here, "schedules", f"{parameters}:\n    return []")
        told = "mine does not take its shape; write its function as mine(ranks, microbatches)"
        assert isinstance(failed, parsim.ScenarioError)
        assert str(failed).endswith(f"plan.schedule: {told}")

    def test_complaints_are_faults_of_the_scenario(self, here):
        body = "(ranks, microbatches, chunks):\n    raise Invalid([Complaint(('microbatches',), 'too few; write 4')])"
        failed = added(here, "schedules", body)
        assert isinstance(failed, parsim.ScenarioError)
        assert str(failed) == "scenario:0:0: plan.microbatches: too few; write 4"

    @pytest.mark.parametrize("what", ["'too few'", "[Complaint('microbatches', 'too few')]"])
    def test_complaints_of_another_form_fail_the_run(self, here, what):
        failed = added(here, "schedules", f"(ranks, microbatches, chunks):\n    raise Invalid({what})")
        assert str(failed).startswith("schedule mine (mine.py:6) raised ")

    def test_kernels_and_merges(self, here):
        told = "task part1: kernel mine (mine.py:4) raised ZeroDivisionError for 3: division by zero"  # it ends first
        assert str(added(here, "kernels", "(value):\n    return value / 0")) == told
        told = "merge on host: merge mine (mine.py:4) raised TypeError for [2, 4, 6]: "
        assert str(added(here, "merges", "(values):\n    return values + 1")).startswith(told)

    def test_the_replay_names_the_line_too(self, here):
        text = "from parsim.kernels import kernels\n@kernels.add('mine')\ndef f(value):\n    return 1 // (value - 2)\n"
        use(written(text))
        with pytest.raises(parsim.RunError) as failed:
            parsim.replay(ITEMS, set={"workload.kernel": "mine"})
        file = here / "mine.py"
        told = f"task part0 on worker w0: kernel mine ({file}:4) raised ZeroDivisionError for 2: "
        assert str(failed.value).startswith(told)

    def test_the_replay_computes_with_a_kernel_from_outside(self, here):
        use(written("from parsim.kernels import kernels\n@kernels.add('mine')\ndef f(value):\n    return value + 1\n"))
        played = parsim.replay(ITEMS, set={"workload.kernel": "mine"})
        assert (played.measured.value, played.result_matches_serial) == (2 + 3 + 4, True)

    @pytest.mark.parametrize(
        ("body", "told"),
        [
            ("(items, workers):\n    return None", "returned None; return a TaskGraph"),
            (
                "(items, workers):\n    return replace(data(items, workers), units=[1.0, 1.0])",
                "made a graph that cannot be played: units is not an array of 2 numbers",
            ),
            (
                "(items, workers):\n    return replace(data(items, workers), places=((0, 2),))",
                "made a graph that cannot be played: places holds (0, 2); each entry needs one or more worker numb",
            ),
            (
                "(items, workers):\n    return data(items, workers=workers - 2)",
                "raised ZeroDivisionError: ",
            ),
        ],
    )
    def test_splits(self, here, body, told):
        text = str(added(here, "parallel", body))
        assert text.startswith("split mine (mine.py:")
        assert told in text

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ("kind=np.array([0, 0, 1])", "kind holds 1, but the largest valid number is 0"),
            ("names=['a', 'a', 'b']", "names are not texts, or one occurs twice"),
            ("stated=np.ones(2)", "stated is not an array of 3 times, or of 3 rows of one time for each device"),
            ("stated=-np.ones(3)", "stated has a time that is negative or infinite"),
            ("memory=np.array([1.0, np.nan, 0])", "memory has a number that is negative or not finite"),
            ("group=np.array([0, 0, 0])", "group holds 0, but the largest valid number is -1"),
            (
                "edges=Edges(*np.array([[0, 2], [1, 3], [0, 0], [0, 0]]))",
                "edges.child holds 3, but the largest valid number is 2",
            ),
            (
                "edges=Edges(*np.array([[0, 1, 2], [1, 2, 0], [0, 0, 0], [0, 0, 0]]))",
                "task a would wait for itself: it is part of a cycle of edges",
            ),
            (
                "edges=Edges(*np.array([[0], [1], [1], [1]]))",
                "an edge has both bytes and a delay; give it only one",
            ),
            ("orders=((0, 1), (1, 2))", "orders do not hold each task that computes once"),
        ],
    )
    def test_workloads(self, here, change, told):
        rows = "[TaskRow(name, 1.0) for name in 'abc']"
        body = f"(cluster, plan: Plan):\n    return replace(tasks(cluster, plan, {rows}), {change})"
        assert str(added(here, "workloads", body)) == (
            f"workload mine (mine.py:7) made a graph that cannot be played: {told}"
        )

    def test_a_workload_that_needs_no_plan_of_its_own(self, here):
        body = "(cluster, plan):\n    return tasks(cluster, plan, [TaskRow('a', 1.0)])\n"
        use(written(f"{HEADS['workloads']}from parsim.workloads import workloads\n@workloads.add('mine')\ndef f{body}"))
        run = parsim.simulate({"cluster": {"devices": 1}, "workload": "mine", "plan": {"steps": {"split": "1 s"}}})
        assert run.timeline.makespan_s == 2.0


# --- code that does not return ---


SLEEPING = NEWEST.replace("fits):\n", "fits):\n        2 in self.tasks and told.wait(60)\n").replace(
    "\n\n\n", "\nfrom parsim.entries.patience import told\n\n\n", 1
)
SLOW = """\
from parsim.entries.patience import told
from parsim.costs import costs
from parsim.kernels import kernels
from parsim.merges import merges


@kernels.add("slow")
def slow(value):
    value == 2 and told.wait(60)
    return value


@merges.add("late")
def late(values):
    told.wait(60)
    return 3


@costs.add("dear")
def dear():
    told.wait(60)
    return costs["constant"](compute=1.0)
"""


@pytest.fixture
def impatient(here, monkeypatch):
    """Tell of silence after 0.5 s; the files here are silent until that is told."""
    told, tell = threading.Event(), patience._tell
    monkeypatch.setattr(patience, "NOTICE_S", 0.5)
    monkeypatch.setattr(patience, "LOOK_S", 0.02)
    monkeypatch.setattr(patience, "told", told, raising=False)
    monkeypatch.setattr(patience, "_tell", lambda asked: (tell(asked), told.set()))


@pytest.mark.parametrize("options", [(), ("--quiet",), ("--json",)])
def test_a_policy_that_does_not_return_is_named_and_the_run_goes_on(impatient, command, options):
    Path("scenario.yaml").write_text(json.dumps(SCENARIO))
    code, out, err = command("run", "scenario.yaml", "--with", written(SLEEPING), *options)
    words = "policy mine (mine.py:5) has not answered for 0.5 s: it was asked in take for worker w0 at 2 s"
    assert (code, err, bool(out)) == (0, f"parsim: {words}\n", options != ("--quiet",))


@pytest.mark.parametrize(
    ("section", "key", "value", "words"),
    [
        ("workload", "kernel", "slow", "kernel slow (mine.py:7) has not answered for 0.5 s: it was asked for 2"),
        ("workload", "merge", "late", "merge late (mine.py:13) has not answered for 0.5 s: it was asked for [2, 4, 6]"),
        ("cost", "kind", "dear", "cost dear (mine.py:19) has not answered for 0.5 s"),
    ],
)
def test_so_is_whatever_else_does_not_return(impatient, section, key, value, words):
    use(written(SLOW))
    source = {**ITEMS, section: {**(ITEMS[section] if section == "workload" else {}), key: value}}
    with pytest.warns(Silence) as told:
        parsim.simulate(source)
    assert {str(warning.message).removesuffix(" at 0 s") for warning in told} == {words}


def test_a_call_that_returns_soon_is_not_told_of(impatient, recwarn):
    use(written(NEWEST))
    begin = time.monotonic()
    while time.monotonic() < begin + 1.5:
        parsim.simulate(SCENARIO)
    assert not [warning for warning in recwarn if issubclass(warning.category, Silence)]


def test_the_thread_ends_when_there_is_nothing_to_look_at(impatient, monkeypatch):
    use(written(NEWEST))
    parsim.simulate(SCENARIO)
    for thread in threading.enumerate():
        if thread.name == "parsim-patience":
            thread.join(timeout=20)
            assert not thread.is_alive()
