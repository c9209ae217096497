"""One question over HTTP and its answer, without trusting the server with anything.

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
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]

from remembrancer.errors import BadInput, EnvironmentTrouble, RemembrancerError
from remembrancer.named import NamedTuple


class Head(NamedTuple):
    """How an answer begins: its status, its type without parameters, where it leads, when to ask again ("" unsaid)."""

    status: int
    kind: str
    location: str
    retry_after: str


class Question(NamedTuple):
    """What is asked, of whom (`noun` names the kind of server in sentences), and the bytes that an answer may have."""

    noun: str
    method: str
    url: str
    body: bytes
    headers: Mapping[str, str]
    limit: int


def anything(_head: Head) -> None:
    """Refuse no answer."""


def ask(question: Question, timeout: float, refuse: Callable[[Head], None] = anything) -> tuple[Head, bytes]:
    """Return the answer to a question, at most one byte more than its limit; it is not judged here.

    `timeout` is the seconds for everything together, `refuse` may raise for the head before the body is read. Raises
    BadInput `input.url` for an address of another kind, EnvironmentTrouble `env.network` if there is no complete answer
    in time, and what `refuse` raises.
    """
    exchange = _Exchange(question, timeout, refuse)
    worker = threading.Thread(target=exchange.run, name="question", daemon=True)
    worker.start()
    worker.join(timeout)
    if worker.is_alive():
        exchange.abandon()
        message = f"the {question.noun} {exchange.host} did not answer completely within {timeout:g} s"
        raise EnvironmentTrouble("env.network", message)
    if exchange.trouble is not None:
        raise exchange.trouble
    return exchange.answer


def host_of(url: str, noun: str) -> str:
    """Return the host in an address. Raises BadInput(input.url)."""
    return _split(url, noun)[0]


class _Exchange:
    """One question and its answer, in a thread of its own so that even a name lookup cannot outlast the deadline."""

    def __init__(self, question: Question, timeout: float, refuse: Callable[[Head], None]) -> None:
        self.host, port, self._target, secure = _split(question.url, question.noun)
        self.answer = Head(0, "", "", ""), b""
        self.trouble: RemembrancerError | None = None
        self._question, self._refuse = question, refuse
        self._connected: socket.socket | None = None
        self._headers = {**question.headers, "Connection": "close"}
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
            self._target = question.url.partition("#")[0]
            self._headers |= proxy.headers

    def run(self) -> None:
        """Fill `answer` or `trouble`."""
        try:
            self.answer = self._ask()
        except RemembrancerError as trouble:
            self.trouble = trouble
        except (OSError, http.client.HTTPException, ValueError) as error:
            why = one_line(str(error) or type(error).__name__)
            message = f"the {self._question.noun} {self.host} could not be asked: {why}"
            self.trouble = EnvironmentTrouble("env.network", message)
        finally:
            self._connection.close()

    def abandon(self) -> None:
        """Cut the connection, so that a thread that still reads from it ends."""
        # while the last answer of a connection is read, the connection itself no longer has the socket
        connected = self._connection.sock or self._connected
        if connected is not None:
            try:
                connected.shutdown(socket.SHUT_RDWR)
            except OSError:
                return

    def _ask(self) -> tuple[Head, bytes]:
        question = self._question
        self._connection.request(question.method, self._target, question.body or None, self._headers)
        self._connected = self._connection.sock
        with self._connection.getresponse() as response:
            kind = response.getheader("Content-Type", "").partition(";")[0].strip().lower()
            location, later = response.getheader("Location", ""), response.getheader("Retry-After", "")
            head = Head(response.status, one_line(kind), one_line(location), one_line(later))
            self._refuse(head)
            body = response.read(question.limit + 1)
            if response.length and len(body) <= question.limit:
                raise EnvironmentTrouble("env.network", f"the {question.noun} {self.host} cut its answer short")
            return head, body


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


def _split(url: str, noun: str) -> tuple[str, int | None, str, bool]:
    """Return host, port, request target and whether TLS is wanted; raises BadInput."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    plain = url.isascii() and url.isprintable() and " " not in url
    if not plain or parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        raise BadInput("input.url", f"a {noun}'s address is http(s)://host/path, {url!r} is not")
    return (
        parts.hostname,
        port,
        (parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        parts.scheme == "https",
    )


def one_line(text: str) -> str:
    """Return a server's words in a form that cannot disturb a terminal or a log."""
    return "".join(letter if letter.isprintable() else " " for letter in text[:200]).strip()
