"""Policies, driven by a tiny clock of the tests' own; expected makespans and plans from publications and simulators."""

import heapq
import json
import math
import random
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import parsim
from parsim.core.graph import Edges, TaskGraph
from parsim.core.job import Estimate
from parsim.core.tolerance import least, ranking, tie
from parsim.policies import heft, peft, policies
from parsim.policies.by_rank import ByRank
from parsim.policies.cpop import critical_path
from parsim.policies.insertion import Plan, Planned
from parsim.policies.peft import optimistic_costs
from parsim.policies.ranks import by_urgency, downward_ranks, upward_ranks

CASES = json.loads((Path(__file__).parent / "data/scheduling_cases.json").read_text())["cases"]
PLANNED = [case for case in CASES if "heft_schedule" in case]
SMALL = [case for case in CASES if case["kind"] != "dag_hetero_comm"]


def named(case):
    return case["name"]


class Problem:
    """A task graph with seconds per worker (NaN: may not run) and a delay per edge."""

    def __init__(self, seconds, after, arrivals=()):
        self.seconds = np.array(seconds, float).reshape(len(seconds), -1)  # (tasks, workers)
        edges = [(parent, child, delay) for child, parents in enumerate(after) for parent, delay in parents.items()]
        parent, child, delay = (np.array(column) for column in zip(*edges, strict=True)) if edges else ([], [], [])
        sets = [tuple(np.flatnonzero(~np.isnan(row)).tolist()) for row in self.seconds]
        self.places = tuple(dict.fromkeys(sets))
        tasks = len(seconds)
        self.graph = TaskGraph(
            [f"t{i}" for i in range(tasks)],
            ("compute",),
            np.zeros(tasks, np.int64),
            np.ones(tasks),
            self.places,
            np.array([self.places.index(one) for one in sets], np.int64),
            self.seconds,
            Edges(np.array(parent, np.int64), np.array(child, np.int64), np.zeros(len(edges)), np.array(delay, float)),
        )
        delays = self.graph.edges.delay
        self.arrivals = np.array(arrivals, float) if len(arrivals) else np.zeros(self.seconds.shape)
        self.estimate = Estimate(
            tuple(column.tolist() for column in self.seconds.T),
            lambda edge, a, b: 0.0 if a == b else delays[edge],
            lambda task, worker: self.arrivals[task, worker],
            lambda: np.nanmean(self.seconds, axis=1),
            lambda: delays if self.seconds.shape[1] > 1 else np.zeros(len(edges)),
            instant=lambda: self.now,
        )
        self.now = 0.0

    def play(self, policy, fits=lambda task, now: True):
        """Play as the contract orders events: ends, releases, then workers in rounds; return [(worker, start, end)]."""
        policy.prepare(self.graph, self.places, self.estimate)
        first, order = self.graph.children
        children = [[int(self.graph.edges.child[e]) for e in order[a:b]] for a, b in pairwise(first)]
        waits = np.bincount(self.graph.edges.child, minlength=len(self.graph)).tolist()
        spans, ends, now = {}, [], 0.0
        self.now = now
        idle = set(range(self.seconds.shape[1]))
        for task in [task for task, parents in enumerate(waits) if not parents]:
            policy.ready(task, None)
        while True:
            for worker in sorted(idle):
                task = policy.take(worker, lambda task: fits(task, now))  # noqa: B023
                if task is not None:
                    assert task not in spans, "taken twice"
                    start = max([now, *self.inputs(task, worker, spans)])
                    spans[task] = (worker, start, start + self.seconds[task, worker])
                    assert policy.home(task) in (worker, None)
                    heapq.heappush(ends, (spans[task][2], task))
                    idle.discard(worker)
            if not ends:
                break
            now, released = ends[0][0], []
            self.now = now
            while ends and ends[0][0] == now:
                _, task = heapq.heappop(ends)
                idle.add(spans[task][0])
                for child in children[task]:
                    waits[child] -= 1
                    if not waits[child]:
                        released.append((child, spans[task][0]))
            for child, by in sorted(released):
                policy.ready(child, by)
        assert len(spans) == len(self.graph), "stalled"
        return [spans[task] for task in range(len(self.graph))]

    def inputs(self, task, worker, spans):
        first, order = self.graph.parents
        for edge in order[first[task] : first[task + 1]]:
            home, _, end = spans[int(self.graph.edges.parent[edge])]
            yield end + self.estimate.transfer(edge, home, worker)


