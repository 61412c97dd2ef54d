"""Write results into a folder: check it before the run, write beside an earlier run, then replace that at once.

.timeline.csv.part  .trace.json.part  .result.json.part          all are written first, or the earlier run stays
timeline.csv        trace.json        result.json               then each is replaced, result.json last
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache, partial
from pathlib import Path

from parsim.core.errors import Fault, RunError, ScenarioError
from parsim.core.progress import counted

FILES = (  # of every answer
    *("result.json", "scenario.json", "timeline.csv", "idle.csv", "trace.json", "timeline.png", "timeline.svg"),
    *("validation.json", "validation.png", "validation.svg"),
    *("comparison.json", "comparison.png", "comparison.svg"),
    *("explanation.json", "path.png", "path.svg"),
    *("scaling.json", "scaling.png", "scaling.svg"),
    *("splits.json", "splits.png", "splits.svg"),
    *("sweep.json", "rows.csv", "plan.json", "rows.json"),
    *("choices.png", "choices.svg", "heat.png", "heat.svg"),
    *("pareto.png", "pareto.svg", "parallel.png", "parallel.svg"),
)


ANSWERS = tuple(
    name for name in FILES if name.endswith(".json") and name not in ("scenario.json", "trace.json", "rows.json")
)

Content = bytes | str | Iterator[str]  # an iterator yields a large text in pieces
Files = dict[str, Callable[[], Content]]  # name, perhaps with a folder -> function that makes the content


def ready(contents: Mapping[str, bytes | str]) -> Files:
    """Return files whose content is known."""
    return {name: partial(contents.__getitem__, name) for name in contents}


def drawn(name: str, draw: Callable[[], Mapping[str, bytes]]) -> Files:
    """Return NAME.png and NAME.svg. Both are drawn when the first one is needed."""
    pictures = cache(draw)
    return {file: partial(_one, pictures, file) for file in (f"{name}.png", f"{name}.svg")}


def _one(pictures: Callable[[], Mapping[str, bytes]], file: str) -> bytes:
    return pictures()[file]


def json_text(values: object) -> str:
    """Write the JSON object of an answer."""
    return json.dumps(values, indent=1) + "\n"


def within(folder: str, files: Files) -> Files:
    """Return *files* in a folder of their own."""
    return {f"{folder}/{name}": make for name, make in files.items()}


def writable(folder: str | Path, names: Iterable[str] = FILES) -> None:
    """Check that *folder* can be made and files with these *names* can be written; leave no trace.

    A long run must not fail at its end because of the folder.
    """
    new = _missing(folder)
    try:
        prepare(folder)
        for path in (Path(folder) / name for name in names):
            if path.is_dir():
                raise _refused(path, ValueError("it is a folder"))
    finally:
        _remove_empty(new)


def prepare(folder: str | Path) -> Path:
    """Make *folder*, or check that it is writable."""
    if not str(folder):
        raise _refused(folder, ValueError("the name is empty"))
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


def write(folder: str | Path, files: Files, outdated: Iterable[str] = ()) -> None:
    """Write all *files* or none. Files of an earlier run stay in *folder* until all new ones are written.

    Then each new file replaces the old one. Answers are removed before the first replacement and written after the
    last one: if an answer is missing, the other files are not of one run. *outdated* files are removed too.
    """
    new = _missing(folder)
    place = prepare(folder)
    beside: dict[Path, Path] = {}  # file -> its temporary file
    path = place
    try:
        for name in counted("files", list(files)):
            path = place / name
            new += _missing(path.parent)
            path.parent.mkdir(parents=True, exist_ok=True)
            beside[path] = _beside(path)
            _put(beside[path], files.pop(name)())
        answers = dict.fromkeys(path for path in beside if path.name in ANSWERS)
        for path in (*answers, *(place / name for name in outdated)):
            path.unlink(missing_ok=True)
        for path in sorted(beside, key=answers.__contains__):
            os.replace(beside[path], path)
    except OSError as error:
        raise RunError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        for part in beside.values():
            part.unlink(missing_ok=True)
        _remove_empty(new)


def _put(path: Path, content: Content) -> None:
    with path.open("wb") as file:
        for part in parts(content):
            file.write(part)


def parts(content: Content) -> Iterator[bytes]:
    """Yield the bytes of a file in pieces."""
    for part in (content,) if isinstance(content, bytes | str) else content:
        yield part.encode() if isinstance(part, str) else part


def _missing(folder: str | Path) -> list[Path]:
    """Return the folders that must be made."""
    try:
        return [place for place in (Path(folder), *Path(folder).parents) if not place.exists()]
    except (OSError, ValueError) as error:
        raise _refused(folder, error) from None


def _remove_empty(places: Iterable[Path]) -> None:
    for place in sorted(places, key=lambda place: -len(place.parts)):
        with suppress(OSError):
            place.rmdir()


def _beside(path: Path) -> Path:
    """Name a temporary file on the same disk, so that replacement is atomic."""
    return path.with_name(f".{path.name}.{os.getpid()}.part")
