"""An answer that is changed later: a part comes and goes again, and what the team wrote stays."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import service_locks
from collection import ROOT, commit_all, git, snapshot
from newcomer import bare
from update_history import NEWEST, History
from update_support import ANSWERS, contents, lines, receipts, spawn, update

SERVICE = "fastapi-service"
Spawned = Callable[..., Path]
NONE = dict.fromkeys(service_locks.PARTS, "none")
HELLO = '''"""The team's own."""


def hello(name: str) -> str:
    """Greet somebody."""
    return f"hello {name}"
'''
TEST = """from app.hello import hello


def test_hello() -> None:
    assert hello("x") == "hello x"
"""


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, (path, old)
    path.write_text(text.replace(old, new), encoding="utf-8")


def work(service: Path) -> None:
    """What a team does in its own files and in those that it was given."""
    (service / "app/hello.py").write_text(HELLO, encoding="utf-8")
    (service / "tests/test_hello.py").write_text(TEST, encoding="utf-8")
    main = service / "app/main.py"
    edit(main, "Middleware] = []", "Middleware] = [Middleware(GZipMiddleware, minimum_size=1_000_000)]")
    plain = "from starlette.middleware import Middleware\n"
    edit(main, plain, f"{plain}from starlette.middleware.gzip import GZipMiddleware\n")
    with (service / "app/settings.py").open("a", encoding="utf-8") as file:
        file.write('\n    greeting: str = "hello"\n    """What is said."""\n')
    with (service / "local.mk").open("a", encoding="utf-8") as file:
        file.write("\nhello: ## greet\n\t@echo hello\n")
    edit(service / "README.md", "## Quick Start\n", "## Ours\n\nHello.\n\n## Quick Start\n")
    commit_all(service, "[my-svc] feat: greet")


def answers(service: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((service / ANSWERS[SERVICE]).read_text(encoding="utf-8"))
    return {name: found[name] for name in service_locks.PARTS}


def judged(service: Path) -> None:
    """The update is whole, and every file of the standard is as it was rendered, which is what drift asks."""
    stated = receipts(service, "update")[-1]
    assert stated["conflicts"] == []
    standard = {path: line for path, line in lines(service, stated).items() if line["owner"] == "standard"}
    assert "app/core/application.py" in standard
    for path, line in standard.items():
        assert line["rendered"] == hashlib.sha256((service / path).read_bytes()).hexdigest(), path


@pytest.mark.parametrize("part", service_locks.PARTS)
def test_a_part_comes_and_goes_and_what_the_team_wrote_stays(
    history: History, spawned: Spawned, tmp_path: Path, part: str
) -> None:
    service = spawned(SERVICE, NEWEST)
    work(service)
    before = contents(service)
    update(history, service, SERVICE, NEWEST, **{part: service_locks.PARTS[part]})
    assert answers(service) == NONE | {part: service_locks.PARTS[part]}
    commit_all(service, "[my-svc] feat: another part")
    judged(service)
    fresh = spawn(history, tmp_path / "fresh/my-svc", SERVICE, NEWEST, tasks=False, **{part: service_locks.PARTS[part]})
    work(fresh)
    assert contents(service) == contents(fresh)
    update(history, service, SERVICE, NEWEST, **{part: "none"})
    commit_all(service, "[my-svc] feat: without it again")
    judged(service)
    assert contents(service) == before


def test_assistants_come_and_go(history: History, spawned: Spawned) -> None:
    service = spawned(SERVICE, NEWEST)
    before = contents(service)
    update(history, service, SERVICE, NEWEST, assistants=["claude", "vscode"])
    commit_all(service, "[my-svc] feat: assistants ask")
    judged(service)
    brought = {".mcp.json", ".vscode/mcp.json", "ops/assistants.lock"}
    assert contents(service).keys() - before.keys() == brought
    update(history, service, SERVICE, NEWEST, assistants=[])
    commit_all(service, "[my-svc] feat: without them again")
    judged(service)
    assert contents(service) == before


def last_state_without_parts() -> str:
    """Return the commit before the first part, or the oldest one that a shallow clone knows."""
    first = "templates/fastapi-service/app/core/database.py"
    made = git(ROOT, "log", "--diff-filter=A", "--format=%H", "--reverse", "--", first).splitlines()
    parents = git(ROOT, "rev-list", "--parents", "-1", made[0]).split()[1:] if made else []
    return parents[0] if parents else git(ROOT, "rev-list", "--max-parents=0", "HEAD").splitlines()[0]


def test_a_service_of_4_1_stays_without_parts(tmp_path: Path) -> None:
    work_tree = tmp_path / "work"
    git(tmp_path, "clone", "--quiet", "--no-checkout", f"file://{ROOT}", str(work_tree))
    git(work_tree, "tag", "v4.1.0", last_state_without_parts())
    present = snapshot(tmp_path / "present")
    shutil.rmtree(present / ".git")
    shutil.copytree(work_tree / ".git", present / ".git")
    commit_all(present, "[spawn] test: the work tree")
    git(present, "tag", "v9.9.9")
    history = History(present, tmp_path / "cache")
    service = spawn(history, tmp_path / "my-svc", SERVICE, "v4.1.0", tasks=False)
    update(history, service, SERVICE, "v9.9.9")
    assert answers(service) == NONE
    assert receipts(service, "update")[-1]["conflicts"] == []
    fresh = spawn(history, tmp_path / "fresh/my-svc", SERVICE, "v9.9.9", tasks=False, commit=False)
    assert contents(service) == contents(fresh)


def tree(service: Path) -> list[str]:
    """Mode, object and path of every file in the newest commit outside the receipts."""
    return [line for line in git(service, "ls-tree", "-r", "HEAD").splitlines() if "\tops/receipts/" not in line]


def made(service: Path, home: Path, *words: str) -> None:
    """Run make in the service's own environment, as the team does."""
    home.mkdir(exist_ok=True)
    done = subprocess.run(
        ["make", *words],
        cwd=service,
        env=bare(home, TMPDIR=os.environ.get("TMPDIR", "/tmp")),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


# what asks the files that the team wrote in; the rest asks the core alone, and test_variants runs all with every part
OURS = "tests/test_*.py tests/core/test_settings.py tests/core/test_documents.py tests/core/test_documentation.py"


@pytest.mark.system
def test_the_tests_of_a_service_are_green_with_every_part_and_without_again(
    history: History, spawned: Spawned, tmp_path: Path
) -> None:
    """It is what is generated with the same answers, byte for byte, and its environment follows its lock both ways."""
    service = spawned(SERVICE, NEWEST)
    work(service)
    before = tree(service)
    update(history, service, SERVICE, NEWEST, **service_locks.PARTS)
    commit_all(service, "[my-svc] feat: every part")
    judged(service)
    fresh = spawn(history, tmp_path / "fresh/my-svc", SERVICE, NEWEST, tasks=False, **service_locks.PARTS)
    work(fresh)
    assert tree(service) == tree(fresh)
    made(service, tmp_path / "home", "test", "lint", f"ARGS={OURS}")
    update(history, service, SERVICE, NEWEST, **NONE)
    commit_all(service, "[my-svc] feat: without them again")
    judged(service)
    assert tree(service) == before
    made(service, tmp_path / "home", "test", "lint", "ARGS=tests/test_hello.py tests/test_app.py")
