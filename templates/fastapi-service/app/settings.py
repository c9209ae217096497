"""Settings: read once from the environment, validated, never changed afterwards."""

import os
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from app.service import SERVICE

Level = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
Seconds = Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)]
Timeout = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


class SettingsError(ValueError):
    """A setting has a value that the service cannot run with; the text names the variable, not the value."""


class Settings(BaseModel):
    """Every setting with its default. The environment variable has the field's name in upper case."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    environment: str = Field(default="production", pattern=r"^[a-z][a-z0-9-]{0,39}$")
    """Where it runs. `development` logs at DEBUG and serves interactive documentation at /docs."""

    log_level: Annotated[Level, BeforeValidator(_upper)] | None = None
    """Least severe level that is logged. Unset: DEBUG in development, INFO elsewhere."""

    host: str = "127.0.0.1"
    """Address to listen on. The image sets 0.0.0.0."""

    port: int = Field(default=SERVICE.port, ge=0, le=65535)
    """TCP port to listen on; 0 takes a free one, which the line "listening" names."""

    drain_seconds: Seconds = 5.0
    """After SIGTERM: how long /ready answers 503 while requests are still served; load balancers notice."""

    shutdown_seconds: int = Field(default=20, ge=1, le=3600)
    """After the drain: how long requests in flight may take before they are cut off."""

    keep_alive_seconds: int = Field(default=75, ge=1, le=3600)
    """Idle time of a connection between requests; longer than a load balancer's own (an ALB has 60)."""

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

    items_capacity: int = Field(default=10_000, ge=1, le=1_000_000)
    """How many items the example resource keeps in memory."""

    @property
    def development(self) -> bool:
        """Whether this is a developer's machine or cluster."""
        return self.environment == "development"

    @property
    def level(self) -> Level:
        """The log level in force."""
        return self.log_level or ("DEBUG" if self.development else "INFO")

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read the settings from the environment; an empty variable counts as unset. Raises SettingsError."""
        source = os.environ if environ is None else environ
        values = {name: source[name.upper()] for name in cls.model_fields if source.get(name.upper())}
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            faults = (f"{str(fault['loc'][0]).upper()}: {fault['msg']}" for fault in error.errors(include_url=False))
            raise SettingsError("; ".join(faults)) from None
