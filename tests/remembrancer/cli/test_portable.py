"""A proof file: what it proves to an outsider, and everything about it that is refused."""

import base64
import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cli_support import ARTIFACT, Scratch, new_scratch, release, released
from remembrancer.errors import BadInput, Rejected
from remembrancer.trust import policy
from remembrancer.trust.establish import Trusted
from remembrancer.verify.bundle import MAX_BYTES, parse
from remembrancer.verify.evidence import Entry, Log
from remembrancer.verify.proofs import Prover

Document = dict[str, Any]
NEXT = "dist/my-svc-0.2.0.tar.gz"


@pytest.fixture(scope="module")
def origin() -> Iterator[Scratch]:
    scratch = released()
    scratch.ok("export-proof", ARTIFACT)
    yield scratch
    scratch.remove()


@pytest.fixture
def outside(origin: Scratch) -> Iterator[Scratch]:
    """A folder that is no repository, with the artifact, its proof, and the owner's policy from elsewhere."""
    scratch = new_scratch()
    shutil.rmtree(scratch.root)
    scratch.root.mkdir()
    for suffix in ("", ".proof.json"):
        shutil.copy(origin.root / (ARTIFACT + suffix), scratch.root / ("a.tar.gz" + suffix))
    shutil.copytree(origin.root / "ops/trust", scratch.root / "trust")
    yield scratch
    scratch.remove()


@pytest.fixture(scope="module")
def owner(origin: Scratch) -> str:
    return str(origin.json("trust", "show").report["data"]["owner"])


def check(scratch: Scratch, owner: str) -> tuple[int, set[str]]:
    done = scratch.json("verify-proof", "a.tar.gz.proof.json", "--policy", "trust/policy.toml", "--trust", owner)
    return done.status, done.codes


def test_it_verifies_without_repository_and_network(outside: Scratch, owner: str) -> None:
    done = outside.json("verify-proof", "a.tar.gz.proof.json", "--policy", "trust/policy.toml", "--trust", owner)
    assert done.status == 0, done.out
    checks = {one["check"] for one in done.report["findings"]}
    assert checks >= {"trust", "hash", "signature", "timestamp", "record-signature", "inclusion", "checkpoint"}
    stamped = next(one for one in done.report["findings"] if one["check"] == "checkpoint")
    assert stamped["details"]["when"], "the checkpoint's time travels with the proof"


@pytest.mark.parametrize("target", [ARTIFACT, "ops/trust/policy.toml", "ops/receipts/ledger/checkpoint"])
def test_an_export_takes_no_other_file_s_place(origin: Scratch, target: str) -> None:
    before = (origin.root / target).read_bytes()
    done = origin.json("export-proof", ARTIFACT, "-o", target)
    assert (done.status, done.codes) == (2, {"input.file"})
    assert (origin.root / target).read_bytes() == before


def test_an_export_takes_no_link_s_or_folder_s_place(origin: Scratch) -> None:
    """`/dev/stdout` is a link, and stays one."""
    link, folder = origin.base / "link", origin.base / "folder"
    link.unlink(missing_ok=True)
    link.symlink_to("/dev/null")
    folder.mkdir(exist_ok=True)
    for target in (link, folder):
        done = origin.json("export-proof", ARTIFACT, "-o", str(target))
        assert (done.status, done.codes) == (2, {"input.file"})
    assert link.is_symlink()
    assert folder.is_dir()


def test_an_export_replaces_an_earlier_one_and_an_empty_file(origin: Scratch) -> None:
    (origin.base / "made").touch()
    for _ in range(2):
        origin.ok("export-proof", ARTIFACT, "-o", str(origin.base / "made"))
    assert parse((origin.base / "made").read_bytes())


