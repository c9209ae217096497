"""A real OpenID Connect provider, of other authors, as a process on this machine."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from socket import create_server
from time import monotonic, sleep
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

AUDIENCE = "the-service"
PATIENCE = 60


class RunningProvider:
    """The provider at one port; every start makes a new key."""

    def __init__(self, port: int, max_age: int = 3600) -> None:
        self.port = port
        self.issuer = f"http://127.0.0.1:{port}"
        self._max_age = max_age
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        words = ["--port", str(self.port), "--token-max-age", str(self._max_age)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "oidc_provider_mock", *words],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = monotonic() + PATIENCE
        while True:
            try:
                self.ask("GET", "/jwks")
            except OSError:
                assert monotonic() < until
                assert self._process.poll() is None
                sleep(0.05)
            else:
                return

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(PATIENCE)
            self._process = None

    def ask(self, method: str, path: str, body: str = "", kind: str = "application/json") -> tuple[str, bytes]:
        """Where an answer leads, and what it says."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, {"Content-Type": kind})
            response = connection.getresponse()
            return response.getheader("Location", ""), response.read()
        finally:
            connection.close()

    def token(self, scope: str = "", audience: str = AUDIENCE, subject: str = "ada") -> str:
        """A token by the authorization code flow, for a user whose token states this scope."""
        form = "application/x-www-form-urlencoded"
        back = "http://127.0.0.1/back"
        self.ask("PUT", f"/users/{subject}", json.dumps({"scope": scope}))
        asked = {"client_id": audience, "redirect_uri": back, "response_type": "code", "scope": "openid", "nonce": "n"}
        where, _ = self.ask("POST", f"/oauth2/authorize?{urlencode(asked)}", urlencode({"sub": subject}), form)
        code = parse_qs(urlsplit(where).query)["code"][0]
        wanted = {"grant_type": "authorization_code", "code": code, "redirect_uri": back}
        secret = {"client_id": audience, "client_secret": "any"}
        _, answer = self.ask("POST", "/oauth2/token", urlencode(wanted | secret), form)
        token: str = json.loads(answer)["id_token"]
        return token


@contextmanager
def running_provider(max_age: int = 3600) -> Iterator[RunningProvider]:
    """A provider on a free port, ended with the block."""
    with create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    provider = RunningProvider(port, max_age)
    try:
        provider.start()
        yield provider
    finally:
        provider.stop()


@pytest.fixture(scope="session")
def provider() -> Iterator[RunningProvider]:
    """The provider that the service trusts; the environment of the tests names it."""
    with running_provider() as running:
        os.environ |= {"OIDC_ISSUER": running.issuer, "OIDC_AUDIENCE": AUDIENCE}
        yield running


if __name__ == "__main__":
    # As README says: the port of a provider that runs, the service's audience, and a scope.
    print(RunningProvider(int(sys.argv[1])).token(sys.argv[3], sys.argv[2]))
