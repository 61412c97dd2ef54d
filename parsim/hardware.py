"""Make the cluster of a scenario: devices by count, by name, or of a known kind, and their wiring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from parsim.core.annotations import Filled
from parsim.core.choice import one_of
from parsim.core.cluster import HOST, UNWIRED, Cluster, Device
from parsim.core.errors import Complaint, Invalid, Path, checked_below
from parsim.core.graph import Numbered
from parsim.core.names import about_ways
from parsim.core.rates import ByFormat, rates_of
from parsim.core.schema import Ask, Count, Name, Slowdown, Speed
from parsim.core.signatures import taken
from parsim.core.suggestions import did_you_mean
from parsim.core.units import Bytes, BytesPerSecond, DollarsPerHour, FlopPerSecond, Watts
from parsim.scenario import sourced
from parsim.scenario.schema import OneOf
from parsim.topologies import topologies

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic_core import CoreSchema

MOST_WORKERS = 1_000_000
QUESTION = "what hardware is there?"


@dataclass(frozen=True)
class KnownDevice(Filled):
    """Marks the name of a known device."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return one_of({name: about(name) for name in kinds()})


Kind = Annotated[str, KnownDevice()]


@dataclass(frozen=True)
class DeviceForm:
    """The keys of a device; omitted ones come from its kind.

    Parameters
    ----------
    kind : name of a known device; its numbers apply where none is stated here.
    speed : divides every time that is stated for speed 1; left out: 1.
    memory : bytes of its memory; left out: no limit.
    slots : tasks that it runs at once; a device with 2 slots is two workers. Left out: 1.
    peak : peak FLOP a second, of every number format or of each that is named; used by the cost roofline.
    bandwidth : bytes a second of its memory, used by the cost roofline.
    ceiling : FLOP a second that large matrix products were measured to reach, of every number format or of each that is
        named; a peak that is stated here leaves out the ceiling of the kind.
    price : US dollars an hour for the device; training then tells what an iteration costs.
    power : watts that the device draws; training then tells the energy of an iteration.
    overlap_slowdown : how many times as long computing takes while a communication lane of the same worker is busy, or
        a transfer of its own is under way; profiles of Galvatron (Miao et al., VLDB 2023) have 1.13. Left out: 1.
    """

    kind: Kind | None = None
    speed: Speed | None = None
    memory: Bytes | None = None
    slots: Count | None = None
    peak: FlopPerSecond | ByFormat | None = None
    bandwidth: BytesPerSecond | None = None
    ceiling: FlopPerSecond | ByFormat | None = None
    price: DollarsPerHour | None = None
    power: Watts | None = None
    overlap_slowdown: Slowdown | None = None


@dataclass(frozen=True)
class KnownForm(DeviceForm):
    """The keys of the file of a known device: those of a device, and facts about the nodes that it is sold in.

    Parameters
    ----------
    link : bytes a second each way between it and its node's other devices: all its links together for NVLink, one link
        for xGMI, ICI and PCI Express.
    nic : bytes a second each way between it and other nodes, its share of its node's network cards.
    per_node : devices of a node.
    """

    link: BytesPerSecond | None = None
    nic: BytesPerSecond | None = None
    per_node: Count | None = None


@dataclass(frozen=True)
class NamedDevice:
    """A device of the list of devices.

    Parameters
    ----------
    name : name of the device, different from all others.
    device : name of a known device, or its numbers; what is left out is as cluster.device says.
    speed : divides every time that is stated for speed 1; left out: as cluster.device says.
    memory : bytes of its memory; left out: as cluster.device says.
    slots : tasks that it runs at once; a device with 2 slots is two workers. Left out: as cluster.device says.
    """

    name: Name
    device: Kind | DeviceForm = DeviceForm()
    speed: Speed | None = None
    memory: Bytes | None = None
    slots: Count | None = None


