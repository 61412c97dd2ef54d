"""A server of `parsim play` in a thread, and a plain client that sends paths and headers as they are given."""

import json
import threading
from http.client import HTTPConnection
from typing import NamedTuple

from parsim.page.server import Opened, app_of, listening, server_of

TOKEN = "token-of-the-test"


class Answered(NamedTuple):
    status: int
    headers: dict
    body: bytes

    @property
    def text(self):
        return self.body.decode()


class Served:
    def __init__(self, file):
        self.socket = listening(0)
        self.port = self.socket.getsockname()[1]
        self.server = server_of(app_of(Opened(str(file), file.read_text(encoding="utf-8")), self.port, TOKEN))
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.socket]}, daemon=True)

    @property
    def address(self):
        return f"http://127.0.0.1:{self.port}/{TOKEN}/"

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *given):
        self.server.should_exit = True
        self.thread.join()

    def ask(self, method, path, body=None, headers=None, host=None):
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        sent = {"host": f"127.0.0.1:{self.port}" if host is None else host, **(headers or {})}
        sent |= {"content-length": str(len(body))} if body is not None else {}
        for name, value in sent.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        found = Answered(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        connection.close()
        return found

    def get(self, path, headers=None, host=None):
        return self.ask("GET", path, None, headers, host)

    def play(self, asked, headers=None, path=f"/{TOKEN}/play"):
        body = asked if isinstance(asked, bytes) else json.dumps(asked).encode()
        return self.ask("POST", path, body, {"content-type": "application/json", **(headers or {})})
