"""A service of the core and one router, which the tests of the core ask; yours may do without any of it.

`python -m tests.core.service` runs it as `python -m app` runs the real one.
"""

import sys
from typing import Annotated

from fastapi import APIRouter, FastAPI, HTTPException, Query, WebSocket
from pydantic import BaseModel, Field

from app.core.application import build
from app.core.errors import problems
from app.core.models import Input
from app.core.server import run
from app.core.settings import CoreSettings

router = APIRouter(prefix="/notes", tags=["notes"])


class Note(Input):
    """Something to remember."""

    text: str = Field(min_length=1, max_length=100)
    priority: int = Field(default=1, ge=0, le=9)


class Loose(BaseModel):
    """A body that isn't an Input."""

    numbers: dict[str, int] = {}


@router.post("", status_code=201)
async def create_note(note: Note) -> Note:
    """Give the note back."""
    return note


@router.post("/loose")
async def read_loose(loose: Loose) -> Loose:
    """Give it back."""
    return loose


@router.get("")
async def list_notes(limit: Annotated[int, Query(ge=1, le=100)] = 20) -> list[int]:
    """Some numbers."""
    return list(range(limit))


@router.get("/{number}", responses=problems(404))
async def read_note(number: int) -> Note:
    """There is one note."""
    if number != 1:
        raise HTTPException(404, "There is no such note.")
    return Note(text="one")


@router.websocket("/echo")
async def echo(socket: WebSocket) -> None:
    """Say once what was said."""
    await socket.accept()
    await socket.send_text(await socket.receive_text())
    await socket.close()


def create_app(settings: CoreSettings | None = None) -> FastAPI:
    """The application under test."""
    return build(settings or CoreSettings.load(), routers=[router])


if __name__ == "__main__":
    sys.exit(run(create_app))
