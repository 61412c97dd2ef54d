"""Items: a data set and a model, split by data or by layers.

    data: [1, 2, 3, 4, 5], kernel: double, merge: sum      ->  30 for every split
    count: 1000000                                         ->  equal items that are only counted

The two algorithms that parsim is built on (`plan.split`: data, layers, or chain, in which items pass from layer to
layer), in six steps: split, create parallel tasks, allocate resources, execute, gather, merge.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Annotated, Any, Literal

import numpy as np

from parsim.core.cluster import Cluster
from parsim.core.errors import Complaint, Invalid, Path, checked_below
from parsim.core.graph import Floats, TaskGraph
from parsim.core.items import Items
from parsim.core.kernel import Call, arguments_of, is_class
from parsim.core.plan import Plan
from parsim.core.schema import Ask, Count
from parsim.core.units import Bytes
from parsim.entries.external import Outside
from parsim.entries.function import argument, made
from parsim.kernels import kernels
from parsim.merges import merges
from parsim.parallel import parallel
from parsim.scenario.schema import OneOf
from parsim.workloads import workloads


@dataclass(frozen=True, kw_only=True)
class ItemsPlan(Plan):
    """How the items are split.

    Parameters
    ----------
    split : what is cut: data, the items; layers, the model; chain, the model, each item passing from layer to layer.
    subsets : number of subsets, for split: data only; left out: one for each worker, and no more than there are items.
    depth : layers that each item passes through, for split: chain only; left out: 1.
    """

    split: Annotated[Ask, OneOf(parallel, given=("items", "workers", "subsets", "depth"))]
    subsets: Count | None = None
    depth: Count | None = None


@workloads.add("items")
def items(
    cluster: Cluster,
    plan: ItemsPlan,
    data: list[int | float] | None = None,
    count: Count | None = None,
    kernel: Annotated[Ask, OneOf(kernels, given=argument)] | None = None,
    merge: Annotated[Ask, OneOf(merges, given=argument)] | None = None,
    item: Bytes = 0.0,
    result: Bytes = 0.0,
    weights: Bytes = 0.0,
    weights_at: Literal["devices", "host"] = "devices",
) -> TaskGraph:
    """Make tasks of the items by the plan's split.

    Parameters
    ----------
    data : the items, a list of numbers; needs a kernel and a merge.
    count : number of items that are only counted, instead of data, kernel and merge.
    kernel : the computation on each item.
    merge : combines all outputs into the result.
    item : bytes of an item, which travel to the worker that computes it.
    result : bytes of an item's output, which travel to the host.
    weights : bytes of the whole model.
    weights_at : where the model is: devices, where it takes room from the start; host, from which each task receives
        its part with its input and drops it at its end: a subset the whole model, a sub-task its layers.
    """
    values, options = data or [], _options(plan)
    complaints = _complaints(data, count, kernel, merge) + _about_options(plan, options)
    if complaints:
        raise Invalid(complaints)
    asked = Items(count or len(values), item, result, weights, values, weights_at=weights_at)
    if kernel is not None and merge is not None:
        asked = replace(
            asked,
            kernel=made(kernel.entry, kernel.arguments),
            merge=made(merge.entry, merge.arguments),
            name=(kernel.name, arguments_of(kernel.arguments)),
            made_by=f"{_place('merge', merge)}, {_place('kernel', kernel)}",
        )
    cut = partial(plan.split.make, workers=len(cluster.workers), **options)
    with checked_below("plan"):
        graph: TaskGraph = cut(items=asked)
    recipes = _recipes(asked, len(graph)) if kernel else {}
    return replace(graph, where=Where(graph.given, cut, asked), **recipes)


def _options(plan: ItemsPlan) -> dict[str, int]:
    """Return the plan's arguments for its split."""
    return {key: value for key in ("subsets", "depth") if (value := getattr(plan, key)) is not None}


def _about_options(plan: ItemsPlan, options: Iterable[str]) -> list[Complaint]:
    known = inspect.signature(plan.split.entry).parameters
    why = f"does not apply to split: {plan.split.name}; leave it out"
    return [Complaint(("plan", key), why, "key") for key in options if key not in known]


def _place(kind: str, ask: Ask) -> str:
    """Name an entry, with its line if it is from outside the package."""
    return str(ask.entry.who) if isinstance(ask.entry, Outside) else f"{kind} {ask.name}"


def _recipes(items: Items, tasks: int) -> dict[str, Any]:
    """Return the columns that make each unit of work one call of the kernel on a number."""
    return {"recipes": ((Call(*items.name, "forward", ((),)),),), "recipe": np.zeros(tasks, np.int64)}


@dataclass(frozen=True)
class Where:
    """Finds the value of the scenario that determines the bytes of a transfer or the needs of a task.

    For inputs from the host it is the larger part: the items or the model.
    """

    given: Floats  # (tasks,) B
    cut: Callable[..., TaskGraph]
    items: Items

    def __call__(self, what: str, index: int) -> Path:
        """Return the path of the value."""
        if what == "given":
            return ("item",) if 2 * self.inputs[index] >= self.given[index] else ("weights",)
        return {"edge": ("item",), "result": ("result",)}.get(what, ("weights",))

    @cached_property
    def inputs(self) -> Floats:
        """The bytes of each task's input from the host without the model, (tasks,)."""
        return self.cut(items=replace(self.items, weights=0.0)).given


def _about_kernel(kernel: Ask | None) -> list[Complaint]:
    """Yield a complaint if the kernel states that it does not take a number."""
    if kernel is None or not is_class(kernel.entry):
        return []
    try:
        kernel.make().shape(())
    except ValueError:
        return [
            Complaint(("kernel",), f"{kernel.name} computes on arrays, but an item is a number; use for example double")
        ]
    except Exception:  # a kernel from outside may not state it, or fail here: then running it raises the error
        return []
    return []


def _complaints(data: object, count: object, kernel: Ask | None, merge: object) -> list[Complaint]:
    if count is not None:
        counted = "with count the items are only counted; leave this key out, or write data instead of count"
        extra = {"data": data, "kernel": kernel}
        return [Complaint((key,), counted, "key") for key, value in extra.items() if value is not None]
    if data is None:
        return [Complaint(("data",), "is missing; write data: [1, 2, 3] with kernel and merge, or count: 1000")]
    wanted = {"kernel": (kernel, "kernel: double"), "merge": (merge, "merge: sum")}
    missing = _about_kernel(kernel) + [
        Complaint((key,), f"is missing; write for example {hint}") for key, (v, hint) in wanted.items() if v is None
    ]
    return missing if data else [Complaint(("data",), "is empty; at least one item is needed"), *missing]
