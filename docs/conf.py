"""How Sphinx makes the site: `sphinx-build docs site`."""

import sys
from pathlib import Path

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

sys.path.insert(0, str(Path(__file__).parent))  # the directives of generated.py

from parsim import __version__

project = "parsim"
version = release = __version__
copyright = "the authors of parsim"
extensions = ["myst_parser", "generated"]
myst_heading_anchors = 4
html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["wide.css"]
html_title = f"parsim {version}"
html_copy_source = False
html_show_search_summary = False  # a browser may not fetch the pages of a site that is opened from disk


def setup(app: Sphinx) -> None:
    """Show CSV as it is, and let pages lead to CONTRIBUTING, which lies beside this folder, by its page."""
    app.add_lexer("csv", TextLexer)
    app.connect("source-read", _lead_to_contributing)
    app.connect("env-get-outdated", _read_reference_anew)


def _lead_to_contributing(app: Sphinx, page: str, text: list[str]) -> None:
    text[0] = text[0].replace("](../CONTRIBUTING.md", "](contributing.md")


def _read_reference_anew(app: Sphinx, env: BuildEnvironment, *changes: set[str]) -> list[str]:
    """Name the pages that a change of the program changes, though their files stay."""
    return [page for page in env.found_docs if page.startswith("reference/")]