def problem(case):
    names = [task["name"] for task in case["tasks"]]
    workers = case["workers"]
    seconds = [
        [task["seconds"].get(w, math.nan) for w in workers]
        if isinstance(workers, list)
        else [task["seconds"]] * workers
        for task in case["tasks"]
    ]
    after = [{names.index(parent): delay for parent, delay in task.get("after", {}).items()} for task in case["tasks"]]
    return Problem(seconds, after)


def makespan(spans):
    return max(end for _, _, end in spans)


def plans_of(plan, asked):
    plans = plan(asked.graph, asked.places, asked.estimate).plans
    return {one.task: (worker, one.start, one.end) for worker, its in enumerate(plans) for one in its.planned}


class TestFifo:
    @pytest.mark.parametrize("case", SMALL, ids=named)
    def test_makespan_of_the_independent_simulators(self, case):
        assert makespan(problem(case).play(policies["fifo"]())) == case["expect"]["fifo"]

    def test_pipeline_where_each_task_has_its_worker(self):
        case = next(case for case in CASES if case["name"] == "gpipe_p2_m4_f1_b2")
        # (m + p - 1)(F + B) = 5 x 3
        assert makespan(problem(case).play(policies["fifo"]())) == case["expect"]["any_work_conserving"] == 15

    def test_order_of_becoming_ready_over_several_place_sets(self):
        # By hand: 0 and 1 may run on w0 only, 2 anywhere, 3 on w1 only; w0 prefers what was ready first.
        nan = math.nan
        fifo = policies["fifo"]()
        some = Problem([[1, nan], [1, nan], [1, 1], [nan, 1]], [{}] * 4)
        fifo.prepare(some.graph, some.places, some.estimate)
        for some.now, task in enumerate((2, 1, 3, 0)):
            fifo.ready(task, None)
        taken = [fifo.take(worker, lambda task: True) for worker in (0, 0, 1, 0, 1)]
        assert taken == [2, 1, 3, 0, None]

    @pytest.mark.parametrize("sets", [1, 2])
    def test_takes_the_first_that_fits(self, sets):
        other = math.nan if sets == 2 else 1.0
        fifo = policies["fifo"]()
        some = Problem([[1, other], [1, 1], [1, other], [1, 1]], [{}] * 4)
        fifo.prepare(some.graph, some.places, some.estimate)
        for task in range(4):
            fifo.ready(task, None)
        assert fifo.take(0, lambda task: False) is None
        assert fifo.take(0, lambda task: task >= 2) == 2
        assert [fifo.take(0, lambda task: True) for _ in range(4)] == [0, 1, 3, None]

    def test_worker_that_may_run_nothing(self):
        fifo = policies["fifo"]()
        some = Problem([[1, math.nan, math.nan]], [{}])
        fifo.prepare(some.graph, some.places, some.estimate)
        fifo.ready(0, None)
        assert fifo.take(2, lambda task: True) is None
        assert fifo.take(1, lambda task: True) is None


