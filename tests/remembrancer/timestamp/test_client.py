"""Authorities that are slow, wrong or hostile: real servers on loopback, none of which gets anything stored."""

import gc
import hashlib
import socket
import ssl
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from remembrancer.errors import BadInput, EnvironmentTrouble, Rejected, RemembrancerError
from remembrancer.timestamp import Authority, client
from remembrancer.timestamp.authority import LocalAuthority
from remembrancer.timestamp.obtain import obtain, obtain_from_first, over_http
from remembrancer.timestamp.request import make_request
from remembrancer.timestamp.server import TimestampServer
from tsa_support import DAY, certify

DIGEST = hashlib.sha256(b"data").digest()
REQUEST = make_request(DIGEST, 4711)
Behaviour = Callable[[socket.socket, bytes], None]


def _read_request(connection: socket.socket) -> bytes:
    """Return the body of one HTTP request."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65536)
    head, _, body = received.partition(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    while len(body) < length:
        body += connection.recv(65536)
    return body


@contextmanager
def behaving(behaviour: Behaviour) -> Iterator[str]:
    """Run a server that treats every connection so, and yield its URL."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, suppress(OSError, IndexError):
                behaviour(connection, _read_request(connection))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/tsr"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def _answer(body: bytes, kind: str = "application/timestamp-reply", status: str = "200 OK", more: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode() + body


def _says(answer: bytes) -> Behaviour:
    return lambda connection, _: connection.sendall(answer)


def _redirects(where: str) -> Behaviour:
    return _says(_answer(b"", status="307 Temporary Redirect", more=f"Location: {where}\r\n"))


def _drips_body(connection: socket.socket, _: bytes, more: bytes = b"") -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/timestamp-reply\r\nContent-Length: 9999\r\n"
    connection.sendall(head + more + b"\r\n")
    while True:
        connection.sendall(b"0")
        time.sleep(0.05)


def _drips_the_last_body(connection: socket.socket, body: bytes) -> None:
    """As a server that closes, which is what it is asked to do: then the connection is the answer's."""
    _drips_body(connection, body, b"Connection: close\r\n")


