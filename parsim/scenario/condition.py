"""A condition as a value of a scenario, such as one of its assertions.

assert: [iteration < 12 s]     ->  an `Expression`
assert: [iteration < 12 GB]    ->  assert[0]: at character 11: '<' stands between a time and a size
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from parsim.scenario.expression import Expression, condition
from parsim.scenario.operators import Kind
from parsim.scenario.pydantic_errors import bridged

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core import CoreSchema


@dataclass(frozen=True, eq=False)  # so that it has a hash
class Condition:
    """Marks an `Expression` parameter that is true or false; *kinds* are the names that it may ask for.

    >>> Condition({"mfu": None}).read("mfu > 0.4").names
    frozenset({'mfu'})
    """

    kinds: Mapping[str, Kind]
    takes = (str, Expression)
    wanted = "a condition"
    example = "'iteration < 12 s'"

    def read(self, raw: Any) -> Expression:
        """Read a condition; anything else raises `Invalid`."""
        return condition(str(raw) if isinstance(raw, Expression) else raw, self.kinds)

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(functools.partial(bridged, self.read))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "minLength": 1, "examples": ["iteration < 12 s"]}
