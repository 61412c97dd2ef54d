"""Cases: small checks of a shelf entry, and their findings in words.

Case("five tasks on two workers", ask)  --find-->  Finding(policies, newest, "five tasks ...", broken, told)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple

from parsim.core.annotations import FILE, example, mark_of
from parsim.core.errors import ANYTHING, Complaint, Invalid, ParsimError, told
from parsim.core.escape import printable
from parsim.entries.external import Outside, Who, staying
from parsim.entries.registry import shelf
from parsim.scenario import document
from parsim.scenario.schema import key_of, model_of, parameters


class Found(NamedTuple):
    """The result of a case: sentences about broken rules (none if all hold), further remarks, and a drawing."""

    broken: tuple[str, ...] = ()
    told: str = ""
    drawn: str = ""


class Case(NamedTuple):
    """A small check of an entry, which may raise any exception."""

    name: str
    ask: Callable[[], Found]


class Finding(NamedTuple):
    """The finding of one case of one entry."""

    shelf: str
    entry: str
    case: str
    broken: tuple[str, ...]
    told: str
    drawn: str = ""


@staying()
def find(shelf: str, entry: str, case: Case) -> Finding:
    """Run the case; an exception counts as a broken rule."""
    try:
        found = case.ask()
    except (ParsimError, Invalid) as error:
        found = Found((str(error),))
    except ANYTHING as error:
        found = Found((f"raised {told(error)}",))
    return Finding(shelf, entry, case.name, tuple(map(_lines_in_one, found.broken)), found.told, found.drawn)


def _lines_in_one(text: str) -> str:
    return printable("; ".join(line.strip() for line in text.splitlines()))


def found(broken: Iterable[str], told: str = "", drawn: str = "") -> Found:
    """Collect the sentences about broken rules; what is *drawn* shows them."""
    broken = tuple(broken)
    return Found(broken, told, drawn if broken else "")


def who_of(name: str, entry: str, kind: str) -> Who:
    """Return the name of an entry of the shelf *name* for messages."""
    made = shelf(name)[entry]
    return made.who if isinstance(made, Outside) else Who(kind, entry, shelf(name).place(entry), 1)


def asked(entry: Callable[..., Any], given: tuple[str, ...], samples: Mapping[str, Any]) -> dict[str, Any]:
    """Return required arguments for *entry*: from *samples*, else the example of each annotation.

    >>> from parsim.core.units import BytesPerSecond, Seconds
    >>> def star(places, bandwidth: BytesPerSecond, latency: Seconds = 0.0): ...
    >>> asked(star, ("places",), {})
    {'bandwidth': '400 Gbit/s'}
    """
    if isinstance(entry, Outside):
        entry.refuse_unreadable(partial(model_of, entry), given)
    said = dict(samples)
    for name, (annotation, parameter) in parameters(entry, given).items():
        key = key_of(name)
        if key in said or parameter.default is not parameter.empty:
            continue
        written = "" if mark_of(annotation) is FILE else example(annotation)
        if not written:
            message = "check cannot choose a value for this parameter; give it a default"
            raise Invalid([Complaint((key,), message)])
        said[key] = document.parse_value(written)
    return said
