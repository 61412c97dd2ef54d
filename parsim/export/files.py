"""Putting results into a folder: checked before the clock starts, each file replaced whole."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from parsim.core.errors import Fault, RunError, ScenarioError


def prepare(folder: str | Path) -> Path:
    """Make *folder*, or see that it can be written to; a long run must not end without a place for its result."""
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = _beside(folder / "probe")
        probe.open("xb").close()
        probe.unlink()
    except OSError as error:
        message = f"cannot be written to: {error.strerror or error}"
        raise ScenarioError([Fault("--out", 0, 0, str(folder) or "out", message)]) from None
    return folder


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
