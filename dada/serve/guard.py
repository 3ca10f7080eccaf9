"""Which requests are answered: those to this server's own names, and from its own pages.

A page of another site may send requests to a server on this machine, and may give its own name this machine's
address (DNS rebinding). So the header Host must be a name of this server, and Origin, where a browser sends
it, the same place.
"""

import ipaddress
import socket
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("localhost", "127.0.0.1", "::1")
# Pages hold their styles, scripts, pictures and sound, and load nothing.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; "
    "media-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)


def own_names(public: bool) -> set[str]:
    """Return the names by which a server may be called; those of the machine only where it is `public`."""
    return {*LOOPBACK, socket.gethostname().lower(), socket.getfqdn().lower()} if public else set(LOOPBACK)


def is_loopback(address: str) -> bool:
    """Return whether an address to bind to is of this machine alone."""
    if address.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return False


class Guard:
    """Answers 403 to requests from elsewhere, and adds the headers of safety to all other answers."""

    def __init__(self, app: ASGIApp, names: Collection[str], public: bool = False):
        self.app, self.names, self.public = app, names, public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *HEADERS]
            await send(message)

        problem = self._problem(Headers(scope=scope))
        refusal = PlainTextResponse(problem, status_code=403) if problem else None
        await (refusal or self.app)(scope, receive, send_with_headers)

    def _problem(self, headers: Headers) -> str:
        """Return why a request is refused; empty where it is not."""
        host = headers.get("host", "")
        if not self._is_own(host):
            return f"{host!r} is no name of this server: open the address that `dada serve` printed\n"
        origin, site = headers.get("origin"), headers.get("sec-fetch-site", "same-origin")
        same = origin is None or urlsplit(origin).netloc == host
        if not same or site in ("cross-site", "same-site"):
            return "requests from other pages are refused: open the address that `dada serve` printed\n"
        return ""

    def _is_own(self, host: str) -> bool:
        try:
            name = (urlsplit(f"//{host}").hostname or "").lower()
        except ValueError:
            return False
        return name in self.names or (self.public and _is_address(name))


def _is_address(name: str) -> bool:
    """Return whether a name is a number, which no other site can claim."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
