"""How many rows the experts of a block get, where one of them is busier than the others.

    imbalance 2, eight experts     expert 0  |################|       twice the mean
                                   others    |#######|                6/7 of the mean each

The busiest expert is expert 0 of every block, which the first rank of each group of experts holds. He et al.,
FasterMoE, PPoPP 2022, measure such loads, and what they cost.
"""

from __future__ import annotations

import math
from typing import NamedTuple


class Routing(NamedTuple):
    """Rows of experts, on the devices that share them.

    >>> routing = Routing(imbalance=2.0, experts=8, devices=4)
    >>> routing.load(0), routing.rows(7, rank=0), routing.rows(7, rank=1)
    (1.4285714285714286, 10, 6)
    """

    imbalance: float  # rows of the busiest expert, as a multiple of the mean
    experts: int
    devices: int = 1

    def load(self, rank: int) -> float:
        """Return the rows of a device, as a multiple of the mean: (imbalance + (k-1) r) / k with k experts, or r.

        r = (experts - imbalance) / (experts - 1) are the rows of each other expert.
        """
        if self.devices == 1:
            return 1.0
        each, others = self.experts // self.devices, (self.experts - self.imbalance) / (self.experts - 1)
        return others if rank else (self.imbalance + (each - 1) * others) / each

    def rows(self, sent: int, rank: int) -> int:
        """Return the rows that a device gets where each device sends so many, rounded up, and at least one."""
        return max(math.ceil(round(sent * self.load(rank), 6)), 1)
