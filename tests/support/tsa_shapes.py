"""Shapes that timestamp responses of the real world have, each as an honest response and as forgeries of that shape.

`decision` is the reason code that we give to the honest one, empty if it is verified, and `why` says what decides. A
forgery of a shape is refused whatever the decision: being generous to a shape must not open anything.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from asn1crypto import cms, core, tsp
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding
from cryptography.x509.name import _ASN1Type as Kind
from cryptography.x509.oid import NameOID

from remembrancer.timestamp import Authority, der
from tsa_support import (
    DAY,
    NONCE,
    NOW,
    TIME_STAMPING,
    Entity,
    Forge,
    authority,
    certify,
    forge,
    root,
    rsa_key,
    tsa,
)

Make = Callable[["World"], bytes]


@dataclass(frozen=True)
class World:
    """Who certifies, and what is changed on the way: the honest world, or a forger's."""

    root: Entity = field(default_factory=root)
    changes: dict[str, Any] = field(default_factory=dict)

    def forge(self, **changes: Any) -> bytes:
        return forge(**{"signer": self.tsa(), **changes, **self.changes})

    def tsa(self, issuer: Entity | None = None, **changes: Any) -> Entity:
        if not changes and issuer is None and self.root is root():
            return tsa()
        return certify(
            "Test TSA", issuer or self.root, **{"purposes": TIME_STAMPING, "usage": ("digital_signature",), **changes}
        )


@dataclass(frozen=True)
class Shape:
    """A shape: what it is, who writes it, what decides about it, how it is made and by whom it is to be judged."""

    what: str
    decision: str
    why: str
    make: Make
    judged: Callable[[], Authority]
    nonce: int | None = NONCE

    @property
    def authority(self) -> Authority:
        return self.judged()

    def honest(self) -> bytes:
        """The honest response of this shape; making one takes longer than judging it."""
        return _made(self.what, "")

    def forged(self, forger: str) -> bytes:
        """The forgery of this shape by one of FORGERS."""
        return _made(self.what, forger)

    @property
    def accepted_by(self) -> set[str]:
        """Who takes the honest one for genuine: `openssl ts -verify -data`, rfc3161-client's `verify_message`."""
        return set(_ACCEPTED_BY.get(self.what, "openssl client").split())


SHAPES: list[Shape] = []


@cache
def _made(what: str, forger: str) -> bytes:
    (shape,) = (one for one in SHAPES if one.what == what)
    return shape.make(FORGERS[forger]() if forger else World())


def _shape(
    what: str, decision: str, why: str, *, judged: Callable[[], Authority] = authority, nonce: int | None = NONCE
) -> Callable[[Make], Make]:
    def add(make: Make) -> Make:
        SHAPES.append(Shape(what, decision, why, make, judged, nonce))
        return make

    return add


# --- forgeries that every shape has ---


def _later(signed: Any) -> None:
    """State another time under the same signature."""
    info = tsp.TSTInfo.load(bytes(signed["encap_content_info"]["content"]))
    info["gen_time"] = NOW - 50 * DAY
    signed["encap_content_info"]["content"] = core.ParsableOctetString(info.dump(force=True))


def _other_signature(signed: Any) -> None:
    info = signed["signer_infos"][0]
    info["signature"] = bytes(Forge(gen_time=NOW - DAY).signer_info(b"")["signature"])


@cache
def _stranger() -> Entity:
    return certify("Test Root", ca=True, usage=("key_cert_sign", "crl_sign"))


FORGERS: dict[str, Callable[[], World]] = {
    "another time": lambda: World(changes={"edit_signed": _later}),
    "another signature": lambda: World(changes={"edit_signed": _other_signature}),
    "an authority of the same name": lambda: World(root=_stranger()),
    "another imprint": lambda: World(changes={"digest": bytes(32)}),
    "a certificate that is not for timestamping": lambda: World(
        changes={"signer": certify("Test TSA", root(), usage=("digital_signature",))}
    ),
}


# --- what nobody signs ---


