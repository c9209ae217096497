"""A team lives in its service: what it changes is never drift, and a newer standard's own router meets no conflict."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli_support import Scratch
from collection import TAG, commit_all, git, snapshot
from service_locks import PARTS
from service_support import environment
from update_history import History
from update_support import MARKS, PROGRAMS, end_world, new_world, spawn, update

NEXT = "v99.0.0"
SERVICE = "fastapi-service"
# Asked only by requests that need them, of which there is none here.
ELSEWHERE = {
    "DATABASE_URL": "postgresql://u@127.0.0.1:1/d",
    "OIDC_ISSUER": "http://127.0.0.1:1",
    "OIDC_AUDIENCE": "my-svc",
}
GREETING = '''"""A greeting."""

from fastapi import APIRouter, Request

router = APIRouter()


@router.get("/greet/{name}")
async def read_greeting(name: str, request: Request) -> str:
    """Say what the settings want, and what the database counts."""
    count = request.state.archive.execute("SELECT 40 + 2").fetchone()[0]
    return f"{request.state.settings.greeting} {name} {count}"
'''
MIDDLEWARE = '''"""A header of our own."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class OursMiddleware:
    """Say that it was us."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""

        async def send_ours(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (b"x-ours", b"1")]
            await send(message)

        await self._app(scope, receive, send_ours)
'''
BUILD_INFO = '''"""What the standard brings next."""

from fastapi import APIRouter

router = APIRouter(tags=["operations"])


@router.get("/standard")
async def read_standard() -> int:
    """The newer standard."""
    return 99
'''
ASK = """
from fastapi.testclient import TestClient
from app.main import app
with TestClient(app) as client:
    greeting = client.get("/greet/ada")
    print(greeting.json(), greeting.headers["x-ours"], client.get("/standard").status_code)
