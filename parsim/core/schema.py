"""Types of the values of a scenario, for the signatures of shelf entries.

    def ring(places, hops: Count = 1, file: File | None = None)     hops: 2      file: links.yaml

Quantities with units are in `parsim.core.units`.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from typing import Annotated, Any, NamedTuple

from parsim.core.annotations import FILE, Above, Between, Filled, Within

Count = Annotated[int, Between(1)]
Whole = Annotated[int, Between(0, 2**63 - 1)]
Positive = Annotated[float, Above(0.0)]
Speed = Annotated[float, Above(0.0, 1e100)]  # as large as a quantity may be: times divided by it stay above 0
Share = Annotated[float, Above(0.0, 1.0)]  # of a rate
Imbalance = Annotated[float, Within(1.0, 1000.0, example="1.5")]
Slowdown = Annotated[float, Within(1.0, 1000.0, example="1.13")]
Name = Annotated[str, Filled()]
File = Annotated[str, FILE]  # a path relative to the scenario; the argument is relative to the current folder


def _unasked(**_: Any) -> Any:
    raise TypeError(
        "this default is still unchecked text; call the function with arguments from parsim.scenario.schema.check"
    )


class Ask(NamedTuple):
    """An entry of a shelf that a scenario names: its name, the entry, and its checked arguments.

    As a default in a signature the name is enough: `policy: Annotated[Ask, OneOf(policies)] = Ask("fifo")`.
    """

    name: str
    entry: Callable[..., Any] = _unasked
    arguments: Mapping[str, Any] = types.MappingProxyType({})

    def make(self, **more: Any) -> Any:
        """Call the entry with its arguments and those of the caller."""
        return self.entry(**self.arguments, **more)


def kind_of(said: Any) -> Any:
    """Return the name of the entry that a scenario asks for: a name alone, or the key `kind` of its section.

    >>> kind_of("fifo"), kind_of({"kind": "ring", "bandwidth": "1 GB/s"}), kind_of(None)
    ('fifo', 'ring', None)
    """
    return said.get("kind") if isinstance(said, dict) else said
