"""Detached signatures that must not pass, made by real tools, and what those tools say about them.

`accepted_by` names the tools that take one for a good signature: `gpg` and `gpgv` exit 0, `pysequoia` raises nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pysequoia

from pgp_support import AFTER_A_YEAR, LATER, Gpg

PROLOGUE = b"This release was approved by everybody.\n\n"


@dataclass(frozen=True)
class Case:
    """A signature file over the data, and the certificates that are trusted."""

    signature: bytes
    certificates: tuple[bytes, ...]


@dataclass(frozen=True)
class Forgery:
    """What is wrong, the reason code that we give, who is fooled, and how it is made."""

    what: str
    code: str
    accepted_by: frozenset[str]
    make: Callable[[Gpg], Case]


FORGERIES: list[Forgery] = []
_ALL = "gpg gpgv pysequoia"


def _forgery(what: str, code: str, accepted_by: str = "") -> Callable[[Callable[[Gpg], Case]], Callable[[Gpg], Case]]:
    def add(make: Callable[[Gpg], Case]) -> Callable[[Gpg], Case]:
        FORGERIES.append(Forgery(what, code, frozenset(accepted_by.split()), make))
        return make

    return add


def _signed(gpg: Gpg, algorithm: str = "ed25519", **how: Any) -> Case:
    key = gpg.key("signer", algorithm)
    return Case(gpg.sign(key, **how), (gpg.export(key),))


def _body(armored: bytes) -> bytes:
    return bytes(pysequoia.Sig.from_bytes(armored))


def _armor(binary: bytes) -> bytes:
    return pysequoia.armor(binary, pysequoia.ArmorKind.Signature).encode()


# --- one signature and nothing else ---


@_forgery("two signatures by two keys in one packet sequence", "sig.multiple", _ALL)
def _two_keys(gpg: Gpg) -> Case:
    one, two = gpg.key("one"), gpg.key("two")
    return Case(gpg.sign(one, two), (gpg.export(one), gpg.export(two)))


@_forgery("a good signature followed by one of a stranger", "sig.multiple", "pysequoia")
def _and_a_stranger(gpg: Gpg) -> Case:
    one, two = gpg.key("one"), gpg.key("two")
    both = _body(gpg.sign(one)) + _body(gpg.sign(two))
    certificate = gpg.export(one)
    gpg.gpg("--delete-secret-and-public-key", two)
    return Case(_armor(both), (certificate,))


@_forgery("two armored blocks", "sig.malformed", _ALL)
def _two_blocks(gpg: Gpg) -> Case:
    case = _signed(gpg)
    return Case(case.signature + case.signature, case.certificates)


@_forgery("text before the armor", "sig.malformed", _ALL)
def _text_before(gpg: Gpg) -> Case:
    case = _signed(gpg)
    return Case(PROLOGUE + case.signature, case.certificates)


@_forgery("text after the armor", "sig.malformed", _ALL)
def _text_after(gpg: Gpg) -> Case:
    case = _signed(gpg)
    return Case(case.signature + PROLOGUE, case.certificates)


@_forgery("a comment in the armor", "sig.malformed", _ALL)
def _comment(gpg: Gpg) -> Case:
    return _signed(gpg, options=("--comment", "approved by everybody"))


@_forgery("a clear-signed text", "sig.inline")
def _clear(gpg: Gpg) -> Case:
    return _signed(gpg, how="--clearsign")


@_forgery("a signed message that carries its own text", "sig.inline")
def _inline(gpg: Gpg) -> Case:
    return _signed(gpg, how="--sign")


@_forgery("a wrong armor checksum", "sig.malformed", "pysequoia")
def _checksum(gpg: Gpg) -> Case:
    case = _signed(gpg)
    lines = case.signature.split(b"\n")
    at = next(number for number, line in enumerate(lines) if line.startswith(b"=") and len(line) == 5)
    lines[at] = b"=AAAA" if lines[at] != b"=AAAA" else b"=BBBB"
    return Case(b"\n".join(lines), case.certificates)


@_forgery("bytes after the signature packet", "sig.malformed", "pysequoia")
def _tail(gpg: Gpg) -> Case:
    case = _signed(gpg)
    return Case(_armor(_body(case.signature) + b"\x00\x00"), case.certificates)


@_forgery("a certificate instead of a signature", "sig.malformed")
def _a_certificate(gpg: Gpg) -> Case:
    case = _signed(gpg)
    return Case(case.certificates[0], case.certificates)


# --- what is signed how ---


@_forgery("a SHA-1 signature", "sig.weak-hash", "gpg gpgv")
def _sha1(gpg: Gpg) -> Case:
    return _signed(gpg, "rsa2048", options=("--digest-algo", "SHA1"))


@_forgery("a SHA-224 signature", "sig.weak-hash", _ALL)
def _sha224(gpg: Gpg) -> Case:
    return _signed(gpg, "rsa2048", options=("--digest-algo", "SHA224"))


@_forgery("a signature over canonical text", "sig.type", _ALL)
def _text(gpg: Gpg) -> Case:
    return _signed(gpg, options=("--textmode",))


@_forgery("a DSA key", "sig.algorithm", _ALL)
def _dsa(gpg: Gpg) -> Case:
    return _signed(gpg, "dsa2048")


@_forgery("an RSA key of 1024 bits", "sig.algorithm", "gpg gpgv")
def _rsa_1024(gpg: Gpg) -> Case:
    return _signed(gpg, "rsa1024")


@_forgery("a key that is bound to its name by SHA-1", "sig.weak-self-signature", "gpg gpgv")
def _sha1_binding(gpg: Gpg) -> Case:
    key = gpg.key("signer", "rsa2048", "sign", "never", "--cert-digest-algo", "SHA1")
    return Case(gpg.sign(key), (gpg.export(key),))


@_forgery("a signature over other data", "sig.bad")
def _other_data(gpg: Gpg) -> Case:
    key = gpg.key("signer")
    gpg.data.write_bytes(b"something else\n")
    return Case(gpg.sign(key), (gpg.export(key),))


@_forgery("a signature that says it ends, and has ended", "sig.expired")
def _ended_signature(gpg: Gpg) -> Case:
    return _signed(gpg, options=("--default-sig-expire", "1y", "--no-ask-sig-expire"))


@_forgery("a signature from the future", "sig.future", "gpg gpgv")
def _future(gpg: Gpg) -> Case:
    return _signed(gpg, at="20900101T000000")


# --- by whom ---


@_forgery("a key that is not trusted", "sig.untrusted-key")
def _stranger(gpg: Gpg) -> Case:
    one, two = gpg.key("one"), gpg.key("two")
    case = Case(gpg.sign(two), (gpg.export(one),))
    gpg.gpg("--delete-secret-and-public-key", two)
    return case


@_forgery("a signature made after its key had expired", "sig.key-expired", "gpg gpgv")
def _after_expiry(gpg: Gpg) -> Case:
    key = gpg.key("signer")
    signature = gpg.sign(key, at=AFTER_A_YEAR)
    gpg.gpg("--quick-set-expire", key, "6m", at=LATER)
    return Case(signature, (gpg.export(key),))


@_forgery("a signature that claims a time before its key was made", "sig.bad")
def _before_its_key(gpg: Gpg) -> Case:
    key = gpg.key("signer")
    return Case(gpg.sign(key, at="20190101T000000", options=("--ignore-time-conflict",)), (gpg.export(key),))


@_forgery("a key that may only certify", "sig.bad")
def _certify_only(gpg: Gpg) -> Case:
    """The signing subkey's signature, and a certificate without that subkey's binding."""
    key = gpg.key("signer", "ed25519", "cert")
    subkey = gpg.add_subkey(key)
    signature = gpg.sign(f"{subkey}!")
    found = list(pysequoia.packet.PacketPile.from_bytes(gpg.export(key)))
    unbound = b"".join(bytes(packet) for packet in found[:-1])
    return Case(signature, (unbound,))
