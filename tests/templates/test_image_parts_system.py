"""The image of a service with every part, really built: its migration runs, it serves, and it outlives its database."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

import service_database
import service_locks
from ci_render import repository
from collection import render
from image_support import Store, ask, base_store, bundle, free_port, image_of, index_flags, opened, running, wait_for

pytestmark = pytest.mark.system


@dataclass
class Whole:
    """A service, its image as it is mounted, and the settings that its container gets."""

    repo: Path
    root: Path
    config: dict[str, Any]
    port: int
    variables: dict[str, str]


@pytest.fixture(scope="module")
def whole(collection: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    tmp = tmp_path_factory.mktemp("whole-image")
    port, nobody = free_port(), free_port()
    repo = repository(render(collection, tmp / "my-svc", component="my-svc", port=port, **service_locks.PARTS))
    base = base_store()
    store = Store(tmp / "store", shared=base.root, driver=base.driver)
    variables = {
        "HOST": "127.0.0.1",
        "DRAIN_SECONDS": "1",
        "OIDC_ISSUER": f"http://127.0.0.1:{nobody}/",
        "OIDC_AUDIENCE": "orders",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{nobody}",
    }
    try:
        image_of(repo, store, index_flags(tmp))
        root, config, _ = opened(store, "ghcr.io/vaultmesh/my-svc:0.1.0")
        yield Whole(repo, root, config, port, variables)
    finally:
        store.remove()


def migration(repo: Path) -> list[str]:
    """Return the command of the Job that migrates the database."""
    job = yaml.safe_load((repo / "ops/k8s/components/database/migration.yaml").read_text(encoding="utf-8"))
    command: list[str] = job["spec"]["template"]["spec"]["containers"][0]["command"]
    return command


def test_it_migrates_serves_and_outlives_its_database(whole: Whole, tmp_path: Path) -> None:
    server = service_database.server(whole.repo)
    name = f"vaultmesh-whole-{os.getpid()}"
    try:
        server.start()
        folder = Path(server.url.rpartition("=")[2])
        folder.chmod(0o711)
        variables = whole.variables | {"DATABASE_URL": server.url}
        job = whole.config | {"Cmd": migration(whole.repo)}
        for attempt in ("first", "again"):
            with running(bundle(tmp_path / attempt, whole.root, job, folder, **variables), f"{name}-{attempt}") as one:
                assert one.process.wait(timeout=60) == 0, one.lines
        with running(bundle(tmp_path / "service", whole.root, whole.config, folder, **variables), name) as one:
            wait_for(lambda: ask(whole.port, "/ready")[0] == 200, one)
            status, body = ask(whole.port, "/items")
            assert (status, json.loads(body)["status"]) == (401, 401)
            server.stop()
            wait_for(lambda: ask(whole.port, "/ready")[0] == 503, one)
            assert ask(whole.port, "/health")[0] == 200
            server.start()
            wait_for(lambda: ask(whole.port, "/ready")[0] == 200, one)
            assert one.status()["Uid"].split() == ["1000"] * 4
            assert one.runc("kill", "TERM").returncode == 0
            assert one.process.wait(timeout=30) == 0, one.lines[-5:]
    finally:
        server.remove()


def test_a_migration_without_its_database_fails(whole: Whole, tmp_path: Path) -> None:
    job = whole.config | {"Cmd": migration(whole.repo)}
    variables = whole.variables | {"DATABASE_URL": f"postgresql://a@127.0.0.1:{free_port()}/b"}
    with running(bundle(tmp_path / "bundle", whole.root, job, **variables), f"vaultmesh-alone-{os.getpid()}") as one:
        assert one.process.wait(timeout=60) not in (0, 2), one.lines
    assert not any("Traceback" in line for line in one.lines), one.lines
