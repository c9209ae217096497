"""What an earlier job left is data: a planted file runs nothing in a release job, and nothing is taken on its word."""

import hashlib
import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from ci_render import call, environment, program, repository
from collection import commit_all, git, render
from ops_program import called

DIGEST = "d" * 64


@pytest.fixture(scope="module")
def service(collection: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A service in a repository; each test has a clone."""
    made = render(collection, tmp_path_factory.mktemp("planted") / "my-svc", component="my-svc", ci="gitlab")
    settings = made / "ops/settings.mk"
    lines = settings.read_text().splitlines()
    # the archive of a layer's own command, so that nothing is installed here
    lines = ["DIST_COMMAND := ops/bin/dist" if line.startswith("DIST_COMMAND") else line for line in lines]
    settings.write_text("\n".join(lines) + "\n")
    return repository(made)


@pytest.fixture
def clone(service: Path, tmp_path: Path) -> Path:
    """A job's checkout."""
    git(tmp_path, "clone", "--quiet", str(service), "clone")  # a path is linked, not packed
    git(tmp_path / "clone", "remote", "set-url", "origin", service.as_uri())
    (tmp_path / "clone/dist").mkdir()
    return tmp_path / "clone"


def job(clone: Path, command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a line of a release job, with docker at hand and no Python where PYTHON says so."""
    docker = f'case $1 in push) echo "x: digest: sha256:{DIGEST} size: 1" ;; login) cat >/dev/null ;; esac'
    program(clone.parent / "path", "docker", f"#!/bin/sh\n{docker}\n")
    secret = {"REGISTRY_USER": "u", "REGISTRY_PASSWORD": "p", "CI": "true"}
    return call(command, clone, environment(clone.parent, clone.parent / "path", **(secret | variables)))


def facts(clone: Path, **changes: str) -> str:
    """What the gate writes about the image of this commit."""
    said = {
        "IMAGE": "ghcr.io/vaultmesh/my-svc",
        "IMAGE_VERSION": "0.1.0",
        "IMAGE_REVISION": git(clone, "rev-parse", "HEAD"),
    }
    settings = dict(
        line.split(" := ") for line in (clone / "ops/settings.mk").read_text().splitlines() if " := " in line
    )
    said |= {"IMAGE": f"{settings['REGISTRY']}/my-svc", "SOURCE_DATE_EPOCH": "1700000000"} | changes
    return "".join(f"{name}={value}\n" for name, value in said.items())


# ---------------------------------------------------------------- dist/build.env and gate/answers


@pytest.mark.parametrize(
    "planted",
    [
        "touch ran\n",
        "IMAGE=x\ntouch ran\n",
        "IMAGE=$(touch ran)\n",
        "IMAGE_VERSION=`touch ran`\n",
        "PATH=.:/bin\n",
        "IMAGE_VERSION=0.1.0;touch ran\n",
        "IMAGE_VERSION=9.9.9\nIMAGE_VERSION=0.1.0\n",
        "x" * 2000,
    ],
)
def test_a_planted_build_env_runs_nothing_and_pushes_nothing(clone: Path, planted: str) -> None:
    (clone / "dist/image.tar").write_text("an image")
    (clone / "gate").mkdir()
    kept = "\n".join(line for line in facts(clone).splitlines() if line.split("=")[0] + "=" not in planted)
    for text in (planted, f"{kept}\n{planted}"):
        (clone / "gate/build.env").write_text(text)
        done = job(clone, "ops/bin/image push", IMAGE_FACTS="gate/build.env", PYTHON="/there/is/none")
        assert done.returncode == 1, done.stdout
        assert "gate/build.env" in done.stderr
        assert not (clone / "ran").exists()
        assert not (clone / "dist/image.digest").exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"IMAGE": "ghcr.io/somebody/else"}, "names the image"), ({"IMAGE_REVISION": "a" * 40}, "is of the commit")],
)
def test_an_image_of_another_name_or_commit_is_not_pushed(clone: Path, changes: dict[str, str], said: str) -> None:
    (clone / "dist/image.tar").write_text("an image")
    (clone / "dist/build.env").write_text(facts(clone, **changes))
    done = job(clone, "ops/bin/image push", PYTHON="/there/is/none", CI_COMMIT_SHA=git(clone, "rev-parse", "HEAD"))
    assert done.returncode == 1
    assert said in done.stderr


def test_an_image_that_was_built_of_another_commit_is_not_pushed(clone: Path) -> None:
    (clone / "dist/image.tar").write_text("an image")
    (clone / "dist/build.env").write_text(facts(clone))
    (clone / "dist/image.built").write_text(f"0.1.0 {'a' * 40}\n")
    done = job(clone, "ops/bin/image push", PYTHON="/there/is/none")
    assert (done.returncode, (clone / "dist/image.digest").exists()) == (1, False)
    (clone / "dist/image.built").write_text(f"0.1.0 {git(clone, 'rev-parse', 'HEAD')}\n")
    done = job(clone, "ops/bin/image push", PYTHON="/there/is/none")
    assert done.returncode == 0, done.stderr
    assert (clone / "dist/image.digest").read_text() == f"sha256:{DIGEST}\n"


def test_where_there_is_python_the_commit_itself_is_asked(clone: Path) -> None:
    (clone / "dist/build.env").write_text("touch ran\n")
    done = job(clone, "ops/bin/image push")
    assert "dist/image.tar is missing" in done.stderr
    assert not (clone / "ran").exists()
    assert (clone / "dist/build.env").read_text().startswith("IMAGE=")


@pytest.mark.parametrize(
    ("answers", "code", "said"),
    [
        ("release=true\nseal=false\n", 0, "true"),
        ("seal=true\nrelease=false\n", 0, "false"),
        ("release=true\nseal=true\ntouch ran\n", 1, ""),
        ("release=$(touch ran)\nseal=true\n", 1, ""),
        ("release=true\nrelease=true\nseal=true\n", 1, ""),
        ("release=true\n", 1, ""),
        ("", 1, ""),
        (None, 1, ""),
    ],
)
def test_the_answer_of_the_gate_is_one_of_two_words(clone: Path, answers: str | None, code: int, said: str) -> None:
    if answers is not None:
        (clone / "gate").mkdir()
        (clone / "gate/answers").write_text(answers)
    done = job(clone, "release=$(ops/ci/gate-says release)\necho $release")
    assert (done.returncode, done.stdout.strip()) == (code, said)
    assert not (clone / "ran").exists()


# ---------------------------------------------------------------- dist/receipts.tar

RECEIPT = b'{"a": 1}\n'
SHA = hashlib.sha256(RECEIPT).hexdigest()
SIGN = f"ops/receipts/sign/{SHA[:2]}/{SHA}.receipt"
BLOB = f"ops/receipts/blobs/{SHA}"
DEPLOY = "ops/receipts/deploy/my-svc-0.1.0.receipt"


def carried(clone: Path, *entries: tuple[str, bytes | str]) -> None:
    """Write dist/receipts.tar; a text is what a link points at."""
    with tarfile.open(clone / "dist/receipts.tar", "w") as archive:
        for name, content in entries:
            entry = tarfile.TarInfo(name)
            if isinstance(content, str):
                entry.type, entry.linkname = tarfile.SYMTYPE, content
                archive.addfile(entry)
            else:
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))


def unpacked(clone: Path) -> subprocess.CompletedProcess[str]:
    """Run `ops/ci/publish unpack`, without a start of its own."""
    return called(clone, "publish", ("unpack",), environment(clone.parent))


def test_receipts_and_blobs_of_a_release_are_taken(clone: Path) -> None:
    carried(clone, (SIGN, RECEIPT), (BLOB, RECEIPT), (DEPLOY, b"{}"))
    done = job(clone, "ops/ci/publish unpack && ops/ci/publish pack && ops/ci/publish unpack")
    assert done.returncode == 0, done.stderr
    assert [(clone / name).read_bytes() for name in (SIGN, BLOB, DEPLOY)] == [RECEIPT, RECEIPT, b"{}"]
    with tarfile.open(clone / "dist/receipts.tar") as archive:
        assert archive.getnames() == sorted((SIGN, BLOB, DEPLOY))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("ops/bin/remembrancer", b"#!/bin/sh\n"),
        (".git/hooks/pre-commit", b"#!/bin/sh\n"),
        ("../outside", b"x"),
        ("/tmp/outside", b"x"),
        ("ops/receipts/../bin/publish", b"x"),
        ("ops/receipts/ledger/checkpoint", b"x"),
        ("ops/receipts/archive/x/checkpoint", b"x"),
        ("ops/trust/policy.toml", b"x"),
        ("dist/my-svc-0.1.0.tar.gz", b"x"),
        (SIGN, "/etc/passwd"),
        (DEPLOY, "../../../ops/ci/publish"),
        (SIGN, b"other bytes"),
        (BLOB, b"other bytes"),
        (f"ops/receipts/sign/00/{SHA}.receipt", RECEIPT),
        (DEPLOY, b"x" * 70_000),
        ("ops/receipts/deploy/-x.receipt", b"x"),
        ("ops/receipts/deploy/a\nb.receipt", b"x"),
    ],
)
def test_anything_else_in_the_archive_is_refused_and_nothing_is_written(
    clone: Path, name: str, content: bytes | str
) -> None:
    before = git(clone, "status", "--porcelain", "--ignored", "--untracked-files=all")
    carried(clone, (SIGN, RECEIPT), (name, content)) if name != SIGN else carried(clone, (name, content))
    done = unpacked(clone)
    assert done.returncode == 1
    assert "nothing was taken from it" in done.stderr
    (clone / "dist/receipts.tar").unlink()
    assert git(clone, "status", "--porcelain", "--ignored", "--untracked-files=all") == before
    assert not (clone.parent / "outside").exists()


def test_the_archive_has_bounds(clone: Path) -> None:
    carried(clone, *((f"ops/receipts/deploy/a-{number}.receipt", b"{}") for number in range(201)))
    assert "too many files" in unpacked(clone).stderr
    carried(clone, (DEPLOY, b"{}"), (DEPLOY, b"{}"))
    assert "twice" in unpacked(clone).stderr
    (clone / "dist/receipts.tar").write_bytes(b"no archive")
    assert "is not a tar archive" in unpacked(clone).stderr


def test_what_is_recorded_is_not_replaced_nor_written_through_a_link(clone: Path) -> None:
    carried(clone, (DEPLOY, b"{}"))
    (clone / DEPLOY).parent.mkdir(parents=True)
    (clone / DEPLOY).write_text("other")
    assert "never replaced" in unpacked(clone).stderr
    assert (clone / DEPLOY).read_text() == "other"
    (clone / DEPLOY).unlink()
    (clone / DEPLOY).parent.rmdir()
    (clone / DEPLOY).parent.symlink_to(clone.parent)
    assert "through a link" in unpacked(clone).stderr


# ---------------------------------------------------------------- the archive


def test_an_archive_that_the_commit_does_not_make_is_not_signed(clone: Path) -> None:
    assert "is missing" in job(clone, "ops/bin/artifact --again").stderr
    assert job(clone, "ops/bin/artifact").returncode == 0
    made = (clone / "dist/my-svc-0.1.0.tar.gz").read_bytes()
    done = job(clone, "ops/bin/artifact --again")
    assert done.returncode == 0, done.stderr
    (clone / "dist/my-svc-0.1.0.tar.gz").write_bytes(made + b"x")
    done = job(clone, "ops/bin/artifact --again && echo signed")
    assert done.returncode == 1
    assert "nothing is signed" in done.stderr
    assert "signed\n" not in done.stdout


def test_the_archives_command_sees_no_secret(clone: Path) -> None:
    settings = clone / "ops/settings.mk"
    command = "env >seen && ops/bin/dist --despite-changes"
    settings.write_text(settings.read_text().replace("DIST_COMMAND := ops/bin/dist", f"DIST_COMMAND := {command}"))
    done = job(
        clone, "ops/bin/artifact", REMEMBRANCER_GPG_KEY="s3cret", REMEMBRANCER_LOG_KEY="s3cret", RELEASE_TOKEN="s3cret"
    )
    assert done.returncode == 0, done.stderr
    assert "s3cret" not in (clone / "seen").read_text()


# ---------------------------------------------------------------- the range of a push or merge request


def test_a_revert_of_a_record_is_refused_in_its_range(clone: Path) -> None:
    """Here git alone can be asked, because the Remembrancer cannot be had; the emulator's way through asks it."""
    base = git(clone, "rev-parse", "HEAD")
    (clone / DEPLOY).parent.mkdir(parents=True)
    (clone / DEPLOY).write_text("{}")
    commit_all(clone, "[my-svc] chore: record 0.1.0")
    recorded = git(clone, "rev-parse", "HEAD")
    broken = {"REMEMBRANCER_SOURCE": "file:///there/is/none", "XDG_CACHE_HOME": str(clone.parent / "cache")}
    assert job(clone, f"ops/ci/check-range {base}..{recorded}", **broken).returncode == 0
    git(clone, "revert", "--no-edit", "HEAD")
    done = job(clone, f"ops/ci/check-range {recorded}..HEAD", **broken)
    assert done.returncode == 1
    assert f"{DEPLOY} is recorded" in done.stderr
    # the first push of a branch names no commit before it
    assert job(clone, f"ops/ci/check-range {'0' * 40}..HEAD", **broken).returncode == 1
    assert job(clone, f"ops/ci/check-range {'0' * 40}..{base}", **broken).returncode == 0
    assert job(clone, "ops/ci/check-range HEAD", **broken).returncode == 2
    assert git(clone, "worktree", "list").count("\n") == 0
