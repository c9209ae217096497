"""What is fuzzed: every reader of bytes that somebody else may have written, with the exceptions that it may raise.

The tests (hypothesis) and the campaign (atheris) share this list. A target returns when it takes the input and raises
one of its own exceptions when it refuses it; whatever else escapes is a finding. Targets go on to what a command does
with what was read, and check that reading what was written gives the same.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from remembrancer.adr import foreign as adr_import
from remembrancer.adr import form as adr
from remembrancer.errors import BadInput, Rejected, RemembrancerError
from remembrancer.openpgp import certificate_facts, packets, verify_detached
from remembrancer.openpgp.armor import ArmorError, dearmor
from remembrancer.receipt import manifest as manifests
from remembrancer.receipt import statement as receipts
from remembrancer.standard import portable as standard_proof
from remembrancer.standard import waivers
from remembrancer.timestamp import Authority
from remembrancer.timestamp.checks import check_response
from remembrancer.timestamp.der import DerError, Value
from remembrancer.timestamp.der import read as read_der
from remembrancer.tlog import note as notes
from remembrancer.tlog import quorum as witnesses
from remembrancer.tlog.checkpoint import NoteError
from remembrancer.tlog.key import SignerKey, VerifierKey
from remembrancer.tlog.merkle import ProofError, leaf_hash
from remembrancer.tlog.proof import InclusionBundle
from remembrancer.tlog.tile import TileError, decode_bundle, encode_bundle, parse_tile_path
from remembrancer.trust import policy as policies
from remembrancer.trust.establish import Trusted
from remembrancer.trust.render import render
from remembrancer.verify import bundle
from remembrancer.verify.artifact import verify_full
from remembrancer.verify.evidence import Artifact
from remembrancer.verify.log import open_checkpoint

CORPUS = Path(__file__).parent / "corpus"
ARTIFACT = b"the artifact's bytes\n" * 50
NOW = datetime(2100, 1, 1, tzinfo=UTC)
STANDARD_ORIGIN, STANDARD_SEED = "dev.invalid/my-svc/fuzz", bytes(range(32))


class Target(NamedTuple):
    """One reader, the exceptions that it documents, and words of its format that mutations put in."""

    name: str
    run: Callable[[bytes], object]
    allowed: tuple[type[Exception], ...]
    words: tuple[bytes, ...] = ()

    def takes(self, data: bytes) -> bool:
        """Return whether the input is taken; False when it is refused as documented."""
        try:
            self.run(data)
        except self.allowed:
            return False
        return True

    def corpus(self) -> list[bytes]:
        """Return the files that are kept for this target, in the order of their names."""
        return [path.read_bytes() for path in sorted((CORPUS / self.name).iterdir())]


@cache
def _policy() -> policies.Policy:
    return policies.parse((CORPUS / "policy" / "development").read_bytes())


def _certificate() -> bytes:
    material = _policy().signers[0].certificate.inline
    assert material is not None
    return material


def _keys() -> list[VerifierKey]:
    return [one.key for one in _policy().log_keys]


def _receipt(data: bytes) -> None:
    found = receipts.parse(data)
    assert found.data == data
    assert ".." not in receipts.relative_path(found).split("/")
    assert all(len(one) == 64 for one in found.blobs)


def _note(data: bytes) -> None:
    found = notes.open_note(data, _keys())
    assert data.startswith(found.text.encode())


def _proof(data: bytes) -> None:
    found = InclusionBundle.parse(data)
    assert found.format() == data
    found.verify(_leaves().get(found.index, b""), _keys(), _policy().origin)


@cache
def _leaves() -> dict[int, bytes]:
    """Return the leaf hashes of the receipts that the corpus has proofs of, by index."""
    pairs = [(path, CORPUS / "receipt" / path.name) for path in (CORPUS / "tlog-proof").glob("release-?")]
    return {InclusionBundle.parse(one.read_bytes()).index: leaf_hash(of.read_bytes()) for one, of in pairs}


def _read_policy(data: bytes) -> None:
    found = policies.parse(data)
    assert policies.parse(render(found))._replace(digest="") == found._replace(digest="")


def _witnesses(data: bytes) -> None:
    found = witnesses.parse(data.decode("utf-8", "surrogateescape"))
    assert found.satisfied_by(found.witnesses) or found.required != "none"


def _bundle(data: bytes) -> None:
    portable = bundle.parse(data)
    trusted = Trusted(_policy(), _policy().owner, _no_file)
    digest = sha256(ARTIFACT).hexdigest()
    evidence = portable.evidence._replace(artifact=Artifact(portable.evidence.artifact.name, digest, ARTIFACT))
    for finding in verify_full(evidence, bundle.open_portable(portable, _policy()), trusted, NOW):
        assert finding.code or finding.outcome


def _no_file(digest: str) -> bytes:
    raise FileNotFoundError(digest)


@cache
def _standard_policy() -> policies.Policy:
    key = SignerKey.from_seed(STANDARD_ORIGIN, STANDARD_SEED).verifier()
    return _policy()._replace(origin=STANDARD_ORIGIN, log_keys=(policies.LogKey(key, 0, None),))


def _standard_proof(data: bytes) -> None:
    standard_proof.read(data).recorded(_standard_policy())


def _der(data: bytes) -> None:
    def walk(value: Value) -> None:
        for part in value.parts:
            walk(part)
        for reading in (value.integer, value.boolean, value.oid):
            try:
                reading()
            except DerError:
                continue

    found = read_der(data)
    assert found.encoded == data
    walk(found)


@cache
def _authority() -> Authority:
    one = _policy().authorities[0]
    return Authority(one.name, "", tuple(root.inline or b"" for root in one.roots))


def _timestamp(data: bytes) -> None:
    check_response(data, sha256(ARTIFACT).digest(), _authority(), nonce=None, now=NOW)


def _armor(data: bytes) -> None:
    for kind in ("SIGNATURE", "PUBLIC KEY BLOCK"):
        try:
            raw = dearmor(data, kind, headers=kind != "SIGNATURE")
        except ArmorError:
            continue
        for packet in packets.split(raw):
            if packet.tag == packets.SIGNATURE:
                claims = packets.parse_signature(packet)
                _ = claims.created, claims.expires, claims.issuers
            elif packet.tag in {packets.PUBLIC_KEY, packets.PUBLIC_SUBKEY}:
                packets.key_id(packets.fingerprint(packet.body))
        return
    raise ArmorError("no block of either kind")


def _signature(data: bytes) -> None:
    verify_detached(data, ARTIFACT, [_certificate()])


def _entries(data: bytes) -> None:
    found = decode_bundle(data)
    assert encode_bundle(found) == data


def _tile_path(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    assert parse_tile_path(text).path == text


def _waivers(data: bytes) -> None:
    found = waivers.parse(data)
    assert waivers.parse(waivers.write(found.values())) == found


def _manifest(data: bytes) -> None:
    lines = manifests.read(data, manifests.stated(data))
    assert manifests.write(lines) == data


def _decision(data: bytes) -> None:
    found = adr.read("ADR-001-use-tiles.md", data)
    adr.problems(found), adr.unwritten(found), found.supersedes
    if adr_import.read("0001-use-tiles.md", data.decode("utf-8", "replace")) is None or not found.title:
        raise BadInput("input.adr", "no decision")


_JSON = (
    b'"', b"{", b"}", b"[", b"]", b",", b":", b"\\", b"\\ud800", b"null", b"true", b"-1", b"0.5", b"1e999", b"NaN",
    b"9" * 5000, b"[" * 3000, b'{"":' * 3000, b"\xff", b"\xed\xa0\x80", b"\x00",
)  # fmt: skip
_TOML = (
    b'"', b"'", b'"""', b"[", b"]]", b"{", b"=", b".", b"#", b"\n", b"\\ud800", b"nan", b"inf", b"9" * 5000,
    b"0001-01-01T00:00:00+23:59", b"9999-12-31T23:59:59-23:59", b"1979-05-27", b"07:32:00", b"[" * 3000, b"a.a = 1\n",
    b"-5", b"0x10", b"[[signer]]\n", b"[[waiver]]\n", b"[require]\n",
)  # fmt: skip
_NOTE = (
    b"\n",
    b"\n\n",
    "— ".encode(),
    b"+",
    b" ",
    b"=",
    b"==",
    b"-1",
    b"9" * 5000,
    b"\x00",
    b"\xff",
    "\u2028".encode(),
)
_BYTES = (b"\x00", b"\x7f", b"\x80", b"\x81", b"\x82\x01\x00", b"\x84\xff\xff\xff\xff", b"\xff", b"\x30\x80", b"\xa0")
_PGP = (*_BYTES, b"-----BEGIN PGP SIGNATURE-----\n", b"\n", b"\r\n", b"=", b"Comment: x\n", b"\xc2\xff", b"\xc6")
_TEXT = (b"\n", b"# ", b"## Status\n", b"**Status**: ", b"```\n", b"supersedes ADR-1", b"9" * 5000, b"\xff", b"\r")