def _drips_headers(connection: socket.socket, _: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while True:
        connection.sendall(b"a")
        time.sleep(0.05)


def _says_nothing(connection: socket.socket, _: bytes) -> None:
    connection.recv(1)


def _pours(connection: socket.socket, _: bytes) -> None:
    connection.sendall(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/timestamp-reply\r\nContent-Length: 10000000\r\n\r\n"
    )
    for _ in range(1000):
        connection.sendall(bytes(10000))


def _pours_chunks(connection: socket.socket, _: bytes) -> None:
    head = "HTTP/1.1 200 OK\r\nContent-Type: application/timestamp-reply\r\nTransfer-Encoding: chunked\r\n\r\n"
    connection.sendall(head.encode())
    while True:
        connection.sendall(b"2710\r\n" + bytes(10000) + b"\r\n")


def _many_headers(connection: socket.socket, _: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    for number in range(10000):
        connection.sendall(f"X-{number}: y\r\n".encode())


HOSTILE: list[tuple[str, Behaviour, str]] = [
    ("HTML with status 200", _says(_answer(b"<html>hello</html>", "text/html; charset=utf-8")), "env.authority"),
    ("HTML with an error status", _says(_answer(b"<html>no</html>", "text/html", "503 Busy")), "env.authority"),
    ("an error status with the right type", _says(_answer(b"\x30\x00", status="500 Oops")), "env.authority"),
    ("no content", _says(b"HTTP/1.1 204 No Content\r\n\r\n"), "env.authority"),
    ("no content type", _says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\x30\x00"), "env.authority"),
    (
        "a redirect to another host",
        _says(_answer(b"", status="302 Found", more="Location: http://192.0.2.1/\r\n")),
        "env.authority",
    ),
    (
        "a redirect to a file",
        _says(_answer(b"", status="307 There", more="Location: file:///etc/passwd\r\n")),
        "env.authority",
    ),
    ("10 MB", _pours, "env.authority"),
    ("chunks without end", _pours_chunks, "env.authority"),
    ("an empty answer", _says(_answer(b"")), "env.network"),
    ("a connection cut at once", lambda connection, _: None, "env.network"),
    ("a connection cut within the answer", _says(_answer(bytes(500))[:-200]), "env.network"),
    ("a connection cut within the headers", _says(b"HTTP/1.1 200 OK\r\nContent-Ty"), "env.authority"),
    ("not HTTP", _says(b"\x00\x01\x02 SSH-2.0\r\n\r\n"), "env.network"),
    ("10,000 headers", _many_headers, "env.network"),
]
ENDLESS = {"a body that drips": _drips_body, "a last body that drips": _drips_the_last_body}
ENDLESS |= {"headers that drip": _drips_headers, "silence": _says_nothing}


@pytest.mark.parametrize(("behaviour", "code"), [pytest.param(b, c, id=name) for name, b, c in HOSTILE])
def test_a_hostile_server_is_one_sentence_and_no_answer(behaviour: Behaviour, code: str) -> None:
    with behaving(behaviour) as url, pytest.raises(EnvironmentTrouble) as trouble:
        client.fetch(url, REQUEST, timeout=60)
    assert trouble.value.code == code
    assert "\n" not in trouble.value.message
    assert trouble.value.exit_code == 4


@pytest.mark.parametrize("behaviour", ENDLESS.values(), ids=ENDLESS)
def test_one_deadline_covers_everything(behaviour: Behaviour) -> None:
    """Every byte resets the timeout of a single read, so without a deadline these would never return."""
    with behaving(behaviour) as url:
        with pytest.raises(EnvironmentTrouble, match=r"within 0\.5 s") as trouble:
            client.fetch(url, REQUEST, timeout=0.5)
        until = time.monotonic() + 5
        while any(thread.name == "question" for thread in threading.enumerate()):
            assert time.monotonic() < until, "whoever was given up still reads, and holds its connection"
            time.sleep(0.01)
    assert trouble.value.code == "env.network"


@pytest.mark.parametrize("behaviour", [_says(_answer(b"no", "text/html")), _pours], ids=["type", "pours"])
def test_no_connection_is_left_open(behaviour: Behaviour, recwarn: pytest.WarningsRecorder) -> None:
    """Also where the answer is refused before all of it was read."""
    warnings.simplefilter("always", ResourceWarning)
    with behaving(behaviour) as url, pytest.raises(EnvironmentTrouble):
        client.fetch(url, REQUEST, timeout=0.5)
    gc.collect()
    assert [str(one.message) for one in recwarn if issubclass(one.category, ResourceWarning)] == []


def test_a_redirect_is_not_followed() -> None:
    reached = threading.Event()

    def target(connection: socket.socket, _: bytes) -> None:
        reached.set()

    with (
        behaving(target) as elsewhere,
        behaving(_redirects(elsewhere)) as url,
        pytest.raises(EnvironmentTrouble, match="not followed"),
    ):
        client.fetch(url, REQUEST, timeout=60)
    assert not reached.is_set()


def test_this_machine_is_asked_without_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://192.0.2.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://192.0.2.1:9")
    with behaving(_says(_answer(b"\x30\x00"))) as url:
        assert client.fetch(url, REQUEST, timeout=60) == b"\x30\x00"


def test_the_request_arrives_as_it_is() -> None:
    seen: list[bytes] = []

    def keep(connection: socket.socket, body: bytes) -> None:
        seen.append(body)
        connection.sendall(_answer(b"ok"))

    with behaving(keep) as url:
        assert client.fetch(f"{url}?a=b", REQUEST, timeout=60) == b"ok"
    assert seen == [REQUEST]


def test_a_server_that_is_not_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(EnvironmentTrouble) as trouble:
        client.fetch(f"http://127.0.0.1:{port}/", REQUEST, timeout=60)
    assert trouble.value.code == "env.network"


def test_a_name_that_does_not_exist() -> None:
    with pytest.raises(EnvironmentTrouble) as trouble:
        client.fetch("http://tsa.invalid/", REQUEST, timeout=60)
    assert trouble.value.code == "env.network"


def test_tls_must_be_genuine(tmp_path: Path) -> None:
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    own = certify("127.0.0.1", start=datetime.now(UTC) - DAY, end=datetime.now(UTC) + DAY, extra=[(names, False)])
    secret = own.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "server.pem").write_bytes(secret + own.pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                context.wrap_socket(connection, server_side=True).close()

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(EnvironmentTrouble, match="certificate verify failed") as trouble:
            client.fetch(f"https://127.0.0.1:{listener.getsockname()[1]}/", REQUEST, timeout=60)
        thread.join()
    assert trouble.value.code == "env.network"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "tsa.example.org",
        "file:///etc/passwd",
        "ftp://h/",
        "http://",
        "http://user:secret@h/",
        "http://h:99999/",
        "http://h:x/",
        "http://[::1/",
        "http://h/a b",
        "http://h/\r\nX-Evil: 1",
        "http://h\x00/",
        "gopher://127.0.0.1/",
    ],
)
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(BadInput) as trouble:
        client.fetch(url, REQUEST, timeout=60)
    assert trouble.value.code == "input.url"


@pytest.fixture
def local(tmp_path: Path) -> LocalAuthority:
    return LocalAuthority.create(tmp_path / "tsa")


def _with(local: LocalAuthority, change: Callable[[bytes], bytes]) -> Behaviour:
    """An authority that answers to another request than the one that it got."""
    return lambda connection, body: connection.sendall(_answer(local.respond(change(body))))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda body: make_request(DIGEST, 1), "time.nonce-mismatch"),
        (lambda body: make_request(hashlib.sha256(b"other").digest(), 1), "time.imprint-mismatch"),
        (lambda body: make_request(hashlib.sha512(b"data").digest(), 1), "time.imprint-mismatch"),
        (lambda body: b"", "time.status"),
    ],
    ids=["wrong nonce", "other imprint", "other hash", "refused"],
)
def test_an_answer_to_something_else(local: LocalAuthority, change: Callable[[bytes], bytes], code: str) -> None:
    with behaving(_with(local, change)) as url, pytest.raises(Rejected) as refusal:
        obtain(DIGEST, local.as_authority(url=url))
    assert refusal.value.code == code


