"""The main job on a fresh machine: a complete service from nothing, and then the first week of the guide."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from collection import ROOT, VERSION, commit_all, git, snapshot
from newcomer import bare, generate
from own_path import bare_python
from update_history import state_version

# Stands for uv, which wants an index: what the guide's dependency needs is in the development lock already.
UV = r"""#!/usr/bin/env python3
import re, sys
from pathlib import Path
target, development = Path(sys.argv[-1]), Path("requirements-dev.lock").read_text()
if target.name == "requirements.lock":
    wanted = re.findall(r"(?m)^(?:httpx|httpcore|certifi)==.*\n(?:    --hash=.*\n)+", development)
    target.write_text(target.read_text() + "".join(wanted))
"""


def newer_standard(clone: Path) -> None:
    """A version after the one that the service has: one more line in a file of the standard."""
    editorconfig = clone / "templates/fastapi-service/.editorconfig"
    editorconfig.write_text(editorconfig.read_text() + "\n[*.toml]\nindent_size = 2\n")
    state_version(clone, "v99.0.0")
    commit_all(clone, "[service] style: two spaces in TOML")
    git(clone, "tag", "v99.0.0")


def the_developers_guide(service: Path, home: Path, clone: Path) -> None:
    """What docs/service-developer.md tells its readers to do: the first week, in order."""
    newer_standard(clone)
    programs = home / "programs"
    programs.mkdir()
    (programs / "uv").write_text(UV)
    (programs / "uv").chmod(0o755)
    (programs / "copier").symlink_to(Path(sys.executable).with_name("copier"))
    guide = (ROOT / "docs/service-developer.md").read_text("utf-8")
    script = "\n".join(re.findall(r"^```sh\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL))
    # every program looks for a Python, and those of a version manager take a second to say that they are none
    names = {"PYTHON": str(bare_python() / "bin/python3")}
    names |= {
        f"GIT_{role}_{what}": "dev@example.invalid" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-euc", script],
        cwd=service,
        env=bare(home, **names, PATH=path, REMEMBRANCER_SOURCE=clone.as_uri()),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "trust.unpinned" in done.stdout + done.stderr, "what the second developer is told"
    events = re.findall(r"(?m)^\S+Z +(release|deployment|rollback) +my-svc +(\S+) +(\S+) ", done.stdout)
    assert sorted(events[-5:]) == [
        ("deployment", "0.1.0", "staging"),
        ("deployment", "0.2.0", "staging"),
        ("release", "0.1.0", "-"),
        ("release", "0.2.0", "-"),
        ("rollback", "0.1.0", "staging"),
    ]
    assert "_commit: v99.0.0" in (service / ".copier-answers.yml").read_text()
    assert "VERIFIED dist/my-svc-0.2.0.tar.gz (development trust" in done.stdout
    assert "1. ADR-002: Greet without a database (Accepted, " in done.stdout
    assert git(service, "status", "--porcelain") == ""


@pytest.fixture(scope="module")
def shallow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone with one commit of two, as somebody in a hurry makes one."""
    base = tmp_path_factory.mktemp("shallow")
    clone = snapshot(base / "vault mesh ü")
    git(base, "clone", "--quiet", str(clone), "full")
    commit_all(base / "full", "[spawn] test: a second commit")
    git(base, "clone", "--quiet", "--depth", "1", (base / "full").as_uri(), "again/vault mesh ü")
    shallow = base / "again/vault mesh ü"
    assert git(shallow, "rev-parse", "--is-shallow-repository") == "true"
    return shallow


@pytest.mark.system
def test_a_complete_service_from_nothing(shallow: Path, tmp_path: Path) -> None:
    clone = shallow
    home = Path(tmp_path / "h")
    home.mkdir()
    target = tmp_path / "my-svc"
    done = generate(clone, home, "fastapi-service", str(target))
    assert done.returncode == 0, done.stdout + done.stderr
    assert git(target, "status", "--porcelain") == ""
    assert git(target, "branch", "--show-current") == "main"
    subjects = git(target, "log", "--format=%s", "--reverse").splitlines()
    assert subjects == [f"[my-svc] feat: generate from VaultMesh {VERSION}", "[my-svc] chore: record 0.1.0"]
    answers = (target / ".copier-answers.yml").read_text()
    assert "_src_path: git+local:vault-mesh-" in answers
    assert done.stderr.startswith("note: This clone has no origin on another machine"), "said before the first step"
    for tracked in git(target, "ls-files").splitlines():
        data = (target / tracked).read_bytes()
        assert str(clone).encode() not in data, tracked
        assert clone.as_uri().encode() not in data, tracked
    assert {"pre-commit", "commit-msg"} <= {path.name for path in (target / ".git/hooks").iterdir()}
    assert len(re.findall(r"^\[\d/7\] .* \(\d+\.\d s\)$", done.stderr, re.MULTILINE)) == 7, (
        "timed without a terminal too"
    )
    assert re.search(r"Next:\n(  \S.*\n){3}", done.stdout)
    assert "development" in done.stdout
    for proof in ("hash", "signature", "timestamp", "inclusion", "checkpoint"):
        assert proof in done.stdout

    def remembered(*words: str) -> str:
        program = [str(target / "ops/bin/remembrancer"), *words]
        return subprocess.run(program, cwd=target, env=bare(home), capture_output=True, text=True, check=True).stdout

    assert "ADR-001: Generate from the VaultMesh standard (Accepted, " in remembered(
        "query", "what is it generated from"
    )
    assert "Generate from the VaultMesh standard" in remembered("list", "adrs")

    the_developers_guide(target, home, clone)
    before = {path: path.stat().st_mtime_ns for path in target.rglob("*") if path.is_file()}
    again = generate(clone, home, "fastapi-service", str(target))
    assert again.returncode == 2
    assert "not empty; nothing was touched" in again.stderr
    assert {path: path.stat().st_mtime_ns for path in target.rglob("*") if path.is_file()} == before
