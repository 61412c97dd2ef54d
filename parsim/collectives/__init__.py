"""The shelf of collectives: who sends what to whom, in rounds?

An entry yields rounds (`parsim.core.rounds`), or returns the name of the entry that it chooses. It may claim

price     a closed form of its seconds, a `Price` from the same parameters
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from parsim.core.algorithm import Question, key_of, refuse_operation, rounds_of
from parsim.core.collective import About, Collective, Phase
from parsim.core.errors import Complaint, Invalid
from parsim.core.rounds import Price, phases_of, scaled
from parsim.core.schema import Ask
from parsim.core.signatures import taken
from parsim.core.suggestions import did_you_mean
from parsim.entries.registry import Shelf

collectives = Shelf(__name__, "who sends what to whom, in rounds?", claims=("price",))

_known: dict[Hashable, tuple[Phase, ...]] = {}  # the phases of a buffer of 1 B


def algorithm_of(ask: Ask, question: Question) -> Ask:
    """Return the algorithm that *ask* names, or that it chooses. One without the operation raises `Invalid`.

    >>> from parsim.core.rounds import Group
    >>> algorithm_of(Ask("auto", collectives["auto"]), Question("all-gather", 1e6, 1, Group((0, 0)))).name
    'ring'
    """
    refuse_operation(ask.name, question.operation, collectives.entries())
    answer = ask.make(**question.given(ask.entry))
    if not isinstance(answer, str):
        return ask
    if answer not in collectives.entries():
        raise Invalid([Complaint((), f"{ask.name} chooses {did_you_mean(answer, collectives.entries())}")])
    refuse_operation(answer, question.operation, collectives.entries())
    return Ask(answer, collectives[answer])


def price_of(ask: Ask, question: Question) -> Price | None:
    """Return the closed form of an algorithm, or None if it claims none.

    >>> from parsim.core.rounds import Group
    >>> price_of(Ask("ring", collectives["ring"]), Question("all-reduce", 1e6, 1, Group((0, 0)))).inside
    Term(rounds=2, share=1.0)
    """
    ask = algorithm_of(ask, question)
    claim = collectives.claims(ask.name).get("price")
    if claim is None:
        return None
    known = {**ask.arguments, **question.given(claim)}
    found: Price = claim(**{name: known[name] for name in taken(claim, known)})
    return found


def collective(ask: Ask, question: Question, members: Sequence[int], communicator: str = "") -> Collective:
    """Return the collective of *members*, the tasks of the ranks in order. Equal patterns are made once."""
    ask = algorithm_of(ask, question)
    key = key_of(ask, question)
    if key not in _known:
        _known[key] = phases_of(question.operation, question.ranks, rounds_of(ask, question))
    price, size = price_of(ask, question), question.size
    known = (price.formula, price.seconds(size, question.group)) if price else ()
    about = About(question.operation, ask.name, size, *known)
    return Collective(tuple(members), scaled(_known[key], size), communicator, about)
