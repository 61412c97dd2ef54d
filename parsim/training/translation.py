"""Layers of encoders with decoders, made of kernels.

    source -> embedding -> encoder blocks -> m       |m|    what the encoder made, which every decoder block reads
    target -> embedding -> |m y| -> decoder blocks -> |m y| -> ... -> y -> head

A layer has one input: behind the encoder it is an array of both sequences, m before y. So a stage of the decoder hands
m on with y, and the last block hands on y alone. A stage keeps m once, whatever the number of its blocks.

    decoder block   y --+-- norm, self-attention --(+)-- +-- norm, attention to m --(+)-- +-- norm, MLP --(+)-- y
                        +--------------------------+     +--------------------------+     +--------------+

Vaswani et al., Attention Is All You Need, NeurIPS 2017. Relative positions, of Raffel et al., JMLR 21, 2020, section
2.1, are a table in the first block of each stack, whose numbers are added to the scores of self-attention in all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from parsim.training.blocks import Dimensions, Parts, head
from parsim.training.layer import INPUT, LABELS, OUTPUT, TOKENS, Layer

DISTANCES = 32  # rows of the table of relative positions


@dataclass(frozen=True)
class Translation:
    """The layers of an encoder and a decoder of *blocks* blocks each.

    Parameters
    ----------
    source : tokens of a sequence of the encoder.
    target : tokens of a sequence of the decoder.
    """

    of: Dimensions
    blocks: int
    source: int
    target: int

    def layers(self) -> Iterator[Layer]:
        """Yield the layers in order."""
        yield self._embedding()
        yield from self._stack(self._encoder(True), self._encoder(False))
        yield self._bridge()
        *others, _ = self._stack(self._decoder(True, False), self._decoder(False, False))
        yield from others
        yield self._decoder(self.blocks == 1, last=True)
        yield head(self.of)

    @property
    def beside(self) -> tuple[int, ...]:
        """The numbers of the layers that are no blocks: embeddings and head."""
        return 0, self.blocks + 1, 2 * self.blocks + 2

    def _stack(self, first: Layer, other: Layer) -> list[Layer]:
        return [first, *(other,) * (self.blocks - 1)]

    def _table(self, made: Parts, first: bool) -> None:
        """Add the table of relative positions to the first block of a stack."""
        if self.of.positions == "relative" and first:
            made.weights["relative"] = (DISTANCES, self.of.heads)

    def _embedding(self) -> Layer:
        made = Parts(self.of)
        made.weighted("embedding", (INPUT,), {"table": (self.of.vocabulary, self.of.width)}, OUTPUT)
        return made.layer()

    def _encoder(self, first: bool) -> Layer:
        made = Parts(self.of)
        made.feeding(made.attending(INPUT, "", causal=False), OUTPUT)
        self._table(made, first)
        return made.layer()

    def _bridge(self) -> Layer:
        """Return the layer that ends the encoder and looks the target up."""
        made = Parts(self.of)
        tokens = made.add("shift", (LABELS,), TOKENS)
        y = made.weighted("embedding", (tokens,), {"table": (self.of.vocabulary, self.of.width)})
        m = made.norm(INPUT) if self.of.norm_first else INPUT
        made.add("concatenate", (m, y), OUTPUT)
        return made.layer()

    def _decoder(self, first: bool, last: bool) -> Layer:
        made = Parts(self.of)
        m = made.add("segment", (INPUT,), start=0, length=self.source)
        y = made.add("segment", (INPUT,), start=self.source, length=self.target)
        y = made.attending(made.attending(y, "", causal=True), m, causal=False)
        y = made.feeding(y, OUTPUT if last else "")
        if not last:
            made.add("concatenate", (m, y), OUTPUT)
        self._table(made, first)
        return replace(made.layer(), passed=m)
