"""The hooks in real commits: `pre-commit install`, `git commit`, both ways, without network."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from cli_support import ARTIFACT, Scratch, end_agents, released
from collection import ROOT, TAG, git, render
from remembrancer.hooks import messages
from remembrancer.hooks.markers import in_files

BIN = Path(sys.executable).parent
TYPES = ("pre-commit", "prepare-commit-msg", "commit-msg")
RECEIPT = "ops/receipts/deploy/my-svc-0.1.0.receipt"
MANIFEST = ROOT / ".pre-commit-hooks.yaml"
HOOKS = yaml.safe_load(MANIFEST.read_text())
MARKERS = "<" * 7 + " mine\na\n" + "=" * 7 + "\nb\n" + ">" * 7 + " theirs\n"


def commit(root: Path, message: str, env: dict[str, str]) -> tuple[int, str]:
    """Stage everything and commit, as a person does."""
    subprocess.run(["git", "-C", str(root), "add", "-A"], env=env, check=True, capture_output=True)
    done = subprocess.run(
        ["git", "-C", str(root), "commit", "-m", message], env=env, check=False, capture_output=True, text=True
    )
    return done.returncode, done.stdout + done.stderr


def install(root: Path, env: dict[str, str]) -> None:
    done = subprocess.run(
        [BIN / "pre-commit", "install", *(f"--hook-type={name}" for name in TYPES)],
        cwd=root,
        env=env,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def environment(scratch: Scratch) -> dict[str, str]:
    """Nothing can be downloaded, and the program is the one of this environment."""
    nowhere = "http://127.0.0.1:9"
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), nowhere)
    more = {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "PIP_NO_INDEX": "1", **proxies}
    return scratch.environment(**more)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository that offers the hooks of this one."""
    folder = tmp_path_factory.mktemp("hooks")
    (folder / MANIFEST.name).write_bytes(MANIFEST.read_bytes())
    git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "add", "--all")
    git(folder, "-c", "commit.gpgsign=false", "commit", "--quiet", "--message", "hooks")
    return folder


@pytest.fixture
def scratch(published: Path) -> Iterator[Scratch]:
    """A released component that uses them, with the program that is installed here."""
    made = released()
    hooks = [{"id": hook["id"], "language": "system", "additional_dependencies": []} for hook in HOOKS]
    config = {"repos": [{"repo": str(published), "rev": git(published, "rev-parse", "HEAD"), "hooks": hooks}]}
    made.write(".pre-commit-config.yaml", yaml.safe_dump(config))
    install(made.root, environment(made))
    yield made
    end_agents(made)
    made.remove()


