import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Event, Thread
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient
from httpx import Response

from app.core.application import build
from app.core.identity import SECURED, CurrentUser, IdentitySettings, Provider, requires
from app.core.settings import SettingsError
from tests.core.provider import AUDIENCE, RunningProvider, running_provider

router = APIRouter(responses=SECURED)


@router.get("/me")
async def read_me(user: CurrentUser) -> str:
    """Who asks."""
    return user.subject


@router.get("/orders", dependencies=[requires("orders:read", "orders:list")])
async def read_orders() -> list[int]:
    """For those who may."""
    return []


def create_app(**settings: Any) -> FastAPI:
    """An application with identity and the routes above."""
    given = IdentitySettings(**settings)
    provider = Provider(given)

    @asynccontextmanager
    async def resources() -> AsyncIterator[None]:
        async with provider.opened():
            yield None

    app = build(given, routers=[router], resources=resources)
    provider.install(app)
    return app


@pytest.fixture
def client(provider: RunningProvider) -> Iterator[TestClient]:
    """A client of an application that trusts the running provider."""
    with TestClient(create_app()) as client:
        yield client


def ask(client: TestClient, token: str, path: str = "/me") -> Response:
    response: Response = client.get(path, headers={"Authorization": f"Bearer {token}"})
    return response


def refused(response: Response, status: int = 401) -> dict[str, Any]:
    """The problem document of a refusal, which repeats nothing of the token."""
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["www-authenticate"].startswith("Bearer")
    problem: dict[str, Any] = response.json()
    return problem


def part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def published(provider: RunningProvider) -> jwt.PyJWK:
    return jwt.PyJWKSet(json.loads(provider.ask("GET", "/jwks")[1])["keys"]).keys[0]


def test_a_token_of_the_provider_is_a_user(client: TestClient, provider: RunningProvider) -> None:
    response = ask(client, provider.token(subject="grace"))
    assert (response.status_code, response.json()) == (200, "grace")


def test_without_a_token_the_challenge_names_no_error(client: TestClient) -> None:
    for headers in ({}, {"Authorization": "Basic YTpi"}, {"Authorization": "Bearer"}, {"Authorization": "Bearer "}):
        response = client.get("/me", headers=headers)
        assert refused(response)["detail"] == "The request needs a bearer token."
        assert response.headers["www-authenticate"] == "Bearer"


def test_every_scope_of_a_route_is_needed(client: TestClient, provider: RunningProvider) -> None:
    for scope in ("", "orders:read", "orders:listing orders:read"):
        response = ask(client, provider.token(scope), "/orders")
        assert refused(response, 403)["detail"] == "The token lacks a scope that this needs."
        assert 'error="insufficient_scope", scope="orders:read orders:list"' in response.headers["www-authenticate"]
    assert ask(client, provider.token("orders:list other orders:read"), "/orders").status_code == 200


def test_no_algorithm_and_a_public_key_as_a_secret_are_refused(client: TestClient, provider: RunningProvider) -> None:
    token = provider.token()
    key = published(provider)
    pem = key.key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    body = token.split(".")[1]
    forged = [f"{part({'alg': name, 'kid': key.key_id})}.{body}." for name in ("none", "None", "NONE")]
    import hashlib  # noqa: PLC0415
    import hmac  # noqa: PLC0415

    signed = f"{part({'alg': 'HS256', 'kid': key.key_id, 'typ': 'JWT'})}.{body}"
    mac = base64.urlsafe_b64encode(hmac.new(pem, signed.encode(), hashlib.sha256).digest()).rstrip(b"=").decode()
    for attack in (*forged, f"{signed}.{mac}"):
        assert refused(ask(client, attack))["detail"] == "The token does not hold for this service."


def test_keys_that_the_token_itself_brings_or_names_are_not_used(client: TestClient, provider: RunningProvider) -> None:
    mine = rsa.generate_private_key(65537, 2048)
    known = published(provider).key_id
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(mine.public_key()))
    with running_provider() as other:
        elsewhere = f"{other.issuer}/jwks"
        for head in (
            {"kid": known},
            {"kid": "mine", "jwk": public},
            {"kid": elsewhere, "jku": elsewhere},
            {"kid": "../../../../dev/null", "x5u": elsewhere},
            {"kid": "' OR 1=1 --"},
        ):
            assert refused(ask(client, jwt.encode(claims_of(provider.token()), mine, "RS256", head)))
        assert refused(ask(client, other.token())), "a token of another issuer"


@pytest.mark.parametrize("change", ["claims", "signature", "cut", "garbage", "long"])
def test_what_was_changed_is_refused(client: TestClient, provider: RunningProvider, change: str) -> None:
    head, body, signature = provider.token().split(".")
    changed = {
        "claims": f"{head}.{part(claims_of(f'{head}.{body}.{signature}') | {'sub': 'root'})}.{signature}",
        "signature": f"{head}.{body}.{signature[:-8]}AAAAAAAA",
        "cut": f"{head}.{body}",
        "garbage": "\x7f..",
        "long": "a" * 8000,
    }
    assert refused(ask(client, changed[change]))


