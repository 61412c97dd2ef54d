"""Where engine and judge differ on a scenario: starts, ends, workers, transfers, the makespan and the peaks."""

import math
from dataclasses import replace
from itertools import groupby, islice, permutations, product
from operator import itemgetter

import parsim
from second.generator import PLANNING
from second.reading import read
from second.simulator import Refused, Simulator, Stall

CLOSE = 1e-9  # of the makespan
MOST_PLANS = 24


def differences(scenario):
    """Return sentences on what differs; none where both agree, or where the second simulator cannot judge."""
    return verdict(scenario) or []


def verdict(scenario):
    """Return sentences on what differs, none where both agree; None where the second simulator cannot judge."""
    found = engine(scenario)
    wanted = judged(scenario, found)
    return None if wanted is None else compare(wanted, found)


def compare(wanted, found):
    """Return sentences, none where both agree."""
    if isinstance(wanted, str) or isinstance(found, str):
        return [] if wanted == found else [f"judge: {summary(wanted)}; engine: {summary(found)}"]
    told = []
    for key in ("tasks", "transfers"):
        told += different(wanted[key], found[key], CLOSE * wanted["makespan"])
    if not math.isclose(wanted["makespan"], found["makespan"], rel_tol=CLOSE):
        told.append(f"makespan: judge {wanted['makespan']:g}, engine {found['makespan']:g}")
    for device, (mine, its) in enumerate(zip(wanted["peaks"], found["peaks"], strict=True)):
        if not math.isclose(mine, its, rel_tol=CLOSE):
            told.append(f"peak of device {device}: judge {mine:g}, engine {its:g}")
    return told


def summary(answer):
    return answer if isinstance(answer, str) else f"ends at {answer['makespan']:g} s"


def different(mine, its, close):
    for name in sorted({*mine, *its}):
        one, other = mine.get(name), its.get(name)
        if one is None or other is None or one[0] != other[0] or not near(one[1:], other[1:], close):
            yield f"{name}: judge {shown(one)}, engine {shown(other)}"


def near(times, others, close):
    return all(abs(a - b) <= close for a, b in zip(times, others, strict=True))


def shown(span):
    return "nothing" if span is None else f"{span[0]} {float(span[1]):g} to {float(span[2]):g}".strip()


def judged(scenario, found):
    """Play a scenario on the second simulator; where the policy plans ahead, by a plan that the engine may have had.

    Return None where there is no plan to take from the engine, which stalled, or there are too many.
    """
    problem = read(scenario)
    if problem.policy not in PLANNING:
        return play(problem)
    tried = [] if isinstance(found, str) else list(islice(plans(problem, found), MOST_PLANS + 1))
    if not 0 < len(tried) <= MOST_PLANS:
        return None
    answers = [play(replace(problem, plan=plan)) for plan in tried]
    return next((answer for answer in answers if not compare(answer, found)), answers[0])


def plans(problem, found):
    """Yield the plans that agree with the order in which the engine started each worker's tasks.

    There are several only where tasks of 0 s start together on one worker.
    """
    number = {task.name: index for index, task in enumerate(problem.tasks)}
    lines = {name: [] for name, _ in problem.workers}
    for name, (worker, start, end) in found["tasks"].items():
        if not problem.tasks[number[name]].lane:
            lines[worker].append((start, end, number[name]))
    groups = [groupby(sorted(line), itemgetter(0, 1)) for line in lines.values()]
    together = [[task for *_, task in group] for line in groups for _, group in line]
    for orders in product(*map(permutations, together)):
        place = {task: index for index, task in enumerate(task for order in orders for task in order)}
        yield tuple(tuple(sorted((task for *_, task in line), key=place.get)) for line in lines.values())


def play(problem):
    try:
        timeline = Simulator(problem).play()
    except Stall:
        return "stall"
    except Refused:
        return "refused"
    return {
        "tasks": {name: (worker, float(start), float(end)) for name, (worker, start, end) in timeline.tasks.items()},
        "transfers": {name: ("", float(start), float(end)) for name, (start, end) in timeline.transfers.items()},
        "makespan": float(timeline.makespan),
        "peaks": [float(peak) for peak in timeline.peaks],
    }


def engine(scenario):
    try:
        run = parsim.simulate(scenario)
    except parsim.Stalled:
        return "stall"
    except parsim.ScenarioError as error:
        return "refused" if "the largest has" in str(error) else str(error)
    tasks, transfers = {}, {}
    lanes = {row.get("lane") for row in scenario["workload"].get("tasks", ())}
    for _, name, kind, worker, lane, _, start, end, _, _ in run.timeline.rows():
        if kind == "transfer" and lane in lanes:
            tasks[name] = (f"{worker} {lane}", start, end)
        elif kind == "transfer":
            transfers[name] = ("", start, end)
        elif worker:
            tasks[name] = (worker, start, end)
    return {
        "tasks": tasks,
        "transfers": transfers,
        "makespan": run.timeline.makespan_s,
        "peaks": [row["peak_memory_bytes"] for row in run.metrics["devices"]],
    }
