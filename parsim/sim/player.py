"""Chooses what plays a collective: in step or by rounds where the ends of its sends are known, else by sends."""

from __future__ import annotations

from collections.abc import Sequence

from parsim.sim.by_sends import BySends
from parsim.sim.lockstep import Lockstep
from parsim.sim.outside import Outside, Played
from parsim.sim.placed import Placed


def player(placed: Placed, tasks: Sequence[int], outside: Outside) -> Played:
    """Return what plays a collective whose members are *tasks*."""
    return Lockstep(placed, tasks, outside) if placed.foreseeable else BySends(placed, tasks, outside)
