"""A signer's certificate that was revoked or has expired, as verdicts and the audit meet it in a policy."""

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli_support import ARTIFACT, Scratch, change_policy, end_agents, ledger, receipts, released
from remembrancer.clock import FixedClock

NEXT = "dist/my-svc-0.2.0.tar.gz"
BOB = "Bob <bob@example.invalid>"
MADE = ("--passphrase", "", "--quick-gen-key", BOB, "ed25519", "sign")


def gpg(scratch: Scratch, *arguments: str, stdin: str = "") -> str:
    command = ["gpg", "--batch", *arguments]
    done = subprocess.run(
        command, env=scratch.environment(), input=stdin, check=True, capture_output=True, encoding="utf-8"
    )
    return done.stdout


def released_by_bob(scratch: Scratch, lasts: str) -> str:
    """Release the next version with a signature by one more signer, and return that one's certificate."""
    (scratch.home / ".gnupg").mkdir(mode=0o700)
    gpg(scratch, *MADE, lasts)
    certificate = gpg(scratch, "--armor", "--export", BOB)
    file = scratch.base / "bob.asc"
    file.write_text(certificate, encoding="utf-8")
    scratch.ok("trust", "add", "--signer", "bob", "--key", str(file))
    scratch.write(NEXT, "next\n")
    scratch.ok("sign", "--key", "bob", NEXT)
    scratch.ok("timestamp", NEXT)
    scratch.ok("record", "deploy", "--component", "my-svc", "--version", "0.2.0")
    assert signature(scratch) == (0, "signature.ok")
    return certificate


def signature(scratch: Scratch) -> tuple[int, str]:
    done = scratch.json("verify-full", NEXT)
    return done.status, str(next(one["code"] for one in done.report["findings"] if one["check"] == "signature"))


@pytest.fixture
def scratch() -> Iterator[Scratch]:
    scratch = released()
    yield scratch
    end_agents(scratch)
    scratch.remove()


def test_a_revoked_certificate_fails_unless_the_policy_says_why(scratch: Scratch) -> None:
    before = released_by_bob(scratch, "0")
    (kept,) = (scratch.home / ".gnupg/openpgp-revocs.d").glob("*.rev")
    gpg(scratch, "--import", stdin=kept.read_text(encoding="utf-8").replace(":-----BEGIN", "-----BEGIN"))
    change_policy(scratch, before.strip(), gpg(scratch, "--armor", "--export", BOB).strip())
    assert signature(scratch) == (1, "sig.key-revoked")
    assert "sig.key-revoked" in scratch.json("verify-audit").codes
    until = (datetime.now(UTC) + timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    change_policy(scratch, 'name = "bob"\n', f'name = "bob"\nended = "superseded"\nuntil = {until}\n')
    assert signature(scratch) == (0, "signature.ok")


def test_an_expired_certificate_stands_for_what_is_proven_before(
    scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    released_by_bob(scratch, "1d")
    later = FixedClock(datetime.now(UTC) + timedelta(days=2))
    monkeypatch.setattr("remembrancer.audit.session.SystemClock", lambda: later)
    assert signature(scratch) == (0, "signature.ok")
    for path in (ledger(scratch) / "timestamps").iterdir():
        path.unlink()
    assert signature(scratch) == (3, "sig.time-unproven")


def test_the_audit_judges_the_key_where_the_artifact_is_not_here(scratch: Scratch) -> None:
    (scratch.root / ARTIFACT).unlink()
    scratch.ok("trust", "revoke", "development", "--as", "compromised")
    done = scratch.json("verify-audit")
    failed = {one["subject"] for one in done.report["findings"] if one["code"] == "sig.key-compromised"}
    assert failed == {path.relative_to(Path(scratch.root)).as_posix() for path in receipts(scratch, "sign")}
    assert len(failed) == 2
