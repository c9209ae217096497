"""Settings: read once from the environment, validated, never changed afterwards."""

import os
import re
from ipaddress import ip_address, ip_network
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, AliasChoices, AliasGenerator, BeforeValidator, Field, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings import SettingsError as UnreadableError

from app.core.service import SERVICE

PREFIX = "APP_"
Level = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
Seconds = Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)]
Timeout = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]
_ENVIRONMENT = AliasChoices(f"{PREFIX}ENVIRONMENT", "ENVIRONMENT", "FASTAPI_ENV")  # `fastapi dev` sets the last


def _variables(field: str) -> AliasChoices:
    """First the name that nobody else uses, then the plain one."""
    return AliasChoices(f"{PREFIX}{field.upper()}", field.upper())


def _address(value: str) -> str:
    try:
        return str(ip_address("127.0.0.1" if value == "localhost" else value))
    except ValueError:
        raise ValueError(
            "needs an IP address or localhost; conda and csh export a machine's name as HOST: unset it or set APP_HOST"
        ) from None


def _proxies(value: str) -> str:
    try:
        for part in value.split(",") if value not in ("", "*") else ():
            ip_network(part.strip())
    except ValueError:
        raise ValueError("needs addresses or networks with commas between, or * for any") from None
    return value


def _origin(value: str) -> str:
    if value != "*" and not re.fullmatch(r"https?://[^/?#@\s*]+", value):
        raise ValueError("needs origins such as https://app.example.com, without a path, or *")
    return value


class SettingsError(ValueError):
    """A setting has a value that the service cannot run with; the text names the variable, not the value."""


class CoreSettings(BaseSettings):
    """The standard's settings. `PORT` is read from `APP_PORT` or, where that is not set, `PORT`; empty is not set."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        env_ignore_empty=True,
        populate_by_name=True,
        alias_generator=AliasGenerator(validation_alias=_variables),
    )

    env_file: ClassVar[str | None] = ".env"

    environment: str = Field(default="production", pattern=r"^[a-z][a-z0-9-]{0,39}$", validation_alias=_ENVIRONMENT)
    """Where it runs. `development` logs for people at DEBUG and serves interactive documentation at /docs."""

    log_level: Annotated[Level, BeforeValidator(lambda value: str(value).upper())] | None = None
    """Least severe level that is logged. Unset: DEBUG in development, INFO elsewhere."""

    log_format: Literal["json", "text"] | None = None
    """Form of log lines. Unset: text in development, JSON elsewhere."""

    host: Annotated[str, AfterValidator(_address)] = "127.0.0.1"
    """Address to listen on; :: takes IPv6 and IPv4, and is what the image sets."""

    port: int = Field(default=SERVICE.port, ge=0, le=65535)
    """TCP port to listen on; 0 takes a free one, which the line "listening" names."""

    trusted_proxies: Annotated[str, AfterValidator(_proxies)] = ""
    """Who may say in X-Forwarded-Proto and -For how a client came: addresses, networks (uvicorn 0.31), or *."""

    websockets: bool = False
    """Whether connections may be upgraded to WebSockets."""

    cors_origins: list[Annotated[str, AfterValidator(_origin)]] = []
    """Pages that may call from a browser, such as ["https://app.example.com"]; none by default, ["*"] for any."""

    drain_seconds: Seconds = 5.0
    """After SIGTERM: how long /ready answers 503 while requests are still served; load balancers notice."""

    shutdown_seconds: int = Field(default=20, ge=1, le=3600)
    """After the drain: how long requests in flight may take before they are cut off."""

    keep_alive_seconds: int = Field(default=75, ge=1, le=3600)
    """Idle time of a connection between requests; longer than a load balancer's own (60 is common)."""

    header_seconds: Timeout = 10.0
    """Time for a client to send the whole head of a request."""

    body_seconds: Timeout = 30.0
    """Time for a client to send the whole body of a request."""

    write_seconds: Timeout = 30.0
    """Time for a client to take up what has been written to it, once the buffers are full."""

    max_header_bytes: int = Field(default=16_384, ge=1024, le=1_048_576)
    """Largest head of a request: request line and header fields."""

    max_body_bytes: int = Field(default=1_048_576, ge=0, le=1_073_741_824)
    """Largest body of a request."""

    @property
    def development(self) -> bool:
        """Whether this is a developer's machine or cluster."""
        return self.environment == "development"

    @property
    def level(self) -> Level:
        """The log level in force."""
        return self.log_level or ("DEBUG" if self.development else "INFO")

    @property
    def text_logs(self) -> bool:
        """Whether log lines are for people."""
        return self.development if self.log_format is None else self.log_format == "text"

    @classmethod
    def load(cls) -> Self:
        """Read the settings from the environment, and in development from a file after it. Raises SettingsError."""
        where = next(filter(None, map(os.environ.get, map(str, _ENVIRONMENT.choices))), None)
        try:
            return cls(_env_file=cls.env_file if where == "development" else None)  # type: ignore[call-arg]
        except UnreadableError as error:
            raise SettingsError(str(error)) from None
        except ValidationError as error:
            raise SettingsError("; ".join(map(_sentence, error.errors(include_input=False)))) from None


def _sentence(fault: ErrorDetails) -> str:
    """One fault under the environment variable that the value came by; pydantic names the first of its two."""
    name = str(fault["loc"][0])
    variable = name if os.environ.get(name) else name.removeprefix(PREFIX)
    return f"{variable}: {fault['msg'].removeprefix('Value error, ')}"
