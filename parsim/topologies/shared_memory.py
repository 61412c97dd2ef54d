"""Shared memory: a separate link for every ordered pair of places, with the measured speed of a profile.

    w0 ==> w1      seconds = alpha + beta x size, as measured by `parsim calibrate` for copying an array

This predicts the transfers of a replay on this machine, or on the ranks of an MPI job, by what `parsim calibrate
--links` has measured there. For the network of other machines, use `full`, `star` or `custom`. The host is a place like
any other, and its links differ where they were measured apart.
"""

from __future__ import annotations

from typing import Literal

from parsim.core.cluster import Wiring
from parsim.core.errors import Complaint, Invalid
from parsim.core.profile import REMEDY, read
from parsim.core.schema import File
from parsim.topologies import topologies
from parsim.topologies.changes import LinkChange
from parsim.topologies.full import full

FASTEST = 1e15  # B/s, if beta was too small to measure


@topologies.add("shared_memory")
def shared_memory(places: tuple[str, ...], profile: File, machine: Literal["this", "any"] = "this") -> Wiring:
    """Wire all places by links with the latency and bandwidth of hand-overs in a profile.

    Parameters
    ----------
    profile : path of the profile from `parsim calibrate`, also with --links, relative to the scenario's folder.
    machine : accepted profiles: this, only of this machine; any, also of other machines.

    >>> import json, os, tempfile
    >>> from parsim.core.machine import machine
    >>> from parsim.core.profile import Profile
    >>> file = os.path.join(tempfile.mkdtemp(), "profile.json")
    >>> with open(file, "w") as out: json.dump(Profile(machine(), {}, {}, 2e-6, 2e-10, 0.0).to_dict(), out)
    >>> shared_memory(("w0", "host"), file).route(0, 1)[0]
    Link(name='w0>host', bandwidth=5000000000.0, latency=2e-06)
    """
    found = read(profile)
    if machine == "this" and found.elsewhere():
        raise Invalid([Complaint(("profile",), f"was made on another machine ({found.elsewhere()}); {REMEDY}")])
    host = places[-1]
    changes = found.host and [
        LinkChange(link, _bandwidth(found.host.beta_s_per_byte), found.host.alpha_s)
        for link in (f"{host}>*", f"*>{host}")
    ]
    return full(places, _bandwidth(found.beta_s_per_byte), found.alpha_s, changes)


def _bandwidth(beta_s_per_byte: float) -> float:
    return 1 / max(beta_s_per_byte, 1 / FASTEST)
