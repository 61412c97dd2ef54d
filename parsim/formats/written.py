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
from typing import Any

from parsim.core.escape import printable
from parsim.formats.around import around
from parsim.formats.found import Found, Said

WIDEST = 120
COLUMN = 36  # where comments begin
SCHEMA = "# yaml-language-server: $schema={}"
_BARE = re.compile(r"[\w./-]*[A-Za-df-z_][\w./-]*|[\d.]+ [A-Za-z/]+")  # text that is no number
_NO_TEXT = {"true", "false", "null", "yes", "no", "on", "off"}


def written(found: Found, file: str, kind: str, schema: str, run: str) -> str:
    """Return the scenario as YAML.

    Parameters
    ----------
    file : name of the file that was read.
    kind : what the file is.
    schema : name of the schema in the same folder.
    run : command that runs the scenario.
    """
    head = [SCHEMA.format(schema), f"# From {printable(file)}, {kind}. Run it:   {printable(run)}"]
    head += _listed("Not understood, and not part of what is simulated:", found.unread)
    head += _listed("Simulated otherwise than the file says:", (*found.notes, *_differences(found)))
    head += _listed("Without effect on the time of a step:", [", ".join(found.quiet)] if found.quiet else [])
    head += _listed(f"Other plans to try, each behind {run}:", found.tries)
    return "\n".join(
        [*head, *_sections(found), *_space(around(found.values), run.replace("parsim run", "parsim plan")), ""]
    )


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


def _sections(found: Found) -> Iterator[str]:
    for section, paths in groupby(found.values, key=lambda path: path.partition(".")[0]):
        yield ""
        yield f"{section}:"
        for path in paths:
            yield from _line(path.partition(".")[2], found.values[path])


def _space(sections: Mapping[str, Any], search: str) -> Iterator[str]:
    """Write the space around the plan as a comment."""
    yield ""
    yield f"# In place of the plan above, a space of plans, whose best ones {printable(search)} finds:"
    for section, held in sections.items():
        yield f"#   {section}:"
        rows = held.items() if isinstance(held, dict) else (("-", text) for text in held)
        yield from (f"#     {key}{':' * (key != '-')} {flow(value)}" for key, value in rows)


def _line(key: str, said: Said) -> Iterator[str]:
    rows = _value(f"  {key}: ", said.value)
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
