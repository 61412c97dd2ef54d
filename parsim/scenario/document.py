"""Read YAML with the place of every key and value, and without YAML's traps.

    devices: 4        ->   values {"devices": 4}
    ^        ^             places  devices: key (1, 1), value (1, 10)

Only the subset that a scenario needs is accepted. Text stays text (`no`, dates, `1_000`, `0x10`); numbers, true, false
and null are those of YAML 1.2. Duplicate keys, leading zeros, keys that are not text, anchors, tags and a second
document are refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from parsim.core.errors import Complaint, Fault, Invalid, Path, ScenarioError, dotted
from parsim.core.escape import printable
from parsim.core.garbage import uncollected

DEEPEST = 40  # nesting
TAB = "here is a tab, but YAML indents only with spaces; write spaces instead"
CONTINUED = "mapping values are not allowed"  # libyaml's message where a tab joins a key to the text above it
LOOK = 50_000  # values between two early checks of a document
MANY = 3_000  # faults after which reading stops
STOPPED = "the rest of the file was not read"
WIDEST = 2_000  # characters of a path or of a message
LONGEST = 300  # digits of a number, so that every whole number fits a float

Position = tuple[int, int]  # line and column, from 1


class Branch(NamedTuple):
    """The places of a list or a mapping, its keys and its members. A scalar has only a position."""

    position: Position
    keys: dict[str, Position]
    children: dict[str | int, Branch | Position]


class Document(NamedTuple):
    """The values of a file, their places, and the faults found while reading."""

    values: Any
    places: Branch | Position
    faults: tuple[Fault, ...] = ()

    def position(self, path: Path, at: str = "value") -> Position:
        """Return the place of the value at *path*, or of its key; if it is missing, of its container."""
        place = self.places
        for depth, part in enumerate(path, 1):
            if not isinstance(place, Branch) or part not in place.children:
                break
            if at == "key" and depth == len(path) and part in place.keys:
                return place.keys[str(part)]
            place = place.children[part]
        return place.position if isinstance(place, Branch) else place


def fault(file: str, position: Position, path: Path, message: str) -> Fault:
    """Return a fault on one line; the path of the whole document is `yaml`."""
    return Fault(file, *position, _short(printable(dotted(path))) or "yaml", _short(printable(message)))


def _short(text: str) -> str:
    return text if len(text) <= WIDEST else f"{text[:WIDEST]}..."


def unquestioned(open: Sequence[Any], path: Path) -> Iterable[Complaint]:
    """Return no complaints."""
    return ()


About = Callable[[Sequence[Any], Path], Iterable[Complaint]]  # (open values, see `Excerpt`; path) -> complaints


def read(data: bytes, file: str, about: About = unquestioned) -> Document:
    """Read the YAML text *data*. Text that is not YAML raises `ScenarioError` with one fault.

    *about* is called from time to time to check the values so far, so that reading a large wrong file stops early.

    >>> document = read(b"policy: fifo", "a.yaml")
    >>> document.values, document.position(("policy",)), document.position(("policy",), "key")
    ({'policy': 'fifo'}, (1, 9), (1, 1))
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        good = data[: error.start].decode("utf-8-sig", "replace")
        raise ScenarioError([fault(file, _end_of(good), (), "is not UTF-8 text")]) from None
    return read_text(text, file, about)


def read_text(text: str, file: str, about: About = unquestioned) -> Document:
    """Read YAML from a string."""
    import yaml

    odd = yaml.reader.Reader.NON_PRINTABLE.search(text)
    if odd:
        message = f"holds the character {odd.group()!r}, which YAML does not allow; is it a text file?"
        raise ScenarioError([fault(file, _end_of(text[: odd.start()]), (), message)])
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        with uncollected():
            return _Builder(iter(loader(text).get_event, None), file, about).document()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        position = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        tab = _tab(text, mark, str(error)) if mark else 0
        if tab:
            raise ScenarioError([fault(file, (position[0], tab), (), TAB)]) from None
        said = (getattr(error, "context", None), getattr(error, "problem", None))
        if mark and "nesting" in str(said[1]):  # the C parser reads ahead, and some versions have their own limit
            return read_text(text[: mark.index], file, about)
        message = ": ".join(part for part in said if part) or str(error)
        raise ScenarioError([fault(file, position, (), message)]) from None
    except (ValueError, OverflowError) as error:  # an escape such as "\UFFFFFFFF", without the C parser
        raise ScenarioError([fault(file, (1, 1), (), str(error))]) from None


