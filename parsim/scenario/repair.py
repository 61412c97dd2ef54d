"""A scenario with its faults painted over, so that what stands beside them can be checked further.

- {name: t1, compute: 5}                        compute: '5' has no unit, told at once with the fault below
- {name: t2, compute: 2 s, after: [t3]}         after[0]: unknown name 't3', which only a list of right tasks can show
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from parsim.core.errors import Complaint
from parsim.core.units import Unread


def mended(values: dict[str, Any], complaints: Iterable[Complaint]) -> dict[str, Any]:
    """Return a copy of *values* with `Unread` for each wrong value, and without the unknown keys of rows.

    Whoever wants a quantity reads `Unread`; who wants anything else complains again.

    >>> mended({"a": ["5", {"b": 1}]}, [Complaint(("a", 0), "has no unit"), Complaint(("a", 1, "b"), "unknown", "key")])
    {'a': [0.5, {}]}
    """
    copied: dict[str, Any] = dict(values)
    own = {id(copied)}  # lists and mappings that are copies; the others are shared with *values*
    for complaint in complaints:
        *way, last = complaint.path
        held: Any = copied
        with suppress(KeyError, IndexError, TypeError):  # what lacks its whole mapping cannot be mended
            for step in way:
                if id(held[step]) not in own:
                    held[step] = copy.copy(held[step])
                    own.add(id(held[step]))
                held = held[step]
            if complaint.at == "value":
                held[last] = Unread()
            elif any(isinstance(step, int) for step in way):  # elsewhere the key may be a misspelt part of a choice
                del held[last]
    return copied
