"""The sections of a scenario: its top level, and the plan, whose keys depend on the workload's kind.

{cluster: ..., workload: {kind: items}, plan: {split: data}}  ->  Form's values, the plan as a Plan
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal

from parsim.core.errors import Complaint, Invalid
from parsim.core.plan import Plan
from parsim.core.schema import Ask, Name, Whole, kind_of
from parsim.costs import costs
from parsim.hardware import ClusterForm
from parsim.metrics.figures import KINDS
from parsim.misplaced import placed, raised
from parsim.policies import policies
from parsim.scenario.choices import without_choices
from parsim.scenario.condition import Condition
from parsim.scenario.expression import Expression
from parsim.scenario.schema import OneOf, check, key_of, parameters
from parsim.training.plan import TrainingPlan
from parsim.workloads import workloads


@dataclass(frozen=True)
class Form:
    """The top level of a scenario: cluster, workload, plan, cost, and policy.

    Parameters
    ----------
    cluster : devices, and the network between them.
    workload : the work to do.
    plan : how the work is cut; its keys depend on the workload's kind.
    cost : the seconds of a task; left out: kernels for models that are trained, else constant.
    policy : chooses the ready task that an idle worker takes; left out: in_order for pipelines, else fifo.
    seed : seed of all draws; the same seed gives the same run.
    clock : source of task times: simulated, the cost; live, the kernels, which really run.
    require : conditions on the choices and the figures of a space, such as tensor * data == devices; a run has none.
    assert_ : conditions on the figures of a run, such as iteration < 12 s; where one fails, the exit code is 3.
    """

    cluster: ClusterForm
    workload: Annotated[Ask, OneOf(workloads, given=("cluster", "plan", "cost"))]
    plan: dict[str, Any] | None = None
    cost: Annotated[Ask, OneOf(costs)] | None = None
    policy: Annotated[Ask, OneOf(policies)] | None = None
    seed: Whole = 0
    clock: Literal["simulated", "live"] = "simulated"
    require: list[Name] | None = None
    assert_: tuple[Annotated[Expression, Condition(KINDS)], ...] = ()


@without_choices
def sections(values: dict[str, Any]) -> tuple[dict[str, Any], list[Complaint]]:
    """Check every section, the plan with its workload's keys; return the valid sections and the complaints."""
    complaints: list[Complaint] = []
    said = _right(complaints, Form, values)
    if "cluster" not in said:
        cluster = _right([], ClusterForm, values.get("cluster"))
        if "devices" in cluster:
            said["cluster"] = ClusterForm(**cluster)
    kind = kind_of(values.get("workload"))
    if "plan" in said and isinstance(kind, str) and kind in workloads.entries():
        form = plan_class(workloads[kind])
        complaints = [placed(complaint, values, form) for complaint in complaints]
        try:
            said["plan"] = form(**check(form, values.get("plan") or {}))
        except Invalid as invalid:
            complaints += [complaint.below("plan") for complaint in invalid.complaints]
            del said["plan"]
            if not required(form) and form is not TrainingPlan:  # whose degrees must fit the cluster
                said["plan"] = form()
    top = {*map(key_of, parameters(Form))}
    return said, [raised(complaint, top) for complaint in complaints]


def _right(complaints: list[Complaint], form: Callable[..., Any], raw: Any) -> dict[str, Any]:
    """Check *raw* against *form*; collect complaints, and return the valid values."""
    try:
        return check(form, raw)
    except Invalid as invalid:
        complaints += invalid.complaints
        wrong = {str(complaint.path[0]) for complaint in invalid.complaints if complaint.path}
    return check(form, {key: raw[key] for key in raw if key not in wrong}, tuple(sorted(wrong))) if wrong else {}


@cache
def plan_class(workload: Callable[..., Any]) -> Callable[..., Any]:
    """Return the class of a workload's plan from its signature."""
    found: Callable[..., Any] = typing.get_type_hints(workload).get("plan", Plan)
    return found


@cache
def required(form: Callable[..., Any]) -> bool:
    """Return whether the plan of this form has a key without a default."""
    return any(parameter.default is parameter.empty for parameter in inspect.signature(form).parameters.values())
