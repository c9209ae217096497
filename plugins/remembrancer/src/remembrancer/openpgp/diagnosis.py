"""Why a certificate or a signature cannot be judged: the true reason, read from what was refused already.

Everything here is read from statements that nobody has verified. So it may only choose between refusals, never turn one
into a verdict.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from remembrancer.errors import BadInput, Rejected
from remembrancer.openpgp import packets

# encoded object identifiers, as in RFC 9580 section 9.2
_CURVES = {
    "2b8104000a": "secp256k1",
    "2b2403030208010107": "brainpoolP256r1",
    "2b240303020801010b": "brainpoolP384r1",
    "2b240303020801010d": "brainpoolP512r1",
}
_WITH_CURVE = {18, 19, 22}
_RSA = {1, 3}
_MIN_RSA_BITS, _USUAL_RSA_BITS = 2048, 4096
_SELF_SIGNATURES = {0x10, 0x11, 0x12, 0x13, 0x1F}
_NOTATION = 20
_STRONG = {"sha256", "sha384", "sha512"}
_RENEW = (
    "Renew it with `gpg --cert-digest-algo SHA256 --quick-set-expire {0} 2y`, export it again with "
    "`gpg --armor --export {0}`, and sign again: what was signed before stays judged by the old statements."
)


def key_trouble(key: bytes) -> str:
    """Return what is not supported about a public-key packet's body, the empty string if nothing is known."""
    kind, material = _material(key)
    if kind in _WITH_CURVE and material:
        name = _CURVES.get(material[1 : 1 + material[0]].hex())
        return f"its curve {name} is not supported" if name else ""
    if kind in _RSA:
        bits = _rsa_bits(key)
        return f"its RSA key has {bits} bits, less than {_MIN_RSA_BITS}" if bits < _MIN_RSA_BITS else ""
    return "" if kind in packets.ALGORITHMS else f"its key algorithm {kind} is not supported"


def _material(key: bytes) -> tuple[int, bytes]:
    """Return a public-key packet's algorithm and what follows; version 6 counts the octets of that first."""
    return key[5] if len(key) > 5 else 0, key[6:] if key[:1] == b"\x04" else key[10:]


def _rsa_bits(key: bytes) -> int:
    """Return the length that an RSA key's modulus claims, 0 for another algorithm."""
    kind, material = _material(key)
    return int.from_bytes(material[:2], "big") if kind in _RSA else 0


def why_unusable(found: Sequence[packets.Packet]) -> BadInput | None:
    """Return why a certificate's packets give no usable certificate, None if no known reason fits."""
    primary = found[0].body
    who = packets.fingerprint(primary)
    trouble = key_trouble(primary)
    if trouble:
        return BadInput("sig.algorithm", f"the OpenPGP certificate {who} cannot be used: {trouble}")
    used = {one.hash_algorithm for one in _self_signatures(found)}
    if used and not used & _STRONG:
        said = f"its self-signatures use {' and '.join(sorted(used))} only"
        message = f"the OpenPGP certificate {who} cannot be used: {said}"
        return BadInput("sig.weak-self-signature", message, _RENEW.format(who))
    bits = _rsa_bits(primary)
    if bits <= _USUAL_RSA_BITS:
        return None
    message = f"the OpenPGP certificate {who} cannot be used: its RSA key has {bits} bits, more than is supported"
    return BadInput("sig.algorithm", message)


def strong_from(found: Sequence[packets.Packet]) -> datetime | None:
    """Return since when a certificate says with a strong hash what its key is for, None if it never does."""
    strong = [one for one in _self_signatures(found) if one.hash_algorithm in _STRONG and one.signed(packets.CREATED)]
    return min((one.created for one in strong), default=None)


def _self_signatures(found: Sequence[packets.Packet]) -> Iterator[packets.Signature]:
    """Yield what looks like the primary key's statements about itself and its user ids."""
    names = {packets.fingerprint(found[0].body), packets.key_id(packets.fingerprint(found[0].body))}
    for packet in found:
        if packet.tag == packets.PUBLIC_SUBKEY:
            return
        if packet.tag == packets.SIGNATURE:
            try:
                signature = packets.parse_signature(packet)
            except packets.PacketError:
                continue
            if signature.kind in _SELF_SIGNATURES and (not signature.issuers or signature.issuers & names):
                yield signature


def unsupported_statement(claims: packets.Signature) -> Rejected | None:
    """Return the rejection of a signature that says something critical which is not known here (RFC 9580 5.2.3.7)."""
    for part in claims.subpackets:
        if part.hashed and part.critical and part.kind == _NOTATION:
            name = part.body[8 : 8 + int.from_bytes(part.body[4:6], "big")].decode("utf-8", "replace")
            shown = "".join(letter if letter.isprintable() else "?" for letter in name[:80])
            return Rejected(
                "sig.unsupported", f"the signature has a critical notation {shown!r}, which is not known here"
            )
    return None
