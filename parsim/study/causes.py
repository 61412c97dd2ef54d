"""Choose what is worth changing: what bounds the run, and what a user can change if the run shows a sign of it.

change              sign                                                 what is played
busiest_link        transfers over links are on the critical path        the two busiest links, each without delay
links_of_device     no link has most of what the busiest device moves    no transfer from or to it takes time
faster_transfers    transfers are on the critical path                   links and stated delays are twice as fast
flow_limit          a flow with a limit is on the critical path          it has none
slow_device         some take longer than the one in the middle          they are as fast as it
host_step           a step of the host takes time                        the longest takes none
slowest_stage       ranks of a pipeline compute unequally long           all compute equally long
more_microbatches   a pipeline's ranks are idle                          twice as many, each half as large
fewer_microbatches  a model is trained by layers                         half as many
stages_by_cost      the same                                             the stages are balanced by cost
pipeline_depth      the same                                             half as many ranks, twice as many
(see `mixtures`)    a plan by degrees of parallelism                     other degrees, sharding, microbatches, buckets
less_recompute      backward computes again                              it computes less, or nothing
(see `fitting`)     a training holds more than a device has              what takes less memory
longest_task        a long task is on the critical path                  it takes half as long
more_memory         a device has a limit                                 those waited for, or all, have twice as much
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from parsim.core.graph import Bools, Floats, TaskGraph
from parsim.core.job import Job
from parsim.core.timeline import CAUSES, STEPS, Timeline
from parsim.metrics.critical_path import critical_path
from parsim.metrics.memory import peaks
from parsim.scenario.scenario import Scenario
from parsim.study import counterfactual as other
from parsim.study import fitting, mixtures
from parsim.study.change import Trial, lacking
from parsim.study.slow_devices import middle, slowness
from parsim.study.traffic import busy, moved, owners
from parsim.training.program import Training
from parsim.training.sharded import ShardedTraining
from parsim.training.stage import RECOMPUTE

UNEVEN = 1.05  # times the seconds of the device in the middle: a device is slow; times the mean: a stage is
LONG = 2.0  # times the median of the tasks
LARGE = 0.2  # of the makespan
MOST = 0.75  # of the busy seconds of a device's links


def trials(scenario: Scenario, job: Job, timeline: Timeline) -> Iterator[Trial]:
    """Yield the changes worth trying in *job*, which was built from *scenario* and ran as *timeline* shows.

    Specific changes come first, since the first of several equal gains counts.
    """
    yield from culprits(job, timeline)
    yield from _steps(job)
    yield from _memory(job, timeline)
    if job.graph.orders:
        yield from _stages(job)
        if isinstance(job.graph.program, ShardedTraining):
            yield from mixtures.trials(scenario, job.graph.program)
        else:
            yield from _microbatches(scenario, job, timeline)
        if isinstance(job.graph.program, Training) and job.clock == "simulated":
            yield from _plans(scenario, job.graph.program, len(job.cluster.workers))
    elif not isinstance(job.graph.program, Training):
        yield from _longest(job, timeline)
    if lacking(job, timeline):
        yield from fitting.trials(scenario, job)
    if (_path(timeline) & _sends(timeline)).any():
        yield from _limits(job, timeline)
        yield Trial("faster_transfers", "links and delays twice as fast", other.faster_transfers)
    yield Trial("one_more_worker", "one more worker", partial(other.one_more_worker, scenario))
    yield Trial("no_transfer_delay", "no transfer delay", other.without_transfers)
    yield Trial("infinite_memory", "infinite memory", other.without_limits)


def culprits(job: Job, timeline: Timeline) -> Iterator[Trial]:
    """Yield trials for single links and devices that may slow the run."""
    path = _path(timeline)
    if (path & _sends(timeline)).any():
        yield from _network(job, timeline, path)
    times = slowness(job)
    behind = sorted((place for place, slow in enumerate(times) if slow > UNEVEN), key=lambda place: -times[place])
    if behind:
        names = [job.cluster.devices[place].name for place in behind]
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        words = f"{names[0]}{more} as fast as the other devices"
        yield Trial("slow_device", words, partial(other.as_fast, names), names[0])


def _path(timeline: Timeline) -> Bools:
    """Return a mask of the spans on the critical path, (spans,)."""
    found: Bools = np.zeros(len(timeline), dtype=bool)
    found[[step.row for step in critical_path(timeline)]] = True
    return found


def _sends(timeline: Timeline) -> Bools:
    """Return a mask of transfers, tasks of communication lanes, and members of collectives, (spans,)."""
    return timeline.transfers | timeline.members


def _network(job: Job, timeline: Timeline, path: Bools) -> Iterator[Trial]:
    """Yield trials for the busiest link of the path, the busiest link of the run, and the links of one device."""
    members = timeline.number[path & timeline.members]
    received = (timeline.sender >= 0) & np.isin(timeline.number, members)  # by members of collectives on the path
    ways = moved(job, timeline, timeline.transfers)
    everywhere, deciding = busy(job, ways), busy(job, moved(job, timeline, (timeline.transfers & path) | received))
    if not deciding:
        return  # the path has priced exchanges alone, whose groups share many links; one link less shortens none
    for name in dict.fromkeys(max(seconds, key=seconds.__getitem__) for seconds in (deciding, everywhere) if seconds):
        yield without_link(name)
    links: dict[str, list[str]] = defaultdict(list)
    for link, owner in owners(job, ways).items():
        links[owner].append(link)
    lasting = {device: [deciding.get(link, 0.0) for link in names] for device, names in links.items()}
    device = max(lasting, key=lambda device: sum(lasting[device]), default="")
    if len(job.cluster.devices) > 2 and device and max(lasting[device]) < MOST * sum(lasting[device]):
        words = f"no delay on the links of {device}"
        yield Trial("links_of_device", words, partial(other.without_links, links[device]), device)


def without_link(name: str) -> Trial:
    """Return a trial without delay on the link *name*."""
    return Trial("busiest_link", f"no delay on link {name}", partial(other.without_links, [name]), name)


def _limits(job: Job, timeline: Timeline) -> Iterator[Trial]:
    """Yield a trial without the limits of the flows on the path; the longest flow names it."""
    first = job.graph.transfers.first_flow
    rows = np.flatnonzero(_path(timeline) & (timeline.transfer >= first))
    flows = timeline.transfer[rows] - first
    limited = np.isfinite(job.graph.flows.limit[flows])
    rows, flows = rows[limited], flows[limited]
    if len(rows):
        name = str(job.graph.flows.names[int(flows[(timeline.end_s - timeline.start_s)[rows].argmax()])])
        more = f" and {len(rows) - 1} more" if len(rows) > 1 else ""
        words = f"flow {name}{more} without its limit"
        yield Trial("flow_limit", words, partial(other.without_flow_limits, flows), name)


def _steps(job: Job) -> Iterator[Trial]:
    took = max(job.steps)
    if took:
        step = STEPS[job.steps.index(took)]
        yield Trial("host_step", f"no time for the step {step} of the host", partial(other.without_step, step), step)


def _memory(job: Job, timeline: Timeline) -> Iterator[Trial]:
    """Yield a trial with more memory on the devices where workers waited for room; where none waited, on all.

    Where no worker waited, the policy may have placed tasks elsewhere for lack of room, if any needs room.
    """
    short = np.unique(timeline.idle.worker[timeline.idle.cause == CAUSES.index("memory")])
    names = list(dict.fromkeys(job.cluster.devices[job.cluster.device_of_worker[one]].name for one in short.tolist()))
    names = names or [device.name for device in job.cluster.devices if device.limited]
    if names and peaks(job, timeline).any():
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        words = f"twice the memory of {names[0]}{more}"
        yield Trial("more_memory", words, partial(other.more_memory, names, 2.0), names[0])


def _stages(job: Job) -> Iterator[Trial]:
    """Yield a trial with equal stages, if one rank computes longer than the mean, counted on one device."""
    seconds = job.expected_s[middle(slowness(job))]
    each = np.array([seconds[list(order)].sum() for order in job.graph.orders])
    mean = float(np.average(each, weights=job.cluster.stands_for[: len(each)]))
    if job.clock != "simulated" or each.max() <= UNEVEN * mean:
        return
    times = partial(other.of_ranks, [mean / took if took else 1.0 for took in each.tolist()])
    slowest = int(each.argmax())
    name = job.cluster.workers[slowest].name
    words = f"equal stages (that of {name} takes {each[slowest] / mean:.3g} times the mean)"
    yield Trial("slowest_stage", words, partial(other.scaled, times), name)


def _microbatches(scenario: Scenario, job: Job, timeline: Timeline) -> Iterator[Trial]:
    count, program = int(scenario.values["plan"].get("microbatches", 1)), job.graph.program
    many = min(2 * count, program.model.rows) if isinstance(program, Training) else 2 * count
    if count < many and len(timeline.idle.worker):
        size = "half as large" if many == 2 * count else "smaller"
        words = f"{many} microbatches instead of {count}, each {size}"
        make = partial(other.more_microbatches, scenario, count, many)
        yield Trial("more_microbatches", words, make, f"plan.microbatches={many}")


def _plans(scenario: Scenario, training: Training, workers: int) -> Iterator[Trial]:
    """Yield trials of other plans for the training of a model as a pipeline. The batch is the same."""
    plan = scenario.values.get("plan") or {}
    if not isinstance(training, ShardedTraining):
        yield from _by_layers(scenario, plan, len(training.cut.orders), workers)
    stages = plan.get("stages") or "cost"
    if stages != "cost":
        said = stages if isinstance(stages, str) else "as stated"
        words = f"stages cut by cost instead of {said}"
        yield Trial("stages_by_cost", words, partial(other.by_cost, scenario), "plan.stages=cost")
    recompute = plan.get("recompute", "none")
    said = recompute if isinstance(recompute, str) else "as stated"
    for less in RECOMPUTE[: RECOMPUTE.index(recompute) if recompute in RECOMPUTE else 1]:
        yield _setting(scenario, "less_recompute", f"recompute: {less} instead of {said}", "recompute", less)


def _by_layers(scenario: Scenario, plan: Mapping[str, Any], ranks: int, workers: int) -> Iterator[Trial]:
    """Yield fewer microbatches and other depths for a split by layers."""
    count = int(plan.get("microbatches") or 1)
    if count > 1:
        words = f"{count // 2} microbatches instead of {count}, each larger"
        yield _setting(scenario, "fewer_microbatches", words, "microbatches", count // 2)
    for depth in (ranks // 2, 2 * ranks):
        if 1 <= depth <= workers:
            words = f"a pipeline of {depth} rank{'s' * (depth > 1)} instead of {ranks}"
            again = {"stages": "cost"} if isinstance(plan.get("stages"), list) else {}
            yield _setting(scenario, "pipeline_depth", words, "pipeline", depth, **again)


def _setting(scenario: Scenario, change: str, words: str, key: str, value: Any, **more: str) -> Trial:
    settings = {f"plan.{key}": value, **{f"plan.{name}": said for name, said in more.items()}}
    return Trial(change, words, partial(other.planned, scenario, settings), f"plan.{key}={value}")


def _longest(job: Job, timeline: Timeline) -> Iterator[Trial]:
    """Yield a trial for a task of the critical path that is long compared with the others and with the run."""
    took = timeline.end_s - timeline.start_s
    rows = np.flatnonzero(timeline.computes & _path(timeline))
    if not len(rows) or job.clock != "simulated":
        return
    row = rows[took[rows].argmax()]
    usual = float(np.quantile(took[timeline.computes], 0.5, method="lower"))
    if took[row] >= max(LONG * usual, LARGE * timeline.makespan_s) and len(job.graph) > 1:
        times = np.ones(len(job.graph))
        times[timeline.number[row]] = 0.5
        half = partial(_of_tasks, times)
        name = str(job.graph.names[int(timeline.number[row])])
        yield Trial("longest_task", f"task {name} half as long", partial(other.scaled, half), name)


def _of_tasks(times: Floats, graph: TaskGraph) -> Floats:
    """Return the *times* of the tasks of the scenario's own graph."""
    return times
