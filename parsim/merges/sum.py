"""Sum: add up all elements in the order of tasks.

[2, 4, 6, 8, 10] -> 30
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from parsim.merges import merges


@merges.add("sum")
def total(values: Sequence[Any]) -> Any:
    """Add up *values*.

    >>> total([2, 4, 6, 8, 10])
    30
    """
    return sum(values)
