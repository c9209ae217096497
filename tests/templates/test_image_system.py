"""The image of a generated service, really built and really run: what it holds, how it answers, how it leaves."""

import http.client
import json
import os
import stat
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from packaging.markers import Marker

from ci_render import environment, repository
from collection import git, render
from image_support import (
    Container,
    Store,
    ask,
    base_store,
    bundle,
    free_port,
    image_of,
    index_flags,
    opened,
    running,
    wait_for,
)

pytestmark = pytest.mark.system

COMPILERS = {"cc", "gcc", "g++", "c++", "clang", "ld", "as", "make", "rustc", "cargo", "go"}
UNWANTED = {".git", ".env", ".venv", "pip.conf", "requirements.lock"}
PLANTED = ["usr/bin/gcc", "root/.cache/pip/x", "srv/app/.env", "opt/venv/bin/pip", "etc/pip.conf", "srv/app/closed"]
BODY = b'{"lines": [{"product": "lamp"}]}'


@dataclass
class Built:
    """A service's image: where it is mounted, its configuration, and what its two builds left."""

    repo: Path
    root: Path
    config: dict[str, Any]
    history: list[dict[str, Any]]
    port: int
    digests: list[str]
    archives: list[str]


@pytest.fixture(scope="module")
def built(collection: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    """The image of a service with default answers, built twice: from two clones, under two umasks."""
    tmp = tmp_path_factory.mktemp("image")
    port = free_port()
    origin = repository(render(collection, tmp / "origin", component="my-svc", port=port))
    flags = index_flags(tmp)
    base = base_store()
    store = Store(tmp / "store", shared=base.root, driver=base.driver)
    try:
        results = []
        for name, umask in (("first", 0o022), ("second", 0o077)):
            (tmp / name).mkdir()
            subprocess.run(["git", "clone", "--quiet", str(origin), str(tmp / name / "svc")], umask=umask, check=True)
            results.append(image_of(tmp / name / "svc", store, flags, umask))
        digests, archives = zip(*results, strict=True)
        opened_image = opened(store, "ghcr.io/vaultmesh/my-svc:0.1.0")
        yield Built(tmp / "second/svc", *opened_image, port, list(digests), list(archives))
    finally:
        store.remove()


# ---------------------------------------------------------------- what it is


def test_the_same_commit_gives_the_same_image(built: Built) -> None:
    assert built.digests[0] == built.digests[1]
    assert built.archives[0] == built.archives[1]
    with tarfile.open(built.repo / "dist/image.tar") as archive:
        (manifest,) = json.load(archive.extractfile("manifest.json") or sys.stdin)
    assert manifest["Config"] == f"{built.digests[0].removeprefix('sha256:')}.json"
    assert manifest["RepoTags"] == ["ghcr.io/vaultmesh/my-svc:0.1.0"]


def test_the_configuration_is_the_standards(built: Built) -> None:
    labels = {name.rsplit("image.", 1)[-1]: value for name, value in built.config["Labels"].items()}
    assert labels["title"] == "my-svc"
    assert labels["version"] == "0.1.0"
    assert labels["revision"] == git(built.repo, "rev-parse", "HEAD")
    assert labels["base.name"] == "python:3.11-slim"
    assert built.config["User"] == "1000:1000"
    assert built.config["Cmd"] == ["python", "-m", "app"]
    assert list(built.config["ExposedPorts"]) == [f"{built.port}/tcp"]


def faults(root: Path) -> list[str]:
    """Return what does not belong into the final stage: compilers, caches, secrets, files open to others."""
    found = []
    for folder in ("bin", "usr/bin", "usr/local/bin", "opt/venv/bin"):
        found += [path.name for path in (root / folder).glob("*") if path.name in COMPILERS]
    places = ("root/.cache", "root/.config/pip", "build", "run/secrets", "etc/pip.conf")
    found += [name for name in places if (root / name).exists()]
    for folder in ("opt", "srv"):
        for path in (root / folder).rglob("*"):
            mode = path.lstat().st_mode
            closed = not path.is_symlink() and (mode & stat.S_IWOTH or not mode & stat.S_IROTH)
            if path.name in UNWANTED or path.name in {"pip", "pip3"} or closed:
                found.append(path.relative_to(root).as_posix())
    return found


def test_the_final_stage_holds_nothing_else(built: Built) -> None:
    assert faults(built.root) == []
    assert sorted(path.name for path in (built.root / "srv").iterdir()) == ["app"]
    assert {path.stat().st_uid for path in (built.root / "srv").rglob("*")} == {0}
    assert "hunter2" not in json.dumps([built.config, built.history])
    assert "secrets" not in json.dumps(built.history)


@pytest.mark.parametrize(
    "planted",
    ["usr/bin/gcc", "root/.cache/pip/x", "srv/app/.env", "opt/venv/bin/pip", "etc/pip.conf", "srv/app/closed"],
)
def test_what_does_not_belong_there_is_found(tmp_path: Path, planted: str) -> None:
    path = tmp_path / planted
    path.parent.mkdir(parents=True)
    path.touch(mode=0o600 if path.name == "closed" else 0o644)
    assert len(faults(tmp_path)) == 1


def test_the_sbom_names_exactly_what_is_installed(built: Built) -> None:
    env = environment(built.repo.parent)
    subprocess.run(["ops/bin/sbom"], cwd=built.repo, env=env, capture_output=True, check=True)
    bom = json.loads((built.repo / "dist/my-svc-0.1.0.cdx.json").read_text(encoding="utf-8"))
    here = {"python_version": "3.11", "python_full_version": "3.11.2", "sys_platform": "linux", "os_name": "posix"}
    here |= {"platform_system": "Linux", "implementation_name": "cpython", "platform_python_implementation": "CPython"}
    named = {
        (part["name"], part["version"])
        for part in bom["components"]
        if all(Marker(entry["value"]).evaluate(here) for entry in part.get("properties", []))
    }
    installed = set()
    for info in (built.root / "opt/venv").glob("lib/python3.11/site-packages/*.dist-info"):
        name, version = info.name.removesuffix(".dist-info").rsplit("-", 1)
        installed.add((name.replace("_", "-").replace(".", "-").lower(), version))
    assert installed == named
    assert len(installed) > 10


# ---------------------------------------------------------------- how it runs


@pytest.fixture
def container(built: Built, tmp_path: Path) -> Iterator[Container]:
    """The image's own command under runc, ready."""
    settings = {"HOST": "127.0.0.1", "DRAIN_SECONDS": "2"}
    place = bundle(tmp_path / "bundle", built.root, built.config, **settings)
    with running(place, f"vaultmesh-{os.getpid()}") as one:
        wait_for(lambda: ask(built.port, "/ready")[0] == 200, one)
        yield one


def probe(built: Built) -> tuple[str, ...]:
    """Return the command of the image's own HEALTHCHECK."""
    kind, *words = built.config["Healthcheck"]["Test"]
    assert kind == "CMD"
    return tuple(words)


def test_it_answers_and_holds_no_right_that_it_does_not_need(built: Built, container: Container) -> None:
    assert ask(built.port, "/health") == (200, b'{"healthy":true}')
    assert ask(built.port, "/ready")[0] == 200
    assert b"# TYPE http_requests_total counter" in ask(built.port, "/metrics")[1]
    assert container.runc("exec", *probe(built)).returncode == 0
    status = container.status()
    assert status["Uid"].split() == ["1000"] * 4
    assert status["Gid"].split() == ["1000"] * 4
    assert {status[name] for name in ("CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb")} == {"0" * 16}
    assert status["NoNewPrivs"] == "1"
    write = "import sys; open(sys.argv[1], 'w')"
    assert "Read-only file system" in container.runc("exec", "python", "-c", write, "/srv/x").stderr
    assert container.runc("exec", "python", "-c", write, "/tmp/x").returncode == 0


def test_its_healthcheck_notices_a_service_that_is_not_there(built: Built, tmp_path: Path) -> None:
    idle = built.config | {"Cmd": ["python", "-c", "import time; time.sleep(60)"]}
    with running(bundle(tmp_path / "bundle", built.root, idle), f"vaultmesh-idle-{os.getpid()}") as container:
        done = container.runc("exec", *probe(built))
        assert done.returncode == 1
        assert "refused" in done.stderr


def test_sigterm_under_load_loses_no_request(built: Built, container: Container) -> None:
    answered: list[int] = []
    failures: list[object] = []
    unready = threading.Event()

    def client() -> None:
        """Ask without a pause, as a load balancer does, until the service is known to be unready."""
        connection = http.client.HTTPConnection("127.0.0.1", built.port, timeout=30)
        try:
            while not unready.is_set():
                connection.request("POST", "/quotes", BODY, {"Content-Type": "application/json"})
                response = connection.getresponse()
                response.read()
                answered.append(response.status)
        except OSError as error:
            failures.append(error)
        finally:
            connection.close()

    clients = [threading.Thread(target=client) for _ in range(4)]
    for thread in clients:
        thread.start()
    wait_for(lambda: len(answered) >= 200 or failures, container)
    assert container.runc("kill", "TERM").returncode == 0
    wait_for(lambda: ask(built.port, "/ready")[0] == 503, container)
    count = len(answered)
    wait_for(lambda: len(answered) > count + 20 or failures, container)
    unready.set()
    for thread in clients:
        thread.join()
    assert container.process.wait(timeout=30) == 0
    assert failures == []
    assert set(answered) == {200}
    wait_for(lambda: any("Finished server process" in line for line in container.lines), container)
    lines = [json.loads(line) for line in container.lines]
    assert len([line for line in lines if line.get("route") == "/quotes"]) == len(answered)