def test_a_proof_of_another_log_contradicts_what_was_seen_before(origin: Scratch, owner: str) -> None:
    """The same log key signed both; whoever verified one of them by its proof is not shown the other."""
    honest, forked = origin.copy(), origin.copy()
    try:
        for scratch, text in ((honest, "honest\n"), (forked, "forked\n")):
            scratch.write(NEXT, text)
            release(scratch, NEXT, "0.2.0")
            scratch.ok("export-proof", NEXT)
        policy = ("--policy", str(origin.root / "ops/trust/policy.toml"), "--trust", owner)

        def said(scratch: Scratch, artifact: str) -> tuple[int, str, str]:
            proof = str(scratch.root / f"{artifact}.proof.json")
            done = scratch.json("verify-proof", proof, *policy, HOME=str(honest.base / "auditor"))
            found = next(one for one in done.report["findings"] if one["check"] == "append-only")
            return done.status, found["code"], found["message"]

        assert said(honest, ARTIFACT)[0::2] == (
            0,
            "rollback: not checked, no earlier checkpoint is remembered",
        )
        old = (honest.root / f"{ARTIFACT}.proof.json").read_bytes()
        honest.ok("export-proof", ARTIFACT)
        assert said(honest, ARTIFACT)[0::2] == (0, "extends the checkpoint of size 5 seen before")
        (honest.root / f"{ARTIFACT}.proof.json").write_bytes(old)
        assert said(honest, NEXT)[2] == "is the checkpoint of size 9 seen before"
        assert said(honest, ARTIFACT)[0::2] == (0, "is the checkpoint of size 5 seen before")
        status, code, message = said(forked, NEXT)
        assert (status, code) == (1, "log.split-view"), message
        evidence = Path(message.rpartition("kept in ")[2])
        assert len(json.loads(evidence.read_text())["checkpoints"]) == 2
    finally:
        honest.remove()
        forked.remove()


def test_a_proof_that_does_not_say_what_came_before_is_not_compared(origin: Scratch, owner: str) -> None:
    later = origin.copy()
    policy = ("--policy", str(origin.root / "ops/trust/policy.toml"), "--trust", owner)
    auditor = str(later.base / "auditor")
    try:
        later.ok("verify-proof", ARTIFACT + ".proof.json", *policy, HOME=auditor)
        later.write(NEXT, "next\n")
        release(later, NEXT, "0.2.0")
        later.ok("export-proof", NEXT)
        done = later.json("verify-proof", NEXT + ".proof.json", *policy, HOME=auditor)
        (found,) = [one["message"] for one in done.report["findings"] if one["check"] == "append-only"]
        assert (done.status, found) == (
            0,
            "rollback: not checked, the proof does not connect size 9 with size 5 seen before",
        )
    finally:
        later.remove()


def test_the_same_evidence_gives_the_same_bytes(origin: Scratch) -> None:
    first = (origin.root / (ARTIFACT + ".proof.json")).read_bytes()
    origin.ok("export-proof", ARTIFACT, "-o", "again.json")
    assert (origin.root / "again.json").read_bytes() == first
    assert b"BEGIN PGP PUBLIC KEY" not in first
    assert b"policy" not in first.replace(b"predicate", b"")


def test_it_needs_the_verifier_s_own_trust(outside: Scratch, owner: str) -> None:
    command = ("verify-proof", "a.tar.gz.proof.json", "--policy", "trust/policy.toml")
    assert outside.json(*command).codes == {"trust.unpinned"}
    assert outside.run(*command).status == 3
    assert outside.run(*command, "--trust", "0" * 40).status == 1
    assert "Compare what you gave with what the owner tells you" in outside.run(*command, "--trust", "0" * 40).out
    assert outside.run(*command[:-1], "trust", "--trust", owner).status == 0, "the folder of the policy will do"
    assert check(outside, owner) == (0, set())
    production = outside.json(*command, "--trust", owner, "--require", "production")
    assert (production.status, production.codes) == (1, {"trust.profile"})


def test_what_is_left_out_is_asked_for(outside: Scratch) -> None:
    nowhere = outside.json("verify-proof", "a.tar.gz.proof.json", cwd=outside.root).report["error"]
    assert (nowhere["code"], "with --policy" in nowhere["remedy"]) == ("input.root", True)
    shutil.copy(outside.root / "a.tar.gz.proof.json", outside.root / "proof.json")
    unnamed = outside.json("verify-proof", "proof.json", "--policy", "trust").report["error"]
    assert (unnamed["code"], "--artifact FILE" in unnamed["remedy"]) == ("input.file", True)


