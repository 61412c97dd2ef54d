"""Make the cluster of a scenario: devices by count, by name, or of a known kind, and their wiring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Annotated, Any

from parsim.core.annotations import Filled
from parsim.core.cluster import HOST, UNWIRED, Cluster, Device
from parsim.core.errors import Complaint, Invalid, Path, ScenarioError
from parsim.core.graph import Numbered
from parsim.core.names import about_ways
from parsim.core.schema import Ask, Count, Name, Positive
from parsim.core.suggestions import did_you_mean
from parsim.core.units import Bytes, BytesPerSecond, FlopPerSecond
from parsim.scenario import document
from parsim.scenario.json_schema import one_of
from parsim.scenario.schema import OneOf, check
from parsim.topologies import topologies

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic_core import CoreSchema

MOST_WORKERS = 100_000
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
    peak : peak FLOP a second, used by the cost roofline.
    bandwidth : bytes a second of its memory, used by the cost roofline.
    """

    kind: Kind | None = None
    speed: Positive | None = None
    memory: Bytes | None = None
    slots: Count | None = None
    peak: FlopPerSecond | None = None
    bandwidth: BytesPerSecond | None = None


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
    speed: Positive | None = None
    memory: Bytes | None = None
    slots: Count | None = None


@dataclass(frozen=True)
class ClusterForm:
    """The keys of a cluster.

    Parameters
    ----------
    devices : number of devices, named w0, w1, ...; or a list with the name of each, or a mapping with its name and what
        differs from `device`.
    device : the default of all devices: the name of a known device, or its numbers; left out: speed 1, one slot, no
        limit of memory.
    topology : how devices and host are wired; left out: nothing can travel.
    """

    devices: Count | list[Name | NamedDevice]
    device: Kind | DeviceForm = DeviceForm()
    topology: Annotated[Ask, OneOf(topologies, given=("places",))] | None = None


def devices_of(form: ClusterForm) -> tuple[Device, ...]:
    """Return the devices of a scenario, listed or counted."""
    rows = form.devices if isinstance(form.devices, list) else Numbered("w{}".format, form.devices)
    if not rows:
        raise Invalid([Complaint(("devices",), "is empty; at least one device is needed")])
    if len(rows) > MOST_WORKERS:
        raise Invalid([Complaint(("devices",), f"{len(rows)} devices are more than {MOST_WORKERS}")])
    default = _said(_form(form.device, ("device",)))
    devices = tuple(
        _device(row, ("devices", index), default) if isinstance(row, NamedDevice) else Device(row, **default)
        for index, row in enumerate(rows)
    )
    slots = sum(device.slots for device in devices)
    if slots > MOST_WORKERS:
        raise Invalid([Complaint(("devices",), f"{slots} slots are more than {MOST_WORKERS}")])
    return devices


def _device(row: NamedDevice, path: Path, default: dict[str, Any]) -> Device:
    own = _form(row.device, (*path, "device"))
    return Device(row.name, **(default | _said(own) | _said(row)))


def _form(device: str | DeviceForm, path: Path) -> DeviceForm:
    """Fill in the values of the kind of a device; a bare name is a kind."""
    form = DeviceForm(kind=device) if isinstance(device, str) else device
    if form.kind is None:
        return form
    if form.kind not in kinds():
        at = path if isinstance(device, str) else (*path, "kind")
        raise Invalid([Complaint(at, did_you_mean(form.kind, kinds()))])
    return DeviceForm(**(_said(kind(form.kind)) | _said(form)))


def _said(form: DeviceForm | NamedDevice) -> dict[str, Any]:
    return {key: value for key in KEYS if (value := getattr(form, key, None)) is not None}


KEYS = ("speed", "memory", "slots", "peak", "bandwidth")


@cache
def kinds() -> dict[str, FilePath]:
    """Return the files of the known devices by name."""
    return {file.stem: file for file in sorted(FilePath(__file__).with_name("devices").glob("*.yaml"))}


def about(name: str) -> str:
    """Return the description in the first line of a known device's file."""
    return kinds()[name].read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")


@cache
def kind(name: str) -> DeviceForm:
    """Read the file of a known device: each value has a source, or a `ScenarioError` is raised."""
    file = str(kinds()[name])
    said = document.read(kinds()[name].read_bytes(), file)
    rows = said.values if isinstance(said.values, dict) else {}
    faults = list(said.faults)
    for key, row in rows.items():
        if key not in KEYS:
            faults.append(document.fault(file, said.position((key,), "key"), (key,), did_you_mean(key, KEYS)))
        elif not isinstance(row, dict) or row.keys() != {"value", "source"}:
            wanted = "wants {value: 312 TFLOP/s, source: 'where that is written'}"
            faults.append(document.fault(file, said.position((key,)), (key,), wanted))
    if faults:
        raise ScenarioError(faults)
    try:
        return DeviceForm(**check(DeviceForm, {key: row["value"] for key, row in rows.items()}))
    except Invalid as wrong:
        found = wrong.complaints
        raise ScenarioError(document.fault(file, said.position(c.path), c.path, c.message) for c in found) from None


def about_names(form: ClusterForm, devices: Sequence[Device]) -> list[Complaint]:
    """Return complaints about names that a device, a slot, or a way between two places already has."""
    complaints, taken = [], {HOST: "is the name of the coordinator"}
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
    zero = "a device without memory holds nothing; write for example '16 GB', or leave it out for no limit"
    return [Complaint(("cluster", *path), zero) for path, memory in said if memory == 0]


def wired(devices: tuple[Device, ...], topology: Ask | None) -> Cluster:
    """Wire the devices by the topology."""
    if topology is None:
        return Cluster(devices, UNWIRED)
    return Cluster(devices, topology.make(places=Cluster(devices).places))
