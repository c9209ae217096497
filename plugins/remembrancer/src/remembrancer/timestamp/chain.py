"""From a token's signing certificate to a trusted root (RFC 5280 section 6, RFC 3161 section 2.3).

Certificates that come with a token are only stones to build with. The sole source of trust is the authority's roots.
"""

from datetime import datetime
from functools import lru_cache
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from remembrancer.errors import Rejected
from remembrancer.named import NamedTuple
from remembrancer.timestamp.certificate import (
    bad,
    encoding,
    load,
    named,
    outline,
    require_signed,
    require_strong_key,
    why_unusable_anchor,
)
from remembrancer.timestamp.der import DerError
from remembrancer.timestamp.names import same_name

_Extension = TypeVar("_Extension", bound=x509.ExtensionType)
_MAX_LENGTH = 6
_MAX_PATHS = 8
# certificates that come with a token could be made to have endless connections among themselves
_MAX_STEPS = 64
_UNDERSTOOD = {
    ExtensionOID.BASIC_CONSTRAINTS,
    ExtensionOID.KEY_USAGE,
    ExtensionOID.EXTENDED_KEY_USAGE,
    ExtensionOID.NAME_CONSTRAINTS,
    ExtensionOID.CERTIFICATE_POLICIES,
    ExtensionOID.POLICY_CONSTRAINTS,
    ExtensionOID.INHIBIT_ANY_POLICY,
    ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
}


class Path(NamedTuple):
    """A verified chain, signer first and root last, with the time in which all of it is valid (aware, UTC).

    `subject` is the signer's name (RFC 4514), the digests are the SHA-256 (hex) of both ends' encodings.
    """

    certificates: tuple[x509.Certificate, ...]
    not_before: datetime
    not_after: datetime
    subject: str
    signer_sha256: str
    root_sha256: str


@lru_cache(maxsize=256)
def find_paths(signer: bytes, pool: tuple[bytes, ...], roots: tuple[bytes, ...]) -> tuple[Path, ...]:
    """Return chains from the DER certificate `signer` over some of `pool` to one of `roots`, at least one.

    All rules but time are checked: names and signatures, CA flags and path lengths, key usages, key sizes and hashes.
    A root or a helper that cannot be used is passed over. Raises Rejected: `time.untrusted-root` if no chain leads to a
    root, `time.unusable-root` if one leads to a root that is not self-signed; `time.certificate`, `time.unsupported` or
    `time.weak-algorithm` if one would but breaks a rule, or if the signer is not a timestamping certificate.
    """
    leaf = load(signer)
    _require_timestamping(leaf)
    search = _Search(roots, [one for one in pool if one != signer])
    search.extend((leaf,))
    if search.found:
        return tuple(search.found)
    if search.complaints:
        raise search.complaints[0]
    unread = sum(one is None for one in map(_readable, roots))
    more = f"; {unread} of the {len(roots)} given cannot be read" if unread else ""
    raise Rejected("time.untrusted-root", f"the timestamp's certificate does not chain to a root that is trusted{more}")


def unusable_anchors(roots: tuple[bytes, ...]) -> tuple[str, ...]:
    """Return which of the DER certificates cannot be trusted roots and why; they are passed over."""
    return tuple(why for why in map(why_unusable_anchor, roots) if why)


def _readable(encoded: bytes) -> x509.Certificate | None:
    try:
        return load(encoded)
    except Rejected:
        return None


class _Search:
    """The way from a signer to the anchors, depth first, with a bound on the signatures that are tried."""

    def __init__(self, anchors: tuple[bytes, ...], helpers: list[bytes]) -> None:
        self.found: list[Path] = []
        self.complaints: list[Rejected] = []
        read = [(_readable(one), True) for one in anchors] + [(_readable(one), False) for one in helpers]
        self._issuers = [(one, trusted) for one, trusted in read if one is not None]
        self._steps = 0

    def extend(self, chain: tuple[x509.Certificate, ...]) -> None:
        """Find each way to go on from the chain's last certificate."""
        for issuer, trusted in self._issuers:
            if len(self.found) >= _MAX_PATHS or issuer in chain or not _names_issuer(chain[-1], issuer):
                continue
            self._steps += 1
            if self._steps > _MAX_STEPS:
                return
            try:
                _require_issued(chain[-1], issuer, below=len(chain) - 1)
                if trusted:
                    _require_anchor(issuer)
            except InvalidSignature:
                continue
            except Rejected as complaint:
                self.complaints.append(complaint)
                continue
            if trusted:
                self.found.append(_path((*chain, issuer)))
            elif len(chain) + 1 < _MAX_LENGTH:
                self.extend((*chain, issuer))


