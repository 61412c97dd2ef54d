"""Serve a lesson beside the page with sliders.

GET /TOKEN/en     the lesson in English          /TOKEN/#STATE     its sliders, as `play` serves them
GET /TOKEN/zh     the lesson in Chinese
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable, Mapping

from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from parsim.page.guard import Guard
from parsim.page.server import LOOPBACK, Opened, app_of, server_of


class Beside:
    """Serves *pages* by their path, to those who know the token, and asks *app* for all else."""

    def __init__(self, app: ASGIApp, pages: Mapping[str, str], port: int, token: str) -> None:
        self.app = app
        self.pages = {path: Guard(HTMLResponse(page), port, token) for path, page in pages.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await self.pages.get(scope.get("path", ""), self.app)(scope, receive, send)


def serve(
    opened: Opened, pages: Mapping[str, str], first: str, held: socket.socket, ready: Callable[[str], None]
) -> None:
    """Serve *pages* by name beside the sliders of *opened*; call *ready* with the address of the *first*."""
    port, token = held.getsockname()[1], secrets.token_urlsafe(24)
    paths = {f"/{token}/{name}": page for name, page in pages.items()}
    server = server_of(Beside(app_of(opened, port, token), paths, port, token))
    ready(f"http://{LOOPBACK}:{port}/{token}/{first}")
    server.run(sockets=[held])