def _tab(text: str, mark: Any, said: str) -> int:
    """Return the column of the tab that caused an error of YAML; 0 if no tab did."""
    line = text[mark.index - mark.column :]
    before = len(line) - len(line.lstrip(" "))
    for column in (mark.column, before) if CONTINUED in said else (mark.column,):
        if line[column : column + 1] == "\t":
            return column + 1
    return 0


def parse_value(text: str) -> Any:
    """Read one YAML value, as after `--set PATH=`; a wrong value raises `Invalid`.

    >>> parse_value("[1, 5 us]"), parse_value("no"), parse_value("")
    ([1, '5 us'], 'no', None)
    """
    if not text.strip():
        return None
    try:
        document = read_text(text, "")
    except ScenarioError as error:
        raise Invalid(
            Complaint((), f"'{text}' is not a YAML value: {found.message}") for found in error.faults
        ) from None
    if document.faults:
        raise Invalid(Complaint((), f"'{text}': {found.message}") for found in document.faults)
    return document.values


def _end_of(text: str) -> Position:
    return text.count("\n") + 1, len(text) - text.rfind("\n")


_WORDS: dict[str, Any] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_WORDS |= {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_WORDS |= dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf"))
_WORDS |= dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf"))
_WORDS |= dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan"))
_NUMBER = re.compile(r"[-+]?(?:[0-9]+(\.[0-9]*)?|(\.[0-9]+))([eE][-+]?[0-9]+)?")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]")


def plain(text: str) -> Any:
    """Return the value of unquoted *text*; a malformed number raises `ValueError`.

    >>> [plain(text) for text in ("5e6", "4", "no", "true", "~", "1_000", "2024-01-01")]
    [5000000.0, 4, 'no', True, None, '1_000', '2024-01-01']
    """
    if text in _WORDS:
        return _WORDS[text]
    match = _NUMBER.fullmatch(text) if text[0] in "+-.0123456789" else None
    if match is None:
        return text
    if _LEADING_ZERO.match(text):
        raise ValueError(f"{text[:60]} starts with a zero; leave the zero out, or write it in quotes if it is text")
    if len(text) > LONGEST:
        raise ValueError(f"{text[:60]}... has too many digits")
    return float(text) if any(match.groups()) else int(text)