class TestHeft:
    @pytest.mark.parametrize("case", PLANNED, ids=named)
    def test_plan_of_the_publication(self, case):
        names = [task["name"] for task in case["tasks"]]
        plan = {
            names[task]: [case["workers"][worker], start, end]
            for task, (worker, start, end) in plans_of(heft.plan, problem(case)).items()
        }
        assert plan == case["heft_schedule"]

    @pytest.mark.parametrize("case", PLANNED, ids=named)
    def test_played_as_planned(self, case):
        spans = problem(case).play(policies["heft"]())
        assert makespan(spans) == case["expect"]["heft"]
        assert dict(enumerate(spans)) == plans_of(heft.plan, problem(case))

    def test_upward_ranks_of_the_paper(self):
        # Topcuoglu 2002, table 1, printed to three decimals.
        asked = problem(next(case for case in CASES if case["name"] == "topcuoglu2002"))
        ranks = upward_ranks(asked.graph, asked.estimate)
        assert [round(rank, 3) for rank in ranks] == [
            108.0, 77.0, 80.0, 80.0, 69.0, 63.333, 42.667, 35.667, 44.333, 14.667,
        ]  # fmt: skip
        assert list(by_urgency(asked.graph, ranks)) == [0, 2, 3, 1, 4, 5, 8, 6, 7, 9]

    @pytest.mark.parametrize("seed", range(40))
    def test_random_graphs_play_as_planned(self, seed):
        draw = random.Random(seed)
        tasks, workers = draw.randint(1, 40), draw.randint(1, 4)
        # Many tasks of 0 s and equal times, where a careless order of the plan would deadlock or come late.
        seconds = [[draw.choice((0, 0, 1, 2, 0.1, 0.3)) for _ in range(workers)] for _ in range(tasks)]
        after = [
            {parent: draw.choice((0, 0, 1, 0.7)) for parent in draw.sample(range(i), min(i, draw.randint(0, 3)))}
            for i in range(tasks)
        ]
        spans = Problem(seconds, after).play(policies["heft"]())
        planned = plans_of(heft.plan, Problem(seconds, after))
        assert [spans[task][0] for task in range(tasks)] == [planned[task][0] for task in range(tasks)]
        for task in range(tasks):
            assert spans[task][1] == pytest.approx(planned[task][1], abs=1e-9)

    def test_children_may_be_numbered_before_their_parents(self):
        # By hand: 1 -> 0, both of 0 s, so that their ranks tie and the number alone would plan the child first.
        assert list(by_urgency(Problem([[0.0], [0.0]], [{1: 0}, {}]).graph, [0.0, 0.0])) == [1, 0]

    def test_may_run_on_some_workers_only(self):
        nan = math.nan
        spans = Problem([[5, nan], [nan, 7], [3, nan]], [{}, {0: 1}, {}]).play(policies["heft"]())
        # By hand: ranks 5 + 1 + 7, 7, 3; task 2 follows task 0 on w0, task 1 starts when 0's output is there.
        assert spans == [(0, 0, 5), (1, 6, 13), (0, 5, 8)]

    def test_what_the_host_sends_is_waited_for(self):
        # By hand: one second's work anywhere, but it takes 9 s to reach w0 and 2 s to reach w1.
        asked = Problem([[1.0, 1.0]], [{}], arrivals=[[9.0, 2.0]])
        assert plans_of(heft.plan, asked) == {0: (1, 2.0, 3.0)}

    def test_waits_for_the_next_of_the_plan(self):
        heft, asked = policies["heft"](), Problem([[3.0], [2.0]], [{}, {}])
        heft.prepare(asked.graph, asked.places, asked.estimate)
        heft.ready(1, None)
        assert heft.take(0, lambda task: True) is None
        heft.ready(0, None)
        assert heft.take(0, lambda task: False) is None
        assert [heft.take(0, lambda task: True) for _ in range(3)] == [0, 1, None]


TOPCUOGLU, PEFT = (next(case for case in CASES if case["name"] == name) for name in ("topcuoglu2002", "peft2014"))


class TestCpop:
    def test_priorities_of_the_paper(self):
        # Topcuoglu 2002, table 1: upward rank, downward rank; their sum is 108 on the critical path t1 t2 t9 t10.
        asked = problem(TOPCUOGLU)
        upward, downward = (ranks(asked.graph, asked.estimate) for ranks in (upward_ranks, downward_ranks))
        assert [round(rank, 3) for rank in downward.tolist()] == [
            0.0, 31.0, 25.0, 22.0, 24.0, 27.0, 62.333, 66.667, 63.667, 93.333,
        ]  # fmt: skip
        assert (upward + downward).round(3).tolist() == [108, 108, 105, 102, 93, 90.333, 105, 102.333, 108, 108]
        assert critical_path(asked.graph, upward, asked.estimate) == [0, 1, 8, 9]

    def test_the_critical_path_stays_on_its_worker(self):
        # t1 t2 t9 t10 take 66, 54 and 63 s: on P2.
        spans = problem(TOPCUOGLU).play(policies["cpop"]())
        assert [spans[task][0] for task in (0, 1, 8, 9)] == [1] * 4
        assert makespan(spans) == 86

    def test_the_worker_of_the_path_is_one_that_may_run_most_of_it(self):
        nan = math.nan
        some = Problem([[1, 9], [1, 9], [nan, 9]], [{}, {0: 0}, {1: 0}])
        # By hand: all of the path may run on w1 only, although w0 is faster for two of the three.
        assert some.play(policies["cpop"]()) == [(1, 0, 9), (1, 9, 18), (1, 18, 27)]
        some = Problem([[1, nan], [1, 9], [nan, 9], [1, nan]], [{}, {0: 0}, {1: 0}, {2: 0}])
        # Three of four may run on w0: the third goes to w1, the only one for it.
        assert [worker for worker, _, _ in some.play(policies["cpop"]())] == [0, 0, 1, 0]


