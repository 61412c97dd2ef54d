"""Nodes: what a server holds, from the files of `parsim/nodes/` or as a scenario states it.

node: dgx-a100                     8 devices a100-80g at an NVSwitch, 8 network cards of 200 Gbit/s
node: dgx-a100, nics: 4            the same with 4 cards: what is stated goes before what the file says
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Annotated, Any, Literal

from parsim.core.annotations import Filled
from parsim.core.choice import one_of
from parsim.core.errors import Complaint, Invalid
from parsim.core.schema import Count, Name
from parsim.core.suggestions import did_you_mean
from parsim.core.units import BytesPerSecond, Seconds, show
from parsim.scenario import sourced

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core import CoreSchema

QUESTION = "what does a server hold?"
Inside = Literal["switch", "full", "cube-mesh"]
CUBE_MESH = 8  # devices of a cube mesh


@dataclass(frozen=True)
class KnownNode(Filled):
    """Marks the name of a known node."""

    wanted: str = "the name of a node such as 'dgx-a100'"
    example: str = "dgx-a100"

    def read(self, raw: Any) -> str:
        """Read a known name."""
        if not isinstance(raw, str):
            raise ValueError(f"wants {self.wanted}, not {show(raw)}")
        if raw not in kinds():
            raise ValueError(did_you_mean(raw, kinds()))
        return raw

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return one_of({name: sourced.about(file) for name, file in kinds().items()})


Kind = Annotated[str, KnownNode()]


@dataclass(frozen=True)
class Node:
    """A server: devices, what joins them, and network cards.

    Parameters
    ----------
    per_node : devices of a node.
    bandwidth : bytes a second each way: of a device's links to the switch together, or of one link between two devices.
    latency : seconds of each link within the node.
    nics : network cards of a node.
    nic : bytes a second of a card, each way.
    nic_latency : seconds from a device to the network, and from the network to a device.
    inside : what joins the devices: switch; full, a link between each two; cube-mesh, the links of a DGX-1.
    device : name of the known device.
    """

    per_node: Count
    bandwidth: BytesPerSecond
    latency: Seconds
    nics: Count
    nic: BytesPerSecond
    nic_latency: Seconds
    inside: Inside
    device: Name


KEYS = tuple(field.name for field in fields(Node))
EXAMPLES = {"per_node": "8", "bandwidth": "300 GB/s", "nic": "25 GB/s"}


@cache
def kinds() -> dict[str, FilePath]:
    """Return the files of the known nodes by name."""
    folder = FilePath(__file__).parents[1] / "nodes"
    return {file.stem: file for file in sorted(folder.glob("*.yaml"))}


def numbers(name: str) -> dict[str, Any]:
    """Return the values of a known node in base units, each beside its source."""
    kind(name)  # refuses a wrong file
    return sourced.numbers(kinds()[name])


@cache
def kind(name: str) -> Node:
    """Read the file of a known node: each value has a source, or a `ScenarioError` is raised."""
    return sourced.read(kinds()[name], Node, KEYS)


def node_of(name: str | None, devices: int, **stated: Any) -> Node:
    """Return the node of this name, and what is stated over it; a value that neither says raises `Invalid`.

    Without a name, a node has a card for each device, and a single node needs no bandwidth of cards: what the host
    sends is as fast as its links.

    >>> node_of("dgx-a100", 64, nics=4, nic=None).nics
    4
    """
    said = {key: value for key, value in stated.items() if value is not None}
    if name is not None:
        node = replace(kind(name), **said)
    else:
        unsaid: dict[str, Any] = {"latency": 0.0, "nic_latency": 0.0, "inside": "switch", "device": ""}
        if devices <= said.get("per_node", 0) and "bandwidth" in said:
            unsaid["nic"] = said["bandwidth"]
        missing = [_missing(key) for key in EXAMPLES if key not in unsaid | said]
        if missing:
            raise Invalid(missing)
        node = Node(**unsaid | {"nics": said["per_node"]} | said)
    complaints = list(_about(node))
    if complaints:
        raise Invalid(complaints)
    return node


def _missing(key: str) -> Complaint:
    return Complaint((key,), f"is missing; write for example '{key}: {EXAMPLES[key]}', or name a node")


def _about(node: Node) -> Iterator[Complaint]:
    if node.inside == "cube-mesh" and node.per_node != CUBE_MESH:
        words = f"a cube mesh joins {CUBE_MESH} devices, but a node has {node.per_node}; write switch or full"
        yield Complaint(("inside",), words)
    if node.nics > node.per_node and node.nics % node.per_node:
        words = f"{node.nics} cards cannot be shared out evenly to {node.per_node} devices; write a multiple of these"
        yield Complaint(("nics",), words)


def devices_of(nodes: int | None, node: str | None, per_node: int | None) -> int | None:
    """Return how many devices all nodes have; None: their number is not stated."""
    if nodes is None:
        return None
    if node is None and per_node is None:
        raise Invalid([_missing("per_node")])
    return nodes * (per_node or kind(node or "").per_node)


def period_of(node: str | None, per_node: int | None) -> int | None:
    """Return after how many devices the wiring of nodes repeats; None: it is not stated."""
    return per_node or (kind(node).per_node if node is not None else None)


def device_of(node: str | None) -> str | None:
    """Return the name of the known device of a node."""
    return kind(node).device if node is not None else None


def refuse_other_count(nodes: int | None, node: Node, devices: int) -> None:
    """Refuse a number of nodes that have another number of devices."""
    if nodes is not None and nodes * node.per_node != devices:
        words = f"{nodes} nodes of {node.per_node} are {nodes * node.per_node} devices, but the cluster has {devices}"
        raise Invalid([Complaint(("nodes",), f"{words}; leave nodes or devices out")])
