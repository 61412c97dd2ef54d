"""Chooses what plays a collective: by rounds where its sends cannot meet on a link, else by sends."""

from __future__ import annotations

from parsim.core.columns import Ints
from parsim.sim.by_rounds import ByRounds
from parsim.sim.by_sends import BySends
from parsim.sim.outside import Outside, Played
from parsim.sim.placed import Placed


def player(placed: Placed, tasks: Ints, outside: Outside) -> Played:
    """Return what plays a collective whose members are *tasks*."""
    return ByRounds(placed, tasks, outside) if placed.owner else BySends(placed, tasks, outside)
