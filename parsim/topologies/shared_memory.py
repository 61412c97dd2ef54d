"""Shared memory: every ordered pair of places by a link of its own, as fast as a profile has found hand-overs to be.

    w0 ==> w1      seconds = alpha + beta x size, as `parsim calibrate` has measured the copy that hands an array over

So what a replay on this machine takes for transfers is foreseen; the network of another machine, or a real one, is
wired by `full`, `star` or `custom`. The host is a place like any other.
"""

from __future__ import annotations

from typing import Literal

from parsim.core.cluster import Wiring
from parsim.core.errors import Complaint, Invalid
from parsim.core.profile import REMEDY, read
from parsim.core.schema import File
from parsim.topologies import topologies
from parsim.topologies.full import full

FASTEST = 1e15  # B/s, where beta was too small to measure


@topologies.add("shared_memory")
def shared_memory(places: tuple[str, ...], profile: File, machine: Literal["this", "any"] = "this") -> Wiring:
    """Wire all places by links as fast as a profile has found hand-overs between processes to be.

    Parameters
    ----------
    profile : path of the profile that `parsim calibrate` has written, from the folder of the scenario.
    machine : whose profile passes: this, that of this machine only; any, that of another machine, too.

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
