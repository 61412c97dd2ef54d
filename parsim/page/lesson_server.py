"""Serve a lesson beside the page with sliders.

GET /TOKEN/en     the lesson in English          /TOKEN/#STATE     its sliders, as `play` serves them
GET /TOKEN/zh     the lesson in Chinese            POST /TOKEN/check    an answer -> right or not, and why
"""

from __future__ import annotations

import secrets
import socket
import threading
from collections.abc import Callable, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from parsim.page.guard import Guard
from parsim.page.server import LOOPBACK, Opened, app_of, server_of

Check = Callable[[str], dict[str, Any]]
LONGEST = 4000  # bytes of an answer


class Answers:
    """Checks answers, one after the other."""

    def __init__(self, check: Check) -> None:
        self.check = check
        self.turn = threading.Lock()

    async def answer(self, asked: Request) -> Response:
        """Check the answer that is sent."""
        told = b""
        async for part in asked.stream():
            told += part
            if len(told) > LONGEST:
                return PlainTextResponse(f"an answer holds at most {LONGEST} bytes", 413)
        return JSONResponse(await run_in_threadpool(self._one, told.decode(errors="replace")))

    def _one(self, told: str) -> dict[str, Any]:
        with self.turn:
            return self.check(told)


class Beside:
    """Serves *pages* by name, and *check*, to those who know the token, and asks *app* for all else."""

    def __init__(self, app: ASGIApp, pages: Mapping[str, str], check: Check, port: int, token: str) -> None:
        self.app = app
        self.pages = {f"/{token}/{name}": Guard(HTMLResponse(page), port, token) for name, page in pages.items()}
        path = f"/{token}/check"
        answers = Route(path, Answers(check).answer, methods=["POST"])
        self.pages[path] = Guard(Starlette(routes=[answers]), port, token)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await self.pages.get(scope.get("path", ""), self.app)(scope, receive, send)


def serve(
    opened: Opened, pages: Mapping[str, str], check: Check, held: socket.socket, ready: Callable[[str], None]
) -> None:
    """Serve *pages* by name beside the sliders of *opened*; call *ready* with the address of the first."""
    port, token = held.getsockname()[1], secrets.token_urlsafe(24)
    server = server_of(Beside(app_of(opened, port, token), pages, check, port, token))
    ready(f"http://{LOOPBACK}:{port}/{token}/{next(iter(pages))}")
    server.run(sockets=[held])
