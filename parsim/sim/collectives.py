"""Plays collectives: each member goes from phase to phase at its own pace, over links that are really shared.

in step, alone      one entry: the ends are known            `in_step`
alone, not in step  round by round, for all members at once  `by_rounds`
somebody else's     send by send, in the network             `by_sends`, and by `by_rounds` where it must
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from parsim.core.cluster import Ways
from parsim.sim.in_step import Going
from parsim.sim.outside import Played
from parsim.sim.placed import Placed
from parsim.sim.player import player
from parsim.sim.received import Log
from parsim.sim.state import State
from parsim.sim.transfers import Transport


class Collectives:
    """The collectives of one run.

    Parameters
    ----------
    state : where tasks stand.
    transport : what carries bytes.
    workers : the worker of each task.
    """

    def __init__(self, state: State, transport: Transport, workers: Sequence[int]) -> None:
        self.network, self.log = transport.network, Log(state.ready.ticks)
        self._transport = transport
        self._of: dict[int, tuple[Played, int]] = {}  # task -> its collective, and its place among the members
        self._sent: list[tuple[Played, Going]] = []  # the number of a send is its place here
        self._asked: dict[int, dict[Played, None]] = {}  # instant -> those whose time comes then
        self.stirred: dict[Played, None] = {}  # those of which something has happened in this pass
        self._through: list[int] = []  # tasks that have completed all phases, and have not been returned
        cluster, placed = state.job.cluster, {}
        firsts: dict[tuple[int, bytes], Placed] = {}  # of each pattern
        for each in state.graph.collectives:
            devices = tuple([state.device[workers[task]] for task in each.members])
            key = (id(each.phases), devices)
            if key not in placed:
                new = placed[key] = Placed(each, cluster, devices, self.network, state.ready.ticks)
                if not cluster.profiles:  # else two of one pattern may differ later
                    new.first = firsts.setdefault((key[0], new.pattern), new)
            played = player(placed[key], each.members, self)
            for place, task in enumerate(each.members):
                self._of[task] = played, place

    def members(self) -> Collection[int]:
        """Return the tasks that are members."""
        return self._of.keys()

    def post(self, task: int, now: int) -> None:
        """Start the member *task*, whose inputs are there."""
        played, place = self._of[task]
        played.post(place, now)
        self.stirred[played] = None

    def arrived(self, number: int, now: int) -> None:
        """Note that send *number* has arrived."""
        played, sent = self._sent[number]
        played.arrived(sent, now)
        self.stirred[played] = None

    def due(self, now: int) -> list[int]:
        """Return the members that have completed all phases."""
        for played in self._asked.pop(now, ()):
            played.due(now)
            self.stirred[played] = None
        through, self._through = self._through, []
        return through

    def begin(self, now: int) -> None:
        """Note that a pass is over: begin what begins now."""
        stirred, self.stirred = self.stirred, {}
        for played in stirred:
            played.begin(now)

    # -- what the collectives ask for

    def at(self, played: Played, tick: int) -> None:
        """Call `due` of *played* at an instant."""
        self._asked.setdefault(tick, {})[played] = None
        self._transport.at(tick)

    def send(self, played: Played, going: Going, ways: Ways, now: int) -> None:
        """Let the network carry what is left of a send, once its latency has passed."""
        self._transport.post(len(self._sent), (ways, going.left, going.join), played, now)
        self._sent.append((played, going))

    def through(self, played: Played, member: int, now: int) -> None:
        """Hear that a member has completed all phases."""
        self._through.append(played.tasks[member])
        self._transport.at(now)
