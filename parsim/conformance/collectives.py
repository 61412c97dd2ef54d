"""Rules for collectives: everyone ends with what the operation promises, nothing is added twice, and prices are true.

A broken rule names rank, piece and round, and the table of the rounds marks the send.

@collectives.add("mine", price=price)    price(operation, ranks, ...)    a closed form, `Price`
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from parsim.collectives import algorithm_of, collectives, price_of
from parsim.conformance.case import Case, Found, asked, found, who_of
from parsim.core.algorithm import GIVEN, Question, operations_of, rounds_of
from parsim.core.errors import Invalid
from parsim.core.promises import WrongRounds, broken, drawn_rounds
from parsim.core.rounds import Group, Round, phases_of
from parsim.core.schema import Ask
from parsim.core.signatures import taken
from parsim.core.tolerance import CLOSE
from parsim.metrics.checker import check
from parsim.scenario.schema import check as read
from parsim.study.single import simulate

RANKS = (*range(2, 18), 32)  # of the proofs
PLAYED = (2, 3, 8)  # ranks of the runs
CHUNKS = (1, 3)
SAMPLES = {"custom": {"rounds": [[{"from": 0, "to": 1}]]}}  # a broadcast of two
BUFFER = 6e6  # B
NETWORK = {"kind": "star", "bandwidth": "1 GB/s", "latency": "1 us"}


def cases(entry: str) -> list[Case]:
    """Return the cases of a collective: numbers of ranks, runs, and whether any number of ranks is possible."""
    proofs = [Case(f"{ranks} ranks", partial(prove, entry, ranks)) for ranks in RANKS]
    runs = [Case(f"{ranks} ranks on a network", partial(play, entry, ranks)) for ranks in PLAYED]
    return [*proofs, *runs, Case("at least one number of ranks is accepted", partial(possible, entry))]


def questions(entry: str, ranks: int) -> Iterator[Question]:
    """Yield what a collective is asked of *ranks* ranks: each operation, on one node and on several."""
    made = collectives[entry]
    parts = [each for each in range(1, ranks + 1) if ranks % each == 0]  # ranks of a node
    some = {parts[len(parts) // 2], ranks} if taken(made, ["group"]) else {ranks}
    for operation in ("broadcast",) if entry == "custom" else operations_of(made):
        for chunks in CHUNKS if taken(made, ["chunks"]) else CHUNKS[:1]:
            for each in some:
                yield Question(operation, BUFFER, chunks, Group(tuple(rank // each for rank in range(ranks))))


def _ask(entry: str) -> Ask:
    made = collectives[entry]
    return Ask(entry, made, read(made, asked(made, GIVEN, SAMPLES.get(entry, {})), GIVEN))


def _rounds(entry: str, question: Question) -> list[Round]:
    return rounds_of(algorithm_of(_ask(entry), question), question)


def possible(entry: str) -> Found:
    """Check that the collective does not refuse everything."""
    reasons = [reason for ranks in PLAYED for one in questions(entry, ranks) if (reason := _refusal(entry, one))]
    every = len(reasons) == sum(len([*questions(entry, ranks)]) for ranks in PLAYED)
    return found([f"refuses every number of ranks; the first: {reasons[0]}"] if every else [])


def _refusal(entry: str, question: Question) -> str:
    try:
        _rounds(entry, question)
    except Invalid as invalid:
        return invalid.complaints[0].message
    except WrongRounds:
        pass  # another case says so
    return ""


def prove(entry: str, ranks: int) -> Found:
    """Play the rounds of every operation on sets of ranks, and compare them with the claimed price."""
    refused, pieces = dict[str, None](), 0
    for question in questions(entry, ranks):
        try:
            rounds = _rounds(entry, question)
        except Invalid as invalid:
            refused[f"refused: {invalid.complaints[0].message}"] = None
            continue
        except WrongRounds as error:
            return Found((str(error),), drawn=error.drawn)
        wrong = broken(question.operation, ranks, rounds)
        if wrong:
            words = f"{who_of('collectives', entry, 'collective')} for {question.operation}: {wrong[0].message}"
            return Found((words,), drawn=drawn_rounds(rounds, wrong[0]))
        if different := _about_price(entry, question, rounds):
            return Found((different,))
        pieces += sum(len(one.source) for one in rounds)
    return Found(told="; ".join([*refused, f"{pieces} pieces sent"]))


def _about_price(entry: str, question: Question, rounds: Sequence[Round]) -> str:
    """Say where the price differs from the rounds one after the other, with one way out and one in for each rank."""
    price = price_of(_ask(entry), question)
    if price is None:
        return ""
    phases = [phase for phase in phases_of(question.operation, question.ranks, rounds) if phase.size.any()]
    share = math.fsum(
        max(np.bincount(end, phase.size).max() for end in (phase.source, phase.target)) for phase in phases
    )
    claimed = price.inside.rounds + price.across.rounds, price.inside.share + price.across.share
    if all(math.isclose(one, other, rel_tol=CLOSE) for one, other in zip(claimed, (len(phases), share), strict=True)):
        return ""
    asked_of = f"{question.operation} of {question.ranks} ranks in {question.chunks} chunks"
    says = f"{claimed[0]:g} rounds, in which the busiest ranks send {claimed[1]:g} of the buffer"
    return f"claims for {asked_of} {says}, but has {len(phases)} and {share:g}"


def play(entry: str, ranks: int) -> Found:
    """Play every operation on an idle network."""
    wrong, told = list[str](), list[str]()
    arguments = asked(collectives[entry], GIVEN, SAMPLES.get(entry, {}))
    for question in {one.operation: one for one in questions(entry, ranks)}.values():
        if reason := _refusal(entry, question):
            told.append(f"refused: {reason}")
            continue
        work = {"kind": "collective", "operation": question.operation, "size": f"{BUFFER:g} B", "chunks": 2}
        cluster = {"devices": ranks, "topology": NETWORK}
        run = simulate({"cluster": cluster, "workload": {**work, "algorithm": {"kind": entry, **arguments}}})
        wrong += check(run.job, run.timeline)
        told.append(f"{question.operation} {run.timeline.makespan_s:.4g} s")
    return found(wrong, ", ".join(told))
