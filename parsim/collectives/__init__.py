"""The shelf of collectives: who sends what to whom, in rounds?

An entry yields rounds (`parsim.core.rounds`), or returns the `Ask` for the entry that it chooses. It may claim

price     a closed form of its seconds, a `Price` from the same parameters
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from parsim.core.algorithm import Question, key_of, refuse_operation, rounds_of
from parsim.core.collective import About, Collective, Phase
from parsim.core.rounds import EQUAL, Price, Shares, phases_of, scaled
from parsim.core.schema import Ask
from parsim.core.signatures import taken
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
    return algorithm_of(answer, question) if isinstance(answer, Ask) else ask


def price_of(ask: Ask, question: Question) -> Price | None:
    """Return the closed form of an algorithm, or None if it claims none for these nodes.

    >>> from parsim.core.rounds import Group
    >>> price_of(Ask("ring", collectives["ring"]), Question("all-reduce", 1e6, 1, Group((0, 0)))).inside
    Term(rounds=2, share=1.0)
    """
    ask = algorithm_of(ask, question)
    claim = collectives.claims(ask.name).get("price")
    if claim is None:
        return None
    given = question.given(claim)
    if "group" not in given and len(set(question.group.node)) > 1:
        return None  # the form is that of equal ways
    known = {**ask.arguments, **given}
    found: Price | None = claim(**{name: known[name] for name in taken(claim, known)})
    return found


def collective(
    ask: Ask, question: Question, members: Sequence[int], communicator: str = "", shares: Shares = EQUAL
) -> Collective:
    """Return the collective of *members*, the tasks of the ranks in order. Equal patterns are made once."""
    ask = algorithm_of(ask, question)
    key = key_of(ask, question), shares
    if key not in _known:
        _known[key] = phases_of(question.operation, question.ranks, rounds_of(ask, question), shares)
    price, size = price_of(ask, question) if shares == EQUAL else None, question.size
    known = (price.formula, price.seconds(size, question.group)) if price else ()
    about = About(question.operation, ask.name, size, *known)
    return Collective(tuple(members), scaled(_known[key], size), communicator, about)
