"""Exercises of a course: list, start, check, and grade what students hand in."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from parsim.cli.options import as_json, form, format_of, option_fault, quiet, say_as, seconds_of
from parsim.cli.progress import waiting
from parsim.cli.terminal import say, say_json
from parsim.core.errors import Fault, RunError, ScenarioError
from parsim.core.escape import printable

if TYPE_CHECKING:
    from parsim.exercises import Exercise


timeout = click.option("--timeout", metavar="TIME", default="20 s", help="Time that code may take; default: 20 s.")


@click.group()
def exercise() -> None:
    """Exercises of a course, with numbers of each student's own.

    The numbers are drawn from the student's name, which is the name of the folder with the files.
    """


@exercise.command("list")
@form
@as_json
def list_(form: str | None, as_json: bool) -> None:
    """List the exercises, in the order of the course."""
    from parsim.exercises.course import Course

    say_as(format_of(form, as_json), Course())


@exercise.command()
@click.argument("name")
@click.option(
    "--student", metavar="STUDENT", required=True, help="Who solves it: the numbers are drawn from this name."
)
@click.option("--out", metavar="DIR", default=".", help="Where the student's folder is made; default: here.")
def start(name: str, student: str, out: str) -> None:
    """Write the files to begin exercise NAME with, or all of them.

    The files are in a folder with the student's name. A file that is there already stays.
    """
    from parsim.exercises import EXERCISES
    from parsim.exercises.begin import about_name, files
    from parsim.export.files import prepare

    refused = about_name(student)
    if refused:
        raise option_fault("--student", refused)
    chosen = list(EXERCISES.values()) if name == "all" else [_known(name)]
    folder = prepare(Path(out, student))
    for each in chosen:
        for file, text in files(each, student).items():
            _write_new(folder / file, text)
    if len(chosen) == 1:
        say(f"{chosen[0].question(student)}\n")
    made = [os.path.normpath(folder / each.file) for each in chosen]
    say("\n".join([f"Write your answer into {printable(file)}" for file in made]))
    say(f"and check it: parsim exercise check {printable(shlex.quote(made[0]))}")


@exercise.command()
@click.argument("file")
@click.option("--student", metavar="STUDENT", help="Whose numbers it has; default: the name of its folder.")
@timeout
@as_json
@quiet
def check(file: str, student: str | None, timeout: str, as_json: bool, quiet: bool) -> None:
    """Check an answer; exit code 1 says: not yet.

    FILE is named as its exercise is, such as ada/crossing.yaml.
    """
    from parsim.exercises.hand_in import student_of
    from parsim.exercises.outcome import outcome

    asked = _answered(file)
    whose = student or student_of(file)
    with waiting(file, quiet):
        found = outcome(asked, whose, file, seconds_of("--timeout", timeout))
    if found.faults:
        raise ScenarioError(found.faults)
    if found.kind == "missing":
        raise ScenarioError([Fault(file, 0, 0, "FILE", f"no such file; {_instead(file, asked)}")])
    if found.kind == "broken":
        raise RunError(f"{file}: {found.words}")
    if as_json:
        values = {"exercise": asked.name, "student": whose, "right": found.kind == "right", "words": found.words}
        say_json(values)
    elif not quiet:
        say(found.words)
    if found.kind != "right":
        raise RunError(f"{file}: not yet, with the numbers of {whose}")


@exercise.command()
@click.argument("folder")
@click.option("--out", metavar="FILE", default="grades.csv", help="The table for the teacher; default: grades.csv.")
@timeout
@form
@as_json
@quiet
def grade(folder: str, out: str, timeout: str, form: str | None, as_json: bool, quiet: bool) -> None:
    """Grade FOLDER, which holds a folder for each student, named as the student is.

    What is broken, missing or endless gets no point, and a remark.
    """
    from parsim.exercises import grades
    from parsim.export.files import ready, writable, write

    code_s, chosen = seconds_of("--timeout", timeout), format_of(form, as_json)
    place, name = os.path.dirname(out) or ".", os.path.basename(out)
    writable(place, [name])
    with waiting(folder, quiet):
        found = grades.grade(folder, code_s)
        write(place, ready({name: found.csv()}))
    if not quiet:
        say(f"{found.report()}\n\nwritten to {printable(out)}") if chosen == "text" else say_as(chosen, found)


def _answered(file: str) -> Exercise[Any]:
    """Return the exercise whose answer *file* holds."""
    from parsim.exercises import EXERCISES

    name = Path(file).name.partition(".")[0]
    if name not in EXERCISES and os.path.isdir(file):
        held = [each.file for each in EXERCISES.values() if Path(file, each.file).is_file()]
        example = os.path.join(file, (held or ["first_run.yaml"])[0])
        raise ScenarioError([Fault(file, 0, 0, "FILE", f"is a folder; name a file in it, such as {example}")])
    return _known(name, "FILE")


def _instead(file: str, asked: Exercise[Any]) -> str:
    """Say where a missing file is: here, or in the folder of one student; or else how to begin."""
    folder, name = os.path.split(file)
    here = [name] if folder and os.path.isfile(name) else []
    below = [str(path.parent / name) for path in Path(folder).glob(f"*/{asked.file}")] if name == asked.file else []
    if len(found := here or below) == 1:
        return f"write {found[0]}"
    return f"parsim exercise start {asked.name} --student NAME writes it"


def _known(name: str, argument: str = "NAME") -> Exercise[Any]:
    from parsim.core.suggestions import did_you_mean
    from parsim.exercises import EXERCISES

    if name not in EXERCISES:
        raise option_fault(argument, did_you_mean(name, EXERCISES))
    return EXERCISES[name]


def _write_new(path: Path, text: str) -> None:
    """Write a file, unless it is there."""
    try:
        with path.open("x", encoding="utf-8", newline="\n") as new:
            new.write(text)
    except FileExistsError:
        pass
    except OSError as error:
        raise option_fault("--out", f"'{path}' cannot be written: {error.strerror or error}") from None


COMMANDS: tuple[click.Command, ...] = (exercise,)