def _rebuilt(response: bytes, change: Callable[[list[bytes]], list[bytes]], *, of: str) -> bytes:
    """Encode a response again after changing the parts of its signed data, or of its one signer."""
    status, token = der.read(response).parts
    kind, holder = token.parts
    fields = [part.encoded for part in holder.parts[0].parts]
    if of == "signer":
        (info,) = der.read(fields[-1]).parts
        fields[-1] = der.encode(der.SET, [der.encode(der.SEQUENCE, change([part.encoded for part in info.parts]))])
    else:
        fields = change(fields)
    inside = der.encode(holder.tag, [der.encode(der.SEQUENCE, fields)])
    return der.encode(der.SEQUENCE, [status.encoded, der.encode(der.SEQUENCE, [kind.encoded, inside])])


def _backwards(value: bytes) -> bytes:
    """Return a SET in the order that DER does not allow."""
    read = der.read(value)
    ordered = sorted((part.encoded for part in read.parts), reverse=True)
    assert len(ordered) > 1
    return der.encode(read.tag, ordered)


_UNSIGNED = "nobody signs it: put in order before the second opinion (X.690 11.6)"


def _chain(world: World) -> tuple[Entity, Entity]:
    middle = certify("Middle", world.root, ca=True, usage=("key_cert_sign",))
    return world.tsa(middle), middle


@_shape("a certificate SET in the order of the chain", "", _UNSIGNED)
def _certificates(world: World) -> bytes:
    signer, middle = _chain(world)
    made = world.forge(signer=signer, certificates=(signer, middle, world.root))
    return _rebuilt(made, lambda parts: [*parts[:3], _backwards(parts[3]), *parts[4:]], of="data")


@_shape("digest algorithms that are not in order", "", _UNSIGNED)
def _algorithms(world: World) -> bytes:
    def two(signed: Any) -> None:
        signed["digest_algorithms"] = [{"algorithm": "sha256"}, {"algorithm": "sha512"}]
        if "edit_signed" in world.changes:
            world.changes["edit_signed"](signed)

    made = World(world.root, {**world.changes, "edit_signed": two}).forge()
    return _rebuilt(made, lambda parts: [parts[0], _backwards(parts[1]), *parts[2:]], of="data")


@_shape("unsigned attributes that are not in order", "", _UNSIGNED)
def _unsigned(world: World) -> bytes:
    extra = [cms.CMSAttribute({"type": f"1.2.3.{number}", "values": [core.Null()]}).dump() for number in (1, 2)]
    return _rebuilt(world.forge(), lambda parts: [*parts, der.encode(0xA1, reversed(extra))], of="signer")


@_shape(
    "a bare token where a response belongs", "time.malformed", "verify-timestamp takes it; a record keeps responses"
)
def _bare(world: World) -> bytes:
    return der.read(world.forge()).parts[1].encoded


@_shape(
    "an unreadable certificate beside the good ones",
    "time.unreadable",
    "rfc3161-client reads every certificate; without its opinion nothing is verified",
)
def _junk(world: World) -> bytes:
    junk = der.encode(der.SEQUENCE, [b"\x05\x00"])

    def add(parts: list[bytes]) -> list[bytes]:
        inside = sorted([junk, *(part.encoded for part in der.read(parts[3]).parts)])
        return [*parts[:3], der.encode(0xA0, inside), *parts[4:]]

    return _rebuilt(world.forge(), add, of="data")


# --- what the authority signs ---


@_shape("a negative nonce", "", "RFC 3161 2.4.1 says INTEGER; the same one must come back", nonce=-NONCE)
def _negative(world: World) -> bytes:
    return world.forge(nonce=-NONCE)


@_shape("a default value that is spelled out (ordering FALSE)", "", "says what leaving it out says (X.690 11.5)")
def _spelled_out(world: World) -> bytes:
    def edit(content: bytes) -> bytes:
        *before, nonce = (part.encoded for part in der.read(content).parts)
        return der.encode(der.SEQUENCE, [*before, b"\x01\x01\x00", nonce])

    return world.forge(edit_content=edit)


def _time(text: bytes) -> Callable[[bytes], bytes]:
    def edit(content: bytes) -> bytes:
        parts = [part.encoded for part in der.read(content).parts]
        at = next(number for number, part in enumerate(parts) if part[0] == der.GENERALIZED_TIME)
        digits = parts[at][2:16] + text
        return der.encode(der.SEQUENCE, [*parts[:at], der.encode(der.GENERALIZED_TIME, [digits]), *parts[at + 1 :]])

    return edit


