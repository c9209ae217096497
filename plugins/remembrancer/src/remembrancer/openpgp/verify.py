"""The strict verdict over a detached OpenPGP signature (RFC 9580 section 5.2).

Our own reading of the file comes first: one block, one binary-document signature, a strong hash. pysequoia then
verifies it with a certificate that the caller trusts. Times and endings are reported, not judged, because what a
signature says about its own time proves nothing.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pysequoia

from remembrancer.errors import BadInput, EnvironmentTrouble, Rejected
from remembrancer.named import NamedTuple
from remembrancer.openpgp import packets
from remembrancer.openpgp.armor import ArmorError, dearmor
from remembrancer.openpgp.certificate import Certificate, CertificateFacts, first_line, load
from remembrancer.openpgp.diagnosis import unsupported_statement

MAX_SIGNATURE_BYTES = 65536
_STRONG_HASHES = {"sha256", "sha384", "sha512"}
_UNSUPPORTED_HASHES = {"sha3-256", "sha3-512"}
_BINARY_DOCUMENT = 0x00


class SignatureFacts(NamedTuple):
    """Whose signature it is, and what it claims.

    Fingerprints are upper-case hex (40 digits, 64 for version 6 keys): the certificate's primary key, which policies
    name, and the key that signed. `created` is only a claim; `expires` is when the signature itself ends, None for
    never. `certificate` says how the two keys end.
    """

    primary_fingerprint: str
    signing_fingerprint: str
    created: datetime
    expires: datetime | None
    algorithm: str
    hash_algorithm: str
    certificate: CertificateFacts


def verify_detached(signature: bytes, data: bytes | Path, certificates: Sequence[bytes]) -> SignatureFacts:
    """Return whose signature this is over the data: bytes, or the path of a file, which is not loaded into memory.

    `signature` is one detached signature, binary or armored; `certificates` are public certificates, binary or
    armored, one each. The signing key may have expired or been revoked since: judge `certificate`.

    Raises Rejected with a `sig.*` code: malformed, several or inline signatures, another type than binary, a weak
    hash, something unsupported, a key of none of the certificates, or a signature that does not hold. Raises BadInput
    (as `certificate.load`) if a certificate cannot be used and no other one is the signer's, EnvironmentTrouble
    `env.io` if the file cannot be read.
    """
    claims = read_signature(signature)
    loaded, troubles = _loaded(certificates)
    # the names are hints, pysequoia verifies
    candidates = [certificate for certificate in loaded if claims.issuers & certificate.names]
    if not candidates:
        if troubles:
            raise troubles[0]
        who = ", ".join(sorted(claims.issuers, key=len)[-1:]) or "an unnamed key"
        raise Rejected("sig.untrusted-key", f"the signature is by {who}, which is not a key that is trusted here")
    primary, signing = _ask_sequoia(claims, data, candidates)
    certificate = next(one for one in candidates if one.keys[0].fingerprint == primary)
    return SignatureFacts(
        primary_fingerprint=primary,
        signing_fingerprint=signing,
        created=claims.created,
        expires=claims.expires,
        algorithm=claims.algorithm,
        hash_algorithm=claims.hash_algorithm,
        certificate=certificate.facts(signing),
    )


def _loaded(certificates: Sequence[bytes]) -> tuple[list[Certificate], list[BadInput]]:
    """Return what can be used of the certificates, and what is wrong with the others: one spoils no other."""
    loaded, troubles = list[Certificate](), list[BadInput]()
    for certificate in certificates:
        try:
            loaded.append(load(certificate))
        except BadInput as trouble:
            troubles.append(trouble)
    return loaded, troubles


def read_signature(signature: bytes) -> packets.Signature:
    """Return what a detached signature file claims; raises Rejected if it is not exactly one acceptable signature."""
    if len(signature) > MAX_SIGNATURE_BYTES:
        raise Rejected("sig.malformed", f"the signature file has more than {MAX_SIGNATURE_BYTES} bytes")
    if b"-----BEGIN PGP SIGNED MESSAGE-----" in signature or b"-----BEGIN PGP MESSAGE-----" in signature:
        raise Rejected("sig.inline", "the file is a signed message, not a detached signature")
    try:
        found = list(packets.split(dearmor(signature, "SIGNATURE", headers=False)))
        if len(found) > 1 and all(packet.tag == packets.SIGNATURE for packet in found):
            raise Rejected("sig.multiple", f"the file holds {len(found)} signatures instead of one")
        if [packet.tag for packet in found] != [packets.SIGNATURE]:
            raise Rejected("sig.inline", "the file does not hold one detached signature and nothing else")
        claims = packets.parse_signature(found[0])
        _ = claims.created, claims.expires
    except (ArmorError, packets.PacketError) as error:
        raise Rejected("sig.malformed", f"the signature file cannot be used: {error}") from error
    if claims.kind != _BINARY_DOCUMENT:
        raise Rejected("sig.type", f"the signature is of type 0x{claims.kind:02X}, not one over a binary document")
    if claims.hash_algorithm in _UNSUPPORTED_HASHES:
        raise Rejected("sig.unsupported", f"the signature uses {claims.hash_algorithm}, which is not supported")
    if claims.hash_algorithm not in _STRONG_HASHES:
        raise Rejected("sig.weak-hash", f"the signature uses {claims.hash_algorithm}, which is refused")
    if claims.algorithm not in packets.ALGORITHMS.values():
        raise Rejected("sig.algorithm", f"the signature is made with {claims.algorithm}, which is refused")
    return claims


def _ask_sequoia(claims: packets.Signature, data: bytes | Path, candidates: list[Certificate]) -> tuple[str, str]:
    """Return the primary and the signing fingerprint of a signature that pysequoia finds good."""
    certs = [candidate.cert for candidate in candidates]
    try:
        parsed = pysequoia.Sig.from_bytes(claims.encoded)
        if isinstance(data, Path):
            with data.open("rb"):
                result = pysequoia.verify(file=data, store=lambda _: certs, signature=parsed)
        else:
            result = pysequoia.verify(bytes=data, store=lambda _: certs, signature=parsed)
    except OSError as error:
        raise EnvironmentTrouble("env.io", f"the signed file cannot be read: {error}") from error
    except (RuntimeError, ValueError) as error:
        raise _diagnosis(claims, candidates, first_line(error)) from error
    if len(result.valid_sigs) != 1:
        raise Rejected("sig.bad", "the signature does not hold")
    valid = result.valid_sigs[0]
    return valid.certificate.upper(), valid.signing_key.upper()


def _diagnosis(claims: packets.Signature, candidates: list[Certificate], said: str) -> Rejected:
    """Return the most telling rejection for a signature that did not verify; all of them are failures."""
    if claims.created > datetime.now(UTC) + timedelta(minutes=30):
        return Rejected("sig.future", "the signature claims to have been made in the future")
    if claims.expires is not None and claims.expires <= datetime.now(UTC):
        return Rejected("sig.expired", "the signature was made to end, and has ended")
    for certificate in candidates:
        found = _about_key(claims, certificate)
        if found:
            return found
    return unsupported_statement(claims) or Rejected("sig.bad", f"the signature does not hold: {said}")


def _about_key(claims: packets.Signature, certificate: Certificate) -> Rejected | None:
    """Return what is wrong with the key that a signature names, None if nothing is known to be."""
    primary = certificate.keys[0]
    if certificate.strong_from and primary.created <= claims.created < certificate.strong_from:
        message = f"all that key {primary.fingerprint} says of itself with a strong hash is later than this"
        return Rejected("sig.weak-self-signature", message)
    for key in certificate.keys:
        if not claims.issuers & {key.fingerprint, packets.key_id(key.fingerprint)}:
            continue
        if key.expires is not None and claims.created >= key.expires:
            return Rejected("sig.key-expired", f"the signature claims a time after key {key.fingerprint} expired")
        if key.trouble:
            return Rejected("sig.algorithm", f"the signature is by {key.fingerprint}, which is refused: {key.trouble}")
        if claims.created < key.created:
            return Rejected("sig.bad", f"the signature claims a time before key {key.fingerprint} was made")
    return None
