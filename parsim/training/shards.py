"""How much of each layer a device holds, where a layer is divided among devices.

tensor      the columns of the products that enter attention, MLP and head, and the rows of those that leave them
sequence    with tensor: the rows of all that stands between these, too (norms, sums, dropout)
context     the tokens of a sequence; attention collects the keys and values of all
expert      the experts of a block

Megatron: Shoeybi et al., arXiv:1909.08053, 2019; sequence parallelism: Korthikanti et al., MLSys 2023; ring attention:
Liu et al., ICLR 2024; experts: Lepikhin et al., GShard, ICLR 2021.
"""

from __future__ import annotations

from typing import NamedTuple


class Shards(NamedTuple):
    """The number of parts of each kind, of which a device holds one."""

    tensor: int = 1
    context: int = 1
    expert: int = 1
    sequence: bool = False  # whether tensor ranks also divide the rows between products
    whole_logits: bool = False  # whether tensor ranks gather the logits of all tokens, as computing the loss needs
    expert_rank: int = 0  # which part of the experts; part 0 has the busiest one

    def part(self, columns: int) -> int:
        """Return the columns of a device, of so many; a rest pads them.

        >>> Shards(tensor=4).part(50257)
        12565
        """
        return -(-columns // self.tensor)


WHOLE = Shards()