def test_a_token_for_somebody_else_is_refused(client: TestClient, provider: RunningProvider) -> None:
    assert refused(ask(client, provider.token(audience="another-service")))


def test_an_expired_token_is_refused_and_the_skew_is_a_setting() -> None:
    with running_provider(max_age=-60) as provider:
        trusted = {"oidc_issuer": provider.issuer, "oidc_audience": AUDIENCE}
        with TestClient(create_app(**trusted)) as client:
            response = ask(client, provider.token())
            assert refused(response)["detail"] == "The token has expired."
            assert 'error="invalid_token"' in response.headers["www-authenticate"]
        with TestClient(create_app(**trusted, oidc_skew_seconds=120)) as client:
            assert ask(client, provider.token()).status_code == 200


def test_a_provider_that_is_away_and_comes_back_with_another_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.core.identity._RETRY_SECONDS", -1.0)
    with running_provider() as provider:
        old = provider.token()
        provider.stop()
        trusted = {"oidc_issuer": provider.issuer, "oidc_audience": AUDIENCE}
        with TestClient(create_app(**trusted, oidc_keys_seconds=0.001)) as client:
            response = ask(client, old)
            assert (response.status_code, response.json()["detail"]) == (503, "The identity provider is away.")
            assert response.headers["retry-after"] == "10"
            assert client.get("/ready").status_code == 200, "a service is not taken away for what others lack"
            provider.start()
            new = provider.token()
            assert ask(client, new).status_code == 200
            assert refused(ask(client, old)), "its key is gone"
            provider.stop()
            assert ask(client, new).status_code == 200, "known keys outlive the provider for a while"
        with TestClient(create_app(**trusted, oidc_keys_seconds=0.001, oidc_stale_seconds=0)) as client:
            assert ask(client, new).status_code == 503


def test_invented_key_ids_do_not_make_anybody_ask_the_provider(
    client: TestClient, provider: RunningProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ask(client, provider.token()).status_code == 200
    asked: list[str] = []
    monkeypatch.setattr(Provider, "_published", lambda self: asked.append("keys"))
    mine = rsa.generate_private_key(65537, 2048)
    for number in range(20):
        # The clock stands still between two of them: each would ask, if it were not for the pause.
        assert refused(ask(client, jwt.encode({"sub": "x"}, mine, "RS256", {"kid": str(number)})))
    assert asked == []


def test_a_provider_that_trickles_is_away(provider: RunningProvider) -> None:
    ended = Event()

    class Trickle(BaseRequestHandler):
        """An answer that always goes on."""

        def handle(self) -> None:
            with suppress(OSError):
                self.request.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
                while not ended.wait(0.02):
                    self.request.sendall(b" ")

    with ThreadingTCPServer(("127.0.0.1", 0), Trickle) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        issuer = f"http://127.0.0.1:{server.server_address[1]}"
        with TestClient(create_app(oidc_issuer=issuer, oidc_timeout_seconds=0.3)) as client:
            assert ask(client, provider.token()).status_code == 503
        ended.set()
        server.shutdown()


def test_a_client_that_is_given_asks_the_provider_and_stays_open(provider: RunningProvider) -> None:
    asked: list[str] = []

    async def note(request: httpx.Request) -> None:
        asked.append(request.url.path)

    async def whole() -> None:
        async with httpx.AsyncClient(event_hooks={"request": [note]}) as http:
            async with Provider(IdentitySettings.load()).opened(http) as opened:
                assert (await opened.user(provider.token())).subject == "ada"
            assert not http.is_closed

    asyncio.run(whole())
    assert asked == ["/.well-known/openid-configuration", "/jwks"]


def test_the_document_names_the_provider_and_the_scopes(client: TestClient, provider: RunningProvider) -> None:
    document = client.get("/openapi.json").json()
    assert document["components"]["securitySchemes"]["oidc"] == {
        "type": "openIdConnect",
        "openIdConnectUrl": f"{provider.issuer}/.well-known/openid-configuration",
    }
    assert document["paths"]["/orders"]["get"]["security"] == [{"oidc": ["orders:read", "orders:list"]}]
    assert {"401", "403", "503"} <= document["paths"]["/me"]["get"]["responses"].keys()


def test_the_documentation_can_log_in(provider: RunningProvider) -> None:
    with TestClient(create_app(environment="development")) as client:
        page = client.get("/docs").text
    assert '"usePkceWithAuthorizationCodeGrant": true' in page
    assert f'"clientId": "{AUDIENCE}"' in page


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OIDC_ISSUER", "http://id.example.com"),
        ("OIDC_ISSUER", "https://id.example.com/?x=1"),
        ("OIDC_ISSUER", "id.example.com"),
        ("OIDC_ALGORITHMS", '["HS256"]'),
        ("OIDC_ALGORITHMS", '["none"]'),
        ("OIDC_ALGORITHMS", "[]"),
        ("OIDC_AUDIENCE", ""),
    ],
)
def test_what_would_trust_too_much_is_refused(
    provider: RunningProvider, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=f"^{name}"):
        IdentitySettings.load()
