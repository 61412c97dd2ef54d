"""Who may ask the local server: the page whose address holds the token, under this machine's own name.

Host of another name                         421   a foreign name that points here (DNS rebinding)
no token first in the path, but for static   403
sent by another site's page                  403
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

STATIC = "/static/"
CONTENT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",  # the address holds the token
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guard:
    """Answers requests that the server must not serve, and passes on the others.

    Parameters
    ----------
    app : what serves the others.
    port : where the server listens, part of every Host header.
    token : the first step of each path, but for static files.
    """

    def __init__(self, app: ASGIApp, port: int, token: str) -> None:
        self.app, self.token = app, token
        self.hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        refused = self._refused(scope)
        await (refused or self.app)(scope, receive, guarded)

    def _refused(self, scope: Scope) -> PlainTextResponse | None:
        headers = Headers(scope=scope)
        if scope["type"] != "http":
            return PlainTextResponse("there is no such service", 403)
        if headers.get("host", "").lower() not in self.hosts or len(headers.getlist("host")) != 1:
            return PlainTextResponse("this server answers to its own address alone", 421)
        if scope["path"].startswith(STATIC):
            return None
        if not hmac.compare_digest(scope["path"].partition("/")[2].partition("/")[0].encode(), self.token.encode()):
            return PlainTextResponse("the address lacks the token that parsim play has printed", 403)
        if self._foreign(headers):
            return PlainTextResponse("this request comes from another site", 403)
        return None

    def _foreign(self, headers: Mapping[str, str]) -> bool:
        """Return whether another site's page sent the request, as the browser says."""
        origin = headers.get("origin")
        if origin is not None and origin.removeprefix("http://") not in self.hosts:
            return True
        return headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
