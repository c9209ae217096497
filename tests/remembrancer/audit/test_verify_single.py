"""One signature, one timestamp, judged by trust given on the command line; and gpg agrees."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli_support import ARTIFACT, Scratch, receipts, released


@pytest.fixture(scope="module")
def scratch() -> Iterator[Scratch]:
    made = released()
    (made.root / "key.asc").write_bytes(next((made.root / "ops/trust/keys").glob("*.asc")).read_bytes())
    (made.root / "root.pem").write_bytes(dev(made, "tsa/tsa-root.pem").read_bytes())
    (made.root / "tsa.pem").write_bytes(dev(made, "tsa/tsa.pem").read_bytes())
    (made.root / "other.bin").write_bytes(b"other\n")
    yield made
    made.remove()


def dev(scratch: Scratch, name: str) -> Path:
    return next((scratch.home / ".local/state/remembrancer/dev").iterdir()) / name


SIGNATURE = ("verify-signature", "--signature", f"{ARTIFACT}.asc", "--data", ARTIFACT, "--key", "key.asc")
TOKEN = ("verify-timestamp", "--token", f"{ARTIFACT}.tsr", "--data", ARTIFACT, "--root", "root.pem")


def replace(arguments: tuple[str, ...], old: str, new: str) -> tuple[str, ...]:
    assert old in arguments
    return tuple(new if one == old else one for one in arguments)


ROWS = [
    ("good signature", SIGNATURE, 0, set()),
    ("good at a time", (*SIGNATURE, "--at", "2026-01-01T00:00:00Z"), 0, set()),
    ("signature over other bytes", replace(SIGNATURE, ARTIFACT, "other.bin"), 1, {"sig.bad"}),
    ("signature that is none", replace(SIGNATURE, f"{ARTIFACT}.asc", "other.bin"), 1, {"sig.malformed"}),
    ("key that is none", replace(SIGNATURE, "key.asc", "other.bin"), 2, {"sig.bad-certificate"}),
    ("no such signature", replace(SIGNATURE, f"{ARTIFACT}.asc", "none"), 2, {"input.file"}),
    ("good token", TOKEN, 0, set()),
    ("token over other bytes", replace(TOKEN, ARTIFACT, "other.bin"), 1, {"time.imprint-mismatch"}),
    ("token that is none", replace(TOKEN, f"{ARTIFACT}.tsr", "other.bin"), 1, {"time.malformed"}),
    ("the signer's own certificate as root", replace(TOKEN, "root.pem", "tsa.pem"), 1, {"time.untrusted-root"}),
    ("root that is none", replace(TOKEN, "root.pem", "other.bin"), 2, {"input.certificate"}),
    ("wrong nonce", (*TOKEN, "--nonce", "1234"), 1, {"time.nonce-mismatch"}),
    ("wrong policy", (*TOKEN, "--policy", "1.2.3"), 1, {"time.policy"}),
    ("nonce that is none", (*TOKEN, "--nonce", "0xzz"), 2, {"input.nonce"}),
]


@pytest.mark.parametrize(("what", "arguments", "status", "codes"), ROWS, ids=[row[0] for row in ROWS])
def test_one_proof(scratch: Scratch, what: str, arguments: tuple[str, ...], status: int, codes: set[str]) -> None:
    done = scratch.json(*arguments)
    assert (done.status, done.codes) == (status, codes), done.out


def test_the_recorded_nonce_fits(scratch: Scratch) -> None:
    import json

    statement = json.loads(receipts(scratch, "timestamp")[0].read_bytes())
    assert scratch.run(*TOKEN, "--nonce", statement["predicate"]["nonce"]).status == 0


def test_gpg_accepts_the_signature_beside_the_artifact(scratch: Scratch) -> None:
    home = scratch.base / "g"
    home.mkdir(mode=0o700, exist_ok=True)
    environment = scratch.environment(GNUPGHOME=str(home))

    def gpg(*arguments: str) -> int:
        command = ["gpg", "--batch", *arguments]
        return subprocess.run(command, cwd=scratch.root, env=environment, check=False, capture_output=True).returncode

    assert gpg("--import", "key.asc") == 0
    assert gpg("--verify", f"{ARTIFACT}.asc", ARTIFACT) == 0
    assert gpg("--verify", f"{ARTIFACT}.asc", "other.bin") != 0
    subprocess.run(["gpgconf", "--kill", "all"], env=environment, check=False, capture_output=True)


def test_an_ended_key_counts_only_at_a_proven_time_before_its_end(scratch: Scratch) -> None:
    """gpg believes a clock of last year: a key that lived for a day then, and a signature of that day."""
    home = scratch.base / "k"
    home.mkdir(mode=0o700, exist_ok=True)
    then = ("gpg", "--batch", "--homedir", str(home), "--faked-system-time", "20250101T000000!", "--passphrase", "")
    who = "Old <old@example.invalid>"
    for command in (
        (*then, "--quick-gen-key", who, "ed25519", "sign", "1d"),
        (*then, "-o", str(scratch.root / "old.sig"), "--detach-sign", str(scratch.root / ARTIFACT)),
        (*then, "-o", str(scratch.root / "old.asc"), "--armor", "--export", who),
    ):
        subprocess.run(command, env=scratch.environment(), check=True, capture_output=True)
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False, capture_output=True)
    ended = ("verify-signature", "--signature", "old.sig", "--data", ARTIFACT, "--key", "old.asc")
    for at, status, codes in (
        ((), 3, {"sig.time-unproven"}),
        (("--at", "2025-01-01T12:00:00Z"), 0, set()),
        (("--at", "2025-01-03T00:00:00Z"), 3, {"sig.time-unproven"}),
        # nothing existed before it was made: such a time is that of something else
        (("--at", "1970-01-01T00:00:00Z"), 3, {"sig.time-unproven"}),
        (("--at", "2024-12-31"), 0, set()),  # a day counts to its end
        (("--at", "2024-12-30"), 3, {"sig.time-unproven"}),
    ):
        done = scratch.json(*ended, *at)
        assert (done.status, done.codes) == (status, codes), done.out