class _Builder:
    """Builds values and places from the parser's events; `path` is the current path."""

    def __init__(self, events: Iterator[Any], file: str, about: About = unquestioned) -> None:
        from yaml import events as kinds

        self.events, self.file, self.about = events, file, about
        self.path: list[str | int] = []
        self.open: list[tuple[Any, Branch]] = []  # lists and mappings on the path, with their places
        self.left = LOOK
        self.faults: list[Fault] = []
        self.scalar, self.sequence, self.mapping = kinds.ScalarEvent, kinds.SequenceStartEvent, kinds.MappingStartEvent
        self.alias, self.second, self.stream_end = kinds.AliasEvent, kinds.DocumentStartEvent, kinds.StreamEndEvent
        self.ends = (kinds.SequenceEndEvent, kinds.MappingEndEvent)

    def document(self) -> Document:
        """Read the single document of the stream."""
        next(self.events)
        if isinstance(next(self.events), self.stream_end):
            raise ScenarioError([fault(self.file, (1, 1), (), "is empty")])
        values, places = self._value(next(self.events))
        next(self.events)
        for event in self.events:  # read to the end, so that faults of YAML are found everywhere
            if isinstance(event, self.second):
                self._complain(event, "a second document starts here; a scenario is a single document")
                raise ScenarioError(self.faults[-1:])
        return Document(values, places, tuple(self.faults))

    def _complain(self, event: Any, message: str) -> None:
        self.faults.append(fault(self.file, _position(event), tuple(self.path), message))
        if len(self.faults) >= MANY:
            self._stop()

    def _look(self) -> None:
        """Check the values so far, and stop reading if there are faults."""
        self.left = LOOK
        path, open = tuple(self.path), [held for held, _ in self.open]
        complaints = list(self.about(open, path))
        if complaints:
            for (_, outer), (_, inner), step in zip(self.open, self.open[1:], path, strict=False):
                outer.children[step] = inner
            so_far = Document(open[0], self.open[0][1])
            for told in complaints:
                place = so_far.position(told.path, told.at)
                self.faults.append(fault(self.file, place, told.path, told.message))
            self._stop()

    def _stop(self) -> None:
        *faults, last = sorted(self.faults)
        raise ScenarioError([*faults, last._replace(message=f"{last.message}; {STOPPED}")])

    def _value(self, event: Any) -> tuple[Any, Branch | Position]:
        self.left -= 1
        if self.left <= 0 and self.open:
            self._look()
        if type(event) is self.scalar and event.anchor is None and event.tag is None:
            return self._scalar(event), _position(event)
        if isinstance(event, self.alias):
            self._complain(event, f"'*{event.anchor}' is an alias; write the value out")
            return None, _position(event)
        if event.anchor is not None or event.tag is not None:
            self._refuse_extras(event)
        if isinstance(event, self.scalar):
            return self._scalar(event), _position(event)
        if len(self.path) >= DEEPEST:
            self._complain(event, f"is nested deeper than {DEEPEST} levels")
            raise ScenarioError(self.faults[-1:])
        return self._list(event) if isinstance(event, self.sequence) else self._mapping(event)

    def _refuse_extras(self, event: Any) -> None:
        if event.anchor is not None:
            self._complain(event, f"'&{event.anchor}' is an anchor; leave it out")
        if event.tag is not None:
            self._complain(event, f"'{event.tag}' is a tag; leave it out")

    def _scalar(self, event: Any) -> Any:
        if event.style:
            return event.value
        try:
            return plain(event.value)
        except ValueError as error:
            self._complain(event, str(error))
            return event.value

    def _list(self, start: Any) -> tuple[Any, Branch]:
        values: list[Any] = []
        branch = self._opened(start, values)
        for event in self.events:
            if isinstance(event, self.ends):
                break
            self.path.append(len(values))
            value, branch.children[len(values)] = self._value(event)
            values.append(value)
            self.path.pop()
        return self.open.pop()

    def _opened(self, start: Any, values: Any) -> Branch:
        branch = Branch(_position(start), {}, {})
        self.open.append((values, branch))
        return branch

    def _mapping(self, start: Any) -> tuple[Any, Branch]:
        values: dict[str, Any] = {}
        branch = self._opened(start, values)
        for event in self.events:
            if isinstance(event, self.ends):
                break
            key = self._key(event)
            self.path.append(key)
            if key in values:
                first = branch.keys[key]
                self._complain(event, f"the key '{key}' is already in line {first[0]}; write it once")
                self._value(next(self.events))
            else:
                branch.keys[key] = _position(event)
                values[key], branch.children[key] = self._value(next(self.events))
            self.path.pop()
        return self.open.pop()

    def _key(self, event: Any) -> str:
        """Read a key. A key that is not text is a fault, and its spelling is used."""
        if not isinstance(event, self.scalar):
            self.path.append("?")
            self._complain(event, "a key must be text")
            self._value(event)
            self.path.pop()
            return f"? {event.start_mark.line + 1}:{event.start_mark.column + 1}"
        text = str(event.value)
        if event.anchor is not None or event.tag is not None:
            self._refuse_extras(event)
        if not event.style and not _is_text(text):
            self.path.append(text)
            self._complain(event, f"the key {text or '(nothing)'} is not text; write '{text}' in quotes")
            self.path.pop()
        return text


def _is_text(text: str) -> bool:
    try:
        return isinstance(plain(text), str)
    except ValueError:
        return False


def _position(event: Any) -> Position:
    mark = event.start_mark
    return mark.line + 1, mark.column + 1
