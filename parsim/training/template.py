"""The tasks of one replica in one iteration, rank by rank: computing, exchanges, sends, sums of gradients, updates.

    compute   |0F0|      |0F1|      |0B0|0B0.1|        |0U|
    tensor        |0F0|      |0F1|
    pipeline          |0F0|                                to the next stage, one after the other
    data                                |0B0|  |0B0.1|     gradients of layers that are done

Every replica is the same, so it is made once, and repeated by `replicas`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from parsim.training.actions import Action, Actions
from parsim.training.layout import FORWARD
from parsim.training.rank import Rank
from parsim.training.sharded import ShardedTraining
from parsim.training.stage import Priced
from parsim.training.tasks import EXCHANGE, NO_LAYERS, Hold, Sort, Tasks, lane_of

AHEAD, BACK = lane_of("pipeline"), lane_of("pipeline back")


class Template(NamedTuple):
    """The tasks of a replica, and how iterations follow each other."""

    tasks: Tasks
    between: list[tuple[int, int]]  # a task, and one of the next iteration that waits for it


class Replica:
    """Makes the tasks of a replica."""

    def __init__(self, training: ShardedTraining) -> None:
        self.training, self.actions, self.tasks = training, Actions(training), Tasks()
        self.begins: list[int] = []  # [op] its first task that computes
        self.ends: list[list[int]] = []  # [op] the tasks with which it ends
        self.between: list[tuple[int, int]] = []  # as in Template
        for number in range(len(training.cut.ops.first) - 1):
            self._walk(Rank(training, self.actions, self.tasks, number))
        self._send()
        self._keep()

    def _walk(self, rank: Rank) -> None:
        rank.walk()
        self.begins += rank.begins
        self.ends += rank.ends
        self.between += rank.between

    def _send(self) -> None:
        """Let ops wait for each other: on one rank in order, between ranks for what is sent."""
        parent, child, crosses = self.training.layout.needs
        of_rank: Sequence[int] = self.training.layout.rank.tolist()
        for before, after, crossing in zip(parent.tolist(), child.tolist(), crosses.tolist(), strict=True):
            if of_rank[before] == of_rank[after]:
                self.tasks.after(self.ends[before], self.begins[after])
            elif crossing:
                self._hand_over(before, after, of_rank[before])

    def _hand_over(self, before: int, after: int, rank: int) -> None:
        action = self.actions.of[before]
        price, forward = self._price(action), action.kind == FORWARD
        size = price.sent if forward else price.came
        if self.training.cut.sends == "blocking":
            self.tasks.sends(self.ends[before], self.begins[after], size)
            return
        task = self.tasks.add(action, Sort(EXCHANGE, rank, AHEAD if forward else BACK, "send", NO_LAYERS))
        self.tasks.after(self.ends[before], task)
        self.tasks.sends([task], self.begins[after], size)

    def _price(self, action: Action) -> Priced:
        """Return what the stage of an action takes."""
        return self.training.stages.price(action.stage, self.actions.rows[action.microbatch])

    def _keep(self) -> None:
        """Note what devices hold from one op to another, and during backward."""
        parent, child, crosses = self.training.layout.needs
        for before, after in zip(parent[crosses == 0].tolist(), child[crosses == 0].tolist(), strict=True):
            action, last = self.actions.of[before], self.ends[after][-1]
            price = self._price(action)
            if action.kind == FORWARD:
                self.tasks.hold(self.begins[before], last, Hold("activations", price.kept))
                self.tasks.hold(self.begins[after], last, Hold("workspace", price.workspace))
            else:
                self.tasks.hold(self.ends[before][-1], last, Hold("activations", price.halfway, from_end=True))


def template_of(training: ShardedTraining) -> Template:
    """Return the template of a training, which is made once, with those of its other sorts of devices."""
    if not training.template:
        others = (replace(training, own=own, others=()) for own in training.others)
        made = [Replica(one) for one in (training, *others)]
        training.template.extend(Template(one.tasks, one.between) for one in made)
    found: Template = training.template[0]
    return found
