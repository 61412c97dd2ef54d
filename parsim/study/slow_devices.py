"""Find the devices that are slower than the others.

seconds      t0   t1   t2     usual: the median of the devices     slowness: its seconds / the usual ones,
w0            1    2    3       1    2    3                        over that of the device in the middle
w1            1    2    3
w2            4    8    -     4 times as long for the tasks that it may run
"""

from __future__ import annotations

from statistics import median_low

import numpy as np

from parsim.core.graph import Floats
from parsim.core.job import Job


def slowness(job: Job) -> list[float]:
    """Return the slowness of each device: its seconds over the usual ones, for the tasks that it may run."""
    found = job.expected_s if len(job.graph) else []
    different = {id(column): column for column in found}
    if len(different) < 2:
        return [1.0] * len(job.cluster.devices)
    usual = median(np.stack(list(different.values()), axis=1))
    times = {key: _ratio(column, usual) for key, column in different.items()}
    each = zip(job.cluster.devices, found, strict=True)
    between = median_low([times[id(column)] for device, column in each for _ in range(device.stands_for)])
    return [times[id(column)] / between if between else 1.0 for column in found]


def middle(times: list[float]) -> int:
    """Return the device whose slowness is nearest to 1."""
    return min(range(len(times)), key=lambda device: abs(times[device] - 1.0))


def median(columns: Floats) -> Floats:
    """Return the median of the known values in each row of (tasks, devices); NaN where none is known.

    >>> median(np.array([[1.0, 3.0, np.nan], [np.nan, np.nan, np.nan]])).tolist()
    [2.0, nan]
    """
    found = np.full(len(columns), np.nan)
    known = ~np.isnan(columns).all(axis=1)
    found[known] = np.nanmedian(columns[known], axis=1)
    return found


def _ratio(column: Floats, usual: Floats) -> float:
    known = np.isfinite(column)
    whole = float(usual[known].sum())
    return float(column[known].sum()) / whole if whole else 1.0
