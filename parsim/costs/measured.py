"""Measured: the measured seconds of this machine's kernels, from a profile of `parsim calibrate`.

    seconds = units x sum over the task's kernel calls / speed + the hand-over of a task

The hand-over of a task to its worker process also takes time (`overhead_s` of the profile), which a replay counts as
overhead. A call at measured shapes takes their median. At other shapes it is interpolated between the measured calls of
the same kernel:

    s |          o      one line by FLOP and one by bytes, through the points; the higher one counts, since
      |     ?--o        either arithmetic or memory is the limit (Williams, Waterman, Patterson, Roofline,
      |  o              Communications of the ACM 52(4), 2009). Beyond the outermost points it is
      +------------     proportional, and the run warns that it extrapolates.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import cache, partial
from typing import Literal

import numpy as np

from parsim.core.cluster import Cluster, Device
from parsim.core.errors import Complaint
from parsim.core.graph import Floats, TaskGraph
from parsim.core.job import Cost, Remarks, no_luck
from parsim.core.kernel import Call
from parsim.core.profile import REMEDY, Profile, read
from parsim.core.schema import File
from parsim.costs import costs
from parsim.kernels import price

SHOWN = 3  # calls in a message


@costs.add("measured")
def measured(
    profile: File,
    neighbours: Literal["auto", "alone", "busy"] = "auto",
    machine: Literal["this", "any"] = "this",
    lacking: Literal["refuse", "flop"] = "refuse",
) -> Cost:
    """Use the measured seconds of kernels.

    Parameters
    ----------
    profile : path of the profile from `parsim calibrate`, relative to the folder of the scenario.
    neighbours : which times of the profile are used: alone, measured while other workers were idle; busy, measured
        while they were busy; auto, busy if tasks may run on several workers.
    machine : accepted profiles: this, only of this machine; any, also of other machines.
    lacking : for kernels that were not measured: refuse, an error; flop, an estimate from its FLOP at the rate of the
        measured kernels.
    """
    found = read(profile)
    look = partial(_seconds, Lookup(found, lacking), neighbours)
    return Cost(
        expected=lambda graph, index, device: expected(look, found.overhead_s, graph, device),
        luck=no_luck,
        remarks=partial(_remarks, found, machine, lacking),
        travel=found.travel,
        handed=found.overhead_s,
    )


class Lookup:
    """Finds the seconds of calls in a profile.

    >>> from parsim.core.profile import Row, Timing
    >>> call, row = Call("relu", (), "forward", ((4,),)), Row(4.0, 64.0, {"alone": Timing(2e-6, 0.0, 9, 0)})
    >>> lookup = Lookup(Profile({}, {}, {call: row}, 0.0, 0.0, 0.0), "refuse")
    >>> lookup.seconds(call, "alone"), lookup.beyond(call)
    (2e-06, False)
    >>> lookup.seconds(call._replace(shapes=((8,),)), "alone"), lookup.beyond(call._replace(shapes=((8,),)))
    (4e-06, True)
    """

    def __init__(self, profile: Profile, lacking: str) -> None:
        self.profile, self.lacking = profile, lacking
        self.rows = {key(call): row for call, row in profile.kernels.items()}
        self.like: dict[tuple[object, ...], list[Call]] = {}
        for call in self.rows:
            self.like.setdefault(call[:3], []).append(call)

    def knows(self, call: Call) -> bool:
        """Return whether the part of the kernel was measured at any shape."""
        return key(call)[:3] in self.like

    def seconds(self, call: Call, neighbours: str) -> float:
        """Return the seconds of a call; NaN if its kernel was not measured."""
        call = key(call)
        if call in self.rows:
            return self.rows[call].timing[neighbours].median_s
        flops, size = price(call)
        if call[:3] not in self.like:
            return flops * self._rate(neighbours) if self.lacking == "flop" else math.nan
        rows = [self.rows[one] for one in self.like[call[:3]]]
        times = [row.timing[neighbours].median_s for row in rows]
        lines = [between(flops, [row.flops for row in rows], times), between(size, [row.bytes for row in rows], times)]
        return max((line for line in lines if not math.isnan(line)), default=math.nan)

    def beyond(self, call: Call) -> bool:
        """Return whether a call is outside the measured range of its kernel."""
        call = key(call)
        if call in self.rows or call[:3] not in self.like:
            return False
        rows = [self.rows[one] for one in self.like[call[:3]]]
        columns = zip(price(call), zip(*(row[:2] for row in rows), strict=True), strict=True)
        return any(not min(column) <= own <= max(column) for own, column in columns)

    def _rate(self, neighbours: str) -> float:
        """Return the seconds per FLOP over all measured calls."""
        known = [row for row in self.rows.values() if not math.isnan(row.flops)]
        flops = math.fsum(row.flops for row in known)
        return math.fsum(row.timing[neighbours].median_s for row in known) / flops if flops else math.nan


def key(call: Call) -> Call:
    """Return the key of a call, without parameters that are neither counts nor choices, such as a rate."""
    return call._replace(arguments=tuple(sorted(one for one in call.arguments if not isinstance(one[1], float))))


def between(at: float, points: Sequence[float], values: Sequence[float]) -> float:
    """Interpolate at *at* on the line through points; beyond the outermost points, extrapolate in proportion.

    >>> between(3.0, [2.0, 4.0], [10.0, 30.0]), between(8.0, [2.0, 4.0], [10.0, 30.0])
    (20.0, 60.0)
    """
    if not all(map(math.isfinite, (at, *points))):
        return math.nan
    order = np.argsort(points, kind="stable")
    x, y = np.asarray(points)[order], np.asarray(values)[order]
    nearest = 0 if at < x[0] else -1
    if at < x[0] or at > x[-1]:
        return float(y[nearest] * at / x[nearest]) if x[nearest] else float(y[nearest])
    return float(np.interp(at, x, y))


def _seconds(lookup: Lookup, neighbours: str, graph: TaskGraph) -> Floats:
    """Return the seconds of a unit of each recipe."""
    how = _neighbours(neighbours, graph)
    look = cache(lambda call: lookup.seconds(call, how))
    return np.array([math.fsum(map(look, calls)) for calls in graph.recipes])


def _neighbours(said: str, graph: TaskGraph) -> str:
    several = len({worker for some in graph.places for worker in some}) > 1
    return said if said != "auto" else ("busy" if several else "alone")


def expected(seconds: partial[Floats], overhead: float, graph: TaskGraph, device: Device) -> Floats:
    """Return the seconds of each task on *device*, including its hand-over; workers with lanes are handed no tasks."""
    if not graph.recipes:
        return np.zeros(len(graph))  # reported by `remarks`
    handed = 0.0 if graph.lanes else overhead
    return np.asarray(graph.units * seconds(graph)[graph.recipe] / device.speed + handed)


def _remarks(profile: Profile, machine: str, lacking: str, graph: TaskGraph, cluster: Cluster) -> Remarks:
    complaints, notes = [], []
    if not graph.recipes:
        why = "the workload has no kernels to measure; use cost constant, or a workload such as mlp"
        return Remarks([Complaint(("kind",), why)])
    if profile.elsewhere():
        said = f"was made on another machine ({profile.elsewhere()})"
        if machine == "this":
            complaints.append(Complaint(("profile",), f"{said}; {REMEDY}"))
        else:
            notes.append(f"the profile {said}")
    lookup = Lookup(profile, lacking)
    calls = list(dict.fromkeys(call for calls in graph.recipes for call in calls))
    absent = [call for call in calls if not lookup.knows(call)]
    if absent and lacking == "refuse":
        why = f"lacks {_named(absent)}; calibrate this scenario, or write 'lacking: flop' to estimate from FLOP"
        complaints.append(Complaint(("profile",), why))
    elif absent:
        notes.append(f"the profile lacks {_named(absent)}; estimated from FLOP")
        blind = [call for call in absent if math.isnan(lookup.seconds(call, "busy"))]
        if blind:
            why = f"lacks {_named(blind)}, and its kernel states no FLOP to estimate from; calibrate this scenario"
            complaints.append(Complaint(("profile",), why))
    unsure = [call for call in calls if lookup.knows(call) and math.isnan(lookup.seconds(call, "busy"))]
    if unsure:
        why = f"has {_named(unsure)} only at other shapes, and its kernel states no FLOP; calibrate this scenario"
        complaints.append(Complaint(("profile",), why))
    beyond = [call for call in calls if lookup.beyond(call)]
    if beyond:
        notes.append(f"extrapolates {_named(beyond)} beyond the shapes in the profile")
    return Remarks(complaints, notes)


def _named(calls: Iterable[Call]) -> str:
    names = list(dict.fromkeys(f"{call.kernel} {call.part}" for call in calls))
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
