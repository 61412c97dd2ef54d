"""Layers of transformers, made of kernels: embedding, block, and head.

    block    x --+-- norm, q k v, attention, linear --(+)-- +-- norm, linear, activation, linear --(+)-- y
                 +---------------------------------------+  +---------------------------------------+

The norm stands before each part (Xiong et al., ICML 2020), or after the sum (Vaswani et al., NeurIPS 2017).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from parsim.core.rounds import Shares
from parsim.core.routing import Routing
from parsim.training.layer import INPUT, LABELS, OUTPUT, Layer
from parsim.training.ops import Builder
from parsim.training.shards import WHOLE, Shards

Biases = Literal["none", "mlp", "all"]
Activation = Literal["gelu", "relu", "swiglu", "geglu"]
Norm = Literal["layernorm", "rmsnorm"]
Positions = Literal["none", "learned", "rotary"]
Attention = Literal["flash", "plain"]
GATES = {"swiglu": "silu", "geglu": "gelu"}


class Experts(NamedTuple):
    """The experts that stand in place of an MLP."""

    number: int
    top: int  # of each token
    capacity: float | None  # rows that an expert takes, as a multiple of its equal share; None: all
    imbalance: float  # rows of the busiest expert, as a multiple of the mean
    tokens: int  # of a sequence, on a device


@dataclass(frozen=True, kw_only=True)
class Dimensions:
    """The dimensions and parts of a transformer, with the meaning that its workload's parameters have."""

    vocabulary: int
    width: int
    heads: int
    key_value_heads: int
    head_width: int
    hidden: int
    activation: Activation
    norm: Norm
    norm_first: bool
    positions: Positions | Literal["relative"]  # relative: of self-attention, with a table that the layers' maker adds
    context: int  # positions of the learned table
    causal: bool
    biases: Biases  # the linear layers that have one
    tied: bool
    dropout: float
    attention: Attention
    experts: Experts | None = None
    shards: Shards = WHOLE  # of which a device holds one


class Parts(Builder):
    """Collects the ops of a layer of a transformer."""

    def __init__(self, made_of: Dimensions) -> None:
        super().__init__()
        self.of = made_of

    def linear(self, given: str, inputs: int, outputs: int, inside: Biases = "all") -> str:
        """Add a product with a matrix of weights, with a bias if linear layers *inside* this have one."""
        if self.of.biases in ("all", inside):
            return self.weighted("affine", (given,), {"w": (inputs, outputs), "bias": (outputs,)})
        return self.weighted("matmul", (given,), {"w": (inputs, outputs)})

    def norm(self, given: str, output: str = "") -> str:
        """Add a norm."""
        wide = (self.of.width,)
        weights = {"gain": wide, "bias": wide} if self.of.norm == "layernorm" else {"gain": wide}
        return self.weighted(self.of.norm, (given,), weights, output)

    def sum(self, residual: str, branch: str, output: str = "") -> str:
        """Add a branch to the residual stream, with dropout if the model has any."""
        if self.of.dropout:
            return self.add("dropout_add", (residual, branch), output, rate=self.of.dropout)
        return self.add("reduce", (residual, branch), output)

    # -- what devices exchange that share a layer

    def enter(self, given: str) -> str:
        """Let every tensor rank have all rows of *given*, and the sum of its gradient."""
        ranks, sequence = self.of.shards.tensor, self.of.shards.sequence
        if ranks == 1:
            return given
        if sequence:
            whole = {"forward": "all-gather", "backward": "reduce-scatter", "gathers": (ranks, 1)}
            return self.exchange(given, "", communicator="tensor", **whole)
        return self.exchange(given, "", communicator="tensor", backward="all-reduce")

    def leave(self, given: str, output: str = "") -> str:
        """Let tensor ranks have the sum of *given*, or each the rows that it keeps."""
        ranks, sequence = self.of.shards.tensor, self.of.shards.sequence
        if ranks == 1:
            return given
        if sequence:
            part = {"forward": "reduce-scatter", "backward": "all-gather", "gathers": (1, ranks)}
            return self.exchange(given, output, communicator="tensor", **part)
        return self.exchange(given, output, communicator="tensor", forward="all-reduce")

    def gather_columns(self, given: str) -> str:
        """Let every tensor rank have all columns of *given*, if the model is computed; all then have one gradient."""
        ranks = self.of.shards.tensor
        if ranks == 1 or not self.of.shards.whole_logits:
            return given
        return self.exchange(given, "", communicator="tensor", forward="all-gather", gathers=(ranks, 1, -1))

    def collect(self, given: str) -> str:
        """Let every context rank have the keys or values of the whole sequence."""
        ranks = self.of.shards.context
        if ranks == 1:
            return given
        whole = {"forward": "all-gather", "backward": "all-reduce", "gathers": (ranks, 1), "overlapped": True}
        return self.exchange(given, "", communicator="context", **whole)

    def send_rows(self, given: str, experts: Experts, back: bool = False) -> str:
        """Send rows to the devices of their experts, or back."""
        shards = self.of.shards
        if shards.expert == 1:
            return given
        said: dict[str, Any] = {"communicator": "expert", "forward": "all-to-all", "backward": "all-to-all"}
        if experts.imbalance > 1:
            routing, sent = Routing(experts.imbalance, experts.number, shards.expert), experts.top * experts.tokens
            ways, shares = (routing.rows(sent, shards.expert_rank), sent), Shares(received=routing.load(0))
            said |= {"gathers": ways[::-1] if back else ways, "shares": shares.reversed if back else shares}
        return self.exchange(given, "", **said)

    # -- parts of a block

    def attend(self, given: str, source: str, causal: bool) -> str:
        """Add attention from *given* to *source*, with the products before and after it."""
        of, ranks = self.of, self.of.shards.tensor
        heads, groups = of.heads // ranks, max(of.key_value_heads // ranks, 1)
        inner, values = of.head_width * heads, of.head_width * groups
        q = self.linear(given, of.width, inner)
        k, v = self.linear(source, of.width, values), self.linear(source, of.width, values)
        if of.positions == "rotary":
            q, k = self.add("rotary", (q,), heads=heads), self.add("rotary", (k,), heads=groups)
        k, v = self.collect(k), self.collect(v)
        said = {
            "key_value_heads": groups if groups != heads else None,
            "parts": of.shards.context if of.shards.context > 1 else None,
            "mask": None if causal else "none",
            "algorithm": None if of.attention == "flash" else of.attention,
            "dropout": of.dropout or None,
            "positions": "relative" if of.positions == "relative" and given == source else None,
        }
        stated = {name: value for name, value in said.items() if value is not None}
        return self.linear(self.add("attention", (q, k, v), heads=heads, **stated), inner, of.width)

    def feed(self, given: str) -> str:
        """Add the two or three products of an MLP, with the activation between them; or experts."""
        of, gate = self.of, GATES.get(self.of.activation)
        if of.experts:
            return self.route(given, of.experts)
        hidden = of.shards.part(of.hidden)
        up = self.linear(given, of.width, hidden, "mlp")
        if gate:
            wide = self.add("gated", (up, self.linear(given, of.width, hidden, "mlp")), activation=gate)
        else:
            wide = self.add(of.activation, (up,))
        return self.linear(wide, hidden, of.width, "mlp")

    def route(self, given: str, experts: Experts) -> str:
        """Add a router and its experts, each with the three products of SwiGLU."""
        width, hidden, shards = self.of.width, self.of.shards.part(self.of.hidden), self.of.shards
        said = {"top": experts.top} | ({} if experts.capacity is None else {"capacity": experts.capacity})
        own = said | ({"devices": shards.expert} if shards.expert > 1 else {})
        own |= {"imbalance": experts.imbalance, "rank": shards.expert_rank} if experts.imbalance > 1 else {}
        count = experts.number // shards.expert
        up, down = {"w": (count, width, hidden)}, {"w": (count, hidden, width)}
        logits = self.weighted("matmul", (given,), {"w": (width, experts.number)})
        rows = self.send_rows(self.add("dispatch", (given, logits), **said), experts)
        gate, wide = (self.weighted("grouped", (rows, logits), up, **own) for _ in range(2))
        rows = self.weighted("grouped", (self.add("gated", (gate, wide)), logits), down, **own)
        return self.add("combine", (self.send_rows(rows, experts, back=True), logits), **said)

    def attending(self, given: str, source: str, causal: bool) -> str:
        """Add attention from *given* to *source*, or to itself if that is empty, with its norm and sum."""
        entered = self.enter(self.norm(given) if self.of.norm_first else given)
        found = self.leave(self.attend(entered, source or entered, causal))
        return self.sum(given, found) if self.of.norm_first else self.norm(self.sum(given, found))

    def feeding(self, given: str, output: str) -> str:
        """Add an MLP with its norm and sum."""
        found = self.leave(self.feed(self.enter(self.norm(given) if self.of.norm_first else given)))
        return self.sum(given, found, output) if self.of.norm_first else self.norm(self.sum(given, found), output)


