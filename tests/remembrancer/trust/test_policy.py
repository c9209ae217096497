"""The trust policy: what it says comes back as it was written, and everything that it must not say is refused."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remembrancer.errors import BadInput
from remembrancer.reasons import REASONS
from remembrancer.tlog.note import SignerKey
from remembrancer.trust import policy
from remembrancer.trust.policy import Ended, Profile
from remembrancer.trust.render import render

ORIGIN = "example.com/my-svc"
LOG = str(SignerKey.from_seed(ORIGIN, bytes(32)).verifier())
LATER = str(SignerKey.from_seed(ORIGIN, bytes([1]) * 32).verifier())
WITNESS = str(SignerKey.from_seed("witness.example", bytes([2]) * 32, 0x04).verifier())
ALICE, BOB = "A" * 40, "B" * 64
DER = "-----BEGIN CERTIFICATE-----\nAAEC\n-----END CERTIFICATE-----"

TEXT = f"""\
version = 2
previous = "{"0" * 64}"
profile = "production"
owner = "{ALICE}"
origin = "{ORIGIN}"
seal-branch = "release/1.x"
witnesses = \"\"\"
witness w1 {WITNESS} https://witness.example/
group all-of-them any w1
quorum all-of-them
\"\"\"

[require]
signatures = 2
timestamps = 1
deploy-signature = true

[[require.change]]
from = 2026-06-01T00:00:00Z
signatures = 1
timestamps = 2

[[require.change]]
from = 2026-07-01T02:00:00+02:00
signatures = 2
timestamps = 2

[[log-key]]
key = "{LOG}"
first-size = 0
last-size = 41

[[log-key]]
key = "{LATER}"
first-size = 41

[[signer]]
name = "alice"
fingerprint = "{ALICE}"
components = ["my-svc", "other"]
key-sha256 = "{"1" * 64}"

[[signer]]
name = "bob"
fingerprint = "{BOB}"
from = 2026-01-02T03:04:05Z
until = 2026-02-03T04:05:06+01:00
ended = "compromised"
compromised-at = 2026-02-01T00:00:00Z
key = \"\"\"
-----BEGIN PGP PUBLIC KEY BLOCK-----
"quoted" \\\\ back
\"\"\"

