"""The engine with one rule broken at a time, from outside: what to replace by what, and the policies that show it."""

from second.generator import PLANNING, POLICIES

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


BROKEN_ENGINE = {
    "memory has no limits": ("parsim.sim.memory.Rooms.has", always, ALL),
    "outputs are never freed": ("parsim.sim.memory.Rooms.consume", never, ALL),
    "delays are never over": ("parsim.sim.carrier.Carrier._delay_over", never, ALL),
    "a transfer takes the first of its links": ("parsim.sim.network.Network.join", first_link_only, ALL),
    "flows have no limit": ("parsim.sim.network.Network.join", no_limit, NONE),
    "the host sends all at once": ("parsim.sim.early_transfers.Turns.due", always, ("round_robin",)),
    "early inputs take any room": ("parsim.sim.early_transfers.Spare.grant", always, ("round_robin",)),
    "fifo goes by arrival": ("parsim.policies.fifo.join", by_arrival, ("fifo",)),
    "equal priorities go to the higher task": ("parsim.policies.by_rank.ranking", higher_of_equals_first, ALL),
}