@dataclass(frozen=True)
class ClusterForm:
    """The keys of a cluster.

    Parameters
    ----------
    devices : number of devices, named w0, w1, ...; or a list with the name of each, or a mapping with its name and what
        differs from `device`; left out: as many as the topology has, or the degrees of the plan.
    device : the default of all devices: the name of a known device, or its numbers; left out: the device of the
        topology's node, or else speed 1, one slot, no limit of memory.
    topology : how devices and host are wired; left out: nothing can travel.
    link_speed : multiplies the bandwidth of every link of the topology; 0.5: the network is half as fast. Left out: 1.
    """

    devices: Count | list[Name | NamedDevice] | None = None
    device: Kind | DeviceForm = DeviceForm()
    topology: Annotated[Ask, OneOf(topologies, given=("places",))] | None = None
    link_speed: Speed = 1.0

    EXAMPLE: ClassVar[str] = "{devices: 4}"  # no key is required


def countable(form: ClusterForm, complaints: Sequence[Complaint]) -> bool:
    """Return whether `devices_of` can tell how many devices there are, or why not.

    Where nobody says how many, a plan or a topology may that is wrong; then its faults say enough.
    """
    wrong = any(one.path[:1] == ("plan",) or one.path[:2] == ("cluster", "topology") for one in complaints)
    return form.devices is not None or not wrong or claimed(form.topology, "devices") is not None


def devices_of(form: ClusterForm, workers: int = 0) -> tuple[Device, ...]:
    """Return the devices of a scenario: listed, counted, as many as its topology has, or as the *workers* of its plan.

    No *workers*: the plan does not say how many there are.
    """
    said = claimed(form.topology, "devices") if form.devices is None else form.devices
    if said is None and not workers:
        raise Invalid([Complaint(("devices",), MISSING)])
    said = workers if said is None else said
    count = len(said) if isinstance(said, list) else said
    if not count:
        raise Invalid([Complaint(("devices",), "is empty; at least one device is needed")])
    if count > MOST_WORKERS:
        raise Invalid([Complaint(("devices",), f"{count} devices are more than {MOST_WORKERS}")])
    rows = said if isinstance(said, list) else Numbered("w{}".format, count)
    default = _numbers(_of_node(form), ("device",))
    devices = tuple(
        _device(row, ("devices", index), default) if isinstance(row, NamedDevice) else Device(row, **default)
        for index, row in enumerate(rows)
    )
    slots = sum(device.slots for device in devices)
    if slots > MOST_WORKERS:
        raise Invalid([Complaint(("devices",), f"{slots} slots are more than {MOST_WORKERS}")])
    return devices


MISSING = (
    "is missing; write for example 'devices: 4', or a topology that says how many, such as islands with nodes; for "
    "training a plan with degrees, such as data: 4, says it, too"
)


def claimed(topology: Ask | None, what: str) -> Any:
    """Return how many `devices` a topology has, or the name of its known `device`; None: it does not say."""
    claim = topologies.claims(topology.name).get(what) if topology is not None else None
    if topology is None or claim is None:
        return None
    with checked_below("topology"):
        return claim(**{name: topology.arguments[name] for name in taken(claim, topology.arguments)})


def _of_node(form: ClusterForm) -> str | DeviceForm:
    """Return the default of all devices: as stated, and where it names no kind, that of the topology's node."""
    if isinstance(form.device, str) or form.device.kind is not None:
        return form.device
    return replace(form.device, kind=claimed(form.topology, "device"))


def notes_on_kind(form: ClusterForm) -> list[str]:
    """Return a note where the stated kind of all devices is not that of the topology's node."""
    stated = form.device if isinstance(form.device, str) else form.device.kind
    of_node = claimed(form.topology, "device") if stated is not None else None
    if of_node is None or of_node == stated:
        return []
    return [f"devices are {stated}, as cluster.device says; a node of this kind has {of_node}"]


def _device(row: NamedDevice, path: Path, default: dict[str, Any]) -> Device:
    own = _numbers(row.device, (*path, "device"))
    return Device(row.name, **_over(_over(default, own), _said(row)))


def _numbers(device: str | DeviceForm, path: Path) -> dict[str, Any]:
    """Return the numbers of a device, over those of its kind; a bare name is a kind."""
    form = DeviceForm(kind=device) if isinstance(device, str) else device
    if form.kind is None:
        return _said(form, path)
    if form.kind not in kinds():
        at = path if isinstance(device, str) else (*path, "kind")
        raise Invalid([Complaint(at, did_you_mean(form.kind, kinds()))])
    return _over(_said(kind(form.kind)), _said(form, path))


