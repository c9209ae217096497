"""Git answers about the repository that is asked about, and runs nothing that its configuration names."""

import hashlib
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from collection import ROOT
from ledger_world import World, waiver
from remembrancer.hooks.staged import Staged
from remembrancer.ledger.git import Git
from remembrancer.repository.reader import Repository

SOURCES = ROOT / "plugins/remembrancer/src/remembrancer"


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A repository whose commit looks signed and whose settings name a program of somebody else."""
    world = World(tmp_path / "w")
    world.record(waiver("first"))
    world.commit()
    program = tmp_path / "program.sh"
    program.write_text(f"#!/bin/sh\necho ran >> {tmp_path}/ran\necho 'gpg: Good signature' >&2\nexit 0\n")
    program.chmod(0o755)
    head, _, body = world.git("cat-file", "commit", "HEAD").partition("\n\n")
    signature = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n iQ==\n -----END PGP SIGNATURE-----"
    command = ["git", "-C", str(world.root), "hash-object", "-t", "commit", "-w", "--stdin"]
    text = f"{head}\n{signature}\n\n{body}\n"
    made = subprocess.run(command, input=text, check=True, capture_output=True, text=True)
    world.git("update-ref", "HEAD", made.stdout.strip())
    for name, value in (("log.showSignature", "true"), ("gpg.program", program), ("core.fsmonitor", program)):
        world.git("config", name, str(value))
    (tmp_path / "ran").unlink(missing_ok=True)
    return world


def test_no_program_of_the_repository_s_settings_is_run(world: World, tmp_path: Path) -> None:
    repository = Repository(world.root)
    listed = repository.git("log", "--format=%H", "HEAD")
    assert listed is not None
    assert [len(line) for line in listed.stdout.splitlines()] == [40]
    world.store.write_receipt(waiver("second"))
    assert len(Git(world.root).uncommitted()) == 1
    with Staged(str(world.root)) as staged:
        assert staged.changes() == []
    assert not (tmp_path / "ran").exists()
    world.git("log", "-1", "--format=%H")
    assert (tmp_path / "ran").exists(), "these settings do run a program in a call without the rules"


@pytest.mark.parametrize("kind", ["clean", "process"])
def test_no_filter_of_the_work_tree_is_run(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    (world.root / ".gitattributes").write_text("* filter=a=b\n")
    world.git("config", f"filter.a=b.{kind}", f"echo ran >> {tmp_path}/filtered; cat")
    world.git("config", "filter.a=b.required", "true")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "user.name")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "x")
    [path] = (world.store.receipts_dir / "waiver").rglob("*.receipt")
    path.write_bytes(path.read_bytes().replace(b"first", b"tsrif"))
    assert Git(world.root).uncommitted() == [path.relative_to(world.store.receipts_dir).as_posix()]
    assert not (tmp_path / "filtered").exists()
    subprocess.run(["git", "-C", str(world.root), "status"], check=False, capture_output=True)
    assert (tmp_path / "filtered").exists(), "such a filter does run in a call without the rules"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GIT_DIR", "{other}/.git"),
        ("GIT_COMMON_DIR", "{other}/.git"),
        ("GIT_OBJECT_DIRECTORY", "{other}/.git/objects"),
        ("GIT_NAMESPACE", "elsewhere"),
        ("GIT_LITERAL_PATHSPECS", "1"),
    ],
)
def test_the_caller_s_environment_chooses_no_other_repository(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    other = World(tmp_path / "other")
    asked = ("rev-list", "--all", "--", ":(icase)OPS")
    before, tree = Repository(world.root).git(*asked), Git(world.root).tree()
    monkeypatch.setenv(name, value.format(other=other.root))
    after = Repository(world.root).git(*asked)
    assert before is not None
    assert after is not None
    assert (after.returncode, after.stdout, Git(world.root).tree()) == (0, before.stdout, tree)
    assert tree
    assert before.stdout


def test_a_replaced_commit_does_not_hide_the_true_one(world: World) -> None:
    true = world.git("rev-parse", "HEAD")
    world.commit("another")
    world.git("replace", "HEAD", true)
    found = Repository(world.root).git("rev-list", "--count", "HEAD")
    assert found is not None
    assert found.stdout == b"2\n"


def test_every_call_follows_the_same_rules() -> None:
    texts = {path.relative_to(SOURCES).as_posix(): path.read_text(encoding="utf-8") for path in SOURCES.rglob("*.py")}
    assert [name for name, text in texts.items() if '["git"' in text] == ["system/git.py"]
    calls = {name for name, text in texts.items() if "system.git" in text or "system import git" in text}
    assert calls >= {"repository/reader.py", "ledger/git.py", "hooks/staged.py", "standard/rendered.py"}


def hidden_by_graft(world: World) -> None:
    (world.root / ".git/info").mkdir(exist_ok=True)
    (world.root / ".git/info/grafts").write_text(world.git("rev-parse", "HEAD") + "\n")


def hidden_by_commit_graph(world: World) -> None:
    """Write a commit-graph in which no commit has a parent."""
    world.git("commit-graph", "write", "--reachable")
    path = world.root / ".git/objects/info/commit-graph"
    data = bytearray(path.read_bytes())
    table = [data[8 + 12 * number : 20 + 12 * number] for number in range(data[6])]
    start = next(int.from_bytes(row[4:]) for row in table if row[:4] == b"CDAT")
    for number in range(2):
        place = start + 36 * number + 20
        data[place : place + 4] = (0x70000000).to_bytes(4)
    path.chmod(0o644)
    path.write_bytes(data[:-20] + hashlib.sha1(data[:-20], usedforsecurity=False).digest())


@pytest.mark.parametrize("hide", [hidden_by_graft, hidden_by_commit_graph])
def test_no_file_beside_the_commits_hides_one(world: World, hide: Callable[[World], None]) -> None:
    world.commit("another")
    hide(world)
    plain = subprocess.run(
        ["git", "-C", str(world.root), "rev-list", "--count", "HEAD"], capture_output=True, check=True
    )
    assert plain.stdout == b"1\n", "a call without the rules does not see it"
    found = Repository(world.root).git("rev-list", "--count", "HEAD")
    assert found is not None
    assert (found.stdout, found.stderr) == (b"2\n", b"")