def test_another_owner_s_policy_proves_nothing(outside: Scratch) -> None:
    other = new_scratch()
    try:
        other.ok("init", "--dev", "--component", "my-svc")
        shutil.rmtree(outside.root / "trust")
        shutil.copytree(other.root / "ops/trust", outside.root / "trust")
        stranger = str(other.json("trust", "show").report["data"]["owner"])
    finally:
        other.remove()
    status, codes = check(outside, stranger)
    assert (status, codes >= {"log.checkpoint", "sig.untrusted-key"}) == (1, True)


def test_the_verdict_calls_the_artifact_what_the_verifier_calls_it(outside: Scratch, owner: str) -> None:
    """The name in the file is nobody's word: no signature covers it."""
    path = outside.root / "a.tar.gz.proof.json"
    path.write_text(
        path.read_text("utf-8").replace('"name": "my-svc-0.1.0.tar.gz",\n  "sha256"', '"name": "evil",\n  "sha256"')
    )
    assert '"name": "evil"' in path.read_text("utf-8")
    done = outside.json("verify-proof", path.name, "--policy", "trust/policy.toml", "--trust", owner)
    assert {one["subject"] for one in done.report["findings"] if one["check"] in {"hash", "timestamp"}} == {"a.tar.gz"}


def test_an_edited_artifact_fails(outside: Scratch, owner: str) -> None:
    (outside.root / "a.tar.gz").write_bytes(b"other")
    status, codes = check(outside, owner)
    assert (status, codes) == (1, {"hash.mismatch", "sig.bad", "time.imprint-mismatch"})


def flip_text(text: str) -> str:
    data = bytearray(base64.b64decode(text))
    data[-1] ^= 1
    return base64.b64encode(bytes(data)).decode()


def swap_proof_line(document: Document) -> None:
    item = document["receipts"][0]
    lines = item["proof"].split("\n")
    lines[2] = flip_text(lines[2])
    item["proof"] = "\n".join(lines)


def relabel(document: Document) -> None:
    item = document["receipts"][0]
    item["receipt"] = item["receipt"].replace('"0.1.0"', '"0.2.0"')


def drop(role: str) -> Callable[[Document], None]:
    def edit(document: Document) -> None:
        document["receipts"] = [one for one in document["receipts"] if one["role"] != role]

    return edit


def other_index(document: Document) -> None:
    item = document["receipts"][0]
    head, _, rest = item["proof"].partition("index ")
    number, _, tail = rest.partition("\n")
    item["proof"] = f"{head}index {int(number) ^ 1}\n{tail}"
    document["receipts"] = [one for one in document["receipts"] if one is item or one["role"] == "none"]


def edit_stamp(document: Document) -> None:
    for stamp in document["stamps"]:
        stamp["response"] = flip_text(stamp["response"])


FAILING: list[tuple[str, Callable[[Document], None], str]] = [
    ("a hash of the inclusion proof", swap_proof_line, "log.not-included"),
    ("a relabelled version", relabel, "log.not-included"),
    ("no deploy receipt", drop("deploys"), "hash.unrecorded"),
    ("no signature", drop("signs"), "sig.missing"),
    ("no timestamp", drop("timestamps"), "time.missing"),
    ("another index", other_index, "log.not-included"),
    ("no blobs", lambda document: document.update(blobs={}), "blob.missing"),
]


@pytest.mark.parametrize(("what", "edit", "code"), FAILING, ids=[row[0] for row in FAILING])
def test_tampered(outside: Scratch, owner: str, what: str, edit: Callable[[Document], None], code: str) -> None:
    path = outside.root / "a.tar.gz.proof.json"
    document = json.loads(path.read_bytes())
    edit(document)
    path.write_text(json.dumps(document))
    status, codes = check(outside, owner)
    assert (status, code in codes) == (1, True), codes


