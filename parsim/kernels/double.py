"""Double: twice the element, a number or an array.

3 -> 6
"""

from __future__ import annotations

from typing import Any

from parsim.kernels import kernels


@kernels.add("double")
def double(value: Any) -> Any:
    """Return 2 *value*.

    >>> double(21)
    42
    """
    return 2 * value
