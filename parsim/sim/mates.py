"""Members whose sends cross the same links: while they enter each phase together, each link is shared equally.

    member 6  over card 3   |==== half ====|==== half ====|        two devices of a node have one card
    member 7  over card 3   |==== half ====|==== half ====|

Members are mates if their sends ever cross one link, and mates of mates are mates.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from parsim.core.columns import Bools, Ints, no_ints


class Mates(NamedTuple):
    """Who shares links with whom."""

    owners: dict[int, list[int]]  # the members whose sends cross each link
    of: list[list[int]]  # (members,) the mates of each member, itself among them
    members: Ints  # those that have others, mates side by side
    first: Ints  # where each group of mates begins in `members`

    def apart(self, entry: Ints, bound: Bools) -> Ints:
        """Return the members that cannot be played alone with their mates, as these enter a phase at other instants.

        Those of which a mate is *bound* cannot, either.

        >>> mates_of(4, [(7, 0), (7, 1), (8, 2)]).apart(np.array([3, 4, 5, 6]), np.zeros(4, dtype=bool)).tolist()
        [0, 1]
        """
        if not len(self.first):
            return no_ints()
        mine = entry[self.members]
        earliest, latest = (of.reduceat(mine, self.first) for of in (np.minimum, np.maximum))
        parted = (earliest != latest) | np.logical_or.reduceat(bound[self.members], self.first)
        found: Ints = self.members[np.repeat(parted, np.diff([*self.first, len(self.members)]))]
        return found


def mates_of(members: int, crossings: Iterable[tuple[int, int]]) -> Mates:
    """Return who shares links with whom; *crossings* are links with the member that sends over each.

    >>> mates_of(3, [(7, 0), (7, 1), (8, 1), (8, 2)]).of
    [[0, 1, 2], [0, 1, 2], [0, 1, 2]]
    """
    owners: dict[int, list[int]] = {}
    for link, member in sorted(set(crossings)):
        owners.setdefault(link, []).append(member)
    group = list(range(members))  # each group has the number of one of its members, which has its own
    for sharing in owners.values():
        heads = {_head(group, member) for member in sharing}
        for head in heads:
            group[head] = min(heads)
    together: dict[int, list[int]] = {}
    for member in range(members):
        together.setdefault(_head(group, member), []).append(member)
    groups = [mates for mates in together.values() if len(mates) > 1]
    first = np.cumsum([0, *map(len, groups)])[:-1] if groups else no_ints()
    side_by_side = np.array([member for mates in groups for member in mates], dtype=np.int64)
    return Mates(owners, [together[_head(group, member)] for member in range(members)], side_by_side, first)


def _head(group: Sequence[int], member: int) -> int:
    while group[member] != member:
        member = group[member]
    return member
