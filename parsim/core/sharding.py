"""What data ranks share of the state of training."""

from __future__ import annotations

from typing import NamedTuple


class Sharding(NamedTuple):
    """What each of d data ranks holds only 1/d of, and when the ranks communicate."""

    optimizer: bool = False
    gradients: bool = False
    weights: bool = False
    prefetch: int = 0  # layers whose weights are gathered ahead
    keeps: bool = False  # whether gathered weights are kept from forward to backward

    @property
    def reduces(self) -> str:
        """The operation that adds up gradients."""
        return "reduce-scatter" if self.optimizer else "all-reduce"
