"""A request of a page: what to play.

{"page": "k3x9", "text": "cluster: ...", "values": {"plan.microbatches": 16}, "slow": {"device": 1, "speed": 0.5}}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

LONGEST_NAME = 64  # characters of a page's name
MOST_VALUES = 200


class Slow(NamedTuple):
    """A device that is slower: its number, and its speed, 1 for a device as fast as the others."""

    device: int
    speed: float


class Request(NamedTuple):
    """What a page asks for.

    Attributes
    ----------
    page : the name of the page, or of one of its two scenarios; a newer request of that name stops the one before.
    text : the scenario in YAML.
    values : what its controls set, by dotted path.
    slow : the device that is made slower; None: none.
    """

    page: str
    text: str
    values: Mapping[str, Any] = {}
    slow: Slow | None = None


def request_of(body: bytes) -> Request:
    """Read a request; a wrong one raises `ValueError`.

    >>> request_of(b'{"page": "k3x9", "text": "policy: fifo"}')
    Request(page='k3x9', text='policy: fifo', values={}, slow=None)
    """
    held = json.loads(body, parse_constant=_no_number)
    json.dumps(held, ensure_ascii=False).encode()  # half a surrogate pair is no text
    known = held if isinstance(held, dict) else {}
    page, text, values, slow = known.get("page"), known.get("text"), known.get("values", {}), known.get("slow")
    if not isinstance(page, str) or not 0 < len(page) <= LONGEST_NAME:
        raise ValueError(f"page is no name of 1 to {LONGEST_NAME} characters")
    if not isinstance(text, str):
        raise ValueError("text is no text")
    if not isinstance(values, dict) or len(values) > MOST_VALUES:
        raise ValueError(f"values is no mapping of at most {MOST_VALUES} paths")
    return Request(page, text.removeprefix("\ufeff"), values, None if slow is None else _slow(slow))


def _slow(held: Any) -> Slow:
    device, speed = (held.get("device"), held.get("speed")) if isinstance(held, dict) else (None, None)
    if type(device) is not int or not isinstance(speed, int | float) or isinstance(speed, bool):
        raise ValueError("slow is no device with a speed")
    return Slow(device, speed)


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")
