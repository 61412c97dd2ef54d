r"""Words of a shell script, each letter with its place in the file.

    A=8; torchrun --nnodes "$A" \      ->   Word(A=8)  Sign(;)  Word(torchrun)  Word(--nnodes)  Word($A)
        train.py  # comment                 Word(train.py)

Nothing is run. Quotes, escapes, line continuations, comments, arrays, expansions, redirections and here-documents are
told apart as POSIX and Bash do (POSIX.1-2017, Shell Command Language, 2.2 to 2.7).
"""

from __future__ import annotations

import re

from parsim.formats.shell.parts import Array, Document, Letters, Output, Part, Sign, Sum, Text, Token, Variable, Word

NAME = re.compile(r"[A-Za-z_]\w*")
_PLAIN = re.compile(r"[^\s'\"$`\\;&|()<>]+")
_IN_QUOTES = re.compile(r"[^\"$`\\]+")
_IN_BRACES = re.compile(r"[^}\"$`\\]+")
_REDIRECTED = re.compile(r"(\d+|&)?(<<<|>>|>\||>&|<&|<>|>|<)")
_HERE = re.compile(r"<<(-?)\s*(['\"]?)([\w.!-]+)\2")
_SIGNS = re.compile(r"&&|\|\||;;&?|;&|\|&|[;&|()\n]")
_PARAMETER = re.compile(r"[A-Za-z_]\w*|[0-9@*#?$!-]")
_ARRAY = re.compile(r"([A-Za-z_]\w*)(\+?)=")
_OPERATOR = re.compile(r":?[-=+?]")


class Unclosed(Exception):
    """A quote or bracket is not closed; says which and where."""

    def __init__(self, what: str, at: int) -> None:
        self.what, self.at = what, at
        super().__init__(what)


def tokens(letters: Letters) -> list[Token]:
    """Split a script into words and signs.

    >>> [getattr(one, "plain", one) for one in tokens(Letters("a=1 b  # c", range(10)))]
    ['a=1', 'b']
    """
    return list(_Lexer(letters).all())


