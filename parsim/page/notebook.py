"""Results in notebooks: the page of a run as a widget, beside the tables and the PNG that any viewer shows.

parsim.simulate(...)  -->  widget   where anywidget is installed (extra `notebook`) and the notebook runs
                      -->  HTML     elsewhere: without the extra, on paper, in a notebook that nobody runs
"""

from __future__ import annotations

import json
from functools import cache
from importlib.util import find_spec
from typing import Any

from parsim.page.data import of
from parsim.page.file import bundle, static
from parsim.run import Result

RENDER = """
export default {
  render({ model, el }) {
    const lab = document.body.dataset.jpThemeLight;
    const shown = document.createElement("div");
    el.append(shown);
    $view.show(shown, JSON.parse(model.get("data")), { dark: lab ? lab === "false" : null });
  },
};
"""


def install() -> None:
    """Let the notebook that runs this process, if there is one, show results as widgets."""
    from IPython import get_ipython

    shell = get_ipython()
    if shell is not None and find_spec("anywidget") is not None:
        formatter = shell.display_formatter.mimebundle_formatter
        formatter.for_type_by_name(Result.__module__, Result.__name__, lambda result, **_: bundle_of(result))


def bundle_of(result: Result) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a notebook needs to show *result* as a widget: data and metadata by MIME type."""
    shown = widget()(data=json.dumps(of(result)))
    found: tuple[dict[str, Any], dict[str, Any]] = shown._repr_mimebundle_()
    return found


@cache
def widget() -> type[Any]:
    """Return the class of the widget, whose `data` are those of a page as JSON."""
    import anywidget
    import traitlets

    class Page(anywidget.AnyWidget):
        _esm = f"{bundle('view.js')}{RENDER}"
        _css = static("page.css")
        data = traitlets.Unicode().tag(sync=True)

    return Page
