"""A receipt that says something else than the proof it names: sealing refuses it, and the audit of a log whose
operator sealed it all the same names it."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from cli_support import Scratch, change_policy, receipts, released
from remembrancer.ledger import Ledger
from remembrancer.receipt.statement import build, parse
from remembrancer.repository.store import Store
from remembrancer.tlog.note import SignerKey
from remembrancer.trust import policy

NOBODY = "A" * 40


@dataclass(frozen=True)
class Lie:
    """What a new receipt says otherwise than the true one of its kind, and the reason why that is noticed."""

    what: str
    kind: str
    code: str
    said: dict[str, Any] = field(default_factory=dict)
    digest: str = ""


LIES = [
    Lie("an earlier time", "timestamp", "time.malformed", {"genTime": "2020-01-01T00:00:00Z"}),
    Lie("another nonce", "timestamp", "time.nonce-mismatch", {"nonce": "1"}),
    Lie("another file, for a timestamp", "timestamp", "time.imprint-mismatch", digest="b" * 64),
    Lie("another key", "sign", "sig.untrusted-key", {"fingerprint": NOBODY}),
]


@pytest.fixture(scope="module")
def original() -> Iterator[Scratch]:
    """A release under a policy that lists its signer's certificate under another fingerprint as well, by mistake."""
    scratch = released()
    now = policy.parse((scratch.root / "ops/trust/policy.toml").read_bytes())
    certificate = now.signers[0].certificate.inline
    assert certificate is not None
    digest = hashlib.sha256(certificate).hexdigest()
    scratch.write(f"ops/trust/keys/{digest}", certificate)
    more = f'[[signer]]\nname = "other"\nfingerprint = "{NOBODY}"\nkey-sha256 = "{digest}"\n\n[[signer]]'
    change_policy(scratch, "[[signer]]", more)
    yield scratch
    scratch.remove()


def seal_carelessly(scratch: Scratch) -> None:
    (key,) = (scratch.home / ".local/state/remembrancer/dev").glob("*/log.key")
    assert len(Ledger(scratch.root).seal(SignerKey.parse(key.read_text(encoding="utf-8").strip())).sealed) == 1


def tell(scratch: Scratch, lie: Lie) -> None:
    found = [parse(path.read_bytes()) for path in receipts(scratch, lie.kind)]
    (true,) = [one for one in found if one.subject[0].name.endswith(".tar.gz")]
    subject = [(true.subject[0].name, lie.digest or true.subject[0].sha256)]
    Store(scratch.root).write_receipt(build(lie.kind, subject, {**true.predicate, **lie.said}))


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.what)
def test_it_is_not_sealed(scratch: Scratch, lie: Lie) -> None:
    tell(scratch, lie)
    done = scratch.json("seal")
    assert (done.status, [one["code"] for one in done.report["data"]["refused"]]) == (1, [lie.code]), done.out


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.what)
def test_the_audit_names_it_where_it_was_sealed(scratch: Scratch, lie: Lie) -> None:
    assert lie.code not in scratch.json("verify-audit").codes
    tell(scratch, lie)
    seal_carelessly(scratch)
    done = scratch.json("verify-audit")
    assert (done.status, lie.code in done.codes) == (1, True), done.codes


def test_what_is_no_signature_at_all_needs_no_artifact_to_be_noticed(scratch: Scratch) -> None:
    store = Store(scratch.root)
    said = {**parse(receipts(scratch, "sign")[0].read_bytes()).predicate, "signature": store.write_blob(b"junk")}
    store.write_receipt(build("sign", [("gone.tar.gz", "c" * 64)], said))
    done = scratch.json("seal")
    assert (done.status, [one["code"] for one in done.report["data"]["refused"]]) == (1, ["sig.malformed"])
    seal_carelessly(scratch)
    assert "sig.malformed" in scratch.json("verify-audit").codes