class _Lexer:
    """Reads letters from left to right."""

    def __init__(self, letters: Letters) -> None:
        self.all_letters, self.text, self.here = letters, letters.text, 0
        self.ends: list[tuple[str, bool]] = []  # words that end here-documents which begin behind this line

    def all(self) -> list[Token]:
        found: list[Token] = []
        while (token := self._next()) is not None:
            found.append(token)
            if isinstance(token, Sign) and token.text == "\n":
                found += map(Document, self._here_documents())
        return found

    def _next(self) -> Token | None:
        while self.here < len(self.text):
            if self._skip():
                continue
            at, sign = self._place(self.here), _SIGNS.match(self.text, self.here)
            if sign is None:
                return self._word()
            self.here = sign.end()
            return Sign(sign[0], at)
        return None

    def _skip(self) -> bool:
        """Skip what is neither a word nor a sign: blanks, comments, redirections, starts of here-documents."""
        text, here = self.text, self.here
        if text[here] in " \t\r":
            self.here += 1
        elif text.startswith(("\\\n", "\\\r\n"), here):
            self.here = text.index("\n", here) + 1
        elif text[here] == "#":
            end = text.find("\n", here)
            self.here = len(text) if end < 0 else end
        elif (document := _HERE.match(text, here)) and not text.startswith("<<<", here):
            self.ends.append((document[3], bool(document[1])))
            self.here = document.end()
        elif redirected := _REDIRECTED.match(text, here):
            self.here = redirected.end()
            self._skip_target()
        else:
            return False
        return True

    def _skip_target(self) -> None:
        """Skip the file of a redirection, or the command in `>(...)`."""
        while self.here < len(self.text) and self.text[self.here] in " \t":
            self.here += 1
        if self.text.startswith("(", self.here):
            self.here = self._closing(self.here, "(", ")")
        elif self.here < len(self.text) and not _SIGNS.match(self.text, self.here):
            self._word()

    def _here_documents(self) -> list[Letters]:
        """Read the here-documents that begin behind this line."""
        found = []
        for end, indented in self.ends:
            start = stop = self.here
            while self.here < len(self.text):
                stop, line = self.here, self._line()
                if (line.lstrip("\t") if indented else line).rstrip("\r") == end:
                    break
            found.append(self.all_letters.part(start, stop))
        self.ends.clear()
        return found

    def _line(self) -> str:
        """Read to the end of the line."""
        start, end = self.here, self.text.find("\n", self.here)
        end = len(self.text) if end < 0 else end
        self.here = min(end + 1, len(self.text))
        return self.text[start:end]

    def _word(self) -> Word | Array:
        start, parts = self.here, list[Part]()
        while self.here < len(self.text) and not self._ends_word():
            parts += self._part()
            array = _ARRAY.fullmatch(self.text, start, self.here)
            if array and self.text.startswith("(", self.here):
                return self._array(array, start)
        return Word(tuple(parts), self._place(start))

    def _ends_word(self) -> bool:
        return self.text[self.here] in " \t\r\n;&|()<>"

    def _array(self, head: re.Match[str], start: int) -> Array:
        opened, items = self.here, list[Word]()
        self.here += 1
        while (token := self._next()) is not None:
            if isinstance(token, Sign) and token.text == ")":
                return Array(head[1], bool(head[2]), tuple(items), self._place(start))
            if isinstance(token, Word):
                items.append(token)
        raise Unclosed("(", self._place(opened))

    def _part(self) -> list[Part]:
        """Read what comes next in a word outside quotes."""
        text, here = self.text, self.here
        letter = text[here]
        if letter == "'":
            return [self._single(here + 1)]
        if letter == '"':
            return self._double()
        if letter == "$" and text.startswith(("$'", '$"'), here):
            self.here += 1
            return self._part()
        if letter in "$`":
            return [self._expansion(False)]
        if letter == "\\":
            self.here = min(here + 2, len(text))
            continued = text.startswith("\\\n", here)
            return [] if continued else [Text(self.all_letters.part(here + 1, self.here), True)]
        plain = _PLAIN.match(text, here)
        self.here = plain.end() if plain else here + 1
        return [Text(self.all_letters.part(here, self.here), False)]

    def _single(self, start: int) -> Text:
        end = self.text.find("'", start)
        if end < 0:
            raise Unclosed("'", self._place(start - 1))
        self.here = end + 1
        return Text(self.all_letters.part(start, end), True)

    def _double(self) -> list[Part]:
        """Read a text in double quotes, in which expansions count."""
        opened = self.here
        self.here += 1
        found: list[Part] = []
        while self.here < len(self.text):
            if self.text[self.here] == '"':
                self.here += 1
                return found or [Text(Letters("", ()), True)]
            found += self._inside(_IN_QUOTES, quoted=True)
        raise Unclosed('"', self._place(opened))

    def _inside(self, plain: re.Pattern[str], quoted: bool) -> list[Part]:
        """Read what comes next within double quotes, or within braces, which may be *quoted* themselves."""
        text, here = self.text, self.here
        if text[here] in "$`":
            return [self._expansion(quoted)]
        if text[here] == "\\":
            self.here = min(here + 2, len(text))
            if text.startswith("\\\n", here):
                return []
            start = here + (text[here + 1 : here + 2] in ('"', "$", "`", "\\"))
            return [Text(self.all_letters.part(start, self.here), True)]
        found = plain.match(text, here)
        self.here = found.end() if found else here + 1
        return [Text(self.all_letters.part(here, self.here), quoted)]

    def _expansion(self, quoted: bool) -> Part:
        """Read what begins with a dollar or a backtick."""
        text, start = self.text, self.here
        if text[start] == "`":
            end = text.find("`", start + 1)
            if end < 0:
                raise Unclosed("`", self._place(start))
            self.here = end + 1
            return Output(self.all_letters.part(start, self.here))
        if text.startswith("$(", start):
            self.here = self._closing(start + 1, "(", ")")
            whole = self.all_letters.part(start, self.here)
            if whole.text.startswith("$((") and whole.text.endswith("))"):
                return Sum(whole.part(3, len(whole.text) - 2), whole)
            return Output(whole)
        if text.startswith("${", start):
            return self._braces(quoted)
        name = _PARAMETER.match(text, start + 1)
        self.here = name.end() if name else start + 1
        whole = self.all_letters.part(start, self.here)
        return Variable(name[0], name[0] * (name[0] in "@*"), "", (), whole, quoted) if name else Text(whole, quoted)

    def _braces(self, quoted: bool) -> Variable:
        text, start = self.text, self.here
        end = self._closing(start + 1, "{", "}")
        name = _PARAMETER.match(text, start + 2, end - 1)
        self.here = name.end() if name else end - 1
        place = ""
        if name and text.startswith("[", self.here) and "]" in text[self.here : end]:
            close = text.index("]", self.here)
            place, self.here = text[self.here + 1 : close], close + 1
        operator = _OPERATOR.match(text, self.here, end - 1)
        word: list[Part] = []
        if operator:
            self.here = operator.end()
            while self.here < end - 1:
                word += self._double() if text[self.here] == '"' else self._inside(_IN_BRACES, quoted)
        said = operator[0] if operator else text[self.here : end - 1]
        self.here = end
        return Variable(name[0] if name else "", place, said, tuple(word), self.all_letters.part(start, end), quoted)

    def _closing(self, opened: int, left: str, right: str) -> int:
        """Return the place behind the bracket that closes the one at *opened*."""
        depth, here, text = 0, opened, self.text
        while here < len(text):
            letter = text[here]
            if letter == "\\":
                here += 1
            elif letter == "'" and left == "(":
                here = text.find("'", here + 1)
                if here < 0:
                    break
            depth += (letter == left) - (letter == right)
            here += 1
            if not depth:
                return here
        raise Unclosed(left, self._place(opened))

    def _place(self, here: int) -> int:
        return self.all_letters.at[here] if here < len(self.all_letters.at) else 0
