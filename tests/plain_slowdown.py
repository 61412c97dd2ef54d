"""Tasks on workers and lanes, step by step in fractions, as a second computation of what slows computing down.

Nothing is planned here: from one event to the next, every computation advances by its own pace. Tasks are mappings
`{name, worker, lane, seconds, after}`, in the order of their numbers; those of lanes have `to`: task -> seconds that
travelling takes. Workers compute, and lanes work, first in, first out.
"""

from fractions import Fraction


class Run:
    """Plays the tasks; `spans` has start and end of each by name."""

    def __init__(self, tasks, slowdown):
        self.tasks = {one["name"]: one for one in tasks}
        self.slowdown = slowdown  # of each worker
        self.now = Fraction(0)
        sent = [child for one in tasks for child in one["to"]]
        self.missing = {name: len(one["after"]) + sent.count(name) for name, one in self.tasks.items()}
        self.ready = {name: self.now for name, count in self.missing.items() if not count}
        self.left, self.travelling, self.spans = {}, {}, {}
        self.sending = {}  # task of a lane that has ended -> what of it has not arrived

    def play(self):
        while self.step():
            pass
        return self.spans

    def step(self):
        while self.starts():  # tasks of lanes of 0 s end at once
            self.finish()
        if not self.left and not self.travelling:
            return False
        wait = min([self.left[name] / self.pace(name) for name in self.left] + list(self.travelling.values()))
        paces = {name: self.pace(name) for name in self.left}
        for name, pace in paces.items():
            self.left[name] -= wait * pace
        self.travelling = {edge: left - wait for edge, left in self.travelling.items()}
        self.now += wait
        self.finish()
        return True

    def pace(self, name):
        """A computation goes at 1 / slowdown while a lane of its worker is busy, or something travels to it."""
        mine = self.tasks[name]
        if mine["lane"]:
            return Fraction(1)
        talks = [self.tasks[one]["worker"] for one in [*self.left, *self.sending] if self.tasks[one]["lane"]]
        talks += [self.tasks[child]["worker"] for _, child in self.travelling]
        return 1 / self.slowdown[mine["worker"]] if mine["worker"] in talks else Fraction(1)

    def starts(self):
        """Start, on each free worker and lane, the task that has been ready longest."""
        busy = {self.slot(name) for name in [*self.left, *self.sending]}
        order = {name: (since, list(self.tasks).index(name)) for name, since in self.ready.items()}
        begun = False
        for name in sorted(order, key=order.get):
            if self.slot(name) not in busy:
                busy.add(self.slot(name))
                del self.ready[name]
                self.left[name], self.spans[name] = self.tasks[name]["seconds"], [self.now, None]
                begun = True
        return begun

    def slot(self, name):
        return self.tasks[name]["worker"], self.tasks[name]["lane"]

    def finish(self):
        for name in [name for name, left in self.left.items() if not left]:
            del self.left[name]
            self.spans[name][1] = self.now
            for other in self.tasks.values():
                if name in other["after"]:
                    self.there(other["name"])
            away = self.tasks[name]["to"]
            self.travelling |= {(name, child): seconds for child, seconds in away.items()}
            if away:
                self.sending[name] = len(away)
        for edge in [edge for edge, left in self.travelling.items() if not left]:
            del self.travelling[edge]
            self.there(edge[1])
            self.sending[edge[0]] -= 1
            if not self.sending[edge[0]]:
                del self.sending[edge[0]]

    def there(self, child):
        self.missing[child] -= 1
        if not self.missing[child]:
            self.ready[child] = self.now