def test_an_answer_with_the_wrong_bytes(local: LocalAuthority) -> None:
    with behaving(_says(_answer(b"<html></html>"))) as url, pytest.raises(Rejected) as refusal:
        obtain(DIGEST, local.as_authority(url=url))
    assert refusal.value.code == "time.malformed"


def test_the_next_authority_is_asked(local: LocalAuthority) -> None:
    with TimestampServer(local) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        with behaving(_says(_answer(b"<html>", "text/html"))) as html, behaving(_with(local, lambda _: REQUEST)) as old:
            asked = [
                local.as_authority(name, url) for name, url in (("html", html), ("old", old), ("good", server.url))
            ]
            found = obtain_from_first(DIGEST, asked, over_http)
        server.shutdown()
        thread.join()
    assert found.authority.name == "good"
    assert [trouble.code for trouble in found.troubles] == ["env.authority", "time.nonce-mismatch"]


def _raising(error: RemembrancerError) -> Callable[[Authority, bytes], bytes]:
    def transport(authority: Authority, request: bytes) -> bytes:
        raise error

    return transport


def test_no_authority_helps(local: LocalAuthority) -> None:
    asked = [local.as_authority("one"), local.as_authority("two")]
    down = EnvironmentTrouble("env.network", "It is down.")
    with pytest.raises(EnvironmentTrouble) as trouble:
        obtain_from_first(DIGEST, asked, _raising(down))
    assert (trouble.value.code, trouble.value.message.count("It is down.")) == ("env.authority", 2)
    with pytest.raises(EnvironmentTrouble) as single:
        obtain_from_first(DIGEST, asked[:1], _raising(down))
    assert single.value is down


def test_no_authority_at_all() -> None:
    with pytest.raises(BadInput):
        obtain_from_first(DIGEST, [])
