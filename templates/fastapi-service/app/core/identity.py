"""Identity: bearer tokens of one OpenID Connect provider, checked here, and who stands behind a request.

`CurrentUser` is what a route asks for; `requires("orders:write")` among its dependencies asks for scopes too. A token
is a JWT (RFC 7519) signed by a key that the provider publishes, for this audience, from this issuer, and not expired;
what its head says about where keys are is never followed. Keys are kept, fetched again where a token names another one,
and at most every few seconds: a client that invents key ids makes nobody ask the provider.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from time import monotonic
from typing import Annotated, Any, Literal, Self

import httpx
import jwt
import structlog
from fastapi import Depends, FastAPI, HTTPException, Request, Security
from fastapi.security import OpenIdConnect, SecurityScopes
from jwt.exceptions import PyJWTError
from pydantic import AfterValidator, Field
from starlette.datastructures import URL

from app.core import login
from app.core.errors import problems
from app.core.settings import CoreSettings, Seconds, Timeout

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Signatures with a public key; a shared secret would let whoever can check a token make one."""
SECURED = problems(401, 403, 503)
"""What `responses=` of a route takes that asks for a user."""
_RETRY_SECONDS = 10.0
_log = structlog.get_logger()


def _provider(value: str) -> str:
    url = URL(value)
    if (
        not url.hostname
        or url.query
        or url.fragment
        or not (url.scheme == "https" or (url.scheme == "http" and url.hostname in ("127.0.0.1", "::1", "localhost")))
    ):
        raise ValueError("needs an https address, or http on this machine")
    return value


class IdentitySettings(CoreSettings):
    """What identity adds to the settings."""

    oidc_issuer: Annotated[str, AfterValidator(_provider)]
    """The provider: `iss` of its tokens, and where its configuration is found."""

    oidc_audience: str = Field(min_length=1, max_length=200)
    """What `aud` of a token has to name: this service."""

    oidc_algorithms: list[Algorithm] = Field(default=["RS256", "ES256"], min_length=1)
    """How tokens may be signed."""

    oidc_skew_seconds: Seconds = 30.0
    """How far the provider's clock may be from this one."""

    oidc_keys_seconds: Timeout = 300.0
    """How long the provider's keys are good before they are fetched again."""

    oidc_stale_seconds: Seconds = 3600.0
    """How much longer they are good while the provider does not answer."""

    oidc_timeout_seconds: Timeout = 5.0
    """Time for the provider to answer, tries again included."""


@dataclass(frozen=True, slots=True)
class User:
    """Who stands behind a request, by the token's own words."""

    subject: str
    scopes: frozenset[str]
    claims: Mapping[str, Any]


class ProviderAwayError(Exception):
    """The provider does not answer, and no key of it is known."""


