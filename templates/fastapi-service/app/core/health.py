"""Health and readiness: /health says that the process lives, /ready that it wants requests."""

from collections.abc import Awaitable, Callable
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


Check = Callable[[], Awaitable[str | None]]
"""Asks whether something that requests need is away; returns a sentence for people if it is. It has a deadline."""


class Readiness:
    """Where in its life the process is, which never goes back, and what else has to be there for it to be ready."""

    def __init__(self) -> None:
        self.state = State.STARTING
        self.checks: list[Check] = []

    def start(self) -> None:
        """Start-up is complete. A process that was told to stop meanwhile stays unready."""
        if self.state is State.STARTING:
            self.state = State.READY

    def drain(self) -> None:
        """The process is about to stop: no new requests, please."""
        self.state = State.DRAINING

    async def reason_to_wait(self) -> str | None:
        """Why the process should not get requests now, if so."""
        if self.state is not State.READY:
            return f"The service is {self.state}."
        for check in self.checks:
            if reason := await check():
                return reason
        return None


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
    """Readiness: 200 when the service wants requests; 503 before it has started, while it drains or lacks something."""
    readiness: Readiness = request.app.state.readiness
    if reason := await readiness.reason_to_wait():
        raise HTTPException(503, reason, {"Retry-After": "5"})
    return Ready()
