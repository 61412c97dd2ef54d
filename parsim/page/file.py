"""One file that opens from disk: the data of a page, its style, and its modules as one script.

view.js  -- imports -->  axis.js, timeline.js, ...     one script: each module a function, after those that it imports
                              |
page.css, data, the script  --+-->  out.html           no other script runs, and nothing is asked of any network
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any

from parsim.core.escape import printable

MODULE = re.compile(r"^(?:import|export)\b.*|\bimport *\(.*", re.MULTILINE)  # what a script cannot hold
IMPORT = re.compile(r'^import (\{[^}]*\}) from "\./([\w.]+)";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?:async )?(?:function|class|const) (\w+)", re.MULTILINE)
START = """
const given = JSON.parse(document.getElementById("data").textContent);
$view.show(document.getElementById("page"), given.data, { compare: given.compare, unlike: given.unlike });
"""


def html(data: Mapping[str, Any], compare: Mapping[str, Any] | None = None, unlike: str = "") -> str:
    """Return the page of *data*, and of a second run on the same axis, as a file of its own.

    *unlike* says how the work of the two differs; empty: it does not, or nobody knows.
    """
    script, style = f"{bundle('view.js')}{START}", f"body {{ margin: 0; }}\n{static('page.css')}"
    title = escape(printable(str(data["facts"]["scenario"])))
    policy = f"default-src 'none'; script-src '{hashed(script)}'; style-src '{hashed(style)}'; img-src data: blob:"
    content = json.dumps({"data": data, "compare": compare, "unlike": unlike}, separators=(",", ":"))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{style}</style>\n</head>\n<body>\n"
        '<main id="page"></main>\n'
        f'<script id="data" type="application/json">{_harmless(content)}</script>\n'
        f'<script type="module">{script}</script>\n</body>\n</html>\n'
    )


@cache
def bundle(module: str) -> str:
    """Return *module* and all that it imports as one script, in which `$view` holds what `view.js` exports."""
    scopes: dict[str, str] = {}
    _collect(module, scopes)
    return "".join(scopes.values())


def _collect(module: str, scopes: dict[str, str]) -> None:
    """Add *module* to *scopes*, after what it imports; each is a function, so that its other names are its own."""
    source = static(module)
    for _, name in IMPORT.findall(source):
        if name not in scopes:
            _collect(name, scopes)
    exports = ", ".join(EXPORT.findall(source))
    body = re.sub(
        r"^export (?=async function|function|class|const)",
        "",
        IMPORT.sub(lambda found: f"const {found[1]} = {_scope(found[2])};\n", source),
        flags=re.M,
    )
    if unknown := MODULE.search(body):
        raise ValueError(f"{module}: a page of one file does not hold this form of import or export: {unknown[0]}")
    scopes[module] = f"const {_scope(module)} = (() => {{\n{body}\nreturn {{ {exports} }};\n}})();\n"


def _scope(module: str) -> str:
    """Return the name of what a module exports.

    >>> _scope("words.en.js")
    '$words_en'
    """
    return f"${module.removesuffix('.js').replace('.', '_')}"


@cache
def static(name: str) -> str:
    """Return a file of the folder `static`."""
    return (files("parsim.page") / "static" / name).read_text(encoding="utf-8")


def hashed(content: str) -> str:
    """Return what a policy of content names *content* by."""
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"


def _harmless(content: str) -> str:
    """Write JSON so that nothing in it ends its element."""
    return content.replace("<", "\\u003c")