class TestPeft:
    def test_optimistic_costs_by_the_formula(self):
        asked = problem(PEFT)
        seconds, edges = asked.seconds, asked.graph.edges
        delays = {(int(a), int(b)): d for a, b, d in zip(edges.parent, edges.child, edges.delay, strict=True)}

        def cost(task, worker):
            return max(
                (
                    min(cost(child, w) + seconds[child, w] + (delay if w != worker else 0) for w in range(3))
                    for (parent, child), delay in delays.items()
                    if parent == task
                ),
                default=0,
            )

        table = optimistic_costs(asked.graph, seconds, edges.delay)
        assert table.tolist() == [[cost(task, worker) for worker in range(3)] for task in range(10)]
        # Arabnejad and Barbosa 2014, the first rows of their table of OCT and its mean, and the exit task's.
        assert table[[0, 1, 2, 9]].tolist() == [[64, 68, 86], [42, 39, 42], [27, 41, 43], [0, 0, 0]]
        assert table.mean(axis=1).round(1)[:3].tolist() == [72.7, 41, 37]

    def test_plan_is_played_as_made(self):
        spans = problem(PEFT).play(policies["peft"]())
        assert makespan(spans) == 122
        assert dict(enumerate(spans)) == plans_of(peft.plan, problem(PEFT))

    def test_gives_up_the_earliest_end_for_the_children(self):
        # By hand: a ends at 1 on w0 and at 2 on w1; b takes 9 on w0, 1 on w1, and a>b 5 s. OCT(a) is 6 on w0 (b on
        # w1, 5 + 1) and 1 on w1: 1 + 6 > 2 + 1.
        some = Problem([[1, 2], [9, 1]], [{}, {0: 5}])
        assert some.play(policies["peft"]()) == [(1, 0, 2), (1, 2, 3)]
        assert some.play(policies["heft"]())[0] == (0, 0, 1)

    def test_tasks_that_may_run_on_some_workers_only(self):
        nan = math.nan
        some = Problem([[2, nan], [nan, 3], [4, 1]], [{}, {0: 1}, {1: 1}])
        # By hand: 2 on w0, its delay, 3 on w1, and the last stays there.
        assert some.play(policies["peft"]()) == [(0, 0, 2), (1, 3, 6), (1, 6, 7)]


def prepared(name, some):
    policy = policies[name]()
    policy.prepare(some.graph, some.places, some.estimate)
    return policy


def anything(task):
    return True


class TestRoundRobin:
    def test_deals_out_among_those_that_may_run_a_task(self):
        nan = math.nan
        some = Problem([[1, 1, 1], [nan, 1, 1], [1, 1, 1], [nan, 1, 1], [1, nan, nan]], [{}] * 5)
        dealt = prepared("round_robin", some)
        # 0 mod 3, 1 mod 2 of w1 w2, 2 mod 3, 3 mod 2 of w1 w2, the only one.
        assert [dealt.home(task) for task in range(5)] == [0, 2, 2, 2, 0]
        for some.now, task in enumerate((4, 3, 0, 2, 1)):
            dealt.ready(task, None)
        assert [dealt.take(worker, anything) for worker in (0, 1, 2, 2, 2, 0, 0)] == [4, None, 3, 2, 1, 0, None]

    def test_waits_for_room_for_its_first(self):
        dealt = prepared("round_robin", Problem([[1], [1]], [{}, {}]))
        dealt.ready(0, None), dealt.ready(1, None)
        assert dealt.take(0, lambda task: task != 0) is None
        assert dealt.take(0, anything) == 0

    def test_deals_to_those_that_hold_a_task(self):
        some = Problem([[1, 1, 1]] * 3, [{}] * 3)
        estimate = some.estimate._replace(holds=lambda task, worker: worker != 1 and task != 2)
        dealt = policies["round_robin"]()
        dealt.prepare(some.graph, some.places, estimate)
        # w0 and w2 hold the first two; nobody holds the third, which goes to 2 mod 3.
        assert [dealt.home(task) for task in range(3)] == [0, 2, 2]


