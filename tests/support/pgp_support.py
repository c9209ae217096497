"""OpenPGP keys and signatures that tests make with gpg in a folder of their own, also the ones that must not pass."""

import shutil
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

from short_path import short_path

# long past, so that the machine's clock does not matter
MADE = "20200101T000000"
LATER = "20200701T000000"
AFTER_A_YEAR = "20210701T000000"
DATA = b"the artifact\n"


def instant(stamp: str) -> datetime:
    return datetime.strptime(stamp, "%Y%m%dT%H%M%S").replace(tzinfo=UTC)


class Gpg:
    """gpg with a home of its own, whose path is short enough for the agent's sockets."""

    def __init__(self) -> None:
        self.home = Path(short_path("rmb"))
        self.data = self.home / "data"
        self.data.write_bytes(DATA)

    def close(self) -> None:
        self.run("gpgconf", "--kill", "all")
        shutil.rmtree(self.home, ignore_errors=True)

    def run(self, program: str, *arguments: str | Path, stdin: bytes = b"", check: bool = True) -> bytes:
        command = [program, "--homedir", str(self.home), *map(str, arguments)]
        done = subprocess.run(command, input=stdin, capture_output=True, check=False)
        if check and done.returncode:
            raise AssertionError(f"{command}: {done.stderr.decode(errors='replace')}")
        return done.stdout

    def gpg(self, *arguments: str | Path, at: str = MADE, stdin: bytes = b"", check: bool = True) -> bytes:
        fixed = ("--batch", "--quiet", "--yes", "--pinentry-mode", "loopback", "--passphrase", "")
        return self.run("gpg", *fixed, "--faked-system-time", f"{at}!", *arguments, stdin=stdin, check=check)

    def key(self, name: str, algorithm: str = "ed25519", usage: str = "sign", lasts: str = "never", *more: str) -> str:
        """Make a key and return its fingerprint."""
        user = f"{name} <{name}@example.invalid>"
        self.gpg(*more, "--quick-generate-key", user, algorithm, usage, lasts)
        return self.fingerprints(user)[0]

    def add_subkey(self, fingerprint: str, lasts: str = "never", at: str = MADE) -> str:
        """Add a signing subkey and return its fingerprint."""
        self.gpg("--quick-add-key", fingerprint, "ed25519", "sign", lasts, at=at)
        return self.fingerprints(fingerprint)[-1]

    def fingerprints(self, name: str) -> list[str]:
        """The fingerprints of a key and its subkeys."""
        lines = self.gpg("--with-colons", "--list-keys", name).decode().splitlines()
        return [line.split(":")[9] for line in lines if line.startswith("fpr:")]

    def export(self, fingerprint: str, *, armor: bool = True) -> bytes:
        return self.gpg("--export", *(["--armor"] if armor else []), fingerprint)

    def sign(self, *who: str, at: str = LATER, options: tuple[str, ...] = (), how: str = "--detach-sign") -> bytes:
        """Sign the data with these keys."""
        users = [part for one in who for part in ("--local-user", one)]
        return self.gpg(*users, "--armor", *options, "--output", "-", how, self.data, at=at)

    def revoke(self, fingerprint: str, reason: int, at: str = LATER) -> None:
        """Revoke a key: 0 without a reason, 1 compromised, 2 superseded, 3 no longer used."""
        answers = f"y\n{reason}\n\ny\n".encode()
        arguments = ("--no-tty", "--status-fd", "2", "--command-fd", "0", "--faked-system-time", f"{at}!")
        revocation = self.run("gpg", *arguments, "--gen-revoke", fingerprint, stdin=answers)
        self.gpg("--import", stdin=revocation, at=at)

    def revoke_subkey(self, fingerprint: str, number: int, reason: int, at: str = LATER) -> None:
        """Revoke the subkey with this number, counted from 1."""
        answers = f"key {number}\nrevkey\ny\n{reason}\n\ny\nsave\n".encode()
        arguments = ("--no-tty", "--command-fd", "0", "--faked-system-time", f"{at}!")
        self.run("gpg", *arguments, "--expert", "--edit-key", fingerprint, stdin=answers)

    def agent_runs(self) -> bool:
        """Say whether an agent serves this home."""
        asked = ["gpg-connect-agent", "--homedir", str(self.home), "--no-autostart", "GETINFO pid", "/bye"]
        return subprocess.run(asked, capture_output=True, check=False).stdout.startswith(b"D ")

    def agent_ends(self) -> bool:
        """Give an agent that was told to end ten seconds to do so; say whether it has."""
        until = time.monotonic() + 10
        while self.agent_runs():
            if time.monotonic() > until:
                return False
            time.sleep(0.1)
        return True
