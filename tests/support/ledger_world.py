"""A small repository with receipts, a ledger and its key, for the tests of the ledger."""

import hashlib
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from remembrancer.ledger import Ledger, SealResult
from remembrancer.receipt.statement import build, parse, relative_path
from remembrancer.repository.lock import WRITTEN, exclusive
from remembrancer.repository.store import Store
from remembrancer.tlog.merkle import root as merkle_root
from remembrancer.tlog.note import SignerKey, open_checkpoint

ORIGIN = "dev.invalid/my-svc/test"
SEED = bytes(range(32))
AT = "2026-01-02T03:04:05Z"


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def signer(seed: int = 0) -> SignerKey:
    return SignerKey.from_seed(ORIGIN, bytes([*SEED[:-1], seed]))


def deploy(version: str, *, component: str = "my-svc", content: str = "", environment: str = "staging") -> bytes:
    """Return a deploy receipt; the artifact's digest follows from `content`."""
    artifact = {"name": f"{component}-{version}.tar.gz", "sha256": sha(content or f"{component} {version}")}
    predicate = {
        "recordedAt": AT,
        "recordedBy": "ci",
        "component": component,
        "version": version,
        "artifact": artifact,
        "evidence": artifact,
        "environment": environment,
        "rollback": "the version before",
    }
    return build("deploy", [(artifact["name"], artifact["sha256"])], predicate)


def waiver(reason: str) -> bytes:
    """Return a small content-addressed receipt without blobs."""
    predicate = {"recordedAt": AT, "recordedBy": "ops", "owner": "team", "reason": reason, "expires": AT}
    return build("waiver", [("Dockerfile", sha(reason))], predicate)


def signed(blob: str, subject: str = "x") -> bytes:
    """Return a sign receipt that names a blob."""
    predicate = {"recordedAt": AT, "fingerprint": "A" * 40, "signature": blob}
    return build("sign", [("my-svc-0.1.0.tar.gz", sha(subject))], predicate)


class World:
    """A repository below a folder; Git from the start unless told otherwise."""

    def __init__(self, root: Path, *, git: bool = True) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self.store = Store(root)
        self.ledger = Ledger(root)
        self.folder = root / "ops" / "receipts" / "ledger"
        if git:
            self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str) -> str:
        identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]
        command = ["git", "-C", str(self.root), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, message: str = "[my-svc] chore: record") -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)

    def record(self, *receipts: bytes) -> list[Path]:
        return self.store.write_receipts(receipts)

    def record_quickly(self, *receipts: bytes) -> None:
        """Record many receipts without waiting for the disk."""
        with exclusive(self.root) as local, (local / WRITTEN).open("a") as noted:
            for data in receipts:
                path = relative_path(parse(data))
                self.plant(data, path)
                noted.write(f"{path}\n")

    def plant(self, data: bytes, path: str) -> Path:
        """Put a file under ops/receipts as somebody without the Remembrancer would."""
        target = self.store.receipts_dir / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        return target

    def seal(self, **more: Any) -> SealResult:
        return self.ledger.seal(signer(), **more)

    def names(self, paths: "tuple[Path, ...] | list[Path]") -> list[str]:
        return [path.relative_to(self.store.receipts_dir).as_posix() for path in paths]

    def files(self) -> dict[str, bytes]:
        """Return every file of the ledger's folder."""
        paths = (path for path in self.folder.rglob("*") if path.is_file())
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in paths}

    def everything(self) -> dict[str, bytes]:
        """Return every file under ops/receipts but the local ones."""
        base = self.store.receipts_dir
        paths = (path for path in base.rglob("*") if path.is_file() and ".local" not in path.parts)
        return {path.relative_to(base).as_posix(): path.read_bytes() for path in paths}

    def sealed(self) -> list[bytes]:
        """Return the log's entries after proving that the signed root is theirs."""
        note = self.ledger.checkpoint()
        if note is None:
            return []
        checkpoint = open_checkpoint(note, ORIGIN, [signer().verifier(), signer(1).verifier()]).checkpoint
        entries = [entry for _, entry in self.ledger.entries()]
        assert len(entries) == checkpoint.size
        assert merkle_root(entries) == checkpoint.root
        return entries

    def sound(self) -> None:
        """Assert that an audit finds nothing at all, and that its root is the signed one."""
        entries = self.sealed()
        result = self.ledger.audit(len(entries))
        assert result.problems == ()
        assert result.notices == ()
        assert result.root == merkle_root(entries)
