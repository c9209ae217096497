"""A sample of variants runs its own tests in its own environment, and answers under `make dev`."""

import itertools
import json
import os
import re
import shlex
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

import service_locks
from collection import commit_all, git, render
from image_support import free_port
from newcomer import bare
from odd_answers import DESCRIPTION, OWNER
from optional_parts import chosen_parts

FAR_FROM_THE_DEFAULTS: dict[str, Any] = {
    "component": "orders-api",
    "description": DESCRIPTION,
    "owner": OWNER,
    "version": "2.1.0-rc.1",
    "ci": "both",
    "gpu": True,
    "port": 18080,
    "domain": "example.org",
    "namespace": "orders",
    "base_image_prefix": "mirror.example.com/library/",
    "database": "postgresql",
    "auth": "oidc",
    "telemetry": "otlp",
    "http_client": "httpx",
    "assistants": ["claude", "vscode"],
    "catalog": "backstage",
    "witness": "git",
}
# What a shell may say for other programs: another server, another Python, another folder, a proxy of the network.
EXPORTED = {
    "ALL_PROXY": "http://127.0.0.1:9",
    "CDPATH": ".",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "PGCHANNELBINDING": "require",
    "PGDATABASE": "sales",
    "PGOPTIONS": "-c default_transaction_read_only=on",
    "PGPORT": "5999",
    "PGREQUIREAUTH": "scram-sha-256",
    "PGSERVICE": "production",
    "PYTHONHOME": "/nowhere",
    "PYTHONOPTIMIZE": "2",
    "PYTHONSAFEPATH": "1",
    "http_proxy": "http://127.0.0.1:9",
}
SMALL: dict[str, Any] = {"component": "a", "ci": "gitlab", "overlays": ["development"], "port": 65535}


def made(collection: Path, tmp_path: Path, answers: dict[str, Any], **exported: str) -> tuple[Path, dict[str, str]]:
    target = render(collection, tmp_path / "svc", tasks=True, **answers)
    git(target, "init", "--quiet", "--initial-branch", "main")
    commit_all(target, "[svc] feat: begin")
    (tmp_path / "home").mkdir()
    env = bare(tmp_path / "home", **exported)
    done = subprocess.run(["make", "test"], cwd=target, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert git(target, "status", "--porcelain") == ""
    return target, env


def get(url: str, deadline: float) -> tuple[int, bytes]:
    """Ask until somebody answers."""
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as response:
                return response.status, response.read()
        except (urllib.error.URLError, ConnectionError):
            assert time.monotonic() < deadline, f"{url} does not answer"
            time.sleep(0.1)


def created(token: str) -> int:
    """Create an item as the quick start of README does; return the status."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    asked = urllib.request.Request("http://127.0.0.1:18080/items", b'{"name": "first"}', headers)
    try:
        with urllib.request.urlopen(asked, timeout=10) as response:
            return int(response.status)
    except urllib.error.HTTPError as refused:
        return refused.code


@contextmanager
def provider(target: Path, issuer: str) -> Iterator[str]:
    """Give a token of the provider that README starts, taken as README takes one; only its port is another."""
    text = (target / "README.md").read_text("utf-8").replace("9400", issuer.rpartition(":")[2])
    (start,) = re.findall("`(.+ -m oidc_provider_mock .+?)`", text)
    (take,) = re.findall(r"`TOKEN=\$\((.+?)\)`", text)
    plain = bare(target.parent / "home")
    running = subprocess.Popen(shlex.split(start), cwd=target, env=plain, stderr=subprocess.DEVNULL)
    try:
        get(f"{issuer}/.well-known/openid-configuration", time.monotonic() + 60)
        done = subprocess.run(shlex.split(take), cwd=target, env=plain, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        yield done.stdout.strip()
    finally:
        running.terminate()
        running.wait(30)


@pytest.mark.system
def test_a_variant_passes_its_own_tests_and_answers_under_make_dev(collection: Path, tmp_path: Path) -> None:
    """Whatever the shell says for other programs; `make migrate` finds the server that `make dev` has started."""
    for package in ("app", "tests"):
        (tmp_path / "other" / package).mkdir(parents=True)
        (tmp_path / "other" / package / "__init__.py").write_text("raise SystemExit('another project')\n")
    exported = EXPORTED | {"PYTHONPATH": str(tmp_path / "other")}
    target, env = made(collection, tmp_path, FAR_FROM_THE_DEFAULTS, **exported)
    issuer = f"http://127.0.0.1:{free_port()}"
    settings = (target / ".env.example").read_text("utf-8")
    (target / ".env").write_text(re.sub("(?m)^OIDC_ISSUER=.*$", f"OIDC_ISSUER={issuer}", settings), "utf-8")
    server = subprocess.Popen(["make", "dev"], cwd=target, env=env, stdout=subprocess.PIPE, start_new_session=True)
    try:
        deadline = time.monotonic() + 60
        assert get("http://127.0.0.1:18080/health", deadline) == (200, b'{"healthy":true}')
        assert get("http://127.0.0.1:18080/ready", deadline)[0] == 200
        assert b"# TYPE http_requests_total counter" in get("http://127.0.0.1:18080/metrics", deadline)[1]
        migrated = subprocess.run(["make", "migrate"], cwd=target, env=env, capture_output=True, text=True, check=False)
        assert migrated.returncode == 0, migrated.stderr
        described = json.loads(get("http://127.0.0.1:18080/openapi.json", deadline)[1])["info"]
        assert described["version"] == "2.1.0-rc.1"
        assert described["description"].startswith(DESCRIPTION)
        assert created("") == 401
        with provider(target, issuer) as token:
            assert created(token) == 201
    finally:
        # Whoever supervises it tells make alone; its output ends when the last process has.
        server.terminate()
        try:
            server.communicate(timeout=60)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)


def covering() -> list[dict[str, str]]:
    """A few sets of parts in which every two answers to two questions meet; all parts at once is the variant above."""

    def meet(parts: dict[str, str]) -> set[Any]:
        return set(itertools.combinations(sorted(parts.items()), 2))

    every = list(chosen_parts(service_locks.PARTS))
    still_open = set().union(*map(meet, every)) - meet(every[-1])
    chosen = []
    while still_open:
        chosen.append(max(every, key=lambda parts: len(meet(parts) & still_open)))
        still_open -= meet(chosen[-1])
    return chosen


def named(answers: dict[str, Any]) -> str:
    return "+".join(str(value) for value in answers.values() if value != "none") or "defaults"


@pytest.mark.matrix
@pytest.mark.parametrize("answers", [*covering(), SMALL, {"gpu": True, "ci": "gitlab"}], ids=named)
def test_more_variants_pass_their_own_tests(collection: Path, tmp_path: Path, answers: dict[str, Any]) -> None:
    made(collection, tmp_path, answers)
