"""A team's repository with a ledger, and the bare one that it publishes to: for tests that fetch logs from Git."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import witness_support as log
from remembrancer.paths import CHECKPOINT, LEDGER
from remembrancer.tlog import Checkpoint, SignerKey, append, sign_note

WHO = [
    "-c",
    "user.name=t",
    "-c",
    "user.email=t@example.com",
    "-c",
    "commit.gpgSign=false",
    "-c",
    "init.defaultBranch=main",
]


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *WHO, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class Team:
    """One team: `work` is its checkout, `remote` what everybody can fetch, `key` its log's key."""

    def __init__(self, folder: Path, origin: str) -> None:
        self.work, self.remote = folder / "work", folder / "remote.git"
        self.key = SignerKey.from_seed(origin, origin.encode().ljust(32)[:32])
        self.vkey = str(self.key.verifier())
        for place, more in ((self.remote, ["--bare"]), (self.work, [])):
            place.mkdir(parents=True)
            git(place, "init", "-q", *more, ".")
        git(self.work, "remote", "add", "origin", str(self.remote))

    def log(self, entries: Sequence[bytes]) -> None:
        """Write the ledger of these entries, as one seal would, commit it and publish it whatever was there."""
        growth = append(lambda path: b"", 0, entries)
        note = sign_note(Checkpoint(self.key.name, growth.size, growth.root).format(), [self.key])
        for path, data in {**growth.files, "checkpoint": note}.items():
            place = self.work / LEDGER / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        self.publish(f"{len(entries)} entries")

    def grow(self, count: int, branch: str = "") -> None:
        self.log(log.entries(count, branch))

    def publish(self, message: str) -> None:
        git(self.work, "add", "-A")
        git(self.work, "commit", "-q", "--allow-empty", "-m", message)
        git(self.work, "push", "-q", "--force", "origin", "HEAD:refs/heads/main")

    @property
    def checkpoint(self) -> Path:
        return self.work / CHECKPOINT
