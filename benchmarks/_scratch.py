"""Scratch repositories for the benchmarks: receipts, and a log of any size laid down as tiles without sealing it."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import IO

from benchmarks.measure import Usage, run
from remembrancer.ledger.files import CHECKPOINT, LedgerFiles
from remembrancer.receipt.statement import build
from remembrancer.tlog.checkpoint import Checkpoint
from remembrancer.tlog.merkle import EMPTY_ROOT
from remembrancer.tlog.note import SignerKey, sign_note
from remembrancer.tlog.tree import append

# what the console script does, without its search for the module
PROGRAM = (sys.executable, "-c", "import sys; from remembrancer.cli import main; sys.exit(main())")
COMPONENT = "my-svc"
RECORDED_AT = "2026-01-02T03:04:05Z"
_BATCH = 1 << 16  # a multiple of a tile's width, so that only the last batch leaves partial tiles
_ENVIRONMENT = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "LC_ALL": "C.UTF-8"}


def sha256(data: bytes | str) -> str:
    """Return the SHA-256 of bytes or text in hexadecimal."""
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


def environment(home: Path) -> dict[str, str]:
    """Return the environment of a user with this home folder and nothing else of the caller's but the path."""
    names = dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"), "Bench")
    mails = dict.fromkeys(("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"), "bench@example.invalid")
    return {"PATH": os.environ["PATH"], "HOME": str(home), **_ENVIRONMENT, **names, **mails}


def git(root: Path, *arguments: str, stdin: IO[bytes] | None = None) -> None:
    """Run Git in a repository; it has to succeed."""
    command = ["git", "-C", str(root), *arguments]
    subprocess.run(command, env=environment(root), check=True, capture_output=True, stdin=stdin)


def repository(root: Path) -> Path:
    """Make a Git repository with one commit, as a service has before its first release."""
    root.mkdir(parents=True)
    (root / ".gitignore").write_text("dist/\n")
    (root / ".gitattributes").write_text("ops/receipts/** -text\n")
    (root / "dist").mkdir()
    git(root, "init", "--quiet", "--initial-branch", "main")
    commit(root)
    return root


def commit(root: Path) -> None:
    """Commit everything."""
    git(root, "add", "--all")
    git(root, "-c", "commit.gpgsign=false", "-c", "gc.auto=0", "commit", "--quiet", "--message", "[bench] test: state")


def remembrancer(root: Path, *arguments: str | Path) -> Usage:
    """Run a command in a repository whose user's home folder lies beside it; it has to succeed."""
    return run([*PROGRAM, *arguments], cwd=root, env=environment(root.parent / "home"))


def service(base: Path) -> Path:
    """Make a repository with development trust below a folder, and return it."""
    (base / "home").mkdir(parents=True)
    root = repository(base / "service")
    remembrancer(root, "init", "--dev", "--component", COMPONENT)
    return root


def release(root: Path, version: str) -> Path:
    """Sign, stamp, record and seal the artifact of a version, which lies in dist, as `make release` does."""
    artifact = root / "dist" / f"{COMPONENT}-{version}.tar.gz"
    remembrancer(root, "sign", "--no-seal", artifact)
    remembrancer(root, "timestamp", "--no-seal", artifact)
    remembrancer(root, "record", "deploy", "--no-seal", "--component", COMPONENT, "--version", version)
    remembrancer(root, "seal")
    return artifact


def deploy(component: str, version: str, artifact: str) -> bytes:
    """Return a deploy receipt; `artifact` is the SHA-256 (hexadecimal) of what was deployed."""
    name = f"{component}-{version}.tar.gz"
    predicate = {
        "recordedAt": RECORDED_AT,
        "recordedBy": "bench@example.invalid",
        "component": component,
        "version": version,
        "artifact": {"name": name, "sha256": artifact},
        "evidence": {"name": f"dist/{name}", "sha256": artifact},
        "commit": artifact[:40],
        "environment": "production",
        "rollback": f"deploy {component} of the version before again and run remembrancer record rollback",
    }
    return build("deploy", [(name, artifact)], predicate)


def many(count: int) -> Iterator[bytes]:
    """Yield different deploy receipts, at the cost of replacing two texts in one."""
    marked = deploy("component-mark", "version-mark", "ab" * 32)
    for number in range(count):
        yield (
            marked.replace(b"component-mark", b"svc-%03d" % (number % 997))
            .replace(b"version-mark", b"1.%d.0" % number)
            .replace(b"ab" * 32, sha256(number.to_bytes(8, "big")).encode())
        )


def lay(root: Path, signer: SignerKey, entries: Iterable[bytes]) -> bytes:
    """Write the log of these entries into a repository, signed and not synced; returns the checkpoint's note."""
    files, size, tree = LedgerFiles(root), 0, EMPTY_ROOT
    source = iter(entries)
    while batch := list(islice(source, _BATCH)):
        growth = append(files.read, size, batch)
        for path, data in growth.files.items():
            target = files.folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        for path in growth.obsolete:
            (files.folder / path).unlink()
        size, tree = growth.size, growth.root
    note = sign_note(Checkpoint(signer.name, size, tree).format(), [signer])
    (files.folder / CHECKPOINT).write_bytes(note)
    return note