def block(of: Dimensions) -> Layer:
    """Return a block: attention and MLP, each with a norm and a sum."""
    made = Parts(of)
    made.feeding(made.attending(INPUT, "", of.causal), OUTPUT)
    return made.layer()


def embedding(of: Dimensions, types: int = 0) -> Layer:
    """Return the layer that looks tokens up in a table, and adds their positions.

    Parameters
    ----------
    types : rows of a table of sentence types, as BERT has; it is among the weights, and its sums are not counted.
    """
    made = Parts(of)
    learned, last = of.positions == "learned", OUTPUT if of.norm_first else ""
    own = "" if learned or of.shards.tensor > 1 else last
    given = made.weighted("embedding", (INPUT,), {"table": (of.shards.part(of.vocabulary), of.width)}, own)
    given = made.leave(given, "" if learned else last)
    if learned:
        given = made.weighted("positions", (given,), {"place": (of.context, of.width)}, last)
    made.weights |= {"types": (types, of.width)} if types else {}
    if not of.norm_first:
        made.norm(given, OUTPUT)
    return made.layer()


def head(of: Dimensions) -> Layer:
    """Return the layer that computes the loss of each token."""
    made = Parts(of)
    normed = made.enter(made.norm(INPUT) if of.norm_first else INPUT)
    logits = made.weighted("matmul", (normed,), {"w": (of.width, of.shards.part(of.vocabulary))})
    made.add("cross_entropy", (made.gather_columns(logits), LABELS), OUTPUT)
    return made.layer()


def bert_head(of: Dimensions) -> Layer:
    """Return the layer that predicts masked tokens: a transform, and a product with the table and a bias.

    The pooler and the classifier of sentence pairs are among its weights. They see one token of a sequence, so their
    calls are not counted.
    """
    made, wide = Parts(of), (of.width, of.width)
    given = made.norm(made.add("gelu", (made.linear(INPUT, of.width, of.width),)))
    words = of.shards.part(of.vocabulary)
    logits = made.weighted("affine", (made.enter(given),), {"w": (of.width, words), "bias": (words,)})
    made.add("cross_entropy", (logits, LABELS), OUTPUT)
    made.weights |= {"pooler": wide, "bias_pooler": (of.width,), "classifier": (of.width, 2), "bias_classifier": (2,)}
    return made.layer()
