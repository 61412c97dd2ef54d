"""Tell why nothing moves any more."""

from __future__ import annotations

from parsim.core.errors import Stalled
from parsim.core.escape import printable
from parsim.core.quantities import size, unlike
from parsim.sim.carrier import Carrier
from parsim.sim.engine import Engine
from parsim.sim.order import NOBODY

SHOWN = 8  # lanes told of, at most


def stalled(engine: Engine) -> Stalled:
    """Say which lane waits for which task, and why."""
    left = engine.unstarted()
    lines = [_lane(engine, worker, left) for worker in range(len(engine.queue))]
    told = [line for line in lines if line]
    more = [f"  and {len(told) - SHOWN} more lanes"] if len(told) > SHOWN else []
    head = f"stalled at {engine.now_s():g} s: {len(left)} of {len(engine.graph)} tasks cannot end"
    return Stalled("\n".join(map(printable, [head, *told[:SHOWN], *more])))


def _lane(engine: Engine, worker: int, left: list[int]) -> str:
    name, names = engine.job.cluster.workers[worker].name, engine.graph.names
    if engine.queue[worker]:
        return f"  {name} waits for {names[engine.queue[worker][0]]}, which waits for its inputs"
    ahead = _next_in_order(engine, worker)
    if ahead is not None and engine.missing[ahead]:
        return f"  {name} waits for {names[ahead]}, the next of its order: {_why(engine, ahead, worker)}"
    places = engine.graph.places
    runs = [task for task in left if engine.worker[task] == NOBODY and worker in places[engine.graph.place[task]]]
    if engine.named:
        runs = [task for task in runs if engine.homes[task] == worker]
    if not runs:
        return ""
    ready = [task for task in runs if not engine.missing[task]] or runs
    task = next((task for task in ready if _lacks_room(engine, task, worker)), ready[0])
    return f"  {name} waits for {names[task]}: {_why(engine, task, worker)}"


def _next_in_order(engine: Engine, worker: int) -> int | None:
    """Return the first task of a pipeline's order that the worker has not taken."""
    orders = engine.graph.orders if engine.job.policy_name == "in_order" else ()
    order = orders[worker] if worker < len(orders) else ()
    return next((task for task in order if engine.worker[task] == NOBODY), None)


def _lacks_room(engine: Engine, task: int, worker: int) -> bool:
    is_ready = not engine.missing[task]
    return is_ready and isinstance(engine, Carrier) and not engine.has_room(engine.device[worker], task)


def _why(engine: Engine, task: int, worker: int) -> str:
    if engine.missing[task]:
        waits = engine.graph.edges.parent[engine.graph.parents.of(task)].tolist()
        left = set(engine.unstarted())
        missing = [engine.graph.names[parent] for parent in waits if parent in left]
        return f"{missing[0]} has not ended"
    if isinstance(engine, Carrier) and _lacks_room(engine, task, worker):
        return _room_story(engine, task, engine.device[worker])
    return f"it is ready, and the policy {engine.job.policy_name} gives it to nobody"


def _room_story(engine: Carrier, task: int, device: int) -> str:
    """Tell what room *task* needs on *device*, and what is free there."""
    rooms, name = engine.rooms, engine.cluster.devices[device].name
    capacity = rooms.capacity[device]
    need, free = unlike(engine.need(task, device), max(capacity - rooms.held[device], 0.0))
    return f"it needs {need} more on {name}, where {free} of {size(capacity)} are free"
