"""The image of a service with every part, really built: its migration runs, it serves, and it outlives its database."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

import service_database
import service_locks
import service_support
from ci_render import repository
from collection import render
from compose_support import Project, postgres_image, workplace_image
from image_support import Store, ask, base_store, bundle, free_port, image_of, index_flags, opened, running, wait_for

pytestmark = pytest.mark.system

IMAGE = "ghcr.io/vaultmesh/my-svc:0.1.0"
DATABASE = "postgresql://postgres@postgres:5432/postgres"
UP = ("up", "--detach", "--no-build")


@dataclass
class Whole:
    """A service, its image as it is mounted, and the settings that its container gets."""

    repo: Path
    root: Path
    config: dict[str, Any]
    port: int
    variables: dict[str, str]
    store: Store


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
        root, config, _ = opened(store, IMAGE)
        yield Whole(repo, root, config, port, variables, store)
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


@pytest.fixture
def project(whole: Whole, tmp_path: Path) -> Iterator[Project]:
    """The service's compose.yaml, its own image as built above, and a stand-in for PostgreSQL's."""
    services = yaml.safe_load((whole.repo / "compose.yaml").read_text(encoding="utf-8"))["services"]
    whole.store.buildah("tag", IMAGE, f"localhost/{services['service']['image']}")
    packages = service_support.packages(service_database.PARTS, "requirements-dev.lock")
    postgres_image(whole.store, packages, tmp_path, f"docker.io/library/{services['postgres']['image']}")
    shutil.copy(whole.repo / ".env.example", whole.repo / ".env")
    made = Project(whole.repo, whole.store, tmp_path / "project")
    try:
        yield made
    finally:
        made.remove()


def test_compose_brings_the_service_up_beside_its_database(whole: Whole, project: Project, tmp_path: Path) -> None:
    """In the order that the file says; a wrong name of the database is a migration that fails."""
    postgres, migrate, service = (f"my-svc_{name}_1" for name in ("postgres", "migrate", "service"))
    planted = tmp_path / "planted.yaml"
    address = {"DATABASE_URL": DATABASE.replace("@postgres", "@postgre")}
    planted.write_text(yaml.safe_dump({"services": {"migrate": {"environment": address}}}), encoding="utf-8")
    project.compose(*UP, "postgres")
    project.until(lambda: project.healthy(postgres), postgres)
    project.compose("--file", "compose.yaml", "--file", str(planted), *UP, "--no-deps", "migrate")
    assert project.podman("wait", migrate).stdout == "3\n", "no container has that name"
    project.podman("rm", migrate)
    project.compose(*UP, "--no-deps", "migrate")
    assert project.podman("wait", migrate).stdout == "0\n", project.podman("logs", migrate)
    project.compose(*UP, "--no-deps", "service")
    project.until(lambda: ask(whole.port, "/ready")[0] == 200, service)
    assert project.healthy(service), "the image's own check, without a file system to write to"
    assert project.podman("exec", service, "touch", "/srv/x").returncode == 1
    status, body = ask(whole.port, "/items")
    assert (status, json.loads(body)["status"]) == (401, 401), "what .env says of identity is read"
    project.podman("kill", postgres)
    project.until(lambda: ask(whole.port, "/ready")[0] == 503, service)
    assert not project.healthy(postgres)
    project.podman("start", postgres)
    project.until(lambda: ask(whole.port, "/ready")[0] == 200, service)


def test_prometheus_gets_a_configuration_that_it_reads(whole: Whole, tmp_path: Path) -> None:
    """podman-compose knows no `configs`, so Prometheus' own program reads what the container would get."""
    content = yaml.safe_load((whole.repo / "compose.yaml").read_text(encoding="utf-8"))["configs"]["prometheus"][
        "content"
    ]
    file = tmp_path / "prometheus.yml"
    for text, wanted in ((content, 0), (content.replace("static_configs", "static_config"), 1)):
        file.write_text(text, encoding="utf-8")
        done = subprocess.run(["promtool", "check", "config", file], capture_output=True, text=True, check=False)
        assert done.returncode == wanted, done.stdout + done.stderr


def test_an_editor_opens_the_dev_container_beside_the_database(whole: Whole, project: Project, tmp_path: Path) -> None:
    more = yaml.safe_load((whole.repo / ".devcontainer/compose.yaml").read_text(encoding="utf-8"))
    workplace_image(whole.store, more["services"]["workspace"]["image"])
    described = json.loads((whole.repo / ".devcontainer/devcontainer.json").read_text(encoding="utf-8"))
    # No image can be fetched for traces, and what is installed after it has opened comes from a package index.
    open_it = ("up", "--skip-post-create", "--override-config", str(tmp_path / "devcontainer.json"))
    files = [str(whole.repo / ".devcontainer" / name) for name in described["dockerComposeFile"]]
    described |= {"runServices": ["workspace", "postgres"], "dockerComposeFile": files}
    for service, outcome in (("workplace", "error"), (described["service"], "success")):
        (tmp_path / "devcontainer.json").write_text(json.dumps(described | {"service": service}), encoding="utf-8")
        done = project.devcontainer(*open_it)
        assert json.loads(done.stdout)["outcome"] == outcome, done.stderr
    asked = "import os, socket; socket.create_connection(('postgres', 5432), 10); print(os.environ['DATABASE_URL'])"
    say = f'id -un; pwd; ls Makefile; for try in 1 2 3 4 5; do python3 -c "{asked}" && exit; sleep 1; done; exit 1'
    done = project.devcontainer("exec", "sh", "-c", say)
    assert done.stdout.split() == ["vscode", "/workspace", "Makefile", DATABASE], done.stderr
