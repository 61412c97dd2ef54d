"""A model of another program as a workload, and what its reader collects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from parsim.formats.config import Config
from parsim.formats.found import Said


@dataclass(frozen=True)
class Described:
    """A model as a workload.

    Parameters
    ----------
    kind : of workload.
    values : its parameters.
    positions : tokens that a sequence has at most.
    differences : weights of the model that are not counted, and their number; below 0: counted, and not of the model.
    notes : what else differs.
    """

    kind: str
    values: Mapping[str, Said]
    positions: Said
    differences: tuple[tuple[str, int], ...] = ()
    notes: tuple[str, ...] = ()


class Reader:
    """Collects a model's values and differences."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.values: dict[str, Said] = {}
        self.differences: dict[str, int] = {}
        self.notes: list[str] = []

    def differ(self, what: str, number: int) -> None:
        """Add weights that are counted otherwise."""
        if number:
            self.differences[what] = number

    def count(self, key: str, *names: str, default: int = 0) -> int:
        """Read a whole number."""
        self.values[key] = self.config.count(*names, default=default)
        return int(self.values[key].value)

    def parts(self, **values: Any) -> None:
        """State parts that all models of the kind have."""
        source = f"model_type {self.config.text('model_type')}"
        self.values |= {key: Said(value, source) for key, value in values.items()}

    def activation(self, key: str, default: str, known: Mapping[str, str]) -> None:
        """Read the function of the MLP."""
        name = self.config.text(key, default)
        if name not in known:
            self.config.refuse(key, f"'{name}' is not known; known are: {', '.join(known)}")
        self.values["activation"] = self.config.part(key, known.get(name, "gelu"))

    def tie(self, default: bool) -> bool:
        """Read whether embedding and head share a table."""
        tied = self.config.on("tie_word_embeddings", default)
        self.values["tied"] = self.config.part("tie_word_embeddings", tied)
        return tied

    def dropout(self, *keys: str) -> None:
        """Read the share of dropout; if several differ, the first counts."""
        shares = {key: float(self.config.number(key, 0.0).value) for key in keys}
        first = next(iter(shares.values()))
        if any(share != first for share in shares.values()):
            told = ", ".join(f"{key} {share:g}" for key, share in shares.items())
            self.notes.append(f"Dropout is {first:g} everywhere here; the file says {told}.")
        if first:
            self.values["dropout"] = self.config.part(keys[0], first)

    def made(self, kind: str, positions: Said) -> Described:
        """Return the model."""
        return Described(kind, self.values, positions, tuple(self.differences.items()), tuple(self.notes))
