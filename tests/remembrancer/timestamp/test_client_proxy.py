"""An authority behind a proxy: the one that the environment names is asked, and trusted with nothing."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import pytest

from remembrancer.errors import EnvironmentTrouble
from remembrancer.timestamp import client
from remembrancer.timestamp.authority import LocalAuthority
from remembrancer.timestamp.obtain import obtain
from remembrancer.timestamp.request import make_request

DIGEST = bytes(32)
REQUEST = make_request(DIGEST, 4711)
AUTHORITY = "http://tsa.invalid/tsr?a=b"  # a name that only a proxy can reach


@dataclass
class Proxy:
    """A proxy that plays the authority behind it, and remembers what it was asked."""

    local: LocalAuthority
    url: str = ""
    heads: list[str] = field(default_factory=list)

    def serve(self, connection: socket.socket) -> None:
        received = b""
        while b"\r\n\r\n" not in received:
            received += connection.recv(65536)
        head, _, body = received.partition(b"\r\n\r\n")
        self.heads.append(head.decode())
        if head.startswith(b"CONNECT"):
            connection.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\n")
            return
        length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        while len(body) < length:
            body += connection.recv(65536)
        answer = self.local.respond(body)
        kind = "Content-Type: application/timestamp-reply"
        connection.sendall(f"HTTP/1.1 200 OK\r\n{kind}\r\nContent-Length: {len(answer)}\r\n\r\n".encode() + answer)


@contextmanager
def proxied(local: LocalAuthority) -> Iterator[Proxy]:
    made = Proxy(local)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made.url = f"http://127.0.0.1:{listener.getsockname()[1]}"

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection, suppress(OSError):
                    connection.settimeout(10)
                    made.serve(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield made
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)


@pytest.fixture
def local(tmp_path_factory: pytest.TempPathFactory) -> LocalAuthority:
    return LocalAuthority.create(tmp_path_factory.mktemp("authority") / "tsa")


@pytest.fixture
def proxy(local: LocalAuthority, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    for name in ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "REQUEST_METHOD"):
        monkeypatch.delenv(name, raising=False)
    with proxied(local) as made:
        yield made


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY"])
def test_an_authority_behind_a_proxy(variable: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, proxy.url)
    found = obtain(DIGEST, proxy.local.as_authority(url=AUTHORITY))
    assert found.facts.hash_algorithm == "sha256"
    assert proxy.heads[0].splitlines()[0] == f"POST {AUTHORITY} HTTP/1.1"
    assert "Host: tsa.invalid" in proxy.heads[0]


def test_https_goes_through_a_tunnel_that_the_proxy_may_refuse(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("http://", "http://user:s%20cret@"))
    with pytest.raises(EnvironmentTrouble, match="403") as trouble:
        client.fetch("https://tsa.invalid/tsr", REQUEST, timeout=60)
    assert trouble.value.code == "env.network"
    assert proxy.heads[0].splitlines()[0].startswith("CONNECT tsa.invalid:443 ")
    assert "Proxy-Authorization: Basic dXNlcjpzIGNyZXQ=" in proxy.heads[0]
    assert "cret" not in trouble.value.message


@pytest.mark.parametrize("listed", ["tsa.invalid", ".invalid", "*"])
def test_no_proxy_is_respected(listed: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", listed)
    with pytest.raises(EnvironmentTrouble):
        client.fetch(AUTHORITY, REQUEST, timeout=60)
    assert proxy.heads == []


def test_the_proxy_of_another_scheme_is_not_asked(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    with pytest.raises(EnvironmentTrouble):
        client.fetch(AUTHORITY, REQUEST, timeout=60)
    assert proxy.heads == []


@pytest.mark.parametrize("named", ["socks5://127.0.0.1:1080", "https://proxy:443", "http://", "http://h:x"])
def test_a_proxy_of_another_kind(named: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", named)
    with pytest.raises(EnvironmentTrouble, match="is not http://host:port") as trouble:
        client.fetch(AUTHORITY, REQUEST, timeout=60)
    assert trouble.value.code == "env.network"


def test_a_proxy_that_is_not_there(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    monkeypatch.setenv("HTTP_PROXY", f"127.0.0.1:{port}")
    with pytest.raises(EnvironmentTrouble) as trouble:
        client.fetch(AUTHORITY, REQUEST, timeout=60)
    assert trouble.value.code == "env.network"