class Provider:
    """The provider's keys, by their ids."""

    def __init__(self, settings: IdentitySettings) -> None:
        self._settings = settings
        self._keys: dict[str | None, jwt.PyJWK] = {}
        self._fetched_at = self._tried_at = float("-inf")
        self._fetching = asyncio.Lock()
        self._client: httpx.AsyncClient | None = None

    def install(self, app: FastAPI) -> None:
        """Let routes find the provider, and /docs log in there."""
        app.state.provider = self
        if self._settings.development:
            login.install(app, client_id=self._settings.oidc_audience)
        describe: Callable[[], dict[str, Any]] = app.openapi

        def openapi() -> dict[str, Any]:
            document = describe()
            schemes = document.get("components", {}).get("securitySchemes", {})
            if _SCHEME.scheme_name in schemes:
                schemes[_SCHEME.scheme_name]["openIdConnectUrl"] = self._configuration()
            return document

        app.openapi = openapi  # type: ignore[method-assign]

    @asynccontextmanager
    async def opened(self, client: httpx.AsyncClient | None = None) -> AsyncIterator[Self]:
        """Ask the provider by this client, or by one that is open as long as the block runs."""
        seconds = self._settings.oidc_timeout_seconds
        async with nullcontext(client) if client else httpx.AsyncClient(timeout=seconds) as self._client:
            yield self

    async def user(self, token: str) -> User:
        """Who the token speaks for. Raises PyJWTError if it does not hold, ProviderAwayError if nobody can tell."""
        try:
            return self._checked(token, await self._key(token))
        except jwt.InvalidSignatureError:
            # Without an id in its head, a token may be signed by a newer key.
            if "kid" in jwt.get_unverified_header(token):
                raise
            await self._fetch(0)
            return self._checked(token, await self._key(token))

    def _checked(self, token: str, key: jwt.PyJWK) -> User:
        claims = jwt.decode(
            token,
            key,
            algorithms=self._settings.oidc_algorithms,
            audience=self._settings.oidc_audience,
            issuer=self._settings.oidc_issuer,
            leeway=self._settings.oidc_skew_seconds,
            options={"require": ["exp", "iss", "aud", "sub"]},
        )
        granted = claims.get("scope", claims.get("scp", ()))
        scopes = granted.split() if isinstance(granted, str) else granted
        return User(str(claims["sub"]), frozenset(map(str, scopes)), claims)

    async def _key(self, token: str) -> jwt.PyJWK:
        head = jwt.get_unverified_header(token)
        if head.get("alg") not in self._settings.oidc_algorithms:
            raise jwt.InvalidAlgorithmError
        named = head.get("kid")
        await self._fetch(self._settings.oidc_keys_seconds)
        if named is not None and named not in self._keys:
            await self._fetch(0)
        if monotonic() - self._fetched_at > self._settings.oidc_keys_seconds + self._settings.oidc_stale_seconds:
            raise ProviderAwayError
        if named is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        if named not in self._keys:
            raise jwt.InvalidKeyError
        return self._keys[named]

    async def _fetch(self, age: float) -> None:
        """Fetch the keys if those that are known are older; a provider that fails is asked again a little later."""
        async with self._fetching:
            now = monotonic()
            if now - self._fetched_at <= age or now - self._tried_at <= _RETRY_SECONDS:
                return
            self._tried_at = now
            try:
                self._keys = await self._published()
                self._fetched_at = now
            except (httpx.HTTPError, PyJWTError, KeyError, TimeoutError, TypeError, ValueError) as error:
                _log.warning("identity provider away", reason=type(error).__name__)

    async def _published(self) -> dict[str | None, jwt.PyJWK]:
        configuration = await self._get(self._configuration())
        if configuration["issuer"] != self._settings.oidc_issuer:
            raise ValueError("the configuration is another issuer's")
        published = await self._get(_provider(str(configuration["jwks_uri"])))
        signing = [key for key in published["keys"] if key.get("use", "sig") == "sig"]
        return {key.key_id: key for key in jwt.PyJWKSet(signing).keys}

    async def _get(self, url: str) -> Any:
        assert self._client is not None  # noqa: S101 - the lifespan opens it
        async with asyncio.timeout(self._settings.oidc_timeout_seconds):
            response = await self._client.get(url, follow_redirects=False)
        return response.raise_for_status().json()

    def _configuration(self) -> str:
        return self._settings.oidc_issuer.rstrip("/") + "/.well-known/openid-configuration"


_SCHEME = OpenIdConnect(openIdConnectUrl="/", scheme_name="oidc", auto_error=False)


def _refused(status: int, detail: str, **words: str) -> HTTPException:
    """An answer with the challenge of RFC 6750, section 3."""
    challenge = ", ".join(f'{name}="{value}"' for name, value in words.items())
    return HTTPException(status, detail, {"WWW-Authenticate": f"Bearer {challenge}".strip()})


async def current_user(
    request: Request, wanted: SecurityScopes, header: Annotated[str | None, Depends(_SCHEME)]
) -> User:
    """The user of a request, who has every scope that the route wants. Raises HTTPException: 401, 403 or 503."""
    kind, _, token = (header or "").partition(" ")
    if kind.lower() != "bearer" or not token:
        raise _refused(401, "The request needs a bearer token.")
    provider: Provider = request.app.state.provider
    try:
        user = await provider.user(token.strip())
    except ProviderAwayError:
        raise HTTPException(503, "The identity provider is away.", {"Retry-After": "10"}) from None
    except jwt.ExpiredSignatureError:
        raise _refused(401, "The token has expired.", error="invalid_token", error_description="expired") from None
    except (PyJWTError, TypeError, ValueError):
        raise _refused(401, "The token does not hold for this service.", error="invalid_token") from None
    if not user.scopes.issuperset(wanted.scopes):
        raise _refused(
            403, "The token lacks a scope that this needs.", error="insufficient_scope", scope=wanted.scope_str
        )
    return user


CurrentUser = Annotated[User, Security(current_user)]
"""The user of a request; any valid token will do."""


def requires(*scopes: str) -> Any:
    """What `dependencies=[...]` of a route or router takes: a user with all of these scopes."""
    return Security(current_user, scopes=scopes)