[[authority]]
name = "tsa-1"
url = "https://tsa.example/"
roots = [\"\"\"{DER}\"\"\"]
intermediates-sha256 = ["{"2" * 64}"]
policy-oids = ["1.2.840.113549", "2.25.7976054507539981763302086539727558057"]
allow-ess-v1 = true

[[authority]]
name = "own"
url = "local:development"
self-asserted = true
roots-sha256 = ["{"3" * 64}"]
"""


ENDING = 'until = 2026-02-03T04:05:06+01:00\nended = "compromised"\ncompromised-at = 2026-02-01T00:00:00Z'
SIGNED = "deploy-signature = true"
WITHOUT_SIGNERS = TEXT.partition("[[signer]]")[0] + "[[authority]]" + TEXT.partition("[[authority]]")[2]
SIZES = "first-size = 0\nlast-size = 41"


def test_everything_is_read() -> None:
    found = policy.parse(TEXT.encode())
    assert (found.version, found.previous, found.profile) == (2, "0" * 64, Profile.PRODUCTION)
    assert (found.owner, found.origin, found.seal_branch) == (ALICE, ORIGIN, "release/1.x")
    assert [(one.first, one.last) for one in found.log_keys] == [(0, 41), (41, None)]
    assert [one.covers(41) for one in found.log_keys] == [True, True]
    assert [one.covers(42) for one in found.log_keys] == [False, True]
    alice, bob = found.signers
    assert (alice.may_sign("my-svc"), alice.may_sign("third"), bob.may_sign("third")) == (True, False, True)
    assert bob.term.until == datetime(2026, 2, 3, 3, 5, 6, tzinfo=UTC)
    assert bob.term.ended is Ended.COMPROMISED
    assert found.authorities[0].roots[0].inline == b"\x00\x01\x02"
    assert found.quorum.satisfied_by({"w1"})
    assert not found.quorum.satisfied_by(set())
    assert (found.require.signatures, found.require.deploy_signature) == (2, True)


@pytest.mark.parametrize(
    ("moment", "rule"),
    [
        (datetime(2000, 1, 1, tzinfo=UTC), (2, 1)),
        (datetime(2026, 5, 31, 23, 59, 59, tzinfo=UTC), (2, 1)),
        (datetime(2026, 6, 1, tzinfo=UTC), (1, 2)),
        (datetime(2026, 7, 1, tzinfo=UTC), (2, 2)),
        (datetime(9999, 1, 1, tzinfo=UTC), (2, 2)),
    ],
)
def test_the_rule_of_a_moment(moment: datetime, rule: tuple[int, int]) -> None:
    found = policy.parse(TEXT.encode()).require.at(moment)
    assert (found.signatures, found.timestamps) == rule


def test_writing_and_reading_give_the_same() -> None:
    found = policy.parse(TEXT.encode())
    again = policy.parse(render(found))
    assert again._replace(digest="") == found._replace(digest="")
    assert render(again) == render(found)


def change(old: str, new: str) -> bytes:
    assert old in TEXT
    return TEXT.replace(old, new, 1).encode()


REFUSED = [
    ("not TOML", b"= 1", "policy.malformed"),
    ("not UTF-8", b"version = \xff", "policy.malformed"),
    ("empty", b"", "policy.malformed"),
    ("too large", b"#" * (1 << 20) + b"\n#", "policy.malformed"),
    ("deeply nested", b"a = " + b"[" * 5000, "policy.malformed"),
    ("a key twice", TEXT.encode() + b"\nversion = 2\n", "policy.malformed"),
    ("unknown field", change("version = 2", "version = 2\nadmin = true"), "policy.malformed"),
    ("unknown field in a table", change('name = "bob"', 'name = "bob"\ntrust = 1'), "policy.malformed"),
    ("unknown table", TEXT.encode() + b"\n[extra]\n", "policy.malformed"),
    ("version 0", change("version = 2", "version = 0"), "policy.malformed"),
    ("version true", change("version = 2", "version = true"), "policy.malformed"),
    ("version 2.0", change("version = 2", "version = 2.0"), "policy.malformed"),
    ("no previous", change(f'previous = "{"0" * 64}"\n', ""), "policy.malformed"),
    ("previous of a first version", change("version = 2", "version = 1"), "policy.malformed"),
    ("unknown profile", change('"production"', '"staging"'), "policy.malformed"),
    ("owner in lower case", change(f'owner = "{ALICE}"', f'owner = "{ALICE.lower()}"'), "policy.malformed"),
    ("short owner", change(f'owner = "{ALICE}"', 'owner = "AAAA"'), "policy.malformed"),
    ("origin with a space", change(f'origin = "{ORIGIN}"', 'origin = "a b"'), "policy.malformed"),
    ("origin without a name", change(f'origin = "{ORIGIN}"', 'origin = "example.com"'), "policy.malformed"),
    ("branch that is an option", change("release/1.x", "--force"), "policy.malformed"),
    ("rule without a moment", change("from = 2026-06-01T00:00:00Z\n", ""), "policy.malformed"),
    ("rule with a local time", change("from = 2026-06-01T00:00:00Z", "from = 2026-06-01T00:00:00"), "policy.malformed"),
    ("rules in another order", change("2026-06-01T00:00:00Z", "2026-08-01T00:00:00Z"), "policy.malformed"),
    ("two rules from one moment", change("2026-06-01T00:00:00Z", "2026-07-01T00:00:00Z"), "policy.malformed"),
    ("rule without a number", change("signatures = 1\n", ""), "policy.malformed"),
    ("rule that asks for nothing", change("signatures = 1\n", "signatures = 0\n"), "policy.malformed"),
    ("rule that says more", change("signatures = 1\n", "signatures = 1\nwhy = 1\n"), "policy.malformed"),
    ("later rule that asks for too many", change("timestamps = 2\n", "timestamps = 3\n"), "policy.weak"),
    ("log key of another origin", change(ORIGIN + "+", "example.com/other+"), "policy.malformed"),
    ("log key twice", change(LATER, LOG), "policy.malformed"),
    ("witness key as log key", change(LATER, WITNESS), "policy.malformed"),
    ("sizes upside down", change(SIZES, "first-size = 1\nlast-size = 0"), "policy.malformed"),
    ("negative size", change("first-size = 41", "first-size = -1"), "policy.malformed"),
    ("signer twice", change('name = "bob"', 'name = "alice"'), "policy.malformed"),
    ("fingerprint twice", change(BOB, ALICE), "policy.malformed"),
    ("signer without a key", change(f'key-sha256 = "{"1" * 64}"\n', ""), "policy.malformed"),
    ("key twice", change(f'key-sha256 = "{"1" * 64}"', f'key-sha256 = "{"1" * 64}"\nkey = "x"'), "policy.malformed"),
    ("component with a slash", change('"other"', '"../x"'), "policy.malformed"),
    ("component twice", change('"other"', '"my-svc"'), "policy.malformed"),
    ("local time", change("2026-01-02T03:04:05Z", "2026-01-02T03:04:05"), "policy.malformed"),
    ("time with fractions", change("2026-01-02T03:04:05Z", "2026-01-02T03:04:05.5Z"), "policy.malformed"),
    ("time as text", change("2026-01-02T03:04:05Z", '"2026-01-02T03:04:05Z"'), "policy.malformed"),
    ("until before from", change("2026-02-03T04:05:06+01:00", "2025-02-03T04:05:06+01:00"), "policy.malformed"),
    ("unknown ending", change('"compromised"', '"lost"'), "policy.malformed"),
    ("compromised time of another ending", change('"compromised"', '"retired"'), "policy.malformed"),
    ("ended without until", change(ENDING, 'ended = "retired"'), "policy.malformed"),
    ("authority without a root", change(f'roots-sha256 = ["{"3" * 64}"]', ""), "policy.malformed"),
    ("root not PEM", change("-----BEGIN CERTIFICATE-----", "-----BEGIN THING-----"), "policy.malformed"),
    ("root not base64", change("AAEC", "A*EC"), "policy.malformed"),
    ("authority by file", change("https://tsa.example/", "file:///etc/passwd"), "policy.malformed"),
    ("oid", change("1.2.840.113549", "1.2.x"), "policy.malformed"),
    ("witness quorum undefined", change("quorum all-of-them", "quorum nobody"), "policy.malformed"),
    ("two quorums", change("quorum all-of-them", "quorum all-of-them\nquorum w1"), "policy.malformed"),
    ("no signer", WITHOUT_SIGNERS.encode(), "policy.weak"),
    ("more signatures than signers", change("signatures = 2", "signatures = 3"), "policy.weak"),
    ("no signature at all", change("signatures = 2", "signatures = 0"), "policy.malformed"),
    ("unsigned deploy receipts in production", change(SIGNED, SIGNED.replace("true", "false")), "policy.weak"),
    ("only own authorities in production", change("allow-ess-v1 = true", "self-asserted = true"), "policy.weak"),
    ("development origin in production", TEXT.replace(ORIGIN, "dev.invalid/my-svc").encode(), "policy.malformed"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "data", "code"), REFUSED, ids=[row[0] for row in REFUSED])
def test_refused(what: str, data: bytes, code: str) -> None:
    with pytest.raises(BadInput) as caught:
        policy.parse(data)
    assert caught.value.code == code
    assert code in REASONS
    assert len(caught.value.message) < 300


FOREIGN = str(SignerKey.from_seed("example.com/other", bytes(32)).verifier())
COSIGNER = str(SignerKey.from_seed(ORIGIN, bytes(32), 0x04).verifier())
DEVELOPMENT = "dev.invalid/my-svc"
AGAIN = str(SignerKey.from_seed("other.example", bytes([2]) * 32, 0x04).verifier())
GROUP = "group all-of-them any w1"


def development() -> bytes:
    keys = {key: SignerKey.from_seed(DEVELOPMENT, bytes([seed]) * 32) for seed, key in enumerate((LOG, LATER))}
    text = TEXT.replace(f'origin = "{ORIGIN}"', f'origin = "{DEVELOPMENT}"')
    for key, signer in keys.items():
        text = text.replace(key, str(signer.verifier()))
    return text.encode()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (change(LOG, FOREIGN), "differs from the origin"),
        (change(LATER, COSIGNER), "not an Ed25519 log key"),
        (development(), "origin of its own"),
        (change(GROUP, f"witness w2 {AGAIN}\n{GROUP}"), "already listed"),
        (change(GROUP, f"{GROUP}\ngroup more any w1"), "already grouped"),
        (change(GROUP, "group all-of-them 0 w1"), "outside the group's size"),
        (change(GROUP, "group all-of-them 2 w1"), "outside the group's size"),
    ],
)
def test_what_is_well_formed_and_yet_wrong_is_refused_for_its_own_reason(data: bytes, why: str) -> None:
    """A forged key that does not even parse would hide that nothing else looks at it."""
    with pytest.raises(BadInput, match=why):
        policy.parse(data)


def test_one_root_under_two_names_is_refused() -> None:
    shared = TEXT.replace(f'roots-sha256 = ["{"3" * 64}"]', f'roots = ["""{DER}"""]')
    with pytest.raises(BadInput, match="share a root"):
        policy.parse(shared.encode())


@given(st.binary(max_size=400))
def test_any_bytes_are_a_policy_or_bad_input(data: bytes) -> None:
    with pytest.raises(BadInput):
        policy.parse(data)


@given(st.integers(0, len(TEXT) - 1), st.text(max_size=4))
def test_any_edit_is_a_policy_or_bad_input(position: int, text: str) -> None:
    data = (TEXT[:position] + text + TEXT[position + 1 :]).encode("utf-8", "surrogatepass")
    try:
        found = policy.parse(data)
    except BadInput:
        return
    assert policy.parse(render(found))._replace(digest="") == found._replace(digest="")
