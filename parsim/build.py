"""Build a job from a scenario: call the entries of shelves, combine their answers, and refuse what cannot be played.

scenario  ->  cluster (topologies)  ->  graph (workloads, parallel, schedules)  ->  Job {graph, cluster, policy, cost}
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from parsim.core.cluster import Cluster, Device, Folding
from parsim.core.errors import Complaint, Fault, Invalid, Path, ScenarioError
from parsim.core.garbage import uncollected
from parsim.core.graph import TaskGraph
from parsim.core.job import Cost, Job
from parsim.core.plan import Steps
from parsim.core.schema import Ask
from parsim.core.signatures import taken
from parsim.core.timeline import STEPS
from parsim.costs import costs
from parsim.entries.checked_policy import guarded
from parsim.entries.external import Outside, staying
from parsim.folding import about_fold, foldable, named, part_of, played_on
from parsim.hardware import about_memory, about_names, countable, devices_of, notes_on_kind, wired
from parsim.lower import complaints_about, too_long
from parsim.named_files import anywhere, asks_of, with_files
from parsim.policies import policies
from parsim.scenario.document import MANY
from parsim.scenario.repair import mended
from parsim.scenario.scenario import Scenario
from parsim.scenario.schema import check
from parsim.sections import plan_class, sections
from parsim.training.communicators import NotRepeated
from parsim.training.plan import TrainingPlan, workers_of
from parsim.training.program import Training
from parsim.training.really import really
from parsim.training.sharded import ShardedTraining
from parsim.training.work import not_computed


class Mode(NamedTuple):
    """How a job is played: whether kernels compute, devices are folded, a part tells of all, tasks are left out."""

    computed: bool
    fold: Folding
    parts: bool = True
    outlined: bool = False


@staying()
@uncollected()
def build(scenario: Scenario, fold: Folding = "auto") -> Job:
    """Return the job of *scenario*. All faults are raised in one `ScenarioError`.

    With *fold* auto or on, devices that do the same at the same time are played once (see `folding`).
    """
    return _built(scenario, Mode(False, fold))


@staying()
@uncollected()
def outline(scenario: Scenario) -> Job:
    """Return the job of *scenario* without the tasks of a training, whose program says how the model is cut."""
    return _built(scenario, Mode(False, "on", outlined=True))


@staying()
@uncollected()
def build_computed(scenario: Scenario) -> Job:
    """Return the job of *scenario* for a run whose kernels really compute, in fp64, within the memory of devices."""
    return _built(scenario, Mode(True, "off"))


def _built(scenario: Scenario, mode: Mode) -> Job:
    said, complaints = sections(scenario.values)
    if len(complaints) > MANY:
        raise scenario.error(complaints)
    if complaints:  # continue with the valid parts, to find all faults at once
        said, _ = sections(mended(scenario.values, complaints))
    elsewhere: list[Fault] = []  # faults in files that the scenario names
    settled = _settled(scenario, said)
    mode = mode._replace(computed=mode.computed or settled.get("clock") == "live")
    job = _job(scenario, really(settled) if mode.computed else settled, mode, complaints, elsewhere)
    if complaints or scenario.faults or elsewhere:
        raise scenario.error(complaints, elsewhere)
    assert job is not None
    return job


def work_of(scenario: Scenario) -> Ask:
    """Return the workload of a valid *scenario*, with all defaults."""
    work: Ask = _settled(scenario, sections(scenario.values)[0])["workload"]
    return work


def _settled(scenario: Scenario, said: dict[str, Any]) -> dict[str, Any]:
    """Resolve the files that entries name, and give the workload the scenario's seed if it has none."""
    settled: dict[str, Any] = {
        key: with_files(scenario, (key,), value) if isinstance(value, Ask) else value for key, value in said.items()
    }
    cluster = settled.get("cluster")
    if cluster is not None and cluster.topology is not None:
        topology = with_files(scenario, ("cluster", "topology"), cluster.topology)
        settled["cluster"] = replace(cluster, topology=topology)
    asks = {name: with_files(scenario, ("plan", name), ask) for name, ask in asks_of(settled.get("plan")).items()}
    settled |= {"plan": replace(settled["plan"], **asks)} if asks else {}
    workload = settled.get("workload")
    if "cost" in settled and settled["cost"] is None:
        settled["cost"] = _default_cost(workload)
    if workload is not None and workload.arguments.get("seed", 0) is None:
        settled["workload"] = workload._replace(arguments={**workload.arguments, "seed": said.get("seed", 0)})
    return settled