def test_a_false_stamp_dates_nothing(outside: Scratch, owner: str) -> None:
    path = outside.root / "a.tar.gz.proof.json"
    document = json.loads(path.read_bytes())
    edit_stamp(document)
    path.write_text(json.dumps(document))
    done = outside.json("verify-proof", path.name, "--policy", "trust/policy.toml", "--trust", owner)
    row = next(one for one in done.report["findings"] if one["check"] == "checkpoint")
    assert row["details"]["when"] == ""


def document_of(origin: Scratch) -> Document:
    found: Document = json.loads((origin.root / (ARTIFACT + ".proof.json")).read_bytes())
    return found


def changed(origin: Scratch, edit: Callable[[Document], object]) -> bytes:
    document = document_of(origin)
    edit(document)
    return json.dumps(document).encode()


def unrelated_blob(document: Document) -> None:
    document["blobs"][hashlib.sha256(b"a").hexdigest()] = base64.b64encode(b"b").decode()


def role(old: str, new: str) -> Callable[[Document], None]:
    def edit(document: Document) -> None:
        (item,) = [one for one in document["receipts"] if one["role"] == old]
        item["role"] = new

    return edit


def extra_words(document: Document) -> None:
    head, _, rest = document["receipts"][0]["proof"].partition("\n")
    document["receipts"][0]["proof"] = f"{head}\nextra {base64.b64encode(b'verified by us').decode()}\n{rest}"


MALFORMED: list[tuple[str, Callable[[Document], object]]] = [
    ("trust inside", lambda document: document.update(policy="[require]")),
    ("an unknown member in a receipt", lambda document: document["receipts"][0].update(trusted=True)),
    ("an unknown role", lambda document: document["receipts"][0].update(role="owner")),
    ("a version as a signature", role("deploys", "signs")),
    ("a signature as a timestamp", role("signs", "timestamps")),
    ("a timestamp as a version", role("timestamps", "deploys")),
    ("a timestamp as a version's signature", role("timestamps", "record_signs")),
    ("a signature as a signature's time", role("record_signs", "signature_times")),
    ("a missing member", lambda document: document.pop("stamps")),
    ("another schema", lambda document: document.update(schema="x")),
    ("a number", lambda document: document.update(checkpoint=1)),
    ("a float", lambda document: document.update(checkpoint=1.5)),
    ("a digest in upper case", lambda document: document["artifact"].update(sha256="A" * 64)),
    ("blobs as a list", lambda document: document.update(blobs=[])),
    ("a blob with another name", unrelated_blob),
    ("a blob that is no base64", lambda document: document["blobs"].update({"0" * 64: "*"})),
    ("another checkpoint in a proof", lambda document: document.update(checkpoint=document["checkpoint"] + "x")),
    ("a receipt that is none", lambda document: document["receipts"][0].update(receipt="{}")),
    ("a proof that is none", lambda document: document["receipts"][0].update(proof="x")),
    ("unsigned words in a proof", extra_words),
    ("a note that is none", lambda document: document["stamps"][0].update(note="x")),
    ("too many receipts", lambda document: document.update(receipts=document["receipts"] * 400)),
]


