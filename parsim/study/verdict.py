"""One sentence on a comparison: the fastest, the next, the gap, and the seconds that made the difference.

    makespan of the next - makespan of the best = what the best spent less, term by term, - what it spent more

The ledger's terms add up to the makespan, so their differences add up to the gap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from parsim.core.escape import printable
from parsim.core.quantities import seconds
from parsim.core.timeline import CAUSES
from parsim.core.tolerance import CLOSE, close, ranking
from parsim.study.played import Pair, Played, alike, ended, fastest, fitting, pair

WORDS = {
    "computing": "computing",
    "transfers": "waiting for transfers",
    "steps": "idling while the host was splitting or merging (steps)",
    "memory": "idling because no memory was free (memory)",
    "overhead": "idling while tasks were handed over (overhead)",
    "policy": "idling while the policy gave it no ready task (policy)",
    "fill": "idling before the first task (fill)",
    "drain": "idling after the last task (drain)",
    "dependency": "idling until other tasks had ended (dependency)",
}
ORDERED = "idling while the schedule gave it no ready task (policy)"  # in a pipeline, which has no policy
NOTABLE = 0.5  # of the largest saving: a second saving above it is named too
CONTRARY = 0.25  # of the gap: an extra cost of the best above it is named
SHOWN = 3  # variants of which is told how much memory they lack


def decided(played: Sequence[Played]) -> str:
    """Return the sentence on what decided the comparison of *played*."""
    known = ended(played)
    if len(known) < 2:
        only = f"Only {known[0].label} ended, so nothing is compared." if known else "No variant ended."
        return " ".join([only, *_lacking(known)])
    fit = fitting(known)
    if not fit:
        return f"No variant fits into memory. By time alone: {_decided(known, known[0])}"
    return " ".join([_decided(fit, known[0]), *_lacking(known)])


def _decided(known: Sequence[Played], first: Played) -> str:
    """Return the sentence for *known*, which all ended and of which all fit into memory, or none."""
    best = fastest(known)
    if len(known) == 1:
        return f"Only {best[0].label} fits into memory, and takes {_time(best[0].compared.mean)}."
    others = [one for one in known if one not in best]
    if not others:
        word = "Both" if len(known) == 2 else f"All {len(known)}"
        return f"{word} take {_time(best[0].compared.mean)}: there is no difference."
    if level := alike(known):
        return _undecided([*best, *level], [one for one in others if one not in level])
    next_ = fastest(others)[0]
    slow = first in known and first not in (*best, next_)
    and_first = f" and {_less(best[0], first)} the first, {first.label}" if slow else ""
    return (
        f"{_heads(best)}: {_time(best[0].compared.mean)}, {_less(best[0], next_)} {next_.label}{and_first}; "
        f"{_cause(best[0], next_)}{_luck(best[0], next_)}."
    )


def ahead(played: Sequence[Played]) -> list[tuple[Played, Played]]:
    """Return the fastest and the next; empty where no variant is significantly faster."""
    known = fitting(ended(played)) or ended(played)
    best = fastest(known)
    others = [one for one in known if one not in best]
    return [(best[0], fastest(others)[0])] if others and not alike(known) else []


def _lacking(known: Sequence[Played]) -> list[str]:
    """Return a sentence for each variant that does not fit into memory; those beyond a few share one."""
    short = [one for one in known if one.lacks]
    told = [
        f"{one.label} takes {_time(one.compared.mean)} and does not fit: {printable(one.lacks)}."
        for one in short[:SHOWN]
    ]
    more = len(short) - SHOWN
    return told + [f"{more} more do{'es' * (more == 1)} not fit into memory."] * (more > 0)


def _undecided(level: Sequence[Played], slower: Sequence[Played]) -> str:
    """Return the sentence for variants *level*, none of which is significantly faster than the others."""
    best, other = level[0], fastest(level[1:])[0]
    gap, seeds = pair(other, best), len(best.runs)
    low, high = (_time(end) for end in gap.difference[1:])
    names = other.label if len(level) == 2 else f"{len(level) - 1} others"
    behind = f"; both are faster than {slower[0].label}" if len(slower) == 1 and len(level) == 2 else ""
    return (
        f"No difference beyond luck was found between {best.label} and {names}: in the mean {best.label} takes "
        f"{_time(best.compared.mean)}, {_less(best, other)} {other.label}; it was {_counts(gap, seeds)}, "
        f"by {low} to {high} (95 %){behind}."
    )


def _counts(gap: Pair, seeds: int) -> str:
    return f"ahead with {gap.longer}, behind with {gap.shorter}, equal with {gap.equal} of {seeds} seeds"


def _heads(best: Sequence[Played]) -> str:
    if len(best) == 1:
        return f"{best[0].label} is the fastest"
    more = best[1].label if len(best) == 2 else f"{len(best) - 1} others"
    return f"{best[0].label} and {more} are equally fast"


def savings(best: Played, other: Played) -> dict[str, float]:
    """Return the seconds that *best* saved, by use; they add up to the difference of the makespans.

    Waiting for transfers is what of them nothing hides: nominal + contention - hidden.
    """
    mine, theirs = best.terms(), other.terms()
    work = theirs["t_total"] + theirs["deviation"] - mine["t_total"] - mine["deviation"]
    computing = other.mean(lambda run: run.computing_s) - best.mean(lambda run: run.computing_s)
    network = theirs["contention"] - mine["contention"] - (theirs["hidden"] - mine["hidden"])
    saved = {"computing": computing, "transfers": work - computing + network}
    return saved | {cause: theirs[cause] - mine[cause] for cause in CAUSES}


def told(saved: Mapping[str, float]) -> list[str]:
    """Return the terms that the sentence names: the largest saving, and the next if it is notable."""
    terms = [term for term in saved if saved[term] > 0]
    gains = [terms[place] for place in ranking([-saved[term] for term in terms])]
    return [term for term in gains[:2] if saved[term] >= NOTABLE * saved[gains[0]]]


def _cause(best: Played, other: Played) -> str:
    """Return in words what makes the makespan shorter; of trainings it may be equal where an iteration is not."""
    mine, theirs = best.makespan.mean, other.makespan.mean
    if not best.trains:
        return f"on average, a worker spends {_why(best, other)}"
    if theirs < mine or close(mine, theirs):
        return f"the whole runs take {_time(mine)} and {_time(theirs)}"
    return f"in the whole run, a worker spends on average {_why(best, other)}"


def _why(best: Played, other: Played) -> str:
    saved = savings(best, other)
    worst = min(saved, key=lambda term: saved[term])
    gap = other.makespan.mean - best.makespan.mean
    phrases = [_phrase(term, saved[term], best, other) for term in (*told(saved), worst)]
    against = f", against {phrases[-1]}" if saved[worst] < -CONTRARY * gap else ""
    return f"{' and '.join(phrases[:-1])}{against}"


def _phrase(term: str, saved: float, best: Played, other: Played) -> str:
    words = ORDERED if term == "policy" and best.live_activations else WORDS[term]
    said = f"{_time(abs(saved))} {_word(-saved)} {words}"
    mine, theirs = best.terms(), other.terms()
    more = {part: mine[part] - theirs[part] for part in mine}
    if term == "computing":
        return f"{said} ({'T_total' if abs(more['t_total']) > abs(more['deviation']) else 'deviation'})"
    if term == "transfers":
        nominal = {"to move": -saved - more["contention"] + more["hidden"]}
        parts = nominal | {part: more[part] for part in ("contention", "hidden")}
        told = [part for part in parts if abs(parts[part]) >= NOTABLE * max(map(abs, parts.values()))]
        return f"{said} ({', '.join(f'{_time(abs(parts[part]))} {_word(parts[part])} {part}' for part in told)})"
    return said


def _word(more: float) -> str:
    return "more" if more > 0 else "less"


def _luck(best: Played, other: Played) -> str:
    """Return in words whether the difference is more than luck, where there are several seeds."""
    seeds = len(best.runs)
    if seeds < 2:
        return ""
    gap = pair(other, best)
    low, high = (_time(end) for end in gap.difference[1:])
    if gap.difference.half <= CLOSE * best.compared.mean:
        return f"; the same with each of {seeds} seeds"
    return f"; it was {_counts(gap, seeds)}, by {low} to {high} (95 %): this is more than luck"


def _less(best: Played, other: Played) -> str:
    gap = other.compared.mean - best.compared.mean
    return f"{_time(gap)} ({100 * gap / other.compared.mean:.3g} %) less than"


def _time(value: float) -> str:
    return seconds(value, 4)
