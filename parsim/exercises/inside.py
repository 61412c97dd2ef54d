"""What runs in a process of its own: `python -m parsim.exercises.inside ASKED.json ANSWERED.json`.

mark     marks a file that was handed in
lesson   marks the answer to the exercise of a lesson
play     plays a scenario with code that was handed in, and answers its spans
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from parsim.core.errors import ANYTHING, Fault, ParsimError, RunError, ScenarioError, says
from parsim.core.quantities import size
from parsim.exercises.sealed import MOST_BYTES, Limits


def main(asked: str, answered: str) -> None:
    """Read what is asked, limit this process, and write the answer."""
    told = json.loads(Path(asked).read_text(encoding="utf-8"))
    time_s, memory = told["limits"]
    limit(time_s, memory)
    try:
        said = {"answer": CALLS[told["call"]](**told["arguments"])}
    except MemoryError:
        said = _failed(f"it needs more than {size(memory)} of memory")
    except ScenarioError as wrong:
        said = _failed(str(wrong), wrong.faults)
    except ParsimError as failed:
        said = _failed(str(failed), getattr(failed, "faults", ()))
    except ANYTHING as error:
        said = _failed(f"raised {type(error).__name__}: {says(error)}")
    Path(answered).write_text(json.dumps(said), encoding="utf-8")
    os._exit(0)  # threads of a student's code may still run


def _failed(words: str, faults: Iterable[Fault] = ()) -> dict[str, Any]:
    return {"failed": words, "faults": list(faults)}


def limit(time_s: float, memory: int) -> None:
    """Limit the time, memory and files of this process, where the system can."""
    try:
        import resource
    except ImportError:  # on Windows; there the caller's clock is the only limit
        return
    whole = math.ceil(time_s)
    for what, most in (
        (resource.RLIMIT_CPU, (whole, whole + 1)),
        (resource.RLIMIT_AS, (memory, memory)),
        (resource.RLIMIT_FSIZE, (MOST_BYTES, MOST_BYTES)),
        (resource.RLIMIT_CORE, (0, 0)),
    ):
        with suppress(ValueError, OSError):  # the system has a lower limit, or none of this kind
            resource.setrlimit(what, most)


def mark(name: str, student: str, file: str, code: tuple[float, int]) -> dict[str, Any]:
    """Mark a file that was handed in; *code* are the limits of its code."""
    from parsim.exercises.hand_in import Untouched, mark_file

    marked = mark_file(name, student, file, Limits(*code))
    kind = "right" if marked.right else "untouched" if isinstance(marked, Untouched) else "not yet"
    return {"kind": kind, "words": marked.words}


def play(scenario: Mapping[str, Any], file: str, shelf: str, key: str) -> dict[str, Any]:
    """Play *scenario* with the one entry that *file* adds to *shelf*, at *key*; return its spans."""
    from parsim.entries.registry import use
    from parsim.study.single import simulate

    added = [entry for of, entry in use(file) if of == shelf]
    if len(added) != 1:
        raise RunError(f"the file must add one entry to the shelf {shelf}, not {len(added)}")
    run = simulate(scenario, {key: added[0]})
    return {"spans": run.timeline.rows()}


def lesson(code: str, folder: str) -> dict[str, Any]:
    """Run the code of a lesson's exercise in *folder*, which leaves in `marked` what there is to say."""
    os.chdir(folder)
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(code, names)
    return {"right": names["marked"].right, "words": repr(names["marked"])}


CALLS: Mapping[str, Callable[..., Any]] = {"mark": mark, "lesson": lesson, "play": play}


if __name__ == "__main__":
    main(*sys.argv[1:])