@pytest.mark.parametrize(("what", "edit"), MALFORMED, ids=[row[0] for row in MALFORMED])
def test_malformed(origin: Scratch, what: str, edit: Callable[[Document], object]) -> None:
    with pytest.raises(BadInput) as caught:
        parse(changed(origin, edit))
    assert caught.value.code == "proof.malformed"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "proof.malformed"),
        (b"\xff", "proof.malformed"),
        (b"[]", "proof.malformed"),
        (b'{"schema": 1, "schema": 1}', "proof.malformed"),
        (b"[" * 100_000, "proof.malformed"),
        (b'{"a": 1e999}', "proof.malformed"),
        (b" " * (MAX_BYTES + 1), "proof.size"),
    ],
)
def test_no_document_at_all(data: bytes, code: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse(data)
    assert caught.value.code == code


def test_a_member_that_stands_there_twice_is_refused(origin: Scratch) -> None:
    """Of two, one reader takes the first and another one the last."""
    data = (origin.root / f"{ARTIFACT}.proof.json").read_bytes()
    parse(data)
    with pytest.raises(BadInput, match="twice"):
        parse(data.replace(b'"artifact": {', b'"artifact": {"name": "x", "sha256": "x"}, "artifact": {', 1))


def test_what_does_not_verify_is_not_exported(origin: Scratch) -> None:
    copy = origin.copy()
    try:
        copy.write("dist/my-svc-0.2.0.tar.gz", b"next\n")
        before = copy.snapshot()
        assert copy.run("export-proof", "dist/my-svc-0.2.0.tar.gz").status == 1
        assert copy.snapshot() == before
        release(copy, "dist/my-svc-0.2.0.tar.gz", "0.2.0")
        copy.ok("export-proof", "dist/my-svc-0.2.0.tar.gz")
        copy.ok("export-proof", ARTIFACT)
        copy.ok("verify-proof", f"{ARTIFACT}.proof.json")
    finally:
        copy.remove()


def many(document: Document, role: str, spoil: Callable[[str], str]) -> None:
    """Fill a proof with receipts like its own one of a role, each of which is spoiled in its own way."""
    [own] = [one for one in document["receipts"] if one["role"] == role]
    rest = [one for one in document["receipts"] if one["role"] != role]
    document["receipts"] = [*({**own, "receipt": spoil(own["receipt"])} for _ in range(500)), *rest, own]


@pytest.mark.parametrize("kind", ["signature", "timestamp"])
def test_what_is_no_leaf_costs_no_reading(
    outside: Scratch, owner: str, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    read: list[int] = []
    kept = getattr(Prover, kind)

    def counted(self: Prover, *arguments: Any, **more: Any) -> Any:
        read.append(1)
        return kept(self, *arguments, **more)

    monkeypatch.setattr(Prover, kind, counted)
    before = check(outside, owner)
    honest = len(read)
    assert before == (0, set())
    read.clear()
    path = outside.root / "a.tar.gz.proof.json"
    document = json.loads(path.read_text())
    number = iter(range(1000, 2000))
    [other] = {one["receipt"] for one in document["receipts"] if one["role"] == "record_signs"}
    signature = json.loads(other)["predicate"]["signature"]  # of other bytes: it is read and does not hold

    def spoil(text: str) -> str:
        text = re.sub(r'"recordedAt": "[0-9]{4}', f'"recordedAt": "{next(number)}', text)
        text = re.sub(r'"signature": "[0-9a-f]{64}', f'"signature": "{signature}', text)
        return re.sub(r'"nonce": "[0-9a-f]{4}', '"nonce": "abcd', text)

    many(document, f"{kind}s" if kind == "timestamp" else "signs", spoil)
    path.write_text(json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    assert check(outside, owner) == (0, set())
    assert len(read) <= honest


def test_a_key_that_vouches_is_asked_once_and_one_that_does_not_a_few_times(
    origin: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may commit can have any number of signatures sealed where the artifact is not at hand."""
    asked: list[int] = []
    monkeypatch.setattr(Prover, "_leaf", lambda self, entry: None)
    for holds, most in ((True, 1), (False, 16)):
        asked.clear()

        def answer(self: Prover, entry: Entry, content: object, *, holds: bool = holds) -> tuple[str, str]:
            asked.append(1)
            if holds:
                return str(entry.receipt.predicate["fingerprint"]), "2026-01-01T00:00:00Z"
            raise Rejected("sig.bad", "it does not hold")

        monkeypatch.setattr(Prover, "signature", answer)
        portable = parse((origin.root / f"{ARTIFACT}.proof.json").read_bytes())
        trusted = Trusted(policy.parse((origin.root / "ops/trust/policy.toml").read_bytes()), "", no_file)
        prover = Prover(portable.evidence, Log(None), trusted, "my-svc", datetime.now(UTC))
        found, _ = prover.signatures("signature", portable.evidence.signs * 900, b"")
        assert (found.outcome == "verified", len(asked)) == (holds, most)


def no_file(_sha256: str) -> bytes:
    raise FileNotFoundError
