"""Noisy: the seconds of `constant`, times a uniform random factor for each task.

    factor = 1 + spread (2 u - 1), u uniform in [0, 1)

        1 - spread |######################| 1 + spread          mean 1

Task i draws the i-th number of the PCG64 stream of the seed (O'Neill, PCG, HMC-CS-2014-0905), so its factor depends
only on (seed, i), and is equal for every policy and every cluster. Products and sums alone give the same bytes
everywhere.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from parsim.core.errors import Complaint, Invalid
from parsim.core.graph import Floats
from parsim.core.job import Cost
from parsim.core.schema import Positive
from parsim.core.units import Seconds
from parsim.costs import costs
from parsim.costs.constant import expected


@costs.add("noisy")
def noisy(spread: Positive, compute: Seconds | None = None) -> Cost:
    """Expect the seconds of `constant`, and draw a factor between 1 - spread and 1 + spread for each task.

    Parameters
    ----------
    spread : largest deviation from the expected seconds, as a share of them; between 0 and 1.
    compute : seconds of a unit of work at speed 1; left out if the workload states the seconds of its tasks.

    >>> noisy(spread=0.5, compute=1.0).luck(0, 3).round(3)
    array([1.137, 0.77 , 0.541])
    """
    if not 0 < spread < 1:
        raise Invalid(
            [Complaint(("spread",), f"{spread:g} must be at least 0 and below 1, so that every task takes time")]
        )
    return Cost(partial(expected, compute), partial(factors, spread))


def factors(spread: float, seed: int, tasks: int) -> Floats:
    """Return the factor of each task."""
    # NumPy guarantees the raw stream only, so the doubles are made here from the 53 upper bits.
    upper = np.random.PCG64(seed).random_raw(tasks) >> np.uint64(11)
    even = upper.astype(np.float64) * 2.0**-53
    return np.asarray(1.0 + spread * (2.0 * even - 1.0))
