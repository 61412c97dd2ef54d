"""The YAML language server for tests: what the YAML extension of VS Code and the clients of other editors run.

npm installs it into pytest's cache, once; after that nothing is downloaded.
"""

import json
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest

VERSION = "yaml-language-server@1.25.0"
LONGEST = 120  # s, of an installation, and of one answer


def program(folder):
    """Return the program of the server in *folder*, installed there if need be; skip where it cannot be."""
    for tool in ("node", "npm"):
        if not shutil.which(tool):
            pytest.skip(f"{tool}, which the YAML language server needs, is missing")
    made = Path(folder) / VERSION
    if not made.is_dir():
        with tempfile.TemporaryDirectory(dir=folder) as work:
            new = Path(work) / "new"
            _install(new)
            try:
                new.rename(made)
            except OSError:  # another process was faster
                assert made.is_dir()
    return made / "node_modules" / "yaml-language-server" / "bin" / "yaml-language-server"


def _install(folder):
    command = [shutil.which("npm"), "install", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=0"]
    folder.mkdir()
    try:
        done = subprocess.run(
            [*command, "--prefix", str(folder), VERSION],
            cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LONGEST,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm did not install {VERSION} within {LONGEST} s")
    if done.returncode:
        pytest.skip(f"npm cannot install {VERSION}: {done.stderr.strip().partition(chr(10))[0]}")


class LanguageServer:
    """Opens documents, and answers what an editor asks of them, over standard input and output."""

    def __init__(self, folder):
        self._process = subprocess.Popen(
            ["node", str(program(folder)), "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._asked = 0
        self._problems = {}  # by the document's URI
        self._ask("initialize", processId=None, rootUri=None, capabilities={})
        self._tell("initialized")

    def open(self, path, text):
        """Show the server the *text* of a document, whether the file is there or not."""
        document = {"uri": path.as_uri(), "languageId": "yaml", "version": 1, "text": text}
        self._tell("textDocument/didOpen", textDocument=document)

    def problems(self, path):
        """Return what is wrong with an open document: (line, column, message), counted from 1."""
        while path.as_uri() not in self._problems:
            self._hear(self._read())
        found = [(one["range"]["start"], one["message"]) for one in self._problems[path.as_uri()]]
        return sorted((start["line"] + 1, start["character"] + 1, message) for start, message in found)

    def hover(self, path, line, column):
        """Return what is shown of the word at a place."""
        found = self._ask("textDocument/hover", **_place(path, line, column))
        return found["contents"]["value"] if found else ""

    def complete(self, path, line, column):
        """Return what may be written at a place: {label: description}."""
        found = self._ask("textDocument/completion", **_place(path, line, column))
        return {one["label"]: one.get("documentation", "") for one in found["items"]}

    def close(self):
        self._ask("shutdown")
        self._tell("exit")
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()

    def _ask(self, method, **parameters):
        self._asked += 1
        self._send(id=self._asked, method=method, params=parameters)
        while True:
            message = self._read()
            if message.get("id") == self._asked and "method" not in message:
                assert "error" not in message, message["error"]
                return message["result"]
            self._hear(message)

    def _tell(self, method, **parameters):
        self._send(method=method, params=parameters)

    def _hear(self, message):
        if message.get("method") == "textDocument/publishDiagnostics":
            self._problems[message["params"]["uri"]] = message["params"]["diagnostics"]
        elif "method" in message and "id" in message:  # it asks for settings: all are as they are by themselves
            self._send(id=message["id"], result=[None for _ in message["params"].get("items", [])])

    def _send(self, **message):
        data = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(data), data))
        self._process.stdin.flush()

    def _read(self):
        end = threading.Timer(LONGEST, self._process.kill)  # a test fails in place of waiting for ever
        end.daemon = True
        end.start()
        try:
            return self._message()
        finally:
            end.cancel()

    def _message(self):
        length = 0
        while (line := self._process.stdout.readline()) != b"\r\n":
            assert line, "the language server ended"
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return json.loads(self._process.stdout.read(length))


def _place(path, line, column):
    return {"textDocument": {"uri": path.as_uri()}, "position": {"line": line - 1, "character": column - 1}}
