"""A choice of names: the values of a key that come from a fixed list, each with its meaning.

precision: bf16-mixd     error: unknown name 'bf16-mixd'. Did you mean 'bf16-mixed'?
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from parsim.core.suggestions import did_you_mean
from parsim.core.units import show

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core import CoreSchema


@dataclass(frozen=True, eq=False)  # so that it has a hash
class Choice:
    """Marks a str parameter that is one of the names of *meanings*; editors show the meaning of each.

    >>> Choice({"fp64": "8 bytes.", "fp32": "4 bytes."}).read("fp23")
    Traceback (most recent call last):
    ValueError: unknown name 'fp23'. Did you mean 'fp32'?
    """

    meanings: Mapping[str, str]
    takes = (str,)

    @property
    def wanted(self) -> str:
        """A phrase for messages."""
        return f"a name such as '{self.example}'"

    @property
    def example(self) -> str:
        """What to write, for messages."""
        return next(iter(self.meanings))

    def read(self, raw: Any) -> str:
        """Read a known name."""
        if not isinstance(raw, str):
            raise ValueError(f"wants {self.wanted}, not {show(raw)}")
        if raw not in self.meanings:
            raise ValueError(did_you_mean(raw, self.meanings))
        return raw

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return one_of(self.meanings)


def one_of(names: Mapping[str, str]) -> dict[str, Any]:
    """Return the JSON Schema of one of *names*, each with its description.

    `enumDescriptions`, a list as long as `enum`, is not part of JSON Schema, but the language servers of VS Code and of
    YAML show it.

    >>> one_of({"fifo": "First in, first out."})
    {'enum': ['fifo'], 'enumDescriptions': ['First in, first out.']}
    """
    return {"enum": list(names), "enumDescriptions": list(names.values())}
