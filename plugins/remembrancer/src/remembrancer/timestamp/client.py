"""Asking a timestamping authority over HTTP (RFC 3161 section 3.4) without trusting its server with anything.

The server may be slow, wrong or hostile: one deadline covers everything from the name lookup to the last byte, the
answer's size is bounded and redirects are not followed. A proxy is asked where the environment names one
(`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`), never for this machine itself: it sees what the server sees and can do no
more than that.
"""

import http.client
import socket
import ssl
import threading
from base64 import b64encode
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]

from remembrancer.errors import BadInput, EnvironmentTrouble

MAX_ANSWER_BYTES = 65536
DEFAULT_TIMEOUT = 20.0
_QUERY_TYPE = "application/timestamp-query"
_REPLY_TYPE = "application/timestamp-reply"


def fetch(url: str, request: bytes, timeout: float = DEFAULT_TIMEOUT) -> bytes:
    """Return the authority's answer to a DER TimeStampReq; it is not judged here.

    `url` is http or https, `timeout` the seconds for everything together. Raises BadInput `input.url` for another
    kind of address, EnvironmentTrouble `env.network` if there is no complete answer in time, `env.authority` if the
    answer is not a timestamp reply (status, content type, size, redirect).
    """
    exchange = _Exchange(url, request, timeout)
    worker = threading.Thread(target=exchange.run, name="timestamp-request", daemon=True)
    worker.start()
    worker.join(timeout)
    if worker.is_alive():
        exchange.abandon()
        raise EnvironmentTrouble(
            "env.network", f"the timestamp authority {exchange.host} did not answer completely within {timeout:g} s"
        )
    if exchange.trouble is not None:
        raise exchange.trouble
    return exchange.answer


class _Exchange:
    """One question and its answer, in a thread of its own so that even a name lookup cannot outlast the deadline."""

    def __init__(self, url: str, request: bytes, timeout: float) -> None:
        self.host, port, self._target, secure = _split(url)
        self.answer = b""
        self.trouble: EnvironmentTrouble | None = None
        self._request = request
        self._headers = {"Content-Type": _QUERY_TYPE, "Accept": _REPLY_TYPE, "Connection": "close"}
        proxy = _proxy("https" if secure else "http", self.host, port)
        host, at = (proxy.host, proxy.port) if proxy else (self.host, port)
        # the deadline is kept by the caller; this only ends a thread that was given up before it had a connection
        timeout = 2 * timeout
        if secure:
            context = ssl.create_default_context()
            self._connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                host, at, timeout=timeout, context=context
            )
        else:
            self._connection = http.client.HTTPConnection(host, at, timeout=timeout)
        if proxy and secure:
            self._connection.set_tunnel(self.host, port, proxy.headers)
        elif proxy:
            self._target = url.partition("#")[0]
            self._headers |= proxy.headers

    def run(self) -> None:
        """Fill `answer` or `trouble`."""
        try:
            self.answer = self._ask()
        except EnvironmentTrouble as trouble:
            self.trouble = trouble
        except (OSError, http.client.HTTPException, ValueError) as error:
            why = _one_line(str(error) or type(error).__name__)
            self.trouble = EnvironmentTrouble(
                "env.network", f"the timestamp authority {self.host} could not be asked: {why}"
            )
        finally:
            self._connection.close()

    def abandon(self) -> None:
        """Cut the connection, so that a thread that still reads from it ends."""
        connected = self._connection.sock
        if connected is not None:
            try:
                connected.shutdown(socket.SHUT_RDWR)
            except OSError:
                return

    def _ask(self) -> bytes:
        self._connection.request("POST", self._target, self._request, self._headers)
        response = self._connection.getresponse()
        if 300 <= response.status < 400:
            elsewhere = _one_line(response.getheader("Location", "nowhere"))
            raise self._unusable(f"it redirects to {elsewhere}, which is not followed")
        if response.status != http.client.OK:
            raise self._unusable(f"it answered with status {response.status}")
        kind = response.getheader("Content-Type", "").partition(";")[0].strip().lower()
        if kind != _REPLY_TYPE:
            raise self._unusable(f"it sent {_one_line(kind) or 'an answer without a type'} instead of {_REPLY_TYPE}")
        answer = response.read(MAX_ANSWER_BYTES + 1)
        if len(answer) > MAX_ANSWER_BYTES:
            raise self._unusable(f"its answer is larger than {MAX_ANSWER_BYTES} bytes")
        if not answer or response.length:
            raise EnvironmentTrouble("env.network", f"the timestamp authority {self.host} cut its answer short")
        return answer

    def _unusable(self, why: str) -> EnvironmentTrouble:
        return EnvironmentTrouble(
            "env.authority", f"the timestamp authority {self.host} returned an unusable answer: {why}"
        )


class _Proxy(NamedTuple):
    """Where an HTTP proxy listens, and what it wants to be told."""

    host: str
    port: int
    headers: dict[str, str]


def _proxy(scheme: str, host: str, port: int | None) -> _Proxy | None:
    """Return the proxy that the environment names for a host, None to go there directly.

    Raises EnvironmentTrouble `env.network` for a proxy of another kind than http.
    """
    named = getproxies_environment().get(scheme)
    if not named or _is_this_machine(host) or proxy_bypass_environment(f"{host}:{port}" if port else host):
        return None
    try:
        parts = urlsplit(named if "://" in named else f"http://{named}")
        found = parts.hostname, parts.port or 80
    except ValueError:
        parts, found = urlsplit(""), (None, 0)
    if parts.scheme != "http" or not found[0]:
        raise EnvironmentTrouble("env.network", f"the proxy that {scheme}_proxy names is not http://host:port")
    headers = {}
    if parts.username is not None:
        secret = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        headers["Proxy-Authorization"] = f"Basic {b64encode(secret).decode()}"
    return _Proxy(found[0], found[1], headers)


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _split(url: str) -> tuple[str, int | None, str, bool]:
    """Return host, port, request target and whether TLS is wanted; raises BadInput."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    plain = url.isascii() and url.isprintable() and " " not in url
    if not plain or parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        raise BadInput("input.url", f"a timestamp authority's address is http(s)://host/path, {url!r} is not")
    return (
        parts.hostname,
        port,
        (parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        parts.scheme == "https",
    )


def _one_line(text: str) -> str:
    """Return a server's words in a form that cannot disturb a terminal or a log."""
    return "".join(letter if letter.isprintable() else " " for letter in text[:200]).strip()