def _default_cost(workload: Ask | None) -> Ask:
    name = "kernels" if workload is not None and plan_class(workload.entry) is TrainingPlan else "constant"
    return Ask(name, costs[name], check(costs[name], {}))


@staying()
def _collect(complaints: list[Complaint], ask: Callable[[], Any], path: Path = ()) -> Any:
    """Call *ask*; if it raises `Invalid`, collect the complaints with *path* in front and return None."""
    try:
        return ask()
    except Invalid as invalid:
        complaints += [complaint.below(*path) for complaint in invalid.complaints]
        return None


def _job(
    scenario: Scenario, said: dict[str, Any], mode: Mode, complaints: list[Complaint], elsewhere: list[Fault]
) -> Job | None:
    """Call the entries of *said* and make the job; collect complaints, and faults *elsewhere*."""
    before, others = list(complaints), list(elsewhere)
    try:
        return _made(scenario, said, mode, complaints, elsewhere)
    except NotRepeated:  # every part of the cluster has to be looked at
        complaints[:], elsewhere[:] = before, others
        return _made(scenario, said, mode._replace(parts=False), complaints, elsewhere)


def _made(
    scenario: Scenario, said: dict[str, Any], mode: Mode, complaints: list[Complaint], elsewhere: list[Fault]
) -> Job | None:
    graph, cost, policy = None, None, None
    computed, fold = mode[:2]
    why_not = about_fold(said, computed)
    wanted: Folding = "off" if why_not else fold
    if "cost" in said:
        with _elsewhere(elsewhere):
            cost = _collect(complaints, said["cost"].make, ("cost",))
    cluster, devices, times = _cluster(said, cost, mode._replace(fold=wanted), complaints, elsewhere)
    if devices and {"workload", "plan"} <= said.keys():
        with _elsewhere(elsewhere):
            on = replace(foldable(cluster or Cluster(devices), wanted, said, times), outlined=mode.outlined)
            graph = _collect(complaints, lambda: _graph(said, on, cost))
    if "cost" in said:
        complaints += [complaint.below("cost") for complaint in _about_compute(said["cost"], graph)]
    if "policy" in said:
        policy = _collect(complaints, lambda: _policy(said["policy"], graph, cluster), ("policy",))
    if cluster is None or graph is None or any(c.path[:1] in _WORK for c in complaints):
        return None  # routes and memory can only be checked for the whole job
    if mode.outlined and not len(graph):
        return _put_together(scenario, said, on, graph, cost or costs["constant"](), policy or _policy(None, graph, on))
    if graph.program is None and said.get("clock") == "live":
        only = "needs kernels, but the workload only counts; use items with data and a kernel, mlp, or simulated"
        complaints.append(Complaint(("clock",), only))
    graph, cluster = played_on(graph, cluster, fold, why_not)
    policy = policy or _policy(None, graph, cluster)
    if graph.sends == "blocking" and policy[0] != "in_order":
        why = f"blocking sends need the order of the schedule, not the policy {policy[0]}; leave policy out"
        complaints.append(Complaint(("plan", "sends"), why))
    cost = cost or costs["constant"]()
    remarks = cost.remarks(graph, cluster)
    complaints += [complaint.below("cost") for complaint in remarks.complaints]
    if computed and isinstance(graph.program, Training):
        complaints += not_computed(graph.program)
    notes = (*notes_on_kind(said["cluster"]), *remarks.notes)
    job = replace(_put_together(scenario, said, cluster, graph, cost, policy), notes=notes)
    if _never_waits_for_memory(graph, computed):
        job = job.beyond_memory()
    complaints += complaints_about(job)
    if not complaints and not elsewhere:  # no cost without its files
        complaints += too_long(job)
    return job


def _never_waits_for_memory(graph: TaskGraph, computed: bool) -> bool:
    """Return whether tasks are played all the same where devices lack memory."""
    counted = not computed and (graph.only_activations or isinstance(graph.program, Training))
    return counted or isinstance(graph.program, ShardedTraining)


