"""Standard Task Graphs: a file with a line for every task.

    2                         number of tasks, with or without entry and exit
    0   0   0                 number, processing time, number of predecessors, predecessors
    1   6   1   0
    2   9   2   0   1
    3   0   1   2
    # CP Length : 15          a comment

The format of the Kasahara laboratory at Waseda University: Tobita, Kasahara, A Standard Task Graph Set for Fair
Evaluation of Multiprocessor Scheduling Algorithms, J. Scheduling 5(5), 2002. Entry and exit, the first and the last
task of a file, are dropped if they take no time, since they only mark the ends. Task 2 of the file is named t2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np

from parsim.core.cluster import Cluster
from parsim.core.cycles import cycles
from parsim.core.errors import Complaint, Fault, Invalid, ScenarioError
from parsim.core.graph import Edges, TaskGraph
from parsim.core.plan import Plan
from parsim.core.read_file import content
from parsim.core.schema import File
from parsim.core.shapes import NOTHING, edges_of, graph_of
from parsim.core.units import Seconds, Travel
from parsim.workloads import workloads

SHOWN = 20  # faults: a file in another format has one in each line
LONGEST = 15  # characters of a number, so that a float holds it exactly
TIME = re.compile(r"[0-9]+\.?[0-9]*|\.[0-9]+")
BEFORE = 3  # words of a line before the predecessors


@workloads.add("stg")
def stg(cluster: Cluster, plan: Plan, file: File, unit: Seconds = 1.0, send: Travel = NOTHING) -> TaskGraph:
    """Read the graph of a file in the Standard Task Graph format, in the file's order.

    Parameters
    ----------
    file : path of the file, relative to the folder of the scenario.
    unit : seconds, at speed 1, of one unit of the file's processing times.
    send : sent along each edge: bytes over the links, or a delay between different workers; left out: nothing, since
        the format has no transfers.
    """
    try:
        data = content(file)
    except ValueError as error:
        raise Invalid([Complaint(("file",), f"'{file}': {error}")]) from None
    rows = read(data, file)
    seconds = np.array([row.time for row in rows]) * unit
    return graph_of(cluster, [f"t{row.number}" for row in rows], seconds, _edges(rows, send))


class Row(NamedTuple):
    """A task of the file: its number, its processing time, its predecessors."""

    number: int
    time: float
    after: Sequence[int]


def read(data: bytes, file: str) -> list[Row]:
    r"""Return the tasks of a Standard Task Graph without entry and exit. Faults raise `ScenarioError`.

    >>> read(b"2\n 0 0 0\n 1 6 1 0\n 2 9 2 0 1\n 3 0 1 2\n# CP Length : 15\n", "a.stg")
    [Row(number=1, time=6.0, after=[]), Row(number=2, time=9.0, after=[1])]
    """
    sheet = _sheet(data, file)
    rows = [_row(words) for words in sheet.words]
    faults = list(islice(_faults(sheet, rows), SHOWN))
    if faults:
        raise ScenarioError(sorted(faults, key=lambda fault: (fault.line, fault.column)))
    return _inner(rows)


def _row(words: Sequence[str]) -> Row:
    """Read the valid words of a line; faults are found elsewhere."""
    number, time = (*words, "", "")[:2]
    return Row(
        int(number) if _is_whole(number) else -1,
        float(time) if _is_time(time) else 0.0,
        [int(word) for word in words[BEFORE:] if _is_whole(word)],
    )


def _is_whole(word: str) -> bool:
    return len(word) <= LONGEST and word.isascii() and word.isdigit()


def _is_time(word: str) -> bool:
    return len(word) <= LONGEST and TIME.fullmatch(word) is not None


def _inner(rows: Sequence[Row]) -> list[Row]:
    """Remove entry and exit from the tasks and from the predecessors."""
    entry = [row.number for row in rows[:1] if not row.time and not row.after]
    inner = rows[len(entry) : len(rows) - len(_exit(rows))]
    return [row._replace(after=[number for number in row.after if number not in entry]) for row in inner]


def _exit(rows: Sequence[Row]) -> list[int]:
    """Return the number of the last task if it takes no time and no task waits for it."""
    return [last.number for last in rows[-1:] if not last.time and all(last.number not in row.after for row in rows)]


def _edges(rows: Sequence[Row], send: Travel) -> Edges:
    """Return the edges by index of the tasks in the file, without edges to missing tasks."""
    index = {row.number: place for place, row in enumerate(rows)}
    known = [(index[number], child) for child, row in enumerate(rows) for number in row.after if number in index]
    parent, child = np.array(known, np.int64).reshape(-1, 2).T
    return edges_of(parent, child, send)


# -- faults


class _Sheet(NamedTuple):
    """A file split into words: task k is in line `line[k]` with `words[k]`."""

    file: str
    text: Sequence[str]  # all lines, to find the columns of faults
    said: int  # the number of tasks by the first line
    said_line: int
    line: Sequence[int]
    words: Sequence[Sequence[str]]

    def fault(self, task: int, word: int, path: str, message: str) -> Fault:
        """Return a fault of one word of a task's line."""
        return _fault(self.file, self.line[task], self.text[self.line[task] - 1], word, (path, message))

    def about_count(self, message: str) -> Fault:
        """Return a fault of the number of tasks."""
        return _fault(self.file, self.said_line, self.text[self.said_line - 1], 0, ("tasks", message))


