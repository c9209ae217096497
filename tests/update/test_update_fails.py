"""What Copier says where our code does not run yet: docs/updating.md has each message, and nothing is written."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import small_template
from collection import ROOT, commit_all, git
from small_template import Small
from update_support import spawn, update

SERVICE = "fastapi-service"
ANSWERS = ".copier-answers.yml"
GUIDE = (ROOT / "docs/updating.md").read_text("utf-8")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Small, Path]:
    folder = tmp_path_factory.mktemp("small")
    template = small_template.begin(folder / "template")
    small_template.second(template)
    return template, spawn(template, folder / "my-svc", SERVICE, "v1.0.0")


@pytest.fixture
def service(world: tuple[Small, Path]) -> Iterator[Path]:
    root = world[1]
    before = git(root, "rev-parse", "HEAD")
    yield root
    git(root, "reset", "--quiet", "--hard", before)


def edited(root: Path, old: str, new: str) -> None:
    text = (root / ANSWERS).read_text()
    assert old in text
    (root / ANSWERS).write_text(text.replace(old, new))
    commit_all(root, "[my-svc] chore: answers")


def test_copiers_messages_are_those_of_the_guide(world: tuple[Small, Path], service: Path) -> None:
    template = world[0]
    marked = "<<<<<<< ours\nport: 8080\n=======\nport: 9090\n>>>>>>> theirs\n"
    cases: list[tuple[str, Callable[[], None], str | None]] = [
        ("fatal: invalid reference: v9.9.9", lambda: None, "v9.9.9"),
        ("fatal: invalid reference: v", lambda: edited(service, "_commit: v1.0.0", "_commit: v0.7.0"), None),
        ("while scanning a simple key", lambda: edited(service, "port: 8080\n", marked), None),
        (
            "Cannot update because cannot obtain old template references",
            lambda: edited(service, "_commit:", "was:"),
            None,
        ),
        ("You are downgrading from", lambda: edited(service, "_commit: v1.0.0", "_commit: v2.0.0"), "v1.0.0"),
        ("Destination repository is dirty", lambda: (service / "Makefile").write_text("x"), None),  # type: ignore[dict-item]
    ]
    before = git(service, "rev-parse", "HEAD")
    for said, prepare, version in cases:
        prepare()
        state = git(service, "status", "--porcelain")
        with pytest.raises(Exception, match=re.escape(said)):
            update(template, service, SERVICE, version)
        assert said in GUIDE
        assert git(service, "status", "--porcelain") == state, said
        git(service, "reset", "--quiet", "--hard", before)