def _over(known: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    """Return *said*, and what else is *known*; a ceiling is known of the peak beside it only."""
    return {key: value for key, value in known.items() if key != "ceiling" or "peak" not in said} | said


def _said(form: DeviceForm | NamedDevice, path: Path = ()) -> dict[str, Any]:
    said = {key: value for key in KEYS if (value := getattr(form, key, None)) is not None}
    for key in RATES & said.keys():
        with checked_below(*path, key):
            said[key] = rates_of(said[key])
    return said


RATES = {"peak", "ceiling"}
KEYS = ("speed", "memory", "slots", "peak", "bandwidth", "ceiling", "price", "power", "overlap_slowdown")
FACTS = ("link", "nic", "per_node")  # of a known device, beside its keys


@cache
def kinds() -> dict[str, FilePath]:
    """Return the files of the known devices by name."""
    return {file.stem: file for file in sorted(FilePath(__file__).with_name("devices").glob("*.yaml"))}


def about(name: str) -> str:
    """Return the description in the first line of a known device's file."""
    return sourced.about(kinds()[name])


@cache
def kind(name: str) -> KnownForm:
    """Read the file of a known device: each value has a source, or a `ScenarioError` is raised."""
    return sourced.read(kinds()[name], KnownForm, (*KEYS, *FACTS), by_name=RATES)


def known_device(name: str) -> Device:
    """Return the known device of this name."""
    return Device(name, **_said(kind(name)))


def numbers(name: str) -> dict[str, Any]:
    """Return the numbers of a known device in base units, each beside its source."""
    kind(name)  # refuses a wrong file
    return sourced.numbers(kinds()[name])


def about_names(form: ClusterForm, devices: Sequence[Device]) -> list[Complaint]:
    """Return complaints about names that a device, a slot, or a way between two places already has."""
    complaints, taken = [], {HOST: "is the name of the coordinator; choose another"}
    for index, device in enumerate(devices):
        slots = [f"{device.name}.{slot}" for slot in range(device.slots)] if device.slots > 1 else []
        shared = next((name for name in (device.name, *slots) if name in taken), "")
        if shared:
            of = "" if shared == device.name else f", a slot of '{device.name}',"
            complaints.append(Complaint(_name_of(form, index), f"'{shared}'{of} {taken[shared]}; choose another"))
        taken |= dict.fromkeys([device.name, *slots], f"is taken by devices[{index}]")
    if form.topology is not None and not complaints:
        complaints = [
            Complaint(_name_of(form, index), why) for index, why in about_ways([*(d.name for d in devices), HOST])
        ]
    return complaints


def _name_of(form: ClusterForm, index: int) -> Path:
    row = form.devices[index] if isinstance(form.devices, list) else ""
    return ("cluster", "devices", index, *(("name",) if isinstance(row, NamedDevice) else ()))


def about_memory(form: ClusterForm) -> list[Complaint]:
    """Return complaints about devices without memory."""
    said: list[tuple[Path, float | None]] = [(("device", "memory"), getattr(form.device, "memory", None))]
    for index, row in enumerate(form.devices if isinstance(form.devices, list) else []):
        if isinstance(row, NamedDevice):
            said += [
                (("devices", index, "memory"), row.memory),
                (("devices", index, "device", "memory"), getattr(row.device, "memory", None)),
            ]
    zero = "a device needs memory above 0 B; write for example '16 GB', or leave it out for no limit"
    return [Complaint(("cluster", *path), zero) for path, memory in said if memory == 0]


def wired(devices: tuple[Device, ...], form: ClusterForm) -> Cluster:
    """Wire the devices by the topology."""
    if form.topology is None:
        return Cluster(devices, UNWIRED)
    wiring = form.topology.make(places=Cluster(devices).places)
    return Cluster(devices, wiring if form.link_speed == 1.0 else wiring.times(form.link_speed))
