"""the receipt that a copy writes, and what it says."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import manifest
from collection import TAG, commit_all, copier, files, git, render
from remembrancer.receipt.source import public_source
from remembrancer.tlog import merkle


def receipts(root: Path) -> list[Path]:
    return sorted((root / "ops/receipts/spawn").rglob("*.receipt"))


def copy(collection: Path, target: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = ["copy", "--trust", "--defaults", "--overwrite", "--vcs-ref", "HEAD", *more, str(collection), str(target)]
    return copier(*command, cwd=target.parent)


def test_the_receipt_names_source_answers_and_every_file(collection: Path, tmp_path: Path) -> None:
    target = tmp_path / "my-svc"
    done = copy(collection, target)
    assert done.returncode == 0, done.stderr
    (path,) = receipts(target)
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    assert path.relative_to(target / "ops/receipts").as_posix() == f"spawn/{digest[:2]}/{digest}.receipt"
    statement = json.loads(content)
    predicate = statement["predicate"]
    assert statement["predicateType"] == "https://vaultmesh.cloud/receipt/spawn/v1"
    assert predicate["template"]["commit"] == git(collection, "rev-parse", "HEAD")
    assert predicate["template"]["version"] == TAG
    assert predicate["answers"]["sha256"] == manifest.sha256_file(target / ".copier-answers.yml")
    blob = (target / "ops/receipts/blobs" / predicate["manifest"]["sha256"]).read_bytes()
    lines = blob.splitlines()
    assert hashlib.sha256(blob).hexdigest() == predicate["manifest"]["sha256"]
    assert merkle.root(lines).hex() == predicate["manifest"]["root"]
    entries = {entry["path"]: entry for entry in map(json.loads, lines)}
    assert set(entries) == {name for name in files(target) if not name.startswith("ops/receipts/")}
    assert all(
        entry["rendered"] == entry["disk"] == manifest.sha256_file(target / name) for name, entry in entries.items()
    )
    assert entries["README.md"]["owner"] == "seeded"
    assert entries["app/core/errors.py"]["owner"] == "standard"


def test_no_path_of_this_machine_is_recorded(collection: Path, tmp_path: Path) -> None:
    target = tmp_path / "my-svc"
    done = copy(collection, target)
    assert done.returncode == 0
    assert "names the template by a path of this machine, which copier update finds nowhere else" in done.stderr
    assert str(collection.parent) not in receipts(target)[0].read_text()


def test_an_empty_folder_is_rendered_once(collection: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second render would start Copier again; a Python that cannot import it shows that nobody tries."""
    target = tmp_path / "my-svc"
    target.mkdir()
    (target / "notes.txt").write_text("mine, and no template knows it\n")
    render(collection, target, component="my-svc")

    def never(*_: object) -> dict[str, str]:
        raise AssertionError("rendered twice")

    monkeypatch.setattr(manifest, "render_again", never)
    import post_generate

    monkeypatch.chdir(target)
    call = {
        "layer": "fastapi-service",
        "component": "my-svc",
        "version": "0.1.0",
        "started": "0",
        "source": str(collection),
        "ref": TAG,
        "commit": "a" * 40,
        "answers_file": ".copier-answers.yml",
    }
    assert post_generate.main(["spawn", json.dumps(call)]) == 0


def test_a_file_that_was_there_before_is_told_apart(collection: Path, tmp_path: Path) -> None:
    """A kept file has another digest on disk than as rendered."""
    repo = tmp_path / "repo"
    overlay = repo / "ops/k8s/README.md"
    overlay.parent.mkdir(parents=True)
    overlay.write_text("ours\n")
    with_age = subprocess.run([sys.executable, "-c", "import time; time.sleep(1.1)"], check=True)
    assert with_age.returncode == 0
    command = [
        "copy",
        "--trust",
        "--defaults",
        "--vcs-ref",
        "HEAD",
        "--data",
        "layer=k8s",
        "--skip",
        "ops/k8s/README.md",
    ]
    done = copier(*command, str(collection), str(repo), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    statement = json.loads(receipts(repo)[0].read_bytes())
    blob = (repo / "ops/receipts/blobs" / statement["predicate"]["manifest"]["sha256"]).read_bytes()
    entry = {line["path"]: line for line in map(json.loads, blob.splitlines())}["ops/k8s/README.md"]
    assert entry["disk"] == hashlib.sha256(b"ours\n").hexdigest()
    assert entry["rendered"] != entry["disk"]


@pytest.mark.parametrize("removed", ["plugins", "plugins/remembrancer"])
def test_without_the_plugin_a_copy_succeeds_and_says_so(collection: Path, tmp_path: Path, removed: str) -> None:
    source = tmp_path / "source"
    git(tmp_path, "clone", "--quiet", str(collection), str(source))
    shutil.rmtree(source / removed)
    commit_all(source, "[spawn] test: no plugin")
    done = copy(source, tmp_path / "my-svc")
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("receipt:")]
    assert lines == ["receipt: skipped, this template source has no Remembrancer plugin"]
    assert not (tmp_path / "my-svc/ops/receipts/spawn").exists()


def test_a_receipt_that_cannot_be_written_fails_in_one_sentence(collection: Path, tmp_path: Path) -> None:
    target = tmp_path / "my-svc"
    (target / "ops").mkdir(parents=True)
    (target / "ops/receipts").write_text("in the way\n")
    done = copy(collection, target)
    assert done.returncode != 0
    assert [line for line in done.stderr.splitlines() if line.startswith("receipt: not written:")]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("source", "recorded"),
    [
        ("https://user:secret@example.com/a/b.git", "https://example.com/a/b.git"),
        ("git+https://token@example.com/a/b", "https://example.com/a/b"),
        ("ssh://git@example.com/a/b.git", "ssh://git@example.com/a/b.git"),
        ("ssh://me:pw@example.com/a/b.git", "ssh://example.com/a/b.git"),
        ("git@example.com:a/b.git", "git@example.com:a/b.git"),
        ("gh:org/repo", "gh:org/repo"),
        ("/home/me/vaultmesh", "local:vaultmesh"),
        ("file:///home/me/vaultmesh", "local:vaultmesh"),
        (".", "local:template"),
    ],
)
def test_public_source(source: str, recorded: str) -> None:
    assert public_source(source) == recorded
