"""Streamable HTTP: one endpoint on a loopback address, behind a token, for the hosts and origins that were named."""

import hmac
import ipaddress
import json
import socket
from typing import TYPE_CHECKING

import uvicorn
from mcp.server.transport_security import TransportSecuritySettings
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from remembrancer.errors import BadInput, EnvironmentTrouble
from remembrancer.reasons import REASONS

if TYPE_CHECKING:
    from remembrancer.mcp.server import Server

PATH = "/mcp"
SHORTEST = 16  # characters of a token
_NAMES = {"127.0.0.1": ("127.0.0.1", "localhost"), "::1": ("[::1]", "localhost")}


class Token:
    """ASGI middleware: whoever does not bring the token gets 401 with a reason code, before anything is read."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self.app, self.wanted = app, f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass it on."""
        if scope["type"] == "http":
            given = Headers(scope=scope).get("authorization", "").encode("utf-8", "replace")
            if not hmac.compare_digest(given, self.wanted):
                reason = REASONS["input.token"]
                said = {"error": {"code": "input.token", "cause": reason.cause, "remedy": reason.remedy}}
                headers = {"WWW-Authenticate": "Bearer"}
                response = Response(json.dumps(said), 401, headers, "application/json")
                return await response(scope, receive, send)
        return await self.app(scope, receive, send)


def application(server: "Server", host: str, port: int, token: str, also: tuple[str, ...] = ()) -> ASGIApp:
    """Return the ASGI application for a loopback address and a port; `also` are further names in the Host header."""
    names = [f"{name}:{port}" for name in _NAMES[host]] + list(also)
    security = TransportSecuritySettings(
        allowed_hosts=names, allowed_origins=[f"{scheme}://{name}" for name in names for scheme in ("http", "https")]
    )
    app = server.streamable_http_app(
        streamable_http_path=PATH, stateless_http=True, json_response=True, host=host, transport_security=security
    )
    return Token(app, token)


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 takes a free one. Raises BadInput(input.name), EnvironmentTrouble."""
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        address = None
    if address is None or str(address) not in _NAMES:
        how = "Listen on 127.0.0.1 or ::1; put a proxy that knows its users in front of it for others."
        raise BadInput("input.name", f"{host[:80]!r} is not a loopback address", how)
    made = socket.socket(socket.AF_INET6 if address.version == 6 else socket.AF_INET)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((str(address), port))
        made.listen(64)
    except (OSError, OverflowError) as error:
        made.close()
        raise EnvironmentTrouble("env.network", f"port {port} cannot be opened: {error}") from error
    return made


def serve(server: "Server", bound: socket.socket, token: str, also: tuple[str, ...] = ()) -> None:
    """Answer until interrupted."""
    host, port = bound.getsockname()[:2]
    app = application(server, str(host), int(port), token, also)
    config = uvicorn.Config(app, log_level="critical", access_log=False, timeout_keep_alive=30, server_header=False)
    uvicorn.Server(config).run(sockets=[bound])
