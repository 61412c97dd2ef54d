"""The local server of `parsim play`.

GET  /TOKEN/          the page                     POST /TOKEN/play    a request -> what to show
GET  /TOKEN/start     the scenario to begin with   GET  /static/NAME   scripts and styles, the same for everybody
GET  /TOKEN/alive     nothing; the server is there
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request as Asked
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from parsim.page.bounds import LONGEST_BODY
from parsim.page.guard import STATIC, Guard
from parsim.page.player import Superseded
from parsim.page.players import Players
from parsim.page.request import request_of

if TYPE_CHECKING:
    import uvicorn

FOLDER = Path(__file__).with_name("static")
KINDS = {".js": "text/javascript", ".css": "text/css"}
LOOPBACK = "127.0.0.1"


class Opened(NamedTuple):
    """The scenario with which a page begins.

    Attributes
    ----------
    file : its path; the file need not exist.
    text : its text.
    files : Python files that add entries to the shelves.
    command : what plays the file; empty where there is none.
    """

    file: str
    text: str
    files: tuple[str, ...] = ()
    command: str = ""


class Served:
    """Answers the requests that the guard lets pass."""

    def __init__(self, opened: Opened) -> None:
        self.opened, self.players = opened, Players(opened.file, opened.files)
        self.static = {path.name: path for path in FOLDER.iterdir() if path.suffix in KINDS}

    @asynccontextmanager
    async def life(self, app: Starlette) -> AsyncIterator[None]:
        """End the players with the server."""
        yield
        self.players.close()

    async def page(self, asked: Asked) -> Response:
        """Return the page."""
        return FileResponse(FOLDER / "play.html", media_type="text/html")

    async def start(self, asked: Asked) -> Response:
        """Return the scenario with which the page begins."""
        return JSONResponse({"text": self.opened.text, "command": self.opened.command})

    async def alive(self, asked: Asked) -> Response:
        """Return nothing."""
        return Response(status_code=204)

    async def play(self, asked: Asked) -> Response:
        """Play the scenario of the request."""
        if asked.headers.get("content-type") != "application/json":
            return PlainTextResponse("send application/json", 415)
        body = b""
        async for part in asked.stream():
            body += part
            if len(body) > LONGEST_BODY:
                return PlainTextResponse(f"a request holds at most {LONGEST_BODY} bytes", 413)
        try:
            request = request_of(body)
        except (ValueError, RecursionError) as wrong:
            return PlainTextResponse(f"this is no request: {wrong}", 400)
        try:
            found = await run_in_threadpool(lambda: self.players.of(request.page).ask(request))
        except Superseded:
            return JSONResponse({"superseded": True})
        return Response(found, media_type="application/json")

    async def file(self, asked: Asked) -> Response:
        """Return a static file."""
        path = self.static.get(asked.path_params["name"])
        if path is None:
            return PlainTextResponse("there is no such file", 404)
        return FileResponse(path, media_type=KINDS[path.suffix])


def app_of(opened: Opened, port: int, token: str) -> ASGIApp:
    """Return the application that serves *opened* at this *port* to those who know the *token*."""
    served = Served(opened)
    routes = [
        Route(f"{STATIC}{{name}}", served.file),
        Route(f"/{token}/", served.page),
        Route(f"/{token}/start", served.start),
        Route(f"/{token}/alive", served.alive),
        Route(f"/{token}/play", served.play, methods=["POST"]),
    ]
    return Guard(Starlette(routes=routes, lifespan=served.life), port, token)


def listening(port: int) -> socket.socket:
    """Return a socket that listens on this machine alone; port 0 takes a free one. A port in use raises `OSError`."""
    held = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        held.bind((LOOPBACK, port))
        held.listen()
    except OSError:
        held.close()
        raise
    return held


def server_of(app: ASGIApp) -> uvicorn.Server:
    """Return what serves *app*."""
    import uvicorn

    config = uvicorn.Config(app, log_level="error", access_log=False, server_header=False, timeout_graceful_shutdown=1)
    return uvicorn.Server(config)


def serve(opened: Opened, held: socket.socket, ready: Callable[[str], None]) -> None:
    """Serve *opened* at the socket *held* until a signal ends it; call *ready* with the address of the page."""
    port, token = held.getsockname()[1], secrets.token_urlsafe(24)
    server = server_of(app_of(opened, port, token))
    ready(f"http://{LOOPBACK}:{port}/{token}/")
    server.run(sockets=[held])