"""


def edit(path: Path, *changes: tuple[str, str]) -> None:
    text = path.read_text(encoding="utf-8")
    for was, now in changes:
        assert text.count(was) == 1, was
        text = text.replace(was, now)
    path.write_text(text, encoding="utf-8")


def live_in(root: Path, parts: frozenset[str] = frozenset()) -> None:
    """A router, a setting, a dependency, a package of the image, a middleware, a make target, a database."""
    inside = "    " if parts else ""
    router = "    api," if "auth" in parts else "    quotes_router,"
    fastapi = f'  "fastapi>={"0.142.0" if "telemetry" in parts else "0.104.0"}",\n'
    (root / "app/greeting.py").write_text(GREETING)
    (root / "app/ours.py").write_text(MIDDLEWARE)
    edit(
        root / "app/main.py",
        (
            "from app.core.application import build\n",
            "from app import greeting\nfrom app.core.application import build\n",
        ),
        ("from collections.abc", "import sqlite3\nfrom collections.abc"),
        (router, f"    greeting.router,\n{router}"),
        ("from app.settings", "from app.ours import OursMiddleware\nfrom app.settings"),
        ("MIDDLEWARE: list[Middleware] = []", "MIDDLEWARE: list[Middleware] = [Middleware(OursMiddleware)]"),
        (
            f"{inside}    yield opened\n",
            f'{inside}    opened["archive"] = sqlite3.connect(settings.archive)\n'
            f'{inside}    yield opened\n{inside}    opened["archive"].close()\n',
        ),
    )
    settings = root / "app/settings.py"
    settings.write_text(settings.read_text() + '\n    greeting: str = "hello"\n    archive: str = ":memory:"\n')
    edit(root / "pyproject.toml", (fastapi, f'  "aiosqlite>=0.20,<1",\n{fastapi}'))
    for name in ("requirements.lock", "requirements-dev.lock"):
        lock = root / name
        lock.write_text(lock.read_text() + f"aiosqlite==0.20.0 \\\n    --hash=sha256:{'0' * 64}\n")
    edit(
        root / "Dockerfile", ("WORKDIR /srv\n", "RUN apt-get update && apt-get install -y libsqlite3-0\nWORKDIR /srv\n")
    )
    edit(root / "ruff.toml", ('  "D105"', '  "D100", "D105"'))
    (root / "local.mk").write_text("report: ## count the lines\n\t@wc -l app/*.py\n")
    (root / "tests/test_greeting.py").write_text(
        "def test_ours(client):\n    assert client.get('/greet/ada').is_success\n"
    )


@pytest.fixture(scope="module")
def standards(tmp_path_factory: pytest.TempPathFactory) -> History:
    """This standard, and one after it that adds a router of its own to the core."""
    folder = tmp_path_factory.mktemp("standards")
    work = snapshot(folder / "work")
    core = work / "templates" / SERVICE / "app/core"
    (core / "build_info.py").write_text(BUILD_INFO)
    edit(
        core / "application.py",
        ("from app.core import documentation", "from app.core import build_info, documentation"),
        ("ROUTERS = (health.router,", "ROUTERS = (build_info.router, health.router,"),
    )
    commit_all(work, "[service] feat: say which standard it is")
    git(work, "tag", NEXT)
    git(folder, "clone", "--quiet", "--bare", str(work), str(folder / "bare.git"))
    return History(folder / "bare.git", folder / "cache")


def begin(standards: History, folder: Path, parts: frozenset[str] = frozenset()) -> Scratch:
    """Make a service with these parts and a development ledger."""
    chosen = {part: PARTS[part] for part in parts}
    made = new_world(spawn(standards, folder / "my-svc", SERVICE, TAG, **chosen))
    made.ok("init", "--dev", "--component", "my-svc")
    made.commit("[my-svc] chore: begin a ledger")
    return made


@pytest.fixture(scope="module")
def begun(standards: History, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scratch]:
    """A service with a development ledger."""
    made = begin(standards, tmp_path_factory.mktemp("spawned"))
    yield made
    end_world(made)


@pytest.fixture
def service(begun: Scratch) -> Iterator[Scratch]:
    """A copy of it for one test."""
    copy = begun.copy()
    yield copy
    end_world(copy)


def asked(root: Path, parts: frozenset[str] = frozenset()) -> str:
    done = subprocess.run(
        [sys.executable, "-B", "-c", ASK],
        cwd=root,
        env=environment(parts, LOG_LEVEL="CRITICAL", **(ELSEWHERE if parts else {})),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def lives_on(service: Scratch, standards: History, parts: frozenset[str] = frozenset()) -> None:
    """Live in a service, and follow the next standard: no drift before or after it, and no conflict."""
    live_in(service.root, parts)
    service.commit("[my-svc] feat: make it ours")
    assert service.json("drift").status == 0
    assert asked(service.root, parts) == "hello ada 42 1 404"

    update(standards, service.root, SERVICE, NEXT)
    assert git(service.root, "diff", "--name-only", "--diff-filter=U") == ""
    tracked = [service.root / name for name in git(service.root, "ls-files").splitlines()]
    assert [path for path in tracked if path.is_file() and any(mark in path.read_bytes() for mark in MARKS)] == []
    assert asked(service.root, parts) == "hello ada 42 1 200"
    service.commit("[my-svc] chore: follow the standard")
    service.ok("seal")
    assert service.json("drift").status == 0


@pytest.mark.system
def test_what_a_team_does_is_no_drift_and_meets_no_conflict(service: Scratch, standards: History) -> None:
    lives_on(service, standards)


@pytest.mark.system
def test_nor_does_it_in_a_service_of_many_parts(standards: History, tmp_path: Path) -> None:
    """With a database, identity and telemetry main.py, settings and both lock files are longer, and just as free."""
    parts = frozenset({"auth", "database", "telemetry"})
    made = begin(standards, tmp_path, parts)
    try:
        lives_on(made, standards, parts)
    finally:
        end_world(made)


@pytest.mark.parametrize("path", ["app/core/errors.py", "tests/core/test_errors.py", "Makefile"])
def test_a_change_of_what_the_standard_owns_is_drift(service: Scratch, path: str) -> None:
    (service.root / path).write_text((service.root / path).read_text() + "\n# ours\n")
    service.commit("[my-svc] feat: make it ours")
    assert service.json("drift").codes == {"drift.changed"}


@pytest.mark.system
def test_a_release_in_a_linked_work_tree_is_a_release(service: Scratch) -> None:
    """Hooks, ledger, archive and drift are those of the repository, whichever of its work trees one works in."""
    linked = service.base / "linked"

    def call(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
        env = service.environment(PATH=PROGRAMS, PYTHON=sys.executable)
        return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=300)

    assert call(service.root, "make", "hooks").returncode == 0
    service.git("worktree", "add", "--quiet", "-b", "other", str(linked))
    refused = call(linked, "git", "commit", "--quiet", "--allow-empty", "--message", "oops")
    assert (refused.returncode, "is not in the form of this repository" in refused.stderr) == (1, True)
    done = call(linked, "make", "release")
    assert done.returncode == 0, done.stdout + done.stderr
    service.git("add", "--all", cwd=linked)
    done = call(linked, "git", "commit", "--quiet", "--message", "[my-svc] chore: record 0.1.0")
    assert done.returncode == 0, done.stderr
    service.git("merge", "--quiet", "--ff-only", "other")
    assert call(linked, "make", "verify").returncode == 0
    for folder in (linked, service.root):
        assert service.json("drift", cwd=folder).status == 0
        assert service.json("verify-audit", cwd=folder).status == 0
    assert call(service.root, "ops/bin/dist").stdout == call(linked, "ops/bin/dist").stdout
    service.git("worktree", "remove", "--force", str(linked))
    assert service.json("verify-audit").status == 0
