"""Copy the scenarios and notebooks: from their folders in a clone, else from the copies in the wheel.

parsim examples learn      learn/scenarios/*.yaml   learn/notebooks/*.ipynb   and their pictures
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import click

from parsim.cli.terminal import say
from parsim.core.errors import Fault, ScenarioError
from parsim.core.escape import printable

FOLDER = "DIR"
WANTED = (
    *(
        "scenarios/*.yaml",
        "scenarios/*.stg",
        "scenarios/*.json",
        "scenarios/*.sh",
        "notebooks/*.ipynb",
        "notebooks/zh/*.md",
    ),
    *("docs/first_timeline.png", "docs/comparison.png"),
)


@click.command()
@click.argument("folder", metavar=FOLDER)
def examples(folder: str) -> None:
    """Copy the scenarios and notebooks into a folder.

    DIR gets the folders scenarios and notebooks, as README and the notebooks name them. An existing file stays; if it
    differs from the example, nothing is copied.
    """
    from parsim.export.files import ready, write

    found = originals()
    faults = list(_about(Path(folder), found)) if folder else [_refused(Path(folder), "the name is empty")]
    if faults:
        raise ScenarioError(faults)
    new = {name: content for name, content in found.items() if not (Path(folder) / name).exists()}
    try:
        for name in new:
            (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ScenarioError([_refused(Path(folder), error.strerror or str(error))]) from None
    write(folder, ready(new))
    say(f"{printable(folder)} has {len(found)} files, {len(new)} of them new. Start with:")
    say(f"  cd {printable(shlex.quote(folder))}\n  parsim run {next(iter(found))}")


def folder_of_examples() -> Path:
    """Return the folder that holds the scenarios and notebooks: that of a clone, or the copy in the wheel."""
    from parsim.entries.registry import PACKAGE

    brought = Path(PACKAGE) / "examples"  # in a wheel (see pyproject.toml)
    return brought if brought.is_dir() else Path(PACKAGE).parent


def originals() -> dict[str, bytes]:
    """Return the content of each example, by its path from the common folder."""
    root = folder_of_examples()
    files = [file for pattern in WANTED for file in sorted(root.glob(pattern))]
    return {file.relative_to(root).as_posix(): file.read_bytes() for file in files}


def _about(folder: Path, found: dict[str, bytes]) -> Iterator[Fault]:
    """Yield the fault of the folder, or a fault for each file in the way."""
    try:
        places = {place for name in found for place in (folder / name).parents if place.exists() or place.is_symlink()}
        blocked = sorted(place for place in places if not place.is_dir())
        yield from (_refused(place, "it is not a folder") for place in blocked)
        for name, content in found.items():
            path = folder / name
            if path.is_symlink() or (path.exists() and not (path.is_file() and path.read_bytes() == content)):
                yield _refused(path, "it already exists and differs from the example")
    except (OSError, ValueError) as error:
        yield _refused(folder, str(getattr(error, "strerror", None) or error))


def _refused(path: Path, why: str) -> Fault:
    return Fault(FOLDER, 0, 0, FOLDER, f"'{path}' cannot be written: {why}; name another folder")
