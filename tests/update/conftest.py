"""The history, made once, and services of its versions, generated once and copied for each test that changes one."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import update_history as template_history
from cli_support import Scratch
from once import Shared
from update_history import History
from update_support import end_world, new_world, spawn

Spawned = Callable[..., Path]


@pytest.fixture(scope="session")
def history(shared: Shared, tmp_path_factory: pytest.TempPathFactory) -> History:
    """A template repository with two older versions and HEAD, reached by URL; the clone it was made in is gone."""
    made = shared.made(_history, "history")
    return History(made / "bare.git", tmp_path_factory.mktemp("cache"))


def _history(folder: Path) -> None:
    template_history.make(folder)
    shutil.rmtree(folder / "work")


@pytest.fixture(scope="session")
def generated(history: History, shared: Shared) -> Callable[[str, str], Path]:
    """Generate a layer of a version with default answers and commit it, once for all; nobody writes into it."""

    def generate(layer: str, version: str) -> Path:
        made = shared.made(lambda folder: spawn(history, folder / "my-svc", layer, version), "spawned", layer, version)
        return made / "my-svc"

    return generate


@pytest.fixture
def spawned(generated: Callable[[str, str], Path], tmp_path: Path) -> Spawned:
    """A service of a version for this test alone."""

    def copy(layer: str, version: str) -> Path:
        return Path(shutil.copytree(generated(layer, version), tmp_path / "my-svc", symlinks=True))

    return copy


@pytest.fixture
def world(generated: Callable[[str, str], Path]) -> Iterator[Callable[[str, str], Scratch]]:
    """A service of a version, for this test alone, with a home of its own."""
    made: list[Scratch] = []

    def copy(layer: str, version: str) -> Scratch:
        made.append(new_world(generated(layer, version)))
        return made[-1]

    yield copy
    for scratch in made:
        end_world(scratch)
