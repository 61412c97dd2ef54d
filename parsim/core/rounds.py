"""Rounds: who sends which piece of a buffer to whom, the one description of a collective.

    all-gather of three by a ring     round 0             round 1
    rank 0 has piece 0                0 -> 1: piece 0     0 -> 1: piece 2
    rank 1 has piece 1                1 -> 2: piece 1     1 -> 2: piece 0
    rank 2 has piece 2                2 -> 0: piece 2     2 -> 0: piece 1        everyone has 0, 1 and 2

All pieces have one size. A rank enters a round when all has arrived that it sends and receives in the round before;
what it sends is as it was then. A rank that has nothing to do in a round goes on, but sends no earlier than the
receiver enters the round. The pieces that a rank sends to another in one round travel together.

    operation        a rank starts with                 and ends with                            pieces
    all-reduce       its own part of each piece         the sum of all parts of each piece       any number
    reduce-scatter   its own part of each piece         the sum of all parts of its own pieces   k x ranks
    all-gather       its own pieces                     all pieces                               k x ranks
    broadcast        all pieces, if it is rank 0        all pieces                               any number
    all-to-all       pieces r x ranks + d for rank d    those that the others have for it        ranks x ranks
    send             its own pieces                     those of the rank before it              k x ranks

Of k x ranks pieces, rank r owns those from k r on. A size is that of the whole buffer of a rank, as nccl-tests counts:
what an all-gather ends with, what a reduce-scatter starts with.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np

from parsim.core.cluster import Cluster
from parsim.core.collective import Phase, Phases, phase
from parsim.core.columns import Bools, Floats, Ints
from parsim.core.errors import Complaint, Invalid
from parsim.core.wiring import Wiring

Operation = Literal["all-reduce", "all-gather", "reduce-scatter", "broadcast", "all-to-all", "send"]
OPERATIONS = {
    "all-reduce": "Every rank ends with the sum of all buffers.",
    "all-gather": "Every rank ends with the parts of all ranks.",
    "reduce-scatter": "Every rank ends with its part of the sum of all buffers.",
    "broadcast": "Every rank ends with the buffer of rank 0.",
    "all-to-all": "Every rank ends with the part that each other rank has for it.",
    "send": "Every rank ends with the buffer of the rank before it.",
}
MOST_ROUNDS = 100_000
MOST_RANKS = 4096  # of a collective, whose rounds have up to their square of pieces
OWNED = ("all-gather", "reduce-scatter", "send")  # operations in which each rank owns pieces


class Round(NamedTuple):
    """The sends of one round, a row for each piece that a rank sends to another.

    Each send is cut into *flows* equal flows that travel side by side.
    """

    source: Ints  # (rows,) the rank that sends
    target: Ints  # (rows,) the rank that receives
    piece: Ints  # (rows,)
    add: bool | Bools  # whether the receiver adds the piece to its own, or takes it in place of its own
    flows: int = 1


class Sends(NamedTuple):
    """The sends of a round, without their pieces."""

    source: Ints  # (sends,)
    target: Ints  # (sends,)
    pieces: Floats  # (sends,) how many, each counted as a multiple of the mean piece
    key: bytes  # equal for equal sends


class Way(NamedTuple):
    """A lone send takes alpha + size x beta (Hockney, Parallel Computing 20, 1994)."""

    alpha: float = 0.0  # s
    beta: float = 0.0  # s/B


class Group(NamedTuple):
    """Ranks that communicate: the node of each, and the ways within a node and between nodes."""

    node: tuple[int, ...]  # (ranks,)
    inside: Way = Way()
    across: Way = Way()


class Shares(NamedTuple):
    """What rank 0 receives and sends in an all-to-all, as multiples of the mean; the others share the rest equally."""

    received: float = 1.0
    sent: float = 1.0

    @property
    def reversed(self) -> Shares:
        """The shares of what goes back."""
        return Shares(self.sent, self.received)

    def of_pieces(self, ranks: int) -> Floats:
        """Return the size of each piece of an all-to-all, as a multiple of the mean, (ranks x ranks,).

        >>> Shares(received=1.5).of_pieces(2).tolist()  # 0 -> 0, 0 -> 1, 1 -> 0, 1 -> 1
        [1.5, 0.5, 1.5, 0.5]
        """
        sent, received = (
            np.array([first, *[(ranks - first) / max(ranks - 1, 1)] * (ranks - 1)])
            for first in (self.sent, self.received)
        )
        return np.outer(sent, received).ravel()


EQUAL = Shares()


class Term(NamedTuple):
    """What a price counts on the ways within nodes, or on those between them."""

    rounds: float = 0
    share: float = 0.0  # of the buffer, that the busiest rank sends or receives, one byte after the other

    def seconds(self, size: float, way: Way) -> float:
        """Return the seconds of a buffer of *size* bytes.

        >>> Term(6, 1.5).seconds(4e6, Way(1e-5, 1e-9))
        0.00606
        """
        return self.rounds * way.alpha + self.share * size * way.beta


class Price(NamedTuple):
    """A closed form, seconds = rounds x alpha + share x size x beta, for the ways within nodes and those between them.

    A rank sends and receives at the bandwidth of its way; sends of one rank to several share it. Adding takes no time.
    """

    formula: str  # p ranks, S bytes, k chunks
    inside: Term
    across: Term = Term()

    def seconds(self, size: float, group: Group) -> float:
        """Return the seconds of a buffer of *size* bytes on an idle network.

        >>> group = Group((0, 0, 0, 0), inside=Way(1e-5, 1e-9))
        >>> Price("2(p-1)(alpha + S/p beta)", Term(6, 1.5)).seconds(4e6, group)
        0.00606
        """
        return self.inside.seconds(size, group.inside) + self.across.seconds(size, group.across)


def group_of(cluster: Cluster, devices: Sequence[int]) -> Group:
    """Return the group of *devices*, one for each rank. Without tiers, the whole network is one node."""
    return groups_of(cluster, [devices])[0]


def groups_of(cluster: Cluster, groups: Sequence[Sequence[int]]) -> list[Group]:
    """Return each group of devices, as `group_of` does, in less time than one by one."""
    nodes = [_node(cluster.wiring, devices) for devices in groups]
    others = [_neighbours(devices, node) for devices, node in zip(groups, nodes, strict=True)]
    rows = [(devices[0], one) for devices, ends in zip(groups, others, strict=True) for one in ends if one is not None]
    cluster.paths(*np.array(rows, np.int64).reshape(-1, 2).T)  # all at once
    return [
        Group(node, *(_way(cluster, devices[0], one) for one in ends))
        for devices, node, ends in zip(groups, nodes, others, strict=True)
    ]


def _node(wiring: Wiring, devices: Sequence[int]) -> tuple[int, ...]:
    """Return the node of each device, numbered by their first rank."""
    names = dict[int, int]()
    homes = [wiring.group(device) if wiring.tiers else 0 for device in devices]
    return tuple(names.setdefault(home, len(names)) for home in homes)


def _neighbours(devices: Sequence[int], node: Sequence[int]) -> tuple[int | None, int | None]:
    """Return the first other device in the node of the first one, and the first one in another node."""
    placed = list(zip(devices, node, strict=True))
    near = next((device for device, home in placed if home == node[0] and device != devices[0]), None)
    return near, next((device for device, home in placed if home != node[0]), None)


def nodes_of(group: Group) -> Ints:
    """Return the ranks of each node, (nodes, ranks of a node); nodes that differ in size are refused.

    >>> nodes_of(Group((0, 1, 0, 1))).tolist()
    [[0, 2], [1, 3]]
    """
    _, sizes = np.unique(group.node, return_counts=True)
    if len(set(sizes.tolist())) > 1:
        why = f"needs equally many ranks on each node, not {sizes.min()} here and {sizes.max()} there; use ring"
        raise Invalid([Complaint((), why)])
    return np.argsort(group.node, kind="stable").reshape(len(sizes), -1)


def _way(cluster: Cluster, source: int, target: int | None) -> Way:
    path = None if target is None else cluster.path(source, target)
    return Way(path.latency, 1 / path.bandwidth if path.bandwidth else math.inf) if path else Way()


def pieces_of(operation: str, ranks: int, rounds: Iterable[Round]) -> int:
    """Return the number of pieces that *rounds* cut the buffer into; for all-to-all, all buffers together.

    >>> pieces_of("broadcast", 2, [Round(np.array([0, 0]), np.array([1, 1]), np.array([0, 1]), add=False)])
    2
    """
    most = max((int(each.piece.max()) + 1 for each in rounds if len(each.piece)), default=1)
    expected = ranks * ranks if operation == "all-to-all" else -(-most // ranks) * ranks
    if (operation in OWNED and most != expected) or (operation == "all-to-all" and most > expected):
        many = (
            f"{ranks * ranks}, one from each rank for each" if operation == "all-to-all" else f"a multiple of {ranks}"
        )
        raise Invalid([Complaint((), f"{operation} of {ranks} ranks has {most} pieces; cut it into {many}")])
    return expected if operation == "all-to-all" else most


def phases_of(operation: str, ranks: int, rounds: Sequence[Round], shares: Shares = EQUAL) -> tuple[Phase, ...]:
    """Return *rounds* of a buffer of 1 B as phases; equal phases are one object.

    A rank that has nothing to do in a round would run ahead, and its sends would share the way into the receiver with
    those of an earlier round. So it first waits, in a phase of 0 B, for those to which it sends.

    >>> swap = Round(np.array([0, 1]), np.array([1, 0]), np.array([0, 1]), add=False, flows=2)
    >>> phases_of("all-gather", 2, [swap])
    (Phase(source=array([0, 1]), target=array([1, 0]), size=array([0.5, 0.5]), flows=array([2, 2])),)
    """
    pieces = pieces_of(operation, ranks, rounds)
    buffers = ranks if operation in ("all-to-all", "send") else 1  # that the pieces are of
    sizes = np.ones(pieces) if shares == EQUAL else shares.of_pieces(ranks)
    known: dict[tuple[bytes, int], Phase] = {}
    sends: dict[tuple[int, ...], Sends] = {}  # by the arrays of a round, which many rounds share
    phases: list[Phase] = []
    turn = np.zeros(ranks)  # when each rank enters the round, if all rounds last equally long
    for each in (one for one in rounds if len(one.source)):
        ends = id(each.source), id(each.target), 0 if shares == EQUAL else id(each.piece)
        if ends not in sends:
            sends[ends] = _sends(each, ranks, sizes)
        source, target, held, key = sends[ends]
        if (key, each.flows) not in known:
            size = held * (buffers / pieces)
            known[key, each.flows] = Phase(source, target, size, np.full(len(size), each.flows))
        ahead = turn[source] < turn[target]
        if ahead.any():
            phases.append(phase(target[ahead], source[ahead], size=0.0))
        phases.append(known[key, each.flows])
        end = np.maximum(turn[source], turn[target]) + 1
        for ranks_of in (source, target):
            np.maximum.at(turn, ranks_of, end)
    return tuple(phases)


def _sends(one: Round, ranks: int, sizes: Floats) -> Sends:
    """Return the sends of a round of pieces of these sizes."""
    ways, place = np.unique(one.source * ranks + one.target, return_inverse=True)
    held: Floats = np.bincount(place, weights=sizes[one.piece]).astype(np.float64)
    return Sends(ways // ranks, ways % ranks, held, ways.tobytes() + held.tobytes())


def scaled(phases: Sequence[Phase], size: float) -> Phases:
    """Return *phases* of 1 B as those of *size* bytes; equal phases stay one object."""
    different = {id(phase): phase for phase in phases}
    made = {key: phase._replace(size=phase.size * size) for key, phase in different.items()}
    return Phases(made[id(phase)] for phase in phases)


def side_by_side(rounds: Iterable[Round], ranks: Ints, pieces: Ints) -> Iterator[Round]:
    """Yield *rounds* of a few ranks as those of several groups at once.

    *ranks* has a row for each group, the ranks in place of 0, 1, ...; *pieces* has for each group and piece those that
    take its place, (groups, pieces, each).

    >>> swap = Round(np.array([0, 1]), np.array([1, 0]), np.array([0, 1]), add=False)
    >>> found, = side_by_side([swap], np.array([[0, 1], [2, 3]]), np.array([[[0], [1]], [[2], [3]]]))
    >>> found.source.tolist(), found.target.tolist(), found.piece.tolist()
    ([0, 1, 2, 3], [1, 0, 3, 2], [0, 1, 2, 3])
    """
    each, known = pieces.shape[2], dict[int, tuple[Ints, Ints]]()  # an array of ranks, and what takes its place
    for one in rounds:
        for ends in (one.source, one.target):
            if id(ends) not in known:
                known[id(ends)] = ends, np.repeat(ranks[:, ends], each, axis=1).ravel()
        source, target = known[id(one.source)][1], known[id(one.target)][1]
        add = np.tile(np.repeat(one.add, each), len(ranks)) if isinstance(one.add, np.ndarray) else one.add
        yield Round(source, target, pieces[:, one.piece].ravel(), add, one.flows)
