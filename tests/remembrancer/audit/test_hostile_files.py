"""Files that a committer plants to break a command instead of a proof: each is one sentence, and the rest goes on."""

import hashlib
import os
import subprocess
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cli_support import ARTIFACT, Scratch, ledger, owner
from ledger_world import World
from remembrancer.errors import BadInput, Rejected
from remembrancer.ledger import files
from remembrancer.openpgp.verify import verify_detached
from remembrancer.receipt.statement import MAX_BYTES
from remembrancer.record import statements as recording
from remembrancer.repository import reader as repository
from remembrancer.repository import store
from remembrancer.repository.store import Store
from remembrancer.timestamp.der import DerError, read
from remembrancer.timestamp.response import parse_response
from remembrancer.tlog.tile import encode_bundle
from remembrancer.verify import proofs


def der(tag: int, contents: bytes) -> bytes:
    size = len(contents).to_bytes((len(contents).bit_length() + 7) // 8 or 1, "big")
    return bytes([tag, *([0x80 | len(size)] if len(contents) > 127 else []), *size]) + contents


def test_a_number_of_thousands_of_digits_is_refused() -> None:
    with pytest.raises(Rejected) as caught:
        parse_response(der(0x30, der(0x30, der(2, b"\x7f" * 2000))))
    assert caught.value.code == "time.malformed"
    assert len(caught.value.message) < 200
    assert read(der(2, b"\x7f" * 64)).integer() > 0
    with pytest.raises(DerError, match="too long"):
        read(der(2, b"\x7f" * 65)).integer()


def test_an_unknown_status_is_told_in_a_short_sentence() -> None:
    with pytest.raises(Rejected) as caught:
        parse_response(der(0x30, der(0x30, der(2, b"\x7f" * 64))))
    assert caught.value.code == "time.status"
    assert len(caught.value.message) < 100


@pytest.fixture
def deep(scratch: Scratch) -> Iterator[Path]:
    """A folder of receipts with 1,500 folders inside each other."""
    place = scratch.root / "ops/receipts/sign"
    handle = os.open(place, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("a", dir_fd=handle)
        inner = os.open("a", os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = inner
    os.close(handle)
    yield place
    subprocess.run(["rm", "-rf", str(place / "a")], check=True)


@pytest.mark.usefixtures("deep")
def test_a_thousand_nested_folders_are_named_and_not_entered(scratch: Scratch) -> None:
    audit = scratch.json("verify-audit")
    assert (audit.status, audit.codes) == (1, {"log.extra-file"}), audit.out
    [found] = [one for one in audit.report["findings"] if one["code"] == "log.extra-file"]
    assert found["subject"].startswith("ops/receipts/sign/a/a/")
    assert len(found["subject"]) < 100
    scratch.ok("verify", ARTIFACT)
    scratch.ok("verify-full", ARTIFACT)
    scratch.ok("list", "receipts")
    scratch.ok("seal")
    (scratch.root / ARTIFACT).write_bytes(b"other bytes")
    assert scratch.json("verify-full", ARTIFACT).status == 1, "unsealed receipts were looked for as well"


@pytest.mark.parametrize("bad", ["not json", "too large", "link", "folder"])
def test_a_file_that_only_looks_like_a_receipt_blocks_no_verdict(scratch: Scratch, bad: str) -> None:
    artifact = scratch.write("dist/new.tar.gz", b"new\n")
    scratch.ok("sign", "--no-seal", str(artifact))
    digest = hashlib.sha256(b"new\n").hexdigest()
    place = scratch.root / "ops/receipts/sign/planted.receipt"
    content = digest.encode() + (b" " * MAX_BYTES if bad == "too large" else b"")
    if bad == "link":
        (scratch.base / "elsewhere").write_bytes(content)
        place.symlink_to(scratch.base / "elsewhere")
    elif bad == "folder":
        place.mkdir()
    else:
        place.write_bytes(content)
    done = scratch.json("verify", str(artifact))
    assert (done.status, "error" in done.report) == (1, False), done.out
    assert "hash.unrecorded" in done.codes
    if bad != "folder":
        audit = scratch.json("verify-audit")
        assert str(place.relative_to(scratch.root)) in [one["subject"] for one in audit.report["findings"]]


def test_a_blob_without_end_is_refused_by_its_size(scratch: Scratch) -> None:
    blobs = sorted((scratch.root / "ops/receipts/blobs").iterdir())
    for blob in blobs:
        os.truncate(blob, 1 << 43)
    assert "receipt.size" in scratch.json("verify-full", ARTIFACT).codes
    audit = scratch.json("verify-audit")
    assert (audit.status, audit.codes >= {"receipt.size"}) == (1, True), audit.out
    assert all(blob.name in audit.out for blob in blobs)


@pytest.mark.parametrize("path", ["tile/0/000.p/5", "tile/entries/000.p/5", "timestamps/5.note"])
def test_a_ledger_file_without_end_is_refused_by_its_size(scratch: Scratch, path: str) -> None:
    os.truncate(ledger(scratch) / path, 1 << 43)
    done = scratch.json("verify-audit")
    assert (done.status, f"ledger/{path}" in done.out) == (1, True), done.out


def test_a_bundle_of_the_largest_receipts_is_within_the_limit() -> None:
    whole = encode_bundle([b"x" * MAX_BYTES] * 256)
    assert len(whole) == repository.MAX_FILE == files.MAX_FILE


def test_a_blob_at_the_limit_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(tmp_path / "w", git=False)
    digest = world.store.write_blob(b"12345")
    monkeypatch.setattr(store, "MAX_BLOB", 5)
    assert world.store.read_blob(digest) == b"12345"
    monkeypatch.setattr(store, "MAX_BLOB", 4)
    with pytest.raises(Rejected) as caught:
        world.store.read_blob(digest)
    assert caught.value.code == "receipt.size"
    with pytest.raises(BadInput) as refused:
        world.store.write_blob(b"54321")
    assert refused.value.code == "receipt.size"
    assert not world.store.blob_path(hashlib.sha256(b"54321").hexdigest()).exists()


@pytest.mark.parametrize("name", ["5.development.tsr", "5.planted.tsr", "5.note"])
@pytest.mark.parametrize("bad", ["link", "endless"])
def test_a_stamp_that_is_no_file_blocks_no_verdict(scratch: Scratch, name: str, bad: str) -> None:
    place = ledger(scratch) / "timestamps" / name
    if bad == "link":
        (scratch.base / "elsewhere").write_bytes(place.read_bytes() if place.exists() else b"x")
        place.unlink(missing_ok=True)
        place.symlink_to(scratch.base / "elsewhere")
    else:
        place.touch()
        os.truncate(place, 1 << 43)
    scratch.ok("verify-full", ARTIFACT)
    audit = scratch.json("verify-audit")
    named = [one["subject"] for one in audit.report["findings"] if one["outcome"] == "failed"]
    assert (audit.status, f"ops/receipts/ledger/timestamps/{name}" in named) == (1, True), audit.out


@pytest.mark.parametrize("bad", ["link", "pipe", "endless"])
def test_answers_that_are_no_file_are_named_and_not_read(scratch: Scratch, bad: str) -> None:
    place = scratch.root / ".copier-answers.k8s.yml"
    if bad == "link":
        (scratch.base / "elsewhere").write_text("_commit: v1\n_src_path: https://x.example/t.git\nlayer: k8s\n")
        place.symlink_to(scratch.base / "elsewhere")
    elif bad == "pipe":
        os.mkfifo(place)
    else:
        place.write_text("_commit: v1\n")
        os.truncate(place, 1 << 43)
    done = scratch.json("drift")
    assert (done.status, done.codes) == (1, {"receipt.size" if bad == "endless" else "input.file"}), done.out
    assert place.name in done.out


@pytest.mark.parametrize("kind", ["tsr", "note"])
def test_a_stamp_that_is_larger_than_any_is_not_held_in_memory(scratch: Scratch, kind: str) -> None:
    """One large object in Git gives as many large files as a commit has names for it."""
    stamps = ledger(scratch) / "timestamps"
    for number in range(20):
        (stamps / f"5.a{number}.tsr").write_bytes(b"x")
        if kind == "tsr":
            os.truncate(stamps / f"5.a{number}.tsr", 8 << 20)
    if kind == "note":
        os.truncate(stamps / "5.note", 8 << 20)
    tracemalloc.start()
    try:
        assert scratch.run("verify-full", ARTIFACT).status == 0
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()
    audit = scratch.json("verify-audit")
    named = {one["subject"] for one in audit.report["findings"] if one["code"] == "receipt.size"}
    expected = {"5.note"} if kind == "note" else {f"5.a{number}.tsr" for number in range(20)}
    assert named == {f"ops/receipts/ledger/timestamps/{name}" for name in expected}, audit.out


def test_signatures_of_the_policy_have_a_size(scratch: Scratch) -> None:
    place = scratch.root / f"ops/trust/policy.toml.{'A' * 40}.asc"
    place.touch()
    os.truncate(place, 1 << 43)
    done = scratch.json("verify-full", ARTIFACT)
    assert (done.status, "receipt.size" in done.codes) == (1, True), done.out
    os.truncate(place, 100_000)
    assert "receipt.size" in scratch.json("verify-full", ARTIFACT).codes


def test_a_name_that_no_file_can_have_is_a_file_that_is_not_there(scratch: Scratch) -> None:
    artifact = scratch.write(f"dist/{'x' * 248}.tar.gz", b"never recorded")
    done = scratch.json("verify-full", str(artifact))
    assert (done.status, "hash.unrecorded" in done.codes) == (1, True), done.out


def test_many_bad_signatures_do_not_make_a_verdict_wait_for_all(
    scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each one costs a reading of the artifact, and a seal takes up what it cannot check."""
    made = Store(scratch.root)
    other = scratch.write("dist/other", b"other")
    scratch.ok("sign", "--no-seal", str(other))
    bad = made.write_blob((scratch.root / "dist/other.asc").read_bytes())
    digest = hashlib.sha256((scratch.root / ARTIFACT).read_bytes()).hexdigest()
    who = owner(scratch)
    made.write_receipts(
        [recording.signature((f"n{number}", digest), who, bad, datetime.now(UTC)) for number in range(40)]
    )
    scratch.ok("seal")
    asked = []
    monkeypatch.setattr(proofs, "verify_detached", lambda *given: asked.append(given) or verify_detached(*given))
    scratch.ok("verify-full", ARTIFACT)
    assert 2 <= len(asked) < 30


def test_a_decision_that_is_no_file_ends_no_audit(scratch: Scratch) -> None:
    written = ("--context", "A.", "--decision", "B.", "--consequences", "C.", "--verification", "`make test`")
    scratch.ok("adr", "create", "Use X", *written)
    scratch.ok("adr", "accept", "1")
    place = scratch.root / "ops/receipts/adr/ADR-001-use-x.md"
    place.rename(scratch.base / "elsewhere")
    place.symlink_to(scratch.base / "elsewhere")
    audit = scratch.json("verify-audit")
    assert (audit.status, audit.codes) == (1, {"input.file"}), audit.out
    assert "append-only" in {one["check"] for one in audit.report["findings"]}


def test_names_of_files_cannot_reach_the_terminal(scratch: Scratch) -> None:
    """The name stands in the finding's sentence, in its subject and in notices."""
    odd = "a\x1b]0;owned\x07\u202eb"
    kept = (scratch.root / "ops/receipts/deploy/my-svc-0.1.0.receipt").read_bytes()
    for place in (f"ledger/{odd}", f"ledger/tile/{odd}", f"blobs/{odd}", f"sign/{odd}.receipt"):
        (scratch.root / "ops/receipts" / place).write_bytes(kept)
    artifact = scratch.write(f"dist/{odd}.tar.gz", b"x")
    for asked in (("verify-audit",), ("verify-full", str(artifact)), ("status",), ("list", "receipts"), ("timeline",)):
        done = scratch.run(*asked)
        assert asked != ("verify-audit",) or "x1b]0;owned" in done.out, "it is named all the same"
        assert not set(done.out + done.err) & set("\x1b\x07\u202e"), asked
