r"""Scripts read without running them: variables are expanded, and branches are decided where that is possible.

GPUS=8; ARGS="--num-layers 32"              nothing runs: no command, no output of one, no environment
[ $GPUS -gt 4 ] && ARGS+=" --bf16"    ->    torchrun --nproc_per_node 8 train.py --num-layers 32 --bf16
torchrun --nproc_per_node $GPUS \           each letter with its place in the file
    train.py $ARGS
"""

from __future__ import annotations

from collections.abc import Sequence

from parsim.formats.shell import commands as parsed
from parsim.formats.shell.parts import Letters, Word
from parsim.formats.shell.tests import decided, matches
from parsim.formats.shell.variables import Field, Variables, joined
from parsim.formats.shell.words import Unclosed

DEEPEST = 30  # of functions and of texts that are read as commands
MOST = 20_000  # commands
SHELLS = ("bash", "sh", "zsh", "/bin/bash", "/bin/sh", "/usr/bin/bash")
DECLARING = ("export", "declare", "local", "readonly", "typeset")
TESTING = ("[", "[[", "test")


class Script:
    """A script while it is read: what its variables hold, and the commands that it would start.

    Attributes
    ----------
    variables : what variables hold.
    started : the words of each command that is no part of the shell's language.
    skipped : where parts begin that were not read, because only running the script decides them.
    """

    def __init__(self, known: dict[str, Letters]) -> None:
        self.variables = Variables(known)
        self.started: list[list[Field]] = []
        self.skipped: list[int] = []
        self._functions: dict[str, parsed.Body] = {}
        self._documents: list[Letters] = []
        self._before: list[Field] = []  # words that start a shell, in front of what that shell starts
        self._depth = self._count = 0

    def read(self, letters: Letters) -> None:
        """Read a script, then its here-documents, as far as these are scripts."""
        self._run(parsed.commands(letters))
        while self._documents:
            document = self._documents.pop(0)
            try:
                self._run(parsed.commands(document))
            except Unclosed:
                self.skipped.append(document.at[0] if document.at else 0)

    def _run(self, body: parsed.Body) -> None:
        went: bool | None = True  # how the command before went; None: that is not known
        self._depth += 1
        for command in body if self._depth <= DEEPEST else ():
            if command.joined in ("|", "|&"):
                continue  # what reads the output of another command starts no training
            if (command.joined == "&&" and went is False) or (command.joined == "||" and went is True):
                continue
            if command.joined in ("&&", "||") and went is None:
                self._skip_undecided(command)
                continue
            went = self._one(command)
        self._depth -= 1

    def _one(self, command: parsed.Command) -> bool | None:
        self._count += 1
        if self._count > MOST:
            return True
        match command:
            case parsed.Simple():
                return self._simple(command)
            case parsed.If():
                self._if(command)
            case parsed.Case():
                self._case(command)
            case parsed.Loop():
                self._skip_undecided(command)
            case parsed.Function(name=name, body=body):
                self._functions[name] = body
            case parsed.Here(letters=letters):
                self._documents.append(letters)
        return True

    # -- branches

    def _if(self, command: parsed.If) -> None:
        for condition, body in command.branches:
            holds = self._holds(condition)
            if holds is None:
                return self._skip_undecided(command)
            if holds:
                return self._run(body)
        return self._run(command.otherwise)

    def _holds(self, condition: parsed.Body) -> bool | None:
        found: bool | None = None
        for one in condition:
            if not isinstance(one, parsed.Simple) or one.joined in ("|", "|&"):
                return None
            this = self._test(one)
            if one.joined == "&&":
                found = False if False in (found, this) else None if None in (found, this) else True
            elif one.joined == "||":
                found = True if True in (found, this) else None if None in (found, this) else False
            else:
                found = this
        return found

    def _test(self, command: parsed.Simple) -> bool | None:
        fields = [self.variables.one(word) for word in command.words if isinstance(word, Word)]
        return decided([field.text if field.known else None for field in fields])

    def _case(self, command: parsed.Case) -> None:
        word = self.variables.one(command.word)
        for patterns, body in command.branches:
            found = matches(word, [self.variables.one(pattern) for pattern in patterns])
            if found is None:
                return self._skip_undecided(command)
            if found:
                return self._run(body)
        return None

    def _skip_undecided(self, command: parsed.Command) -> None:
        """Skip what may or may not run; it is told if it would change what a program gets."""
        if parsed.sets((command,)) and not isinstance(command, parsed.Here):
            self.skipped.append(command.at)

    # -- simple commands

    def _simple(self, command: parsed.Simple) -> bool | None:
        words = list(command.words)
        if words and isinstance(words[0], Word) and words[0].plain == "!":
            self._simple(command._replace(words=command.words[1:]))
            return self._test(command)
        while words and self.variables.assign(words[0]):
            words.pop(0)
        fields = [field for word in words if isinstance(word, Word) for field in self.variables.fields(word)]
        name = fields[0].text if fields else ""
        if name in (*TESTING, "true", "false"):
            return self._test(command)
        if name in DECLARING:
            for word in words[1:]:
                self.variables.assign(word)
        elif name in self._functions:
            self._run(self._functions[name])
        elif name in ("source", "."):
            self.skipped.append(fields[0].at)
        elif name == "unset":
            for field in fields[1:]:
                self.variables.forget(field.text)
        elif name == "eval":
            self._as_commands(fields[1:])
        elif fields:
            self._start(fields)
        return True

    def _start(self, fields: list[Field]) -> None:
        shell = next((place for place, field in enumerate(fields) if field.text in SHELLS), len(fields))
        option = next((at for at in range(shell + 1, len(fields) - 1) if _is_command(fields[at].text)), 0)
        if not option:
            self.started.append(self._before + fields)
            return
        before, self._before = self._before, self._before + fields[:option]
        self._as_commands(fields[option + 1 : option + 2])
        self._before = before

    def _as_commands(self, fields: Sequence[Field]) -> None:
        """Read texts as commands, as `eval` and `bash -c` do."""
        if self._depth > DEEPEST:
            return
        gap = Letters(" ", [fields[0].at if fields else 0])
        self._run(parsed.commands(joined(one for field in fields for one in (field.letters, gap))))


def _is_command(option: str) -> bool:
    """Return whether the option of a shell says that commands follow: -c, -lc, ...."""
    return option.startswith("-") and not option.startswith("--") and option.endswith("c")
