"""What a collective that is played sees of the run around it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from parsim.core.cluster import Ways
from parsim.sim.in_step import Going
from parsim.sim.network import Network
from parsim.sim.received import Log


class Played(Protocol):
    """A collective that is played."""

    tasks: Sequence[int]  # (members,)

    def post(self, member: int, now: int) -> None:
        """Note that *member* begins."""

    def arrived(self, sent: Going, now: int) -> None:
        """Note that a send has arrived which the network has carried."""

    def due(self, now: int) -> None:
        """Note that an instant has come that it asked for."""

    def begin(self, now: int) -> None:
        """Begin what begins now: all that ends in this pass has ended."""

    def disturbed(self, link: int, now: int) -> None:
        """Let the sends on *link* join the network."""


class Outside(Protocol):
    """The network, the clock, and those who hear of members."""

    network: Network
    log: Log

    def at(self, played: Played, tick: int) -> None:
        """Call `due` of *played* at an instant."""

    def send(self, played: Played, going: Going, ways: Ways, now: int) -> None:
        """Let the network carry what is left of a send, once its latency has passed."""

    def through(self, played: Played, member: int, now: int) -> None:
        """Hear that a member has completed all phases."""