def _path(chain: tuple[x509.Certificate, ...]) -> Path:
    return Path(
        certificates=chain,
        not_before=max(part.not_valid_before_utc for part in chain),
        not_after=min(part.not_valid_after_utc for part in chain),
        subject=chain[0].subject.rfc4514_string(),
        signer_sha256=chain[0].fingerprint(hashes.SHA256()).hex(),
        root_sha256=chain[-1].fingerprint(hashes.SHA256()).hex(),
    )


def _names_issuer(subject: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        return same_name(outline(encoding(subject)).issuer, outline(encoding(issuer)).subject)
    except DerError:
        return False


def _require_anchor(anchor: x509.Certificate) -> None:
    """Check that chains may end here; raises Rejected `time.unusable-root`."""
    why = why_unusable_anchor(encoding(anchor))
    if why:
        raise Rejected("time.unusable-root", f"the timestamp chains to a root that cannot be used: {why}")


def _require_issued(subject: x509.Certificate, issuer: x509.Certificate, below: int) -> None:
    """Check that issuer may and did issue subject; `below` counts the CA certificates under it.

    Raises InvalidSignature if another key of the same name did, Rejected if the issuer must not issue.
    """
    require_signed(subject, issuer)
    # what nobody issued, an anchor, may have any serial number (RFC 5280 sections 4.1.2.2 and 6.1.1)
    if outline(encoding(subject)).serial <= 0:
        raise bad(f"the serial number of {named(subject)} is not positive")
    _require_known(subject)
    require_strong_key(issuer)
    basic = _extension(issuer, x509.BasicConstraints)
    if basic is None or not basic.value.ca:
        raise bad("a certificate that is no certificate authority issued another one")
    if basic.value.path_length is not None and basic.value.path_length < below:
        raise bad("a certificate authority's path length is exceeded")
    usage = _extension(issuer, x509.KeyUsage)
    if usage is not None and not usage.value.key_cert_sign:
        raise bad("a certificate authority's key usage does not allow it to issue certificates")
    purposes = _extension(issuer, x509.ExtendedKeyUsage)
    allowed = {ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
    if purposes is not None and not allowed & set(purposes.value):
        raise bad("a certificate authority's extended key usage excludes timestamping")


def _require_timestamping(leaf: x509.Certificate) -> None:
    """Check the rules of RFC 3161 section 2.3 for the authority's own certificate."""
    require_strong_key(leaf)
    purposes = _extension(leaf, x509.ExtendedKeyUsage)
    if purposes is None:
        raise bad("its certificate has no extended key usage")
    if not purposes.critical:
        raise bad("its certificate's extended key usage is not critical")
    if list(purposes.value) != [ExtendedKeyUsageOID.TIME_STAMPING]:
        raise bad("its certificate is not for timestamping alone")
    basic = _extension(leaf, x509.BasicConstraints)
    if basic is not None and basic.value.ca:
        raise bad("its certificate is a certificate authority's")
    usage = _extension(leaf, x509.KeyUsage)
    if usage is not None and not (usage.value.digital_signature or usage.value.content_commitment):
        raise bad("its certificate's key usage does not allow signatures")


def _require_known(certificate: x509.Certificate) -> None:
    """Check that every critical extension is one that this module or OpenSSL enforces."""
    for extension in certificate.extensions:
        if extension.critical and extension.oid not in _UNDERSTOOD:
            raise bad(f"a certificate of the chain has an unknown critical extension {extension.oid.dotted_string}")


def _extension(certificate: x509.Certificate, kind: type[_Extension]) -> x509.Extension[_Extension] | None:
    try:
        return certificate.extensions.get_extension_for_class(kind)
    except x509.ExtensionNotFound:
        return None