def test_the_manifest_is_one_for_pre_commit() -> None:
    done = subprocess.run(
        [BIN / "pre-commit", "validate-manifest", MANIFEST], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
    assert [hook["id"] for hook in HOOKS] == [
        "check-receipts",
        "check-ledger",
        "check-adr",
        "commit-msg-format",
        "no-conflict-markers",
    ]
    assert all(hook["entry"] == f"remembrancer hook {hook['id']}" for hook in HOOKS)


def revert(root: Path, env: dict[str, str]) -> tuple[int, str]:
    """Revert the newest commit."""
    command = ["git", "-C", str(root), "revert", "--no-edit", "HEAD"]
    done = subprocess.run(command, env=env, check=False, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_a_clean_revert_of_a_record_is_seen(scratch: Scratch) -> None:
    """Git asks no pre-commit hook about it."""
    env = environment(scratch)
    assert commit(scratch.root, "[my-svc] ci: use hooks", env)[0] == 0
    scratch.ok("record", "deploy", "--component", "my-svc", "--version", "0.2.0", "--evidence", ARTIFACT)
    assert commit(scratch.root, "[my-svc] chore: record 0.2.0", env)[0] == 0
    status, said = revert(scratch.root, env)
    assert status != 0
    assert "[log.rollback]" in said
    assert "git reset --merge" in said
    scratch.git("reset", "--merge")  # doing what it says
    assert scratch.git("status", "--porcelain") == ""
    scratch.write("notes.md", "notes\n")
    assert commit(scratch.root, "[my-svc] docs: notes", env)[0] == 0
    assert revert(scratch.root, env)[0] == 0


@pytest.mark.system
def test_commits_pass_and_are_refused(scratch: Scratch) -> None:
    env = environment(scratch)
    status, said = commit(scratch.root, "[my-svc] ci: use hooks", env)
    assert status == 0, said
    status, said = commit(scratch.root, "no form at all", env)
    assert status == 1
    status, said = commit(scratch.root, "[my-svc] ci: nothing", env)
    assert "nothing to commit" in said

    kept = (scratch.root / RECEIPT).read_bytes()
    for change in (kept.replace(b"my-svc", b"my-sv1"), None):
        if change is None:
            (scratch.root / RECEIPT).unlink()
        else:
            (scratch.root / RECEIPT).write_bytes(change)
        status, said = commit(scratch.root, "[my-svc] fix: history", env)
        assert status == 1
        assert "[receipt.edited]" in said
        assert f"git restore --source=HEAD --staged --worktree -- {RECEIPT}" in said
        # doing what it says makes it pass
        scratch.git("restore", "--source=HEAD", "--staged", "--worktree", "--", RECEIPT)
    scratch.write("notes.md", "notes\n")
    status, said = commit(scratch.root, "notes", env)
    assert status == 1
    assert "Write '[component] type: description'" in said
    status, said = commit(scratch.root, "[my-svc] docs: notes", env)
    assert status == 0, said

    scratch.write("notes.md", MARKERS)
    status, said = commit(scratch.root, "[my-svc] docs: notes", env)
    assert status == 1
    assert "notes.md:1 holds a merge conflict" in said.replace(": holds", " holds")
    scratch.git("restore", "--source=HEAD", "--staged", "--worktree", "--", "notes.md")

    parts = ("--context", "A.", "--decision", "B.", "--consequences", "C.", "--verification", "`make`")
    scratch.ok("adr", "create", "Use X", *parts)
    scratch.ok("adr", "accept", "1")
    status, said = commit(scratch.root, "[my-svc] docs: use X", env)
    assert status == 0, said
    scratch.write("ops/receipts/adr/ADR-001-use-x.md", "# ADR-001: Use Y\n")
    status, said = commit(scratch.root, "[my-svc] docs: use Y", env)
    assert status == 1
    assert "[adr.form]" in said


@pytest.mark.system
def test_a_generated_repository_passes_from_its_first_commit(collection: Path, tmp_path: Path) -> None:
    root = render(collection, tmp_path / "r", layer="ci", component="my-svc", tasks=True)
    scratch = Scratch(tmp_path)
    scratch.home.mkdir()
    env = environment(scratch) | {"PYTHON": sys.executable}
    scratch.git("init", "-q", "-b", "main")
    install(root, env)
    status, said = commit(root, "[my-svc] feat: begin", env)
    assert status == 0, said
    (receipt,) = (root / "ops/receipts/spawn").rglob("*.receipt")
    kept = receipt.read_bytes()
    receipt.unlink()
    status, said = commit(root, "[my-svc] chore: forget", env)
    assert status == 1
    assert "[receipt.edited]" in said
    receipt.write_bytes(kept)
    scratch.git("update-ref", "-d", "HEAD")
    receipt.unlink()
    status, said = commit(root, "[my-svc] feat: begin without a receipt", env)
    assert status == 1
    assert "remembrancer record spawn" in said
    receipt.write_bytes(kept)
    status, said = commit(root, "[my-svc] feat: begin", env)
    assert status == 0, said


@pytest.mark.system
def test_the_hooks_install_as_others_use_them(collection: Path) -> None:
    """pre-commit makes an environment of its own from a tag of this collection, with packages from the index."""
    scratch = released()
    try:
        bare = scratch.base / "vaultmesh.git"
        git(scratch.base, "clone", "--quiet", "--bare", str(collection), str(bare))
        hooks = [{"id": hook["id"]} for hook in HOOKS]
        config = {"repos": [{"repo": str(bare), "rev": TAG, "hooks": hooks}]}
        scratch.write(".pre-commit-config.yaml", yaml.safe_dump(config))
        kept = {name: os.environ[name] for name in os.environ if name.startswith(("PIP_", "SSL_", "UV_"))}
        env = scratch.environment(**kept)
        install(scratch.root, env)
        status, said = commit(scratch.root, "[my-svc] ci: use hooks", env)
        assert status == 0, said
        (scratch.root / RECEIPT).unlink()
        status, said = commit(scratch.root, "[my-svc] fix: history", env)
        assert status == 1
        assert "[receipt.edited]" in said
    finally:
        end_agents(scratch)
        scratch.remove()


MESSAGES = [
    "[my-svc] feat: begin",
    "[a/b.c_d-e] fix!: x",
    "[my-svc] feat: ",
    "[My-Svc] feat: begin",
    "feat: begin",
    "[my-svc] feature: begin",
    "[my-svc]feat: begin",
    "",
    "# only a comment",
    "\n\n[my-svc] docs: after empty lines\n\nbody\n",
    "Merge branch 'x'",
    'Revert "x"',
    "fixup! [my-svc] feat: begin",
    "[my-svc] feat: " + "x" * 200,
    f"[{'a' * 65}] feat: begin",
    "[my-svc] feat: begin\x1b[31m",
    'Reapply "x"',
    "Apply suggestions from code review",
    "Apply 2 suggestion(s) to 1 file(s)",
    "Apply suggestions",
    "build(deps): bump fastapi from 0.1 to 0.2",
    "chore(deps): update dependency ruff to v1",
    "Bump the python group across 1 directory with 3 updates",
    "Bump the version",
    "Update dependency ruff to v1",
    "Update README",
    "Lock file maintenance",
    "# ------------------------ >8 ------------------------\n[my-svc] feat: below",
]


def test_generated_repositories_check_messages_and_markers_alike(tmp_path: Path) -> None:
    """The template's own scripts, which need no Remembrancer, and the plugin's hooks give the same answers."""
    texts = [
        "",
        "a\n",
        MARKERS,
        "=======\n",
        "<<<<<<< x\n",
        "<<<<<<< x\n=======\n",
        MARKERS.replace("\n", "\r\n"),
        f"x\n{MARKERS}",
    ]
    code = """
import json, sys
sys.path.insert(0, sys.argv[1])
import commit_msg, no_conflict_markers
messages, texts = json.load(sys.stdin)
print(json.dumps([[bool(commit_msg.problem(commit_msg.subject_of(one))) for one in messages],
                  [no_conflict_markers.marked_line(one.encode()) for one in texts]]))
"""
    done = subprocess.run(
        [sys.executable, "-B", "-c", code, ROOT / "templates/ci/ops/lib"],
        input=json.dumps([MESSAGES, texts]),
        capture_output=True,
        text=True,
        check=True,
    )
    said, lines = json.loads(done.stdout)
    assert said == [bool(messages.problem(messages.subject_of(one))) for one in MESSAGES]
    assert True in said
    assert False in said
    assert commit_rules(ROOT / "templates/ci/ops/lib/commit_msg.py") == commit_rules(Path(messages.__file__))
    for text, line in zip(texts, lines, strict=True):
        file = tmp_path / "file"
        file.write_bytes(text.encode())
        assert [one.subject for one in in_files([file])] == ([f"{file}:{line}"] if line else [])


def commit_rules(file: Path) -> list[str]:
    """The patterns of a program that judges messages, as they are written there."""
    return re.findall(r'(?m)^ *(?:r|rf)"(.+)"', file.read_text(encoding="utf-8"))


def test_a_comment_begins_as_git_was_told(scratch: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch.git("config", "core.commentChar", ";")
    monkeypatch.chdir(scratch.root)
    assert messages.subject_of("; a comment\n[my-svc] fix: it\n") == "[my-svc] fix: it"
    assert messages.subject_of("#12 is mended\n") == "#12 is mended"


def test_messages_as_git_writes_them(scratch: Scratch) -> None:
    file = scratch.write("message", "\n# comment\n[my-svc] fix: it\n# ------------------------ >8 ------\n")
    assert scratch.run("hook", "commit-msg-format", str(file)).status == 0
    file.write_bytes(b"\xff\xfe\n")
    done = scratch.run("hook", "commit-msg-format", str(file))
    assert done.status == 1
    assert "[commit.message]" in done.err
    assert scratch.run("hook", "commit-msg-format", "nowhere").status == 2


def test_markers_in_the_index_and_rejected_parts(scratch: Scratch) -> None:
    scratch.write("half.txt", MARKERS)
    scratch.write("README.md.rej", "@@\n")
    scratch.write("link.txt", "x")
    (scratch.root / "link.txt").unlink()
    (scratch.root / "link.txt").symlink_to("half.txt")
    scratch.git("add", "half.txt", "README.md.rej", "link.txt")
    done = scratch.run("hook", "no-conflict-markers")
    assert done.status == 1
    assert "half.txt:1" in done.err
    assert "README.md.rej" in done.err
    assert "link.txt" not in done.err
    assert scratch.run("hook", "no-conflict-markers", "half.txt").status == 1
    assert scratch.run("hook", "no-conflict-markers", "link.txt", "nowhere", RECEIPT).status == 0