@_shape("seven digits of fraction in genTime", "", "RFC 3161 2.4.2 and X.690 11.7 limit no digits")
def _seven(world: World) -> bytes:
    return world.forge(edit_content=_time(b".1234567Z"))


@_shape("twelve digits of fraction in genTime", "", "RFC 3161 2.4.2 and X.690 11.7 limit no digits")
def _twelve(world: World) -> bytes:
    return world.forge(edit_content=_time(b".123456789012Z"))


@_shape("a fraction in genTime that ends in zero", "time.malformed", "RFC 3161 2.4.2: trailing zeros must be left out")
def _zero(world: World) -> bytes:
    return world.forge(edit_content=_time(b".10Z"))


def _attributes(world: World, *, as_they_stand: bool) -> bytes:
    """A token whose signed attributes stand in the wrong order, signed so or in the right one."""
    signer = world.changes.get("signer") or world.tsa()

    def edit(parts: list[bytes]) -> list[bytes]:
        turned = _backwards(parts[3])
        signed = b"\x31" + turned[1:] if as_they_stand else b"\x31" + parts[3][1:]
        signature = signer.key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
        return [*parts[:3], turned, parts[4], core.OctetString(signature).dump()]

    return _rebuilt(world.forge(signer=signer), edit, of="signer")


@_shape(
    "signed attributes that are not in order, signed as they stand",
    "time.malformed",
    "RFC 5652 5.3: signed attributes must be DER; the signature is over another encoding than 5.4 says",
)
def _attributes_as_they_stand(world: World) -> bytes:
    return _attributes(world, as_they_stand=True)


@_shape(
    "signed attributes that are not in order, signed in order",
    "time.malformed",
    "RFC 5652 5.3: signed attributes must be DER; who signs it is not what is sent",
)
def _attributes_in_order(world: World) -> bytes:
    return _attributes(world, as_they_stand=False)


# --- names ---


def _named(common: str, kind: Kind) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common, _type=kind)])


_NAMES = "names match by what they say (RFC 5280 7.1)"


@_shape("an issuer name in another string type than its subject", "", _NAMES)
def _string_type(world: World) -> bytes:
    signer = world.tsa(issuer_name=_named("Test Root", Kind.PrintableString))
    return world.forge(signer=signer)


@_shape("an issuer name in other case and with more spaces", "", _NAMES)
def _case(world: World) -> bytes:
    return world.forge(signer=world.tsa(issuer_name=_named(" test  ROOT ", Kind.UTF8String)))


@_shape("a signer identifier in another string type than the certificate", "", _NAMES)
def _identifier(world: World) -> bytes:
    def edit(parts: list[bytes]) -> list[bytes]:
        serial = der.read(parts[1]).parts[1].encoded
        name = _named("Test Root", Kind.PrintableString).public_bytes()
        return [parts[0], der.encode(der.SEQUENCE, [name, serial]), *parts[2:]]

    return _rebuilt(world.forge(), edit, of="signer")


# --- roots ---


@cache
def _serial_zero() -> Entity:
    return certify("Zero Root", ca=True, usage=("key_cert_sign", "crl_sign"), serial=0)


@_shape(
    "a root with serial number 0",
    "",
    "RFC 5280 6.1.1: an anchor is a name and a key; 4.1.2.2 asks to cope",
    judged=lambda: authority(_serial_zero()),
)
def _zero_root(world: World) -> bytes:
    issuer = _serial_zero() if world.root is root() else certify("Zero Root", ca=True, usage=("key_cert_sign",))
    return world.forge(signer=world.tsa(issuer))


@_shape(
    "a root that cannot be read beside the good one",
    "",
    "one unusable root spoils no other",
    judged=lambda: authority()._replace(roots=(b"\x30\x02\x05\x00", _serial_zero().der, root().der)),
)
def _junk_root(world: World) -> bytes:
    return world.forge()


@cache
def _middle() -> Entity:
    return certify("Middle", root(), ca=True, usage=("key_cert_sign",))


