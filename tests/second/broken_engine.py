"""The engine with one rule broken at a time, from outside: what to replace by what, and the policies that show it."""

from second.generator import PLANNING, POLICIES

IDLE = -1  # in place of a task of a lane

ALL = tuple(policy for policy in POLICIES if policy not in PLANNING)
NONE = (None,)  # flows have no policy


def always(rule):
    return lambda *_: True


def never(rule):
    return lambda *_: False


def first_link_only(join):
    return lambda self, flow, links, *more: join(self, flow, links[:1], *more)


def no_limit(join):
    return lambda self, flow, links, size, limit, now: join(self, flow, links, size, float("inf"), now)


def by_arrival(join):
    return lambda queue, task, since: queue.append(task)


def higher_of_equals_first(ranking):
    return lambda values: len(values) - 1 - ranking(values[::-1])


def any_number(start):
    def begin(self, lane, now):
        while self._queue[lane]:
            start(self, lane, now)
        self._busy[lane] = IDLE

    return begin


def last_first(pop):
    return lambda queue: queue.pop()


def one_after_the_other(set_out):
    """Let nothing set out while something is under way that the same task has handed on."""

    def broken(self, edge, now):
        sender, sent = self._inputs.sender, self.__dict__.setdefault("sent", set())
        waiting = [other for other in self._leaving if sender[other] == sender[edge] and other not in sent]
        if self._under_way[sender[edge]] > len(waiting) or not set_out(self, edge, now):
            return False
        sent.add(edge)
        return True

    return broken


def ready_as_it_leaves(set_out):
    def broken(self, edge, now):
        gone = set_out(self, edge, now)
        if gone:
            self._there(edge)
        return gone

    return broken


def nothing_kept(there):
    """Let a task of a lane keep nothing once it has ended."""

    def broken(self, task, now):
        there(self, task, now)
        if self._room and task in self._under_way:
            self._room.rooms.end(task, self._state.device[self._only[task]])

    return broken


BROKEN_ENGINE = {
    "memory has no limits": ("parsim.sim.memory.Rooms.has", always, ALL),
    "outputs are never freed": ("parsim.sim.memory.Rooms.consume", never, ALL),
    "delays are never over": ("parsim.sim.carrier.Carrier._delay_over", never, ALL),
    "a transfer takes the first of its links": ("parsim.sim.network.Network.join", first_link_only, ALL),
    "flows have no limit": ("parsim.sim.network.Network.join", no_limit, NONE),
    "the host sends all at once": ("parsim.sim.early_transfers.Turns.due", always, ("round_robin",)),
    "early inputs take any room": ("parsim.sim.early_transfers.Spare.grant", always, ("round_robin",)),
    "fifo goes by arrival": ("parsim.policies.fifo.join", by_arrival, ("fifo",)),
    "a lane does any number of tasks at a time": ("parsim.sim.lanes.Lanes._next", any_number, ALL),
    "a lane starts what came last": ("parsim.sim.lanes.heappop", last_first, ALL),
    "what a lane hands on leaves one after the other": ("parsim.sim.lanes.Lanes._set_out", one_after_the_other, ALL),
    "a task is ready as what a lane sends leaves": ("parsim.sim.lanes.Lanes._set_out", ready_as_it_leaves, ALL),
    "what a lane sends needs no room": ("parsim.sim.reservations.Reservations.admit", always, ALL),
    "a lane's task keeps nothing": ("parsim.sim.lanes.Lanes._end", nothing_kept, ALL),
    "equal priorities go to the higher task": ("parsim.policies.by_rank.ranking", higher_of_equals_first, ALL),
}
