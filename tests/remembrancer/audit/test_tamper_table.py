"""Whatever is taken away, changed or forged after a release: the verdict is not 0, and its reason code says which."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cli_support import ARTIFACT, Scratch, end_agents, ledger, new_key, new_scratch, receipts, release

Tamper = Callable[[Scratch], None]


def edit(path: Path, old: bytes, new: bytes) -> None:
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new, 1))


def flip(path: Path, position: int = -1) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(bytes(data))


def later(path: Path) -> None:
    edit(path, b'"recordedAt": "2', b'"recordedAt": "3')


def kinds_of(scratch: Scratch, kind: str, subject: str) -> list[Path]:
    return [path for path in receipts(scratch, kind) if json.loads(path.read_bytes())["subject"][0]["name"] == subject]


def blob_of(scratch: Scratch, kind: str, field: str) -> Path:
    name = ARTIFACT.rpartition("/")[2]
    statement = json.loads(kinds_of(scratch, kind, name)[0].read_bytes())
    return scratch.root / "ops/receipts/blobs" / statement["predicate"][field]


def older_ledger(scratch: Scratch) -> None:
    scratch.ok("verify-full", ARTIFACT)
    first = scratch.git("log", "--format=%H", "--reverse", "--", "ops/receipts/ledger/checkpoint").split()[0]
    shutil.rmtree(ledger(scratch))
    scratch.git("checkout", first, "--", "ops/receipts/ledger")


def bundle(scratch: Scratch) -> Path:
    return next((ledger(scratch) / "tile/entries").rglob("000.p/*"))


def tile(scratch: Scratch) -> Path:
    return next((ledger(scratch) / "tile/0").rglob("000.p/*"))


def deploy(scratch: Scratch) -> Path:
    return scratch.root / "ops/receipts/deploy/my-svc-0.1.0.receipt"


def other_policy(scratch: Scratch) -> None:
    other = new_scratch()
    try:
        other.ok("init", "--dev", "--component", "my-svc")
        shutil.rmtree(scratch.root / "ops/trust")
        shutil.copytree(other.root / "ops/trust", scratch.root / "ops/trust")
    finally:
        other.remove()


AFTER_RELEASE: list[tuple[str, Tamper, int, str]] = [
    ("edited artifact", lambda s: flip(s.root / ARTIFACT), 1, "hash.mismatch"),
    ("emptied artifact", lambda s: (s.root / ARTIFACT).write_bytes(b"") and None, 1, "hash.mismatch"),
    ("renamed artifact with other bytes", lambda s: flip(s.root / ARTIFACT, 0), 1, "sig.bad"),
    ("edited deploy receipt", lambda s: edit(deploy(s), b'"release"', b'"staging"'), 1, "receipt.edited"),
    ("deleted deploy receipt", lambda s: deploy(s).unlink(), 1, "receipt.missing"),
    ("deleted sign receipt", lambda s: kinds_of(s, "sign", "my-svc-0.1.0.tar.gz")[0].unlink(), 1, "receipt.missing"),
    ("edited sign receipt", lambda s: later(kinds_of(s, "sign", "my-svc-0.1.0.tar.gz")[0]), 1, "receipt.edited"),
    ("edited timestamp receipt", lambda s: later(receipts(s, "timestamp")[0]), 1, "receipt.edited"),
    ("edited signature blob", lambda s: flip(blob_of(s, "sign", "signature")), 1, "blob.mismatch"),
    ("deleted signature blob", lambda s: blob_of(s, "sign", "signature").unlink(), 1, "blob.missing"),
    ("edited token blob", lambda s: flip(blob_of(s, "timestamp", "token")), 1, "blob.mismatch"),
    ("edited tile", lambda s: flip(tile(s)), 1, "log.not-included"),
    ("emptied tile", lambda s: tile(s).write_bytes(b"") and None, 1, "log.tile"),
    ("deleted tile", lambda s: tile(s).unlink(), 1, "log.missing"),
    ("deleted ledger", lambda s: shutil.rmtree(ledger(s)), 1, "log.missing"),
    ("edited checkpoint", lambda s: flip(ledger(s) / "checkpoint", 60), 1, "log.checkpoint"),
    ("older ledger on the seal branch", older_ledger, 1, "log.rollback"),
    ("edited policy", lambda s: edit(s.root / "ops/trust/policy.toml", b"main", b"side"), 1, "trust.policy-signature"),
    ("deleted policy", lambda s: (s.root / "ops/trust/policy.toml").unlink(), 3, "trust.no-policy"),
    ("policy of a stranger", other_policy, 3, "trust.unpinned"),
    ("unpinned trust", lambda s: shutil.rmtree(s.home / ".local"), 3, "trust.unpinned"),
]


@pytest.mark.parametrize(("what", "tamper", "status", "code"), AFTER_RELEASE, ids=[row[0] for row in AFTER_RELEASE])
def test_verify_full_refuses(scratch: Scratch, what: str, tamper: Tamper, status: int, code: str) -> None:
    tamper(scratch)
    before = scratch.snapshot()
    done = scratch.json("verify-full", ARTIFACT)
    assert (done.status, code in done.codes) == (status, True), (done.codes, done.out)
    assert scratch.snapshot() == before
    words = scratch.run("verify-full", ARTIFACT)
    assert words.status == status
    assert code in words.out
    assert "Traceback" not in words.out + words.err


AUDIT: list[tuple[str, Tamper, str]] = [
    ("edited receipt", lambda s: edit(deploy(s), b'"release"', b'"staging"'), "receipt.edited"),
    ("deleted receipt", lambda s: deploy(s).unlink(), "receipt.missing"),
    (
        "added receipt",
        lambda s: shutil.copy(deploy(s), deploy(s).with_name("my-svc-0.2.0.receipt")) and None,
        "receipt.path",
    ),
    (
        "renamed receipt",
        lambda s: deploy(s).rename(deploy(s).with_name("other-0.1.0.receipt")) and None,
        "receipt.missing",
    ),
    ("edited blob", lambda s: flip(blob_of(s, "sign", "signature")), "blob.mismatch"),
    ("deleted blob", lambda s: blob_of(s, "timestamp", "token").unlink(), "blob.missing"),
    ("edited tile", lambda s: flip(tile(s)), "log.tile"),
    ("emptied tile", lambda s: tile(s).write_bytes(b"") and None, "log.tile"),
    ("deleted tile", lambda s: tile(s).unlink(), "log.missing"),
    ("edited bundle", lambda s: flip(bundle(s), 40), "log.root"),
    ("truncated bundle", lambda s: bundle(s).write_bytes(bundle(s).read_bytes()[:-1]) and None, "log.bundle"),
    ("deleted bundle", lambda s: bundle(s).unlink(), "log.missing"),
    ("contradicting tile", lambda s: tile(s).with_name("1").write_bytes(b"x" * 32) and None, "log.tile"),
    ("deleted ledger", lambda s: shutil.rmtree(ledger(s)), "log.missing"),
    ("edited checkpoint", lambda s: flip(ledger(s) / "checkpoint", 60), "log.checkpoint"),
    ("older ledger on the seal branch", older_ledger, "log.rollback"),
    ("stray file", lambda s: s.write("ops/receipts/ledger/notes.txt", "x") and None, "log.extra-file"),
    ("edited stamp", lambda s: flip(sorted((ledger(s) / "timestamps").glob("*.tsr"))[-1]), "time.signature"),
]


@pytest.mark.parametrize(("what", "tamper", "code"), AUDIT, ids=[row[0] for row in AUDIT])
def test_verify_audit_refuses(scratch: Scratch, what: str, tamper: Tamper, code: str) -> None:
    tamper(scratch)
    done = scratch.json("verify-audit")
    assert done.status == 1
    assert code in done.codes, (done.codes, done.out)


def test_untouched_passes(scratch: Scratch) -> None:
    full = scratch.json("verify-full", ARTIFACT)
    assert full.status == 0, full.out
    assert full.report["profile"] == "development"
    assert {one["check"] for one in full.report["findings"]} >= {
        "hash",
        "signature",
        "timestamp",
        "inclusion",
        "checkpoint",
    }
    audit = scratch.json("verify-audit")
    assert audit.status == 0, audit.out
    assert audit.report["data"]["root"] in audit.out
    assert scratch.run("verify", ARTIFACT).status == 0


INCOMPLETE = [
    ("unsigned", ("timestamp", "record"), "sig.missing"),
    ("unstamped", ("sign", "record"), "time.missing"),
    ("unrecorded", ("sign", "timestamp"), "hash.unrecorded"),
]


@pytest.mark.parametrize(("what", "steps", "code"), INCOMPLETE, ids=[row[0] for row in INCOMPLETE])
def test_a_missing_proof_is_a_failure(scratch: Scratch, what: str, steps: tuple[str, ...], code: str) -> None:
    artifact = "dist/my-svc-0.2.0.tar.gz"
    scratch.write(artifact, b"the next version\n")
    commands = {
        "sign": ("sign", artifact),
        "timestamp": ("timestamp", artifact),
        "record": ("record", "deploy", "--component", "my-svc", "--version", "0.2.0"),
    }
    for step in steps:
        scratch.ok(*commands[step])
    done = scratch.json("verify-full", artifact)
    assert (done.status, code in done.codes) == (1, True), done.out


def test_pending_proofs_are_a_failure(scratch: Scratch) -> None:
    artifact = "dist/my-svc-0.2.0.tar.gz"
    scratch.write(artifact, b"the next version\n")
    scratch.ok("sign", "--no-seal", artifact)
    scratch.ok("timestamp", "--no-seal", artifact)
    scratch.ok("record", "deploy", "--no-seal", "--component", "my-svc", "--version", "0.2.0")
    done = scratch.json("verify-full", artifact)
    assert (done.status, done.codes) == (1, {"log.pending"}), done.out
    assert "log.pending" in scratch.json("verify-audit").codes
    scratch.ok("seal")
    assert scratch.run("verify-full", artifact).status == 0


def test_a_key_that_is_not_trusted_does_not_count(scratch: Scratch) -> None:
    artifact = "dist/my-svc-0.2.0.tar.gz"
    scratch.write(artifact, b"the next version\n")
    stranger = new_key(scratch, "Stranger <stranger@example.invalid>")
    try:
        scratch.ok("sign", artifact, "--key", stranger)
    finally:
        end_agents(scratch)
    scratch.ok("timestamp", artifact)
    scratch.ok("record", "deploy", "--component", "my-svc", "--version", "0.2.0")
    done = scratch.json("verify-full", artifact)
    assert (done.status, "sig.untrusted-key" in done.codes) == (1, True), done.out


def test_a_second_release_keeps_the_first(scratch: Scratch) -> None:
    artifact = "dist/my-svc-0.2.0.tar.gz"
    scratch.write(artifact, b"the next version\n")
    release(scratch, artifact, "0.2.0")
    assert scratch.run("verify-full", artifact).status == 0
    assert scratch.run("verify-full", ARTIFACT).status == 0
    assert scratch.run("verify-audit").status == 0


@pytest.mark.parametrize("how", [("-b", "old"), ("--detach",)], ids=["branch", "detached"])
def test_an_older_checkout_is_behind_but_not_wrong(scratch: Scratch, how: tuple[str, ...]) -> None:
    first = scratch.git("rev-parse", "HEAD")
    scratch.write("dist/my-svc-0.2.0.tar.gz", b"the next version\n")
    release(scratch, "dist/my-svc-0.2.0.tar.gz", "0.2.0")
    assert scratch.run("verify-full", ARTIFACT).status == 0
    scratch.git("checkout", "-q", *how, first)
    done = scratch.json("verify-full", ARTIFACT)
    assert done.status == 0, done.out
    assert "log.behind" in {one["code"] for one in done.report["findings"]}


def test_production_is_required_where_it_is_asked_for(scratch: Scratch) -> None:
    done = scratch.json("verify-full", ARTIFACT, "--require", "production")
    assert (done.status, "trust.profile" in done.codes) == (1, True)