def _fault(file: str, line: int, text: str, word: int, told: tuple[str, str]) -> Fault:
    starts = [match.start() + 1 for match in re.finditer(r"\S+", text)]
    return Fault(file, line, starts[min(word, len(starts) - 1)] if starts else 1, *told)


def _sheet(data: bytes, file: str) -> _Sheet:
    """Split a file into words; a file that does not begin with the number of tasks raises one fault."""
    lines = data.removeprefix(b"\xef\xbb\xbf").decode("latin-1").split("\n")  # comments may be in any encoding
    rows = [(number, line.partition("#")[0].split()) for number, line in enumerate(lines, 1)]
    rows = [(number, words) for number, words in rows if words]
    if not rows:
        raise ScenarioError([Fault(file, 1, 1, "tasks", "is empty; the first line must state the number of tasks")])
    (line, first), *rest = rows
    if len(first) == 1 and len(first[0]) > LONGEST and first[0].isascii() and first[0].isdigit():
        raise ScenarioError([_fault(file, line, lines[line - 1], 0, ("tasks", _why(first[0])))])
    if len(first) > 1 or not _is_whole(first[0]):
        wanted = "the first line of a Standard Task Graph states only the number of tasks"
        raise ScenarioError([_fault(file, line, lines[line - 1], 0, ("tasks", f"{_quote(' '.join(first))}: {wanted}"))])
    return _Sheet(file, lines, int(first[0]), line, [row[0] for row in rest], [row[1] for row in rest])


def _quote(word: str) -> str:
    return f"'{word}'" if len(word) <= 30 else f"'{word[:30]}...'"


def _faults(sheet: _Sheet, rows: list[Row]) -> Iterator[Fault]:
    """Find the faults: the number of tasks first, cycles last; checks that depend on others run after them."""
    wrong = list(islice(_about_words(sheet), SHOWN))
    yield from _about_count(sheet, len(_inner(rows)), wrong=bool(wrong))
    yield from wrong
    if not wrong:
        names = list(islice(_about_names(sheet, rows), SHOWN))
        yield from names
        if not names:
            yield from _about_cycles(sheet, rows)


def _about_count(sheet: _Sheet, inner: int, wrong: bool) -> Iterator[Fault]:
    """Yield faults of the number of tasks. Whether there is no task is only known if no word is *wrong*."""
    listed = len(sheet.line)
    if sheet.said != listed and not (sheet.said == inner == listed - 2):
        yield sheet.about_count(f"{_are(sheet.said, 'task')} stated, but {_are(listed)} listed; write {listed}")
    elif not inner and not wrong:
        yield sheet.about_count("there are only entry and exit; at least one other task is needed")


def _are(count: int, what: str = "") -> str:
    words = f" {what}{'s' * (count != 1)}" if what else ""
    return f"{count}{words} {'is' if count == 1 else 'are'}"


def _about_words(sheet: _Sheet) -> Iterator[Fault]:
    """Yield a fault for each word that is not a number, and for each line with too few or too many words."""
    for task, words in enumerate(sheet.words):
        name = f"t{words[0]}" if _is_whole(words[0]) else f"tasks[{task}]"
        if len(words) < BEFORE:
            wanted = "a task has a number, a processing time, a number of predecessors, and their numbers"
            yield sheet.fault(task, 0, name, f"{wanted}; this line has only {len(words)} of these")
        for place, word in enumerate(words):
            if not (_is_time(word) if place == 1 else _is_whole(word)):
                yield sheet.fault(task, place, f"{name}.{_part(place)}", _why(word))
        follow = len(words) - BEFORE
        if follow >= 0 and _is_whole(words[2]) and int(words[2]) != follow:
            yield sheet.fault(
                task, 2, f"{name}.after", f"{_are(int(words[2]), 'predecessor')} stated, but {_are(follow)} listed"
            )


def _part(place: int) -> str:
    """Return the name of a word of a line."""
    return ("number", "time", "predecessors")[place] if place < BEFORE else f"after[{place - BEFORE}]"


def _why(word: str) -> str:
    if len(word) > LONGEST:
        return f"{_quote(word)} is too long; a number has at most {LONGEST} characters"
    if word.startswith("-") and TIME.fullmatch(word[1:]):
        return f"{word} is negative; write 0 or more"
    if TIME.fullmatch(word):
        return f"{word} is not a whole number"
    return f"{_quote(word)} is not a number"


def _about_names(sheet: _Sheet, rows: Sequence[Row]) -> Iterator[Fault]:
    """Yield a fault for each number of two tasks, of no task, and listed twice in a line."""
    first: dict[int, int] = {}
    for task, row in enumerate(rows):
        if first.setdefault(row.number, task) != task:
            line = sheet.line[first[row.number]]
            yield sheet.fault(
                task, 0, f"t{row.number}", f"line {line} already describes task {row.number}; number each task once"
            )
    for task, row in enumerate(rows):
        listed: set[int] = set()
        for place, number in enumerate(row.after):
            path = f"t{row.number}.after[{place}]"
            if number not in first:
                yield sheet.fault(task, BEFORE + place, path, f"the file has no task {number}")
            elif number in listed:
                yield sheet.fault(task, BEFORE + place, path, f"task {number} is listed twice")
            listed.add(number)


def _about_cycles(sheet: _Sheet, rows: Sequence[Row]) -> Iterator[Fault]:
    for cycle in cycles(_edges(rows, NOTHING), len(rows)):
        task = min(cycle)
        message = "is part of a cycle, so the task would wait for itself"
        yield sheet.fault(task, BEFORE, f"t{rows[task].number}.after", message)
