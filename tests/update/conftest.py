"""The history, made once, and services of its versions, generated once and copied for each test that changes one."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import update_history as template_history
from cli_support import Scratch
from update_history import History
from update_support import end_world, new_world, spawn

Spawned = Callable[..., Path]


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    """A template repository with two older versions and HEAD, reached by URL; the clone it was made in is gone."""
    folder = tmp_path_factory.mktemp("history")
    made = template_history.make(folder)
    shutil.rmtree(folder / "work")
    return made


@pytest.fixture(scope="session")
def generated(history: History, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """Generate a layer of a version with default answers and commit it, once per session; nobody writes into it."""
    known: dict[tuple[str, str], Path] = {}

    def generate(layer: str, version: str) -> Path:
        if (layer, version) not in known:
            folder = tmp_path_factory.mktemp(f"{layer}-{version}") / "my-svc"
            known[layer, version] = spawn(history, folder, layer, version)
        return known[layer, version]

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
