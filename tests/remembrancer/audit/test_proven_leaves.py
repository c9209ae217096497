"""Whoever holds an ended key and an ended authority's key can date nothing: a leaf counts only where it is proven."""

import base64
import hashlib
import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from cli_support import Scratch, change_policy, end_agents, ledger, owner, released
from remembrancer.audit.gather import gather, open_ledger
from remembrancer.clock import FixedClock, SystemClock, rfc3339
from remembrancer.paths import TRUST
from remembrancer.record import statements as recording
from remembrancer.repository.reader import Repository
from remembrancer.repository.store import Store
from remembrancer.timestamp.authority import LocalAuthority
from remembrancer.timestamp.request import make_request
from remembrancer.timestamp.response import parse_response
from remembrancer.tlog.proof import InclusionBundle
from remembrancer.tlog.tile import decode_bundle, encode_bundle
from remembrancer.trust.policy import parse
from remembrancer.verify.packing import export

ARTIFACT = "dist/my-svc-0.2.0.tar.gz"
NONCE = 12345


class Attack(NamedTuple):
    """A repository with an artifact that was sealed after both keys had ended, and what the attacker adds to it."""

    scratch: Scratch
    receipt: bytes
    response: bytes


@pytest.fixture
def attack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Attack]:
    scratch = released()
    stamped = [path.read_bytes() for path in ledger(scratch).glob("timestamps/*.tsr")]
    back = max(parse_response(one).gen_time for one in stamped)
    until = rfc3339(back + timedelta(seconds=1))
    old = LocalAuthority.create(scratch.base / "tsa", FixedClock(back - timedelta(minutes=1)))
    pem = "\n".join(base64.encodebytes(old.root).decode().split())
    listed = f'[[authority]]\nname = "old"\nurl = "https://old.example/"\nended = "retired"\nuntil = {until}\n'
    listed += f'roots = ["""\n-----BEGIN CERTIFICATE-----\n{pem}\n-----END CERTIFICATE-----\n"""]\n\n[[authority]]'
    fingerprint = owner(scratch)
    change_policy(scratch, "[[signer]]", f'[[signer]]\nended = "retired"\nuntil = {until}')
    change_policy(scratch, "[[authority]]", listed)
    monkeypatch.setattr(SystemClock, "now", lambda _: datetime.now(UTC) + timedelta(hours=1))
    artifact = scratch.write(ARTIFACT, b"evil\n" * 10)
    signature = back_dated(scratch, artifact, fingerprint, back)
    store, sha = Store(scratch.root), hashlib.sha256(artifact.read_bytes()).hexdigest()
    store.write_receipt(recording.signature((artifact.name, sha), fingerprint, store.write_blob(signature), back))
    scratch.ok("timestamp", "--no-seal", ARTIFACT)
    scratch.ok("record", "deploy", "--no-seal", "--component", "my-svc", "--version", "0.2.0")
    scratch.ok("seal")
    done = scratch.json("verify-full", ARTIFACT)
    assert (done.status, done.codes) == (3, {"sig.time-unproven"}), done.out
    digest = hashlib.sha256(signature).digest()
    response = LocalAuthority.load(scratch.base / "tsa", FixedClock(back)).respond(make_request(digest, NONCE))
    receipt = recording.timestamp(
        ("x.asc", digest.hex()),
        authority="old",
        gen_time=back,
        nonce=NONCE,
        blob=hashlib.sha256(response).hexdigest(),
        now=back,
    )
    yield Attack(scratch, receipt, response)
    end_agents(scratch)
    scratch.remove()


def back_dated(scratch: Scratch, artifact: Path, fingerprint: str, when: datetime) -> bytes:
    """Return a signature by the development owner's key with a date of one's choice."""
    home = next((scratch.home / ".local/state/remembrancer/dev").iterdir()) / "gnupg"
    command = ["gpg", "--homedir", str(home), "--batch", "--faked-system-time", when.strftime("%Y%m%dT%H%M%S!")]
    command += ["--digest-algo", "SHA512", "-u", fingerprint, "--armor", "--detach-sign", "-o", "-", str(artifact)]
    return subprocess.run(command, env=scratch.environment(), capture_output=True, check=True).stdout


