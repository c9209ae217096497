"""Fixtures that more than one part uses."""

from pathlib import Path

import pytest

from collection import render, snapshot


@pytest.fixture(scope="session")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This collection as a clean git repository with one commit and one tag."""
    return snapshot(tmp_path_factory.mktemp("source") / "vaultmesh")


@pytest.fixture(scope="session")
def service(collection: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete service with default answers, rendered once; tests do not write into it."""
    return render(collection, tmp_path_factory.mktemp("service") / "my-svc", component="my-svc")
