"""Shared memory: a separate link for every ordered pair of places, with the measured speed of a profile.

    w0 ==> w1      seconds = alpha + beta x size, as measured by `parsim calibrate` for copying an array

This predicts the transfers of a replay on this machine. For the network of other machines, use `full`, `star` or
`custom`. The host is a place like any other.
"""

from __future__ import annotations

from typing import Literal

from parsim.core.cluster import Wiring
from parsim.core.errors import Complaint, Invalid
from parsim.core.profile import REMEDY, read
from parsim.core.schema import File
from parsim.topologies import topologies
from parsim.topologies.full import full

FASTEST = 1e15  # B/s, if beta was too small to measure


@topologies.add("shared_memory")
def shared_memory(places: tuple[str, ...], profile: File, machine: Literal["this", "any"] = "this") -> Wiring:
    """Wire all places by links with the latency and bandwidth of hand-overs in a profile.

    Parameters
    ----------
    profile : path of the profile from `parsim calibrate`, relative to the folder of the scenario.
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
    return full(places, 1 / max(found.beta_s_per_byte, 1 / FASTEST), found.alpha_s)
