"""Ask an algorithm of a collective for its rounds, with what its signature asks for.

def mine(operation, ranks)                           any operation; chunks of a piece travel side by side
def mine(operation: Literal["all-reduce"], ranks)    this operation alone
def mine(operation, ranks, chunks)                   chunks travel as the algorithm says
def mine(operation, ranks, group)                    sees the node of each rank, and the ways within and between nodes
def mine(operation, ranks, size)                     sees the bytes of the buffer
def mine(operation, ranks, width: Count = 2)         every other parameter is a key of the scenario beside `kind`
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Hashable, Mapping
from functools import cache
from itertools import islice
from typing import Any, NamedTuple

from parsim.core.errors import Complaint, Invalid
from parsim.core.rounds import MOST_ROUNDS, OPERATIONS, Group, Round
from parsim.core.schema import Ask
from parsim.core.signatures import annotated, taken

GIVEN = ("operation", "ranks", "chunks", "size", "group")  # parameters that are no keys of the scenario


class Question(NamedTuple):
    """What a group of ranks has to do."""

    operation: str
    size: float  # B, the whole buffer of a rank
    chunks: int
    group: Group

    @property
    def ranks(self) -> int:
        """The number of ranks."""
        return len(self.group.node)

    def given(self, function: Callable[..., Any]) -> dict[str, Any]:
        """Return the parameters in GIVEN that *function* asks for."""
        known = {**self._asdict(), "ranks": self.ranks}
        return {name: known[name] for name in _wanted(function)}


@cache
def _wanted(function: Callable[..., Any]) -> tuple[str, ...]:
    return tuple(taken(function, GIVEN))


@cache
def operations_of(entry: Callable[..., Any]) -> tuple[str, ...]:
    """Return the operations of an algorithm, as its parameter `operation` is annotated; all without an annotation.

    >>> def chain(operation: typing.Literal["broadcast"], ranks): ...
    >>> operations_of(chain)
    ('broadcast',)
    """
    annotation = annotated(entry).get("operation", (None,))[0]
    return typing.get_args(annotation) or tuple(OPERATIONS)


def refuse_operation(name: str, operation: str, known: Mapping[str, Callable[..., Any]]) -> None:
    """Refuse an operation that the algorithm *name* does not have; the message names those that have it.

    >>> def chain(operation: typing.Literal["broadcast"], ranks): ...
    >>> refuse_operation("chain", "send", {"chain": chain, "direct": lambda operation, ranks: ()})
    Traceback (most recent call last):
    parsim.core.errors.Invalid: : chain has no send; use direct
    """
    if operation not in operations_of(known[name]):
        others = [other for other, entry in known.items() if operation in operations_of(entry)]
        raise Invalid([Complaint((), f"{name} has no {operation}; use {_listed(others)}")])


def _listed(names: list[str]) -> str:
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def rounds_of(ask: Ask, question: Question) -> list[Round]:
    """Return the rounds of an algorithm. Without a parameter `chunks`, chunks of a piece travel side by side."""
    rounds = list(islice(ask.make(**question.given(ask.entry)), MOST_ROUNDS + 1))
    if len(rounds) > MOST_ROUNDS:
        raise Invalid([Complaint((), f"{ask.name} takes more than {MOST_ROUNDS} rounds; use fewer ranks or chunks")])
    if "chunks" in _wanted(ask.entry):
        return rounds
    return [one._replace(flows=question.chunks * one.flows) for one in rounds]


def key_of(ask: Ask, question: Question) -> Hashable:
    """Return what the rounds of an algorithm depend on.

    >>> def chain(operation, ranks): ...
    >>> one, other = (Question("broadcast", size, 1, Group((0, 0))) for size in (1.0, 2.0))
    >>> key_of(Ask("chain", chain), one) == key_of(Ask("chain", chain), other)
    True
    """
    given = question.given(ask.entry) | {"chunks": question.chunks}
    return ask.entry, repr(sorted(ask.arguments.items())), tuple(given.items())