@_shape(
    "a root that is not self-signed",
    "time.unusable-root",
    "an anchor by RFC 5280 6.1.1, but rfc3161-client ends chains at self-signed certificates alone",
    judged=lambda: authority(_middle()),
)
def _partial(world: World) -> bytes:
    return world.forge(signer=world.tsa(_middle() if world.root is root() else world.root))


@_shape("a signer with serial number 0", "time.certificate", "RFC 5280 4.1.2.2: certificates that are issued have one")
def _zero_signer(world: World) -> bytes:
    return world.forge(signer=world.tsa(serial=0))


# --- algorithms ---


@_shape(
    "a chain that is signed with Ed25519", "", "RFC 8410; both readers know it", judged=lambda: authority(_ed_root())
)
def _ed_chain(world: World) -> bytes:
    issuer = _ed_root() if world.root is root() else world.root
    return world.forge(signer=world.tsa(issuer))


@cache
def _ed_root() -> Entity:
    return certify("Ed Root", ca=True, usage=("key_cert_sign",), key=ed25519.Ed25519PrivateKey.generate())


_PSS = padding.PSS(padding.MGF1(hashes.SHA256()), 32)


@cache
def _rsa_root() -> Entity:
    return certify("RSA Root", ca=True, usage=("key_cert_sign",), key=rsa_key(2048, 5))


@_shape(
    "a chain that is signed with RSASSA-PSS",
    "",
    "RFC 4055; both readers know it",
    judged=lambda: authority(_rsa_root()),
)
def _pss_chain(world: World) -> bytes:
    issuer = _rsa_root() if world.root is root() else certify("RSA Root", ca=True, key=rsa_key(2048, 6))
    return world.forge(signer=world.tsa(issuer, rsa_padding=_PSS))


_NO_SECOND = "OpenSSL's ts and rfc3161-client verify no such signature in PKCS #7, so it has no second opinion"


@_shape("an RSASSA-PSS signature", "time.unsupported", _NO_SECOND)
def _pss(world: World) -> bytes:
    def edit(signed: Any) -> None:
        info = signed["signer_infos"][0]
        mask = {"algorithm": "mgf1", "parameters": {"algorithm": "sha256"}}
        parameters = {"hash_algorithm": {"algorithm": "sha256"}, "mask_gen_algorithm": mask, "salt_length": 32}
        info["signature_algorithm"] = {"algorithm": "rsassa_pss", "parameters": parameters}
        info["signature"] = rsa_key(2048).sign(info["signed_attrs"].untag().dump(), _PSS, hashes.SHA256())
        if "edit_signed" in world.changes:
            world.changes["edit_signed"](signed)

    return World(world.root, {**world.changes, "edit_signed": edit}).forge()


@cache
def _ed_key() -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.generate()


@_shape("an Ed25519 signature", "time.unsupported", _NO_SECOND)
def _ed25519(world: World) -> bytes:
    return world.forge(signer=world.tsa(key=_ed_key()))


@_shape("a Brainpool curve", "time.unsupported", "outside the curves that are accepted here; not weak, not forged")
def _brainpool(world: World) -> bytes:
    return world.forge(signer=world.tsa(key=ec.generate_private_key(ec.BrainpoolP256R1())))


@_shape("a SHA-3 imprint", "time.unsupported", "outside the hashes that are accepted here; not weak, not forged")
def _sha3(world: World) -> bytes:
    def edit(content: bytes) -> bytes:
        return content.replace(bytes.fromhex("608648016503040201"), bytes.fromhex("608648016503040208"), 1)

    return world.forge(edit_content=edit)


# where a shape is not listed, both accept
_ACCEPTED_BY = {
    "a certificate SET in the order of the chain": "openssl",
    "digest algorithms that are not in order": "openssl",
    "unsigned attributes that are not in order": "openssl",
    "a bare token where a response belongs": "",
    "an unreadable certificate beside the good ones": "",
    "a negative nonce": "openssl",
    "a default value that is spelled out (ordering FALSE)": "openssl",
    "twelve digits of fraction in genTime": "openssl",
    "a fraction in genTime that ends in zero": "openssl",
    "signed attributes that are not in order, signed as they stand": "openssl",
    "signed attributes that are not in order, signed in order": "",
    "a root that is not self-signed": "",
    "an RSASSA-PSS signature": "",
    "an Ed25519 signature": "",
    "a SHA-3 imprint": "",
}
