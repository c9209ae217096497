"""The development authority behind a loopback port (RFC 3161 section 3.4): what `remembrancer tsa serve` runs."""

import ipaddress
import socket
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from remembrancer import __version__
from remembrancer.errors import BadInput, EnvironmentTrouble
from remembrancer.timestamp.authority import LocalAuthority

_QUERY_TYPE = "application/timestamp-query"
_MAX_REQUEST_BYTES = 4096
_READ_TIMEOUT = 10.0


class TimestampServer(ThreadingHTTPServer):
    """An HTTP server that answers timestamp queries; `serve_forever()` runs it, `shutdown()` ends it.

    Binds at once, port 0 takes a free one; `url` is where it then listens. Raises BadInput for a host that is not a
    loopback address, because everybody who reaches the port gets tokens, EnvironmentTrouble if the port is taken.
    """

    daemon_threads = True

    def __init__(self, authority: LocalAuthority, host: str = "127.0.0.1", port: int = 0) -> None:
        address = _loopback(host)
        self.authority = authority
        self.address_family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
        try:
            super().__init__((str(address), port), _Handler)
        except (OSError, OverflowError) as error:
            raise EnvironmentTrouble("env.network", f"port {port} cannot be opened: {error}") from error

    @property
    def url(self) -> str:
        """Return the address that a client asks."""
        host, port = self.server_address[:2]
        return f"http://[{host!s}]:{port}/" if self.address_family == socket.AF_INET6 else f"http://{host!s}:{port}/"


class _Handler(BaseHTTPRequestHandler):
    server_version = f"remembrancer/{__version__}"
    sys_version = ""
    timeout = _READ_TIMEOUT
    server: TimestampServer

    def do_POST(self) -> None:
        """Answer one query."""
        length = self.headers.get("Content-Length", "")
        if self.headers.get_content_type() != _QUERY_TYPE:
            self.send_error(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        elif not (length.isascii() and length.isdigit()):
            self.send_error(HTTPStatus.LENGTH_REQUIRED)
        elif len(length) > 4 or int(length) > _MAX_REQUEST_BYTES:
            self.send_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        else:
            answer = self.server.authority.respond(self.rfile.read(int(length)))
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Write nothing: what the server did is in the tokens."""


def _loopback(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError as error:
        raise BadInput("input.field", f"{host!r} is not an IP address") from error
    if not address.is_loopback:
        raise BadInput("input.field", f"the development authority listens on loopback only, {host} is not")
    return address
