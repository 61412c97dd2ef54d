"""Suggestions for unknown names.

bandwith  ->  unknown key 'bandwith'. Did you mean 'bandwidth'?
"""

from __future__ import annotations

from collections.abc import Iterable

SHOWN = 20  # names in a message
LONGEST = 60  # characters of a name in a message
MANY = 500  # names up to which the nearest is searched
PATIENCE = 5_000  # comparisons of all unknown names together
ELSEWHERE = {  # what other programs and papers call it
    "dp": "data",
    "tp": "tensor",
    "pp": "pipeline",
    "cp": "context",
    "ep": "expert",
    "mbs": "microbatch_size",
    "gas": "microbatches",
    "tree": "double-binary-tree",
}


class Known:
    """Known names. The first unknown names that are compared with them get a suggestion.

    Parameters
    ----------
    names : what is known.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(names)
        self._sorted = sorted(self._names)
        more = f", ... ({len(self._sorted)} names)" if len(self._sorted) > SHOWN else ""
        self._list = ", ".join(self._sorted[:SHOWN]) + more
        self._patience = PATIENCE if len(self._sorted) <= MANY else 0

    def did_you_mean(self, word: str, what: str = "name") -> str:
        """Return the message that *word* is an unknown name (or *what*), with the nearest known name or a list.

        >>> keys = Known(["bandwidth", "latency"])
        >>> keys.did_you_mean("bandwith", "key")
        "unknown key 'bandwith'. Did you mean 'bandwidth'?"
        """
        word = word[:LONGEST]
        if not self._names:
            return f"unknown {what} '{word}'; no names are known here"
        several = {part.strip() for part in word.split(",")} if "," in word else set()
        if several and several <= self._names:
            count = word.count(",") + 1
            return (
                f"'{word}' are {count} names, but only one is allowed here; parsim compare plays several side by side"
            )
        near = self._nearest(word)
        if near:
            return f"unknown {what} '{word}'. Did you mean '{near[0]}'?"
        return f"unknown {what} '{word}'; known are: {self._list}"

    def _nearest(self, word: str) -> list[str]:
        if ELSEWHERE.get(word) in self._names:
            return [ELSEWHERE[word]]
        if self._patience <= 0:
            return []
        import difflib  # only imported if a name is wrong

        self._patience -= len(self._sorted)
        return difflib.get_close_matches(word, self._sorted, n=1)


def did_you_mean(word: str, known: Iterable[str], what: str = "name") -> str:
    """Return the message that *word* is unknown.

    >>> did_you_mean("tp", ["data", "tensor"], "key")
    "unknown key 'tp'. Did you mean 'tensor'?"
    >>> did_you_mean("x", ["fifo", "heft"])
    "unknown name 'x'; known are: fifo, heft"
    >>> did_you_mean("fifo,heft", ["fifo", "heft"])
    "'fifo,heft' are 2 names, but only one is allowed here; parsim compare plays several side by side"
    """
    return Known(known).did_you_mean(word, what)