def test_a_proof_file_cannot_add_a_leaf_that_nothing_proves(attack: Attack) -> None:
    scratch = attack.scratch
    repository = Repository(scratch.root)
    log = open_ledger(repository, parse(repository.read(f"{TRUST}/policy.toml")))
    assert log.view is not None
    artifact = scratch.root / ARTIFACT
    evidence = gather(repository, artifact, hashlib.sha256(artifact.read_bytes()).hexdigest(), log)
    document = json.loads(export(evidence, log.view))
    leaf = InclusionBundle(0, (), log.view.data).format().decode()
    document["receipts"].append({"role": "signature_times", "receipt": attack.receipt.decode(), "proof": leaf})
    blob = base64.b64encode(attack.response).decode()
    document["blobs"][hashlib.sha256(attack.response).hexdigest()] = blob
    first = (ledger(scratch) / "timestamps/1.note").read_text()
    if all(one["note"] != first for one in document["stamps"]):
        consistency = [base64.b64encode(one).decode() for one in log.view.tree.consistency_proof(1)]
        response = base64.b64encode((ledger(scratch) / "timestamps/1.development.tsr").read_bytes()).decode()
        one = {"authority": "development", "note": first, "response": response, "consistency": consistency}
        document["stamps"].insert(0, one)
    proof = scratch.base / "p.json"
    proof.write_text(json.dumps(document))
    policy = str(scratch.root / TRUST / "policy.toml")
    done = scratch.json("verify-proof", str(proof), "--artifact", str(artifact), "--policy", policy)
    assert (done.status, done.codes) == (3, {"sig.time-unproven"}), done.out


def test_an_edited_entry_bundle_dates_nothing(attack: Attack) -> None:
    scratch = attack.scratch
    (bundle,) = (ledger(scratch) / "tile/entries/000.p").iterdir()
    entries = decode_bundle(bundle.read_bytes())
    entries[0] = attack.receipt
    bundle.write_bytes(encode_bundle(entries))
    Store(scratch.root).write_blob(attack.response)
    done = scratch.json("verify-full", ARTIFACT)
    assert (done.status, done.codes) == (1, {"sig.time-unproven", "log.tile"}), done.out
    assert scratch.json("verify-audit").status == 1


@pytest.mark.parametrize("over", ["the checkpoint", "the signature"])
@pytest.mark.parametrize(("required", "status"), [(1, 0), (2, 3)])
def test_one_authority_that_lies_dates_nothing_where_two_are_required(
    monkeypatch: pytest.MonkeyPatch, over: str, required: int, status: int
) -> None:
    """A key that has ended signs today, and one of two authorities in good standing says that it was before."""
    scratch = released()
    try:
        back = datetime.now(UTC).replace(microsecond=0)
        until, now = back + timedelta(minutes=10), back + timedelta(hours=1)
        liar = LocalAuthority.create(scratch.base / "tsa", FixedClock(back - timedelta(days=1)))
        pem = "\n".join(base64.encodebytes(liar.root).decode().split())
        listed = f"""[[authority]]\nname = "liar"\nurl = "https://liar.example/"\nroots = [\"\"\"
-----BEGIN CERTIFICATE-----\n{pem}\n-----END CERTIFICATE-----\n\"\"\"]\n\n[[authority]]"""
        change_policy(scratch, "[[authority]]", listed)
        change_policy(scratch, "[[signer]]", f'[[signer]]\nended = "retired"\nuntil = {rfc3339(until)}')
        change_policy(scratch, "timestamps = 1", f"timestamps = {required}")
        monkeypatch.setattr(SystemClock, "now", lambda _: now)
        artifact = scratch.write(ARTIFACT, b"evil\n" * 10)
        stated = hashlib.sha256(artifact.read_bytes()).hexdigest()
        signature = back_dated(scratch, artifact, owner(scratch), back)
        store = Store(scratch.root)
        store.write_receipt(
            recording.signature((artifact.name, stated), owner(scratch), store.write_blob(signature), back)
        )

        def lies(digest: bytes, name: str) -> bytes:
            response = LocalAuthority.load(scratch.base / "tsa", FixedClock(back)).respond(make_request(digest, NONCE))
            return recording.timestamp(
                (name, digest.hex()),
                authority="liar",
                gen_time=back,
                nonce=NONCE,
                blob=store.write_blob(response),
                now=now,
            )

        store.write_receipt(lies(bytes.fromhex(stated), artifact.name))
        if over == "the signature":
            store.write_receipt(lies(hashlib.sha256(signature).digest(), "x.asc"))
        scratch.ok("timestamp", "--no-seal", ARTIFACT, "--tsa", "development")
        scratch.ok("record", "deploy", "--no-seal", "--component", "my-svc", "--version", "0.2.0")
        scratch.ok("seal")
        if over == "the checkpoint":
            (note,) = (path for path in ledger(scratch).glob("timestamps/*.note") if int(path.stem) > 5)
            request = make_request(hashlib.sha256(note.read_bytes()).digest(), NONCE)
            response = LocalAuthority.load(scratch.base / "tsa", FixedClock(back)).respond(request)
            note.with_name(f"{note.stem}.liar.tsr").write_bytes(response)
        done = scratch.json("verify-full", ARTIFACT)
        assert (done.status, done.codes) == (status, {"sig.time-unproven"} if status else set()), done.out
    finally:
        end_agents(scratch)
        scratch.remove()