class TestWorkStealing:
    def test_own_newest_then_the_oldest_of_the_longest(self):
        stealing = prepared("work_stealing", Problem([[1, 1, 1]] * 8, [{}] * 8))
        for task, by in enumerate([None, None, None, None, 1, 1, 0, None]):
            stealing.ready(task, by)
        # Roots go round: 0 to w0, 1 to w1, 2 to w2, 3 to w0, 7 to w1. w0: 0 3 6, w1: 1 4 5 7, w2: 2.
        taken = [stealing.take(worker, anything) for worker in (2, 2, 2, 2, 1, 0, 2, 2, 2)]
        # w2: its own 2; 1 from w1 (four); then w0 and w1 have three each: 0 from w0; 4 from w1. Its newest: 7, 6 ...
        assert taken == [2, 1, 0, 4, 7, 6, 3, 5, None]

    def test_what_a_worker_may_not_run(self):
        nan = math.nan
        some = Problem([[1, nan, 1], [nan, 1, 1], [1, 1, 1]], [{}] * 3)
        stealing = prepared("work_stealing", some)
        stealing.ready(0, 1), stealing.ready(1, 1), stealing.ready(2, 1)
        # Task 0 joins w0, the first that may run it; w1 has 1 and 2. w0 may not steal 1, the oldest of the longest.
        assert [stealing.take(0, anything) for _ in range(3)] == [0, 2, None]
        assert stealing.take(2, anything) == 1

    def test_passes_over_what_does_not_fit(self):
        stealing = prepared("work_stealing", Problem([[1, 1]] * 4, [{}] * 4))
        for task in range(4):
            stealing.ready(task, 0)
        assert stealing.take(0, lambda task: task < 2) == 1
        assert stealing.take(1, lambda task: task == 2) == 2
        assert stealing.take(1, lambda task: False) is None
        assert [stealing.take(0, anything) for _ in range(3)] == [3, 0, None]

    @pytest.mark.parametrize("case", [case for case in SMALL if "bounds" in case], ids=named)
    def test_never_idles_while_a_task_is_ready(self, case):
        spans = problem(case).play(policies["work_stealing"]())
        assert case["bounds"]["lower"] <= makespan(spans) <= case["bounds"]["greedy_upper"]


