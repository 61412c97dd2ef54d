"""Write what was found as a scenario with comments.

# From run.sh, Megatron-LM flags. ...
workload:
  kind: transformer
  width: 4096                       # --hidden-size
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, NamedTuple

from parsim.core.escape import printable
from parsim.formats.around import around
from parsim.formats.found import Found, Said

WIDEST = 118  # so that a line is not wider than 120 as a comment
COLUMN = 36  # where comments begin
SCHEMA = "# yaml-language-server: $schema={}"
_BARE = re.compile(r"[\w./-]*[A-Za-df-z_][\w./-]*|[\d.]+ [A-Za-z/]+")  # text that is no number
_NO_TEXT = {"true", "false", "null", "yes", "no", "on", "off"}


class Commands(NamedTuple):
    """Commands for what is written.

    Parameters
    ----------
    run : runs the scenario.
    plan : searches it, once the space is in place of its plan.
    space : writes the space as a file of its own.
    search : searches that file.
    """

    run: str
    plan: str
    space: str
    search: str


class Origin(NamedTuple):
    """The file that was read, what it is, and the name of the schema beside the scenario."""

    file: str
    kind: str
    schema: str


def written(found: Found, origin: Origin, commands: Commands) -> str:
    """Return the scenario as YAML, with a space of plans as a comment."""
    tries = _listed(f"Other plans to try, each behind {commands.run}:", found.tries)
    head = _head(found, origin, f"Run it:   {commands.run}")
    return "\n".join([*head, *tries, *_sections(found.values), *_comment(found, commands), ""])


def written_space(found: Found, origin: Origin, commands: Commands) -> str:
    """Return the space around the plan as YAML, in place of the plan."""
    fixed = {path: said for path, said in found.values.items() if not path.startswith("plan.")}
    head = _head(found, origin, f"Find its best plans:   {commands.plan}")
    return "\n".join([*head, *_sections(fixed | around(found.values)), ""])


def _head(found: Found, origin: Origin, then: str) -> list[str]:
    """Say what the scenario is from, and what differs."""
    first = f"# From {printable(origin.file)}, {origin.kind}. {printable(then)}"
    head = [SCHEMA.format(origin.schema), first]
    head += _listed("Not understood, and not part of what is simulated:", found.unread)
    head += _listed("Simulated otherwise than the file says:", (*found.notes, *_differences(found)))
    return head + _listed("Without effect on the time of a step:", [", ".join(found.quiet)] if found.quiet else [])


def _differences(found: Found) -> Iterator[str]:
    """Yield what parsim counts otherwise, so that its parameters can be compared with those that are published."""
    if found.differences:
        told = "; ".join(f"{what}: {number:+,}" for what, number in found.differences)
        total = sum(number for _, number in found.differences)
        yield f"The model has {total:+,} weights compared with what parsim counts. {told}"


def _listed(title: str, items: Iterable[str]) -> list[str]:
    rows = [row for item in items for row in _wrapped(item, "- ")]
    return ["#", f"# {title}", *rows] if rows else []


def _wrapped(text: str, mark: str = "") -> list[str]:
    first, further = f"# {mark}", f"# {' ' * len(mark)}"
    made = textwrap.TextWrapper(WIDEST, first, further, break_long_words=False, break_on_hyphens=False)
    return made.wrap(printable(text))


def _sections(values: Mapping[str, Said]) -> Iterator[str]:
    for section, paths in groupby(values, key=lambda path: path.partition(".")[0]):
        yield ""
        yield f"{section}:"
        for path in paths:
            key, said = path.partition(".")[2], values[path]
            yield from _line(f"{key}: ", said) if key else (f"  - {flow(row)}" for row in said.value)


def _comment(found: Found, commands: Commands) -> Iterator[str]:
    """Write the space around the plan as a comment, from which a file can be made by hand, too."""
    yield ""
    yield from _wrapped("Is another plan faster? This writes a file with plans to choose from, and searches it:")
    yield from (f"#   {printable(command)}" for command in (commands.space, commands.search))
    yield from _wrapped(
        "Or search this file: delete the section `plan` above, delete `# ` at the start of each line below, and run:"
    )
    yield f"#   {printable(commands.plan)}"
    plain = {path: said._replace(source="") for path, said in around(found.values).items()}
    yield from (f"# {row}" if row else "" for row in _sections(plain))


def _line(start: str, said: Said) -> Iterator[str]:
    rows = _value(f"  {start}", said.value)
    comment = printable(said.source)
    beside = f"{rows[-1]:{COLUMN}}# {comment}" if len(rows[-1]) < COLUMN else f"{rows[-1]}  # {comment}"
    if not comment:
        yield from rows
    elif len(beside) <= WIDEST:
        yield from rows[:-1]
        yield beside
    else:
        yield from (f"  {row}" for row in _wrapped(said.source))
        yield from rows


def _value(start: str, value: Any) -> list[str]:
    """Write a value behind its key, over several lines if it is long."""
    text = f"{start}{flow(value)}"
    if len(text) <= WIDEST:
        return [text]
    return textwrap.wrap(text, WIDEST, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)


def flow(value: Any) -> str:
    """Write a value as YAML on one line.

    >>> flow({"kind": "islands", "nodes": 2, "nic": "25 GB/s", "other": [True, "no", 0.5]})
    '{kind: islands, nodes: 2, nic: 25 GB/s, other: [true, "no", 0.5]}'
    """
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {flow(held)}' for key, held in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(flow, value))}]"
    if isinstance(value, str) and value not in _NO_TEXT and _BARE.fullmatch(value):
        return value
    return json.dumps(value)
