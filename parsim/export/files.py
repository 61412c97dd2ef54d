"""Putting results into a folder: checked before the clock starts, each file replaced whole."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from parsim.core.errors import Fault, RunError, ScenarioError

FILES = (  # of any answer
    *("result.json", "scenario.json", "timeline.csv", "idle.csv", "trace.json", "timeline.png", "timeline.svg"),
    "validation.json",
    *("comparison.json", "comparison.png", "comparison.svg"),
    *("explanation.json", "path.png", "path.svg"),
    *("scaling.json", "scaling.png", "scaling.svg"),
    *("splits.json", "splits.png", "splits.svg"),
)


def writable(folder: str | Path, names: Iterable[str] = FILES) -> None:
    """See that *folder* can be made and files of these *names* be written, and leave no trace.

    A long run must have a place to end.
    """
    new: list[Path] = []
    try:
        new += (place for place in (Path(folder), *Path(folder).parents) if not place.exists())
    except (OSError, ValueError) as error:
        raise _refused(folder, error) from None
    try:
        prepare(folder)
        for path in (Path(folder) / name for name in names):
            if path.is_dir():
                raise _refused(path, ValueError("it is a folder"))
    finally:
        for place in new:
            with suppress(OSError):
                place.rmdir()


def prepare(folder: str | Path) -> Path:
    """Make *folder*, or see that it can be written to."""
    if not str(folder):
        raise _refused(folder, ValueError("a folder has a name"))
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = _beside(folder / "probe")
        probe.open("xb").close()
        probe.unlink()
    except (OSError, ValueError) as error:
        raise _refused(folder, error) from None
    return folder


def _refused(folder: str | Path, error: Exception) -> ScenarioError:
    why = getattr(error, "strerror", None) or error
    return ScenarioError([Fault("--out", 0, 0, "out", f"'{folder}' cannot be written to: {why}; name another folder")])


def write(folder: str | Path, files: Mapping[str, bytes | str]) -> None:
    """Write *files* by name; whoever reads meanwhile sees the old file or the new one, never half of it."""
    for name, content in files.items():
        path = Path(folder) / name
        beside = _beside(path)
        try:
            beside.write_bytes(content.encode() if isinstance(content, str) else content)
            os.replace(beside, path)
        except OSError as error:
            raise RunError(f"{path}: cannot be written: {error.strerror or error}") from error
        finally:
            beside.unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    """Name a temporary file on the same disk, so that replacing is one step."""
    return path.with_name(f".{path.name}.{os.getpid()}.part")
