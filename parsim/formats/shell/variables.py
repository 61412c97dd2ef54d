"""What the variables of a script hold, and words in which they are expanded.

A="--bf16 --fp16"; B=(1 2)      $A -> --bf16, --fp16     "$A" -> one word     ${B[@]} -> 1, 2     ${C:-8} -> 8
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, groupby
from typing import NamedTuple

from parsim.formats.shell.parts import Array, Letters, Output, Part, Sum, Text, Variable, Word
from parsim.formats.shell.sums import Unknown, whole
from parsim.formats.shell.words import NAME

LONGEST = 200_000  # letters that a variable holds


class Piece(NamedTuple):
    """Letters of an expanded word."""

    letters: Letters
    known: bool = True
    splits: bool = False  # at blanks, as what unquoted variables hold


Value = tuple[Piece, ...]
BREAK = Piece(Letters("", ()))  # between the elements of an array


class Field(NamedTuple):
    """A word as a program gets it."""

    text: str
    at: int
    unknown: str  # what is not known of it, such as ${TP}; empty: nothing
    letters: Letters

    @property
    def known(self) -> bool:
        """Whether all of it is known."""
        return not self.unknown


class Variables:
    """Variables by name, each with its elements; a plain one has one element.

    Attributes
    ----------
    held : the elements.
    defaults : variables that the script takes from its environment, and the default that it states.
    """

    def __init__(self, known: dict[str, Letters]) -> None:
        self.held: dict[str, tuple[Value, ...]] = {name: ((Piece(one),),) for name, one in known.items()}
        self.defaults: dict[str, str] = {}

    def words(self, name: str) -> list[Field]:
        """Return the words that a variable holds."""
        pieces = (Piece(one.letters, one.known, True) for value in self.held.get(name, ()) for one in (*value, BREAK))
        return [field_of(one) for one in _split(pieces)]

    def fields(self, word: Word) -> list[Field]:
        """Expand a word into the words that a program gets."""
        return [field_of(pieces) for pieces in _split(self._pieces(word))]

    def one(self, word: Word) -> Field:
        """Expand a word into one."""
        return field_of(self._pieces(word))

    def assign(self, word: Word | Array) -> bool:
        """Set a variable, if the word is an assignment."""
        if isinstance(word, Array):
            items = tuple(value for item in word.items for value in _split(self._pieces(item)))
            self._hold(word.name, (*(self.held.get(word.name, ()) if word.more else ()), *items))
            return True
        head = word.parts[0] if word.parts else None
        if not isinstance(head, Text) or head.quoted:
            return False
        left, equals, _ = head.letters.text.partition("=")
        name = left.removesuffix("+")
        if not equals or not NAME.fullmatch(name):
            return False
        rest = Text(head.letters.part(len(left) + 1, len(head.letters.text)), quoted=True)
        pieces = self._pieces(Word((rest, *word.parts[1:]), word.at))
        value = tuple(piece if piece is not BREAK else Piece(Letters(" ", (word.at,))) for piece in pieces)
        first, *more = self.held.get(name, ((),)) or ((),)
        self._hold(name, ((*first, *value), *more) if left.endswith("+") else (value,))
        return True

    def forget(self, name: str) -> None:
        """Unset a variable."""
        self.held.pop(name, None)

    def _hold(self, name: str, elements: tuple[Value, ...]) -> None:
        if sum(map(len, _texts(elements))) <= LONGEST:
            self.held[name] = tuple(map(_merged, elements))

    # -- expansion

    def _pieces(self, word: Word) -> Iterator[Piece]:
        return chain.from_iterable(map(self._part, word.parts))

    def _part(self, part: Part) -> Iterator[Piece]:
        match part:
            case Text(letters=letters):
                yield Piece(letters)
            case Sum(expression=expression, letters=letters):
                try:
                    text = str(whole(expression.text, self._number))
                    yield Piece(Letters(text, [letters.at[0]] * len(text)))
                except Unknown:
                    yield Piece(letters, known=False)
            case Output(letters=letters):
                yield Piece(letters, known=False)
            case Variable():
                yield from self._variable(part)

    def _variable(self, part: Variable) -> Iterator[Piece]:
        elements = self.held.get(part.name)
        there = elements is not None and (any(_texts(elements)) or not part.operator.startswith(":"))
        operation = part.operator.removeprefix(":")
        if operation == "+":
            yield from self._word_of(part) if there else ()
        elif there and elements is not None and operation in ("", "-", "=", "?"):
            yield from _elements(part, elements)
        elif operation in ("-", "=") and (part.name.isidentifier() or part.name.isdecimal()):
            default = tuple(self._word_of(part))
            self.defaults[part.name] = "".join(piece.letters.text for piece in default)
            if operation == "=":
                self._hold(part.name, (default,))
            yield from default
        else:
            yield Piece(part.letters, known=False)

    def _word_of(self, part: Variable) -> Iterator[Piece]:
        for one in part.word:
            whole = part.quoted or (isinstance(one, Text) and one.quoted)
            yield from (piece._replace(splits=not whole) for piece in self._part(one))

    def _number(self, name: str) -> str:
        """Return what a variable holds, for an arithmetic expression."""
        elements = self.held.get(name, ())
        if len(elements) != 1 or not all(piece.known for piece in elements[0]):
            raise Unknown(name)
        return "".join(_texts(elements))


def field_of(pieces: Iterable[Piece]) -> Field:
    """Put the pieces of a word together."""
    found = list(pieces)
    letters = joined(piece.letters for piece in found)
    unknown = next((piece.letters.text for piece in found if not piece.known), "")
    return Field(letters.text, letters.at[0] if letters.at else 0, unknown, letters)


def joined(parts: Iterable[Letters]) -> Letters:
    """Put letters together."""
    found = list(parts)
    return Letters("".join(one.text for one in found), [at for one in found for at in one.at])


def _merged(value: Value) -> Value:
    """Join pieces that are known."""
    runs = ((known, list(found)) for known, found in groupby(value, key=lambda piece: piece.known))
    return tuple(
        piece for known, found in runs for piece in ([Piece(joined(one.letters for one in found))] if known else found)
    )


def _elements(part: Variable, elements: tuple[Value, ...]) -> Iterator[Piece]:
    """Yield one element of an array, or all of them with breaks between them."""
    if part.place not in ("@", "*"):
        place = int(part.place[:9]) if part.place.isdecimal() else 0
        elements = elements[place : place + 1]
    for number, value in enumerate(elements):
        if number:
            yield BREAK
        yield from (Piece(one.letters, one.known, not part.quoted) for one in value)


def _split(pieces: Iterable[Piece]) -> Iterator[Value]:
    """Split an expanded word at breaks, and at the blanks of unquoted variables."""
    found: list[Piece] = []
    for piece in pieces:
        if piece is not BREAK and not (piece.splits and piece.known):
            found.append(piece._replace(splits=False))
            continue
        for number, part in enumerate(_between_blanks(piece.letters) if piece is not BREAK else (piece.letters,) * 2):
            if number and found:
                yield tuple(found)
                found = []
            found += [Piece(part)] if part.text else []
    if found:
        yield tuple(found)


def _between_blanks(letters: Letters) -> list[Letters]:
    """Split letters at blanks; an empty part says that a blank stands at an end."""
    found, start = [], 0
    for here, letter in enumerate(letters.text):
        if letter.isspace():
            found.append(letters.part(start, here))
            start = here + 1
    return [*found, letters.part(start, len(letters.text))]


def _texts(elements: Iterable[Value]) -> Iterator[str]:
    return (piece.letters.text for value in elements for piece in value)
