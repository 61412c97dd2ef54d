"""Commands of a shell script: simple ones, and those that decide which others run.

if [ $A -eq 8 ]; then B=1; else B=2; fi    ->    If([(condition, body), ...], otherwise)
case $A in 8|16) B=1 ;; esac               ->    Case(word, [(patterns, body), ...])
for, while, until, select                  ->    Loop, which is not read
f() { ... }                                ->    Function
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from parsim.formats.shell.parts import Array, Document, Letters, Sign, Text, Token, Word
from parsim.formats.shell.words import tokens


class Simple(NamedTuple):
    """A command with its words, and how it is joined to the one before: ; && || or |."""

    words: tuple[Word | Array, ...]
    joined: str
    at: int


class If(NamedTuple):
    """Branches, of which the first runs whose condition holds."""

    branches: tuple[tuple[Body, Body], ...]  # condition, body
    otherwise: Body
    at: int
    joined: str = ";"


class Case(NamedTuple):
    """Branches, of which the first runs that has a pattern of the word."""

    word: Word
    branches: tuple[tuple[tuple[Word, ...], Body], ...]
    at: int
    joined: str = ";"


class Loop(NamedTuple):
    """A loop."""

    body: Body
    at: int
    joined: str = ";"


class Function(NamedTuple):
    """A function that is defined."""

    name: str
    body: Body
    at: int
    joined: str = ";"


class Here(NamedTuple):
    """A here-document."""

    letters: Letters
    joined: str = ";"


Command = Simple | If | Case | Loop | Function | Here
Body = tuple[Command, ...]
JOINS = ("&&", "||", "|", "|&")
LOOPS = ("for", "while", "until", "select")
_ASSIGNS = re.compile(r"--\w|[A-Za-z_]\w*\+?=")
ENDS = {"fi", "done", "esac", "}", ")", "then", "elif", "else", ";;", ";&", ";;&"}


def commands(letters: Letters) -> Body:
    """Read the commands of a script.

    >>> text = "if a; then b && c; fi"
    >>> (found,) = commands(Letters(text, range(len(text))))
    >>> [[word.plain for word in one.words] for one in found.branches[0][1]]
    [['b'], ['c']]
    """
    reader = _Parser(tokens(letters))
    found: list[Command] = []
    while reader.left:
        found += reader.body()
        reader.take()  # an end without a beginning
    return tuple(found)


class _Parser:
    """Puts words together to commands."""

    def __init__(self, found: Sequence[Token]) -> None:
        self.tokens, self.here = found, 0

    @property
    def left(self) -> bool:
        return self.here < len(self.tokens)

    def take(self) -> Token | None:
        """Return the next token, and go on."""
        token = self.tokens[self.here] if self.left else None
        self.here += 1
        return token

    def _next(self) -> str:
        """Return the sign or plain word that comes next; empty: another word, or nothing."""
        token = self.tokens[self.here] if self.left else None
        if isinstance(token, Sign):
            return token.text
        return token.plain if isinstance(token, Word) else ""

    def body(self) -> Body:
        """Read commands up to a word that ends them."""
        found, joined = list[Command](), ";"
        while self.left:
            following = self._next()
            if following in ENDS:
                break
            token = self.tokens[self.here]
            if isinstance(token, Document):
                self.take()
                found.append(Here(token.letters))
            elif isinstance(token, Sign) and following != "(":
                self.take()
                if following != "\n":  # a line may end behind && and ||
                    joined = following if following in JOINS else ";"
            else:
                found += self._command(joined, token.at)
                joined = ";"
        return tuple(found)

    def _command(self, joined: str, at: int) -> Body:
        word = self._next()
        if word == "if":
            return (self._if(at)._replace(joined=joined),)
        if word == "case":
            return (self._case(at)._replace(joined=joined),)
        if word in LOOPS:
            return (self._loop(at)._replace(joined=joined),)
        if word in ("{", "("):
            return self._group()
        if word == "function":
            self.take()
            return (self._function(at),)
        after = self.tokens[self.here + 1 : self.here + 3]
        if word and [isinstance(one, Sign) and one.text for one in after] == ["(", ")"]:
            return (self._function(at),)
        return (self._simple(joined, at),)

    def _simple(self, joined: str, at: int) -> Simple:
        words: list[Word | Array] = []
        while self.left and isinstance(token := self.tokens[self.here], Word | Array):
            words.append(token)
            self.take()
            if token is words[0] and isinstance(token, Word) and token.plain == "do":
                words.clear()
        return Simple(tuple(words), joined, at)

    def _group(self) -> Body:
        self.take()
        body = self.body()
        self.take()
        return body

    def _function(self, at: int) -> Function:
        token = self.take()
        name = token.plain if isinstance(token, Word) else ""
        while self.left and self._next() in ("(", ")", "\n"):
            self.take()
        return Function(name, self._group() if self._next() == "{" else self.body(), at)

    def _if(self, at: int) -> If:
        branches, word = list[tuple[Body, Body]](), "if"
        otherwise: Body = ()
        while word in ("if", "elif"):
            self.take()
            condition = self.body()
            self.take()  # then
            branches.append((condition, self.body()))
            word = self._next()
        if word == "else":
            self.take()
            otherwise = self.body()
        self.take()  # fi
        return If(tuple(branches), otherwise, at)

    def _case(self, at: int) -> Case:
        self.take()
        word, branches = self.take(), list[tuple[tuple[Word, ...], Body]]()
        self.take()  # in
        while self.left and self._next() != "esac":
            patterns: list[Word] = []
            while self.left and self._next() != ")":
                token = self.take()
                patterns += [token] if isinstance(token, Word) else []
            self.take()
            branches.append((tuple(patterns), self.body()))
            while self._next() in (";;", ";&", ";;&", "\n", ";"):
                self.take()
        self.take()
        return Case(word if isinstance(word, Word) else Word((), at), tuple(branches), at)

    def _loop(self, at: int) -> Loop:
        self.take()
        found, word = list[Command](), ""
        while self.left and word != "done":
            found += self.body()
            word = self._next()
            self.take()
        return Loop(tuple(found), at)


def sets(body: Body) -> bool:
    """Return whether commands may set a variable or give a program options.

    >>> sets(commands(Letters("echo hi; exit 1", range(15)))), sets(commands(Letters("A=1", range(3))))
    (False, True)
    """
    return any(_sets(command) for command in body)


def _sets(command: Command) -> bool:
    match command:
        case Simple(words=words):
            return any(isinstance(word, Array) or _ASSIGNS.match(_start(word)) for word in words)
        case If(branches=branches, otherwise=otherwise):
            return any(sets(body) for _, body in branches) or sets(otherwise)
        case Case(branches=cases):
            return any(sets(body) for _, body in cases)
        case Function(body=body) | Loop(body=body):
            return sets(body)
    return False


def _start(word: Word) -> str:
    first = word.parts[0] if word.parts else None
    return first.letters.text if isinstance(first, Text) else ""
