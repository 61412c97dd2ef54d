"""What a scenario asks for, as plain nouns (contract, section 3): workers, links, tasks, flows."""

from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property

HOST = "host"


@dataclass(frozen=True)
class Device:
    name: str
    speed: Fraction
    memory: Fraction | float  # bytes; infinity without a limit
    slots: int


@dataclass(frozen=True)
class Link:
    bandwidth: Fraction
    latency: Fraction


@dataclass(frozen=True)
class Edge:
    """What a task waits for: bytes that travel, seconds that pass, or (both 0) only the end of its parent."""

    parent: int
    size: Fraction = Fraction(0)
    delay: Fraction = Fraction(0)


@dataclass(frozen=True)
class Task:
    name: str
    seconds: dict  # by worker, expected; who is missing may not run it
    after: tuple = ()
    memory: Fraction = Fraction(0)
    output: Fraction = Fraction(0)
    given: Fraction = Fraction(0)  # bytes from the host
    result: Fraction = Fraction(0)  # bytes to the host
    weights: tuple = ()  # (name, bytes) of the parts that its device must hold
    lane: str = ""  # of its worker; without one it computes


@dataclass(frozen=True)
class Flow:
    name: str
    source: str
    target: str
    size: Fraction
    start: Fraction
    limit: Fraction | float


@dataclass(frozen=True)
class Problem:
    devices: tuple
    links: dict  # by name
    routes: dict  # (place, place) -> names of links
    tasks: tuple = ()
    flows: tuple = ()
    policy: str = "fifo"
    prefetch: int = 0
    steps: dict = field(default_factory=dict)
    luck: tuple = ()  # by task, what noise multiplies its seconds with
    plan: tuple = ()  # under in_order and policies that plan ahead: by worker, its tasks in their order

    @cached_property
    def workers(self):
        """Return (name, device) for every worker: slots of one device stand together."""
        return tuple(
            (device.name if device.slots == 1 else f"{device.name}.{slot}", index)
            for index, device in enumerate(self.devices)
            for slot in range(device.slots)
        )

    @cached_property
    def edges(self):
        """Return the edges by (parent, child)."""
        return {(edge.parent, child): edge for child, task in enumerate(self.tasks) for edge in task.after}

    @cached_property
    def children(self):
        return [sorted(child for parent, child in self.edges if parent == task) for task in range(len(self.tasks))]

    def device_of(self, worker):
        return self.workers[worker][1]

    def place_of(self, worker):
        return self.devices[self.device_of(worker)].name

    def devices_of(self, task):
        """Return the devices that may run a task."""
        return sorted({self.device_of(worker) for worker in self.tasks[task].seconds})

    def seconds_of(self, *steps):
        return sum((self.steps.get(step, Fraction(0)) for step in steps), Fraction(0))
