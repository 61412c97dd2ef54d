"""What is found in a file of another program: values of a scenario, each with what it was made of and where.

--hidden-size 4096    ->    "workload.width": Said(4096, "--hidden-size", (12, 5))
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from parsim.core.errors import Fault
from parsim.scenario.document import Position

UNPLACED: Position = (1, 1)
SECTIONS = ("cluster", "workload", "plan")


class Said(NamedTuple):
    """A value of a scenario, what it was made of, and where that stands."""

    value: Any
    source: str  # in the words of the file; a comment beside the value
    at: Position = UNPLACED


class On(NamedTuple):
    """The cluster to simulate.

    Parameters
    ----------
    node : name of a known node.
    per_node : its devices.
    nodes : how many; 0: as many as the file says.
    stated : whether the user names it; else it is the default.
    """

    node: str
    per_node: int
    nodes: int = 0
    stated: bool = False


class Input(NamedTuple):
    """The text of a file, and its name."""

    text: str
    file: str

    def position(self, at: int) -> Position:
        r"""Return line and column of a letter.

        >>> Input("a\nbc", "run.sh").position(3)
        (2, 2)
        """
        return self.text.count("\n", 0, at) + 1, at - self.text.rfind("\n", 0, at)

    def line(self, at: int) -> str:
        """Return the line of a letter, from that letter on."""
        return self.text[at:].partition("\n")[0].strip()

    def fault(self, at: Position, path: str, message: str) -> Fault:
        """Return a fault of the file."""
        return Fault(self.file, *at, path, message)


@dataclass(frozen=True)
class Found:
    """What a file says.

    Parameters
    ----------
    values : by path, in the order in which they are written.
    notes : what differs in parsim from the program that the file is for, and defaults that were taken.
    unread : what was not understood, behind its line and column.
    quiet : what is known to have no effect on the time of a step.
    tries : other plans to choose from, as options of `parsim run`.
    differences : weights of the model that are not counted, and their number; below 0: counted, and not of the model.
    """

    values: Mapping[str, Said]
    notes: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    quiet: tuple[str, ...] = ()
    tries: tuple[str, ...] = ()
    differences: tuple[tuple[str, int], ...] = ()


def nested(values: Mapping[str, Said]) -> dict[str, Any]:
    """Return the values as a scenario holds them.

    >>> nested({"plan.data": Said(2, "--nnodes"), "plan.tensor": Said(4, "")})
    {'plan': {'data': 2, 'tensor': 4}}
    """
    made: dict[str, Any] = {}
    for path, said in values.items():
        section, _, key = path.partition(".")
        made.setdefault(section, {})[key] = said.value
    return made


def cluster(on: On, devices: Said, per_node: int = 0) -> dict[str, Said]:
    """Return the values of a cluster of so many devices, in nodes of *per_node*; 0: as many as the node has.

    >>> cluster(On("dgx-a100", 8, stated=True), Said(16, "2 x 8"))["cluster.topology"].value
    {'kind': 'islands', 'node': 'dgx-a100'}
    """
    wired: dict[str, Any] = {"kind": "islands", "node": on.node}
    source = "--on" if on.stated else "init's default; --on names another node of parsim list nodes"
    if per_node and per_node != on.per_node:
        wired |= {"per_node": per_node, "nics": per_node}
    return {"cluster.devices": devices, "cluster.topology": Said(wired, source)}


def by_section(values: Mapping[str, Said]) -> dict[str, Said]:
    """Return values in the order of the sections of a scenario.

    >>> list(by_section({"plan.data": Said(2, ""), "cluster.devices": Said(2, "")}))
    ['cluster.devices', 'plan.data']
    """
    return dict(sorted(values.items(), key=lambda item: SECTIONS.index(item[0].partition(".")[0])))


def lines(found: Iterable[str]) -> tuple[str, ...]:
    """Return texts in order, each once."""
    return tuple(dict.fromkeys(found))
