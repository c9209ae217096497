"""A desk for each test, and two services that this process makes once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import fleet_world
from cli_support import GIT_IDENTITY, Scratch
from fleet_world import Desk


@pytest.fixture(scope="session", autouse=True)
def made_once() -> Iterator[None]:
    """Remove what `fleet_world.generated` keeps, at the end."""
    yield
    fleet_world.forget()


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    for name, value in {**GIT_IDENTITY, "HOME": str(tmp_path / "home")}.items():
        monkeypatch.setenv(name, value)
    for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    return Desk(tmp_path)


@pytest.fixture
def service() -> Iterator[Scratch]:
    scratch = fleet_world.generated()
    yield scratch
    scratch.remove()
