"""Health and readiness: /health says that the process lives, /ready that it wants requests."""

from enum import StrEnum
from typing import Literal

from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel

from app.core.errors import problems


class State(StrEnum):
    """The life of a process, in order."""

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"


class Readiness:
    """Where in its life the process is. It never goes back."""

    def __init__(self) -> None:
        self.state = State.STARTING

    def start(self) -> None:
        """Start-up is complete. A process that was told to stop meanwhile stays unready."""
        if self.state is State.STARTING:
            self.state = State.READY

    def drain(self) -> None:
        """The process is about to stop: no new requests, please."""
        self.state = State.DRAINING

    @property
    def draining(self) -> bool:
        """Whether the process is about to stop."""
        return self.state is State.DRAINING


class Health(BaseModel):
    """The process lives."""

    healthy: Literal[True] = True


class Ready(BaseModel):
    """The service wants requests."""

    ready: Literal[True] = True


router = APIRouter(tags=["operations"])


@router.head("/health", include_in_schema=False)
@router.get("/health")
async def read_health() -> Health:
    """Liveness: 200 as long as the process answers at all, ready or not."""
    return Health()


@router.head("/ready", include_in_schema=False)
@router.get("/ready", responses=problems(503))
async def read_ready(request: Request) -> Ready:
    """Readiness: 200 when the service wants requests, 503 before it has started and while it drains."""
    readiness: Readiness = request.app.state.readiness
    if readiness.state is not State.READY:
        raise HTTPException(503, f"The service is {readiness.state}.", {"Retry-After": "5"})
    return Ready()
