"""A shortened copy of a document that is still being read, so that it can be checked early and often.

read so far   {workload: {kind: tasks, tasks: [t0, t1, ..., t99999, {name: t100000,
excerpt       {workload: {kind: tasks, tasks: [t0, ..., t49, t99950, ..., t99999, {name: t100000}]}}
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from parsim.core.errors import Complaint, Path

EDGE = 50  # members of a list or a mapping that are kept at its start and at its end


class Excerpt:
    """A shortened copy of a document that is being read.

    Parameters
    ----------
    open : the lists and mappings that are being read, from the outermost to the innermost.
    path : the current path of the reader.

    >>> Excerpt([{"a": 1}, [2, 3]], ("b", 2)).values
    {'a': 1, 'b': [2, 3]}
    """

    def __init__(self, open: Sequence[Any], path: Path) -> None:
        self.open, self.path = open, path
        self.values = _cut(open[-1])
        for depth in reversed(range(len(open) - 1)):
            outer = _cut(open[depth])
            if isinstance(outer, list):
                outer.append(self.values)
            else:
                outer[path[depth]] = self.values
            self.values = outer

    def placed(self, complaints: Iterable[Complaint]) -> Iterator[Complaint]:
        """Turn complaints about the excerpt into those about the document; drop those about missing parts."""
        for told in complaints:
            path, stands = self._whole(told.path)
            is_open = len(path) <= len(self.open) and path[:-1] == self.path[: len(path) - 1]  # its container
            lacks = not stands and not is_open and _holds(self.values, told.path[:-1])
            if lacks or _holds(self.values, told.path):
                yield told._replace(path=path)

    def _whole(self, path: Path) -> tuple[Path, bool]:
        """Return the path in the document for *path* of the excerpt, and whether it exists."""
        whole: Path = ()
        held: Any = self.open[0]
        stands = True
        for step in path:
            if isinstance(held, list) and isinstance(step, int) and step >= EDGE:
                step += max(0, len(held) - 2 * EDGE)
            whole = (*whole, step)
            if len(whole) < len(self.open) and whole == self.path[: len(whole)]:
                held = self.open[len(whole)]
            else:
                stands = _holds(held, (step,))
                held = held[step] if stands else None
        return whole, stands


def _cut(held: Any) -> Any:
    if isinstance(held, list):
        return [_cut(member) for member in (held if len(held) <= 2 * EDGE else held[:EDGE] + held[-EDGE:])]
    if not isinstance(held, dict):
        return held
    keys = list(held)
    if len(keys) > 2 * EDGE:
        keys = [*keys[:EDGE], *keys[-EDGE:], *(["kind"] if "kind" in held else [])]
    return {key: _cut(held[key]) for key in keys}


def _holds(values: Any, path: Path) -> bool:
    """Return whether there is a value at *path*."""
    try:
        for step in path:
            values = values[step]
    except (KeyError, IndexError, TypeError):
        return False
    return True