TARGETS = (
    Target("receipt", _receipt, (Rejected,), _JSON),
    Target("note", _note, (NoteError,), _NOTE),
    Target("checkpoint", lambda data: open_checkpoint(data, _policy()), (Rejected,), _NOTE),
    Target("tlog-proof", _proof, (ProofError, NoteError), (*_NOTE, b"index ", b"c2sp.org/tlog-proof@v1")),
    Target("policy", _read_policy, (BadInput,), _TOML),
    Target("witness-policy", _witnesses, (BadInput,), (*_NOTE, b"group ", b"quorum ", b"any", b"none")),
    Target("bundle", _bundle, (RemembrancerError,), _JSON),
    Target("standard-proof", _standard_proof, (RemembrancerError,), _JSON),
    Target("der", _der, (DerError,), _BYTES),
    Target("timestamp", _timestamp, (Rejected,), _BYTES),
    Target("openpgp-packets", _armor, (ArmorError, packets.PacketError), _PGP),
    Target("openpgp-certificate", certificate_facts, (BadInput,), _PGP),
    Target("openpgp-signature", _signature, (Rejected,), _PGP),
    Target("entry-bundle", _entries, (TileError,), _BYTES),
    Target("tile-path", _tile_path, (TileError,), (b"x", b"/", b".p/", b"000", b"entries", b"..", b"9" * 5000)),
    Target("waivers", _waivers, (BadInput,), _TOML),
    Target("manifest", _manifest, (Rejected,), (*_JSON, b"../", b"\n")),
    Target("decision", _decision, (BadInput,), _TEXT),
)


def _planted(data: bytes) -> None:
    """Read length-prefixed parts with a defect: a length from 0xF0 is believed without looking."""
    position = 0
    while position < len(data):
        length = data[position]
        if position + 1 + length > len(data):
            if length >= 0xF0:
                data[position + length]
            raise TileError("", "ends inside a part")
        position += 1 + length


PLANTED = Target("planted", _planted, (TileError,), _BYTES)