def _cluster(
    said: dict[str, Any], cost: Cost | None, mode: Mode, complaints: list[Complaint], elsewhere: list[Fault]
) -> tuple[Cluster | None, tuple[Device, ...], int]:
    """Return the cluster, its devices, and how many parts like it there are; no cluster where its wiring is wrong."""
    devices, cluster, times = (), None, 1
    if "cluster" in said and _collect(complaints, lambda: countable(said["cluster"], complaints), ("cluster",)):
        form = said["cluster"]
        if mode.parts:
            form, times = part_of(said, cost, mode.fold)
        with _elsewhere(elsewhere):
            workers = workers_of(said.get("plan"))
            devices = _collect(complaints, lambda: devices_of(form, workers), ("cluster",)) or ()
    if devices:
        complaints += about_names(form, devices) + about_memory(form)
        devices = named(devices, said["plan"], times) if times > 1 else devices
        with _elsewhere(elsewhere):
            cluster = _collect(complaints, lambda: wired(devices, form), ("cluster", "topology"))
    return cluster, devices, times


def _put_together(
    scenario: Scenario,
    said: dict[str, Any],
    cluster: Cluster,
    graph: TaskGraph,
    cost: Cost,
    policy: tuple[str, Callable[[], Any]],
) -> Job:
    return Job(
        name=scenario.name,
        sha256=scenario.sha256,
        graph=graph,
        cluster=cluster,
        policy_name=policy[0],
        policy=policy[1],
        cost=cost,
        steps=tuple(getattr(getattr(said["plan"], "steps", Steps()), step) for step in STEPS),
        prefetch=getattr(said["plan"], "prefetch", 0),
        seed=said.get("seed", 0),
        clock=said.get("clock", "simulated"),
        values=anywhere(scenario, said),
    )


@contextmanager
def _elsewhere(faults: list[Fault]) -> Iterator[None]:
    """Collect faults in files that the scenario names."""
    try:
        yield
    except ScenarioError as error:
        faults += error.faults


_WORK = (("cluster",), ("workload",), ("plan",))


def _graph(said: dict[str, Any], cluster: Cluster, cost: Cost | None) -> TaskGraph:
    workload, given = said["workload"], {"cluster": cluster, "plan": said["plan"], "cost": cost}
    try:
        graph: TaskGraph = workload.make(**{name: given[name] for name in taken(workload.entry, given)})
        return graph
    except Invalid as invalid:
        own = (("plan",), ("cost",))  # a workload that is cut by what it costs
        raise Invalid(c if c.path[:1] in own else c.below("workload") for c in invalid.complaints) from None


def _about_compute(ask: Ask, graph: TaskGraph | None) -> list[Complaint]:
    """Return complaints about the key `compute`, which is for workloads that do not state seconds themselves."""
    complaints = []
    if graph is not None and "compute" in ask.arguments:
        given = ask.arguments["compute"] is not None
        if given and graph.stated.size:
            complaints.append(Complaint(("compute",), "the workload already states times; leave compute out", "key"))
        if not given and len(graph) and not graph.stated.size:
            complaints.append(Complaint(("compute",), "is missing; write for example 'compute: 1 s'"))
    return complaints


def _policy(ask: Ask | None, graph: TaskGraph | None, cluster: Cluster | None) -> tuple[str, Callable[[], Any]]:
    """Return the policy's name and its constructor; the default is in_order for pipelines, else fifo.

    A policy from outside the package is checked.
    """
    pipeline = graph is not None and (bool(graph.orders) or isinstance(graph.program, ShardedTraining))
    if ask is None:
        name = "in_order" if pipeline else "fifo"
        return name, policies[name]
    if ask.name == "in_order" and graph is not None and not pipeline:
        raise Invalid([Complaint((), "in_order works only with a pipeline; use fifo or heft, or workload kind stages")])
    make, names = partial(ask.entry, **ask.arguments), [worker.name for worker in cluster.workers] if cluster else []
    return ask.name, guarded(ask.entry.who, make, names) if isinstance(ask.entry, Outside) else make