class Furthest(ByRank):
    """A policy as a student may write it: the highest number first, in tens."""

    def rank(self, graph, estimate):
        return [-(task // 10) for task in range(len(graph))]


class TestByRank:
    def ready(self, policy, some, tasks):
        policy.prepare(some.graph, some.places, some.estimate)
        for task in tasks:
            policy.ready(task, None)
        return policy

    def test_lowest_rank_then_lowest_number(self):
        policy = self.ready(Furthest(), Problem([[1]] * 30, [{}] * 30), range(30))
        taken = [policy.take(0, anything) for _ in range(31)]
        assert taken == [*range(20, 30), *range(10, 20), *range(10), None]

    def test_ranks_tie_at_12_digits(self):
        class Sums(ByRank):
            def rank(self, graph, estimate):
                return [0.3, 0.1 + 0.2, 0.3, 0.3 + 1e-11, 0.2, math.inf, math.inf]

        assert 0.1 + 0.2 > 0.3
        policy = self.ready(Sums(), Problem([[1]] * 7, [{}] * 7), reversed(range(7)))
        assert [policy.take(0, anything) for _ in range(7)] == [4, 0, 1, 2, 3, 5, 6]

    @pytest.mark.parametrize("seed", range(20))
    def test_is_what_a_sorted_list_says(self, seed):
        """Tasks come one by one or many at once, over several place sets, and some do not fit for a while."""
        draw = random.Random(seed)
        tasks, nan = 120, math.nan
        rows = draw.choices([[1, nan, 1], [1, 1, 1], [nan, 1, nan]][: draw.randint(1, 3)], k=tasks)
        some = Problem(rows, [{}] * tasks)
        ranks = [draw.randint(0, 20) for _ in range(tasks)]

        class Drawn(ByRank):
            def rank(self, graph, estimate):
                return np.array(ranks)

        policy = self.ready(Drawn(), some, ())
        coming, waiting = draw.sample(range(tasks), tasks), []
        while coming or waiting:
            for _ in range(draw.choice((0, 1, 1, 2, 60))):
                if coming:
                    policy.ready(coming[-1], 0)
                    waiting.append(coming.pop())
            worker, small = draw.randrange(3), draw.choice((0, 0.5, 1, 1))
            fitting = {task for task in waiting if draw.random() < small}
            able = [task for task in waiting if task in fitting and not math.isnan(rows[task][worker])]
            expected = min(able, key=lambda task: (ranks[task], task), default=None)
            assert policy.take(worker, fitting.__contains__) == expected
            if expected is not None:
                waiting.remove(expected)

    def test_a_wrong_number_of_ranks_is_refused(self):
        class Short(ByRank):
            def rank(self, graph, estimate):
                return [1.0]

        with pytest.raises(ValueError, match=r"Short\.rank returned 1 numbers for 2 tasks"):
            self.ready(Short(), Problem([[1], [1]], [{}, {}]), ())
        with pytest.raises(NotImplementedError, match=r"ByRank has no method rank\(graph, estimate\)"):
            self.ready(ByRank(), Problem([[1]], [{}]), ())

    def test_ranks_of_the_shelf(self):
        # By hand: 0 -> 2 (delay 4); means 2, 5, 1, 5 over two workers that differ.
        some = Problem([[1, 3], [5, 5], [1, 1], [4, 6]], [{}, {}, {0: 4}, {}])
        wanted = {"list_order": [0, 1, 2, 3], "spt": [2, 0, 1, 3], "lpt": [1, 3, 0, 2], "critical_path": [0, 1, 3, 2]}
        for name, order in wanted.items():
            policy = self.ready(policies[name](), some, reversed(range(4)))
            assert [policy.take(task % 2, anything) for task in range(4)] == order


class TestPlan:
    def filled(self, *spans):
        plan = Plan()
        for turn, (start, end) in enumerate(spans):
            plan.add(Planned(start, end, turn, turn))
        return plan

    def test_gaps_by_hand(self):
        plan = self.filled((2, 5), (8, 10))
        assert plan.start(0, 2) == 0  # exact fit before the first task
        assert plan.start(0, 2.5) == 5
        assert plan.start(0, 3) == 5  # exact fit
        assert plan.start(0, 3.5) == 10
        assert plan.start(6, 2) == 6
        assert plan.start(6.5, 2) == 10
        assert plan.start(20, 1) == 20

    def test_exact_fit_is_rounded(self):
        plan = self.filled((0.1 + 0.2, 1.0))
        assert plan.start(0, 0.3) == 0
        assert self.filled((0.3, 1.0)).start(0, 0.1 + 0.2) == 0
        assert self.filled((0.3, 1.0)).start(0, 0.3 + 1e-9) == 1.0

    def test_task_of_no_length_fits_between_two(self):
        plan = self.filled((0, 5), (5, 10))
        assert plan.start(5, 0) == 5
        assert plan.start(3, 0) == 5
        assert plan.start(10, 0) == 10
        plan.add(Planned(5, 5, 2, 2))
        assert [one.task for one in plan.planned] == [0, 2, 1]

    def test_task_of_no_length_parts_a_gap(self):
        plan = self.filled((5, 5))
        assert plan.start(3, 4) == 5
        assert plan.start(1, 4) == 1

    @pytest.mark.parametrize("seed", range(20))
    def test_gaps_are_those_of_a_plain_scan(self, seed):
        draw = random.Random(seed)
        plan = Plan()
        for turn in range(60):
            ready, seconds = draw.randint(0, 60), draw.randint(0, 6)
            start, end = ready, 0
            for one in [*plan.planned, Planned(math.inf, math.inf, 0, 0)]:
                start = max(ready, end)
                if start + seconds <= one.start:
                    break
                end = one.end
            assert plan.start(ready, seconds) == start
            plan.add(Planned(start, start + seconds, turn, turn))


class TestInOrder:
    def test_follows_the_graphs_orders(self):
        asked = Problem([[1.0, 1.0]] * 4, [{}, {}, {0: 0}, {1: 0}])
        object.__setattr__(asked.graph, "orders", ((1, 2), (0, 3)))
        # By hand: w0 runs 1 then 2, w1 runs 0 then 3.
        assert asked.play(policies["in_order"]()) == [(1, 0, 1), (0, 0, 1), (0, 1, 2), (1, 1, 2)]

    def test_worker_without_an_order(self):
        asked = Problem([[1.0, 1.0]], [{}])
        object.__setattr__(asked.graph, "orders", ((0,),))
        policy = policies["in_order"]()
        policy.prepare(asked.graph, asked.places, asked.estimate)
        assert policy.take(1, lambda task: True) is None


@pytest.mark.parametrize("name", [name for name in policies.entries() if name != "in_order"])
class TestConformance:
    @pytest.mark.parametrize("case", SMALL, ids=named)
    def test_makespan_within_bounds(self, name, case):
        spans = problem(case).play(policies[name]())
        assert case["bounds"]["lower"] <= makespan(spans) <= case["bounds"]["work"]

    @pytest.mark.parametrize("case", PLANNED, ids=named)
    def test_nothing_starts_before_its_inputs_or_overlaps(self, name, case):
        asked = problem(case)
        spans = asked.play(policies[name]())
        for task, (worker, start, _) in enumerate(spans):
            assert start >= max([0, *asked.inputs(task, worker, dict(enumerate(spans)))])
        for worker in range(len(case["workers"])):
            own = sorted((start, end) for w, start, end in spans if w == worker)
            assert all(end <= start for (_, end), (start, _) in pairwise(own))


def test_values_tie_at_12_digits():
    assert tie(123456789012.01, 123456789012)
    assert tie(1.0000000000001, 1)
    assert not tie(1.00000000001, 1)
    assert not tie(9.99999999998, 9.99999999999)


@pytest.mark.parametrize(
    ("values", "order"),
    [
        ([1 / 3, 1 / 3, math.nextafter(1 / 3, 1)], [0, 1, 2]),
        ([math.nextafter(1 / 3, 1), 1 / 3, math.nextafter(1 / 3, 0), 0.2], [3, 0, 1, 2]),
        ([math.inf, -math.inf, math.inf, 1, -math.inf], [1, 4, 3, 0, 2]),
        ([0.0, -0.0, 1e-300, 0.0], [0, 1, 3, 2]),
        ([], []),
    ],
)
def test_ranking_by_hand(values, order):
    assert ranking(values).tolist() == order


@given(st.lists(st.integers(0, 40).map(lambda steps: 1 + steps * 0.7e-12), min_size=1, max_size=20))
def test_the_least_is_the_first_of_the_ranking(values):
    """Finish times tie as priorities do: where neighbours differ by at most 1e-12, whatever the whole class spans."""
    assert least(values) == ranking(values)[0]


@pytest.mark.parametrize("name", ["heft", "peft", "cpop"])
def test_finish_times_tie_through_neighbours(name):
    times = {"w0": "1.0000000000018 s", "w1": "1.0000000000009 s", "w2": "1 s"}
    tasks = [{"name": "a", "compute": times}]
    run = parsim.simulate({"cluster": {"devices": 3}, "workload": {"kind": "tasks", "tasks": tasks}, "policy": name})
    assert run.timeline.worker.tolist() == ["w0"]


@given(
    st.floats(1e-30, 1e30),
    st.lists(st.tuples(st.sampled_from([1, 2, 3, 1 + 1e-9]), st.integers(-50, 50)), max_size=30),
    st.sampled_from([1.0, 1 / 7, 0.1, 3.0, 1000.0]),
)
def test_a_class_of_equals_goes_by_index_whatever_the_unit(base, parts, unit):
    values = [base * factor * (1 + ulps * 2.0**-52) * unit for factor, ulps in parts]
    assert ranking(values).tolist() == sorted(range(len(parts)), key=lambda index: (parts[index][0], index))
