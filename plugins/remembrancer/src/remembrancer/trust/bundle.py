"""A trust bundle: one JSON file with a policy, its signatures, and every certificate that a verdict under it needs.

It carries trust and creates none: whoever reads it brings the owner's fingerprint from elsewhere (`trust.establish`).
Reading is strict: what the policy names and the file lacks is refused, and so is what the file has besides. Pure.
"""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from remembrancer.errors import BadInput, counted
from remembrancer.named import NamedTuple
from remembrancer.trust import policy
from remembrancer.trust.establish import SignedPolicy, Trusted
from remembrancer.trust.policy import Material, Policy

SCHEMA = "https://vaultmesh.cloud/schema/trust-bundle/v1"
MAX_BYTES = 8 << 20

_MEMBERS = {"schema", "policy", "signatures", "certificates", "keys"}
_FINGERPRINT = re.compile(r"[0-9A-F]{40}|[0-9A-F]{64}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_SURROGATE = re.compile("[\ud800-\udfff]")


class TrustBundle(NamedTuple):
    """A parsed bundle: the signed policy, and the key files that it names by their SHA-256 (hex). Nothing is trusted
    yet."""

    signed: SignedPolicy
    keys: Mapping[str, bytes]

    def key(self, sha256: str) -> bytes:
        """Return a key file; raises FileNotFoundError where the bundle has none of this name."""
        if sha256 not in self.keys:
            raise FileNotFoundError(sha256)
        return self.keys[sha256]


def render(signed: SignedPolicy, trusted: Trusted) -> bytes:
    """Return the bundle of a policy that is trusted here (deterministic JSON).

    Raises Rejected(trust.key-file) where a certificate is missing or is not the one that the policy names.
    """
    document = {
        "schema": SCHEMA,
        "policy": signed.text.decode("utf-8"),
        "signatures": {owner: data.decode("utf-8") for owner, data in signed.signatures.items()},
        "certificates": {
            owner: base64.b64encode(data).decode()
            for owner, data in signed.certificates.items()
            if owner in signed.signatures
        },
        "keys": {
            one.sha256: base64.b64encode(trusted.material(one)).decode() for one in _named_by_digest(trusted.policy)
        },
    }
    return (json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def parse(data: bytes) -> TrustBundle:
    """Return what is in a bundle. Raises BadInput(trust.bundle, policy.malformed, policy.weak).

    At most 8 MiB; unknown and repeated members, a signature without its owner's certificate, a certificate or key file
    that nothing names, and one that the policy names and that is not there are refused.
    """
    if len(data) > MAX_BYTES:
        raise _refused(f"is larger than {MAX_BYTES} bytes")
    try:
        document = json.loads(data.decode("utf-8"), object_pairs_hook=_unique)
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise _refused("is not JSON") from error
    if not isinstance(document, dict) or document.keys() != _MEMBERS:
        raise _refused(f"must have exactly the members {', '.join(sorted(_MEMBERS))}")
    if document["schema"] != SCHEMA:
        raise _refused(f"must have the schema {SCHEMA}")
    text = _text(document["policy"], "policy")
    signatures = {name: _text(one, "signatures") for name, one in _named(document["signatures"], _FINGERPRINT)}
    certificates = {name: _bytes(one, "certificates") for name, one in _named(document["certificates"], _FINGERPRINT)}
    keys = {name: _bytes(one, "keys") for name, one in _named(document["keys"], _DIGEST)}
    if signatures.keys() != certificates.keys():
        raise _refused("must have the certificate of each owner who signed the policy, and no other")
    _check_keys(policy.parse(text), keys)
    return TrustBundle(SignedPolicy(text, signatures, certificates), keys)


def _named_by_digest(parsed: Policy) -> list[Material]:
    """The certificates that a policy names without holding them."""
    found = [one.certificate for one in parsed.signers]
    for authority in parsed.authorities:
        found += [*authority.roots, *authority.intermediates]
    return [one for one in found if one.inline is None]


def _check_keys(parsed: Policy, keys: Mapping[str, bytes]) -> None:
    wanted = {one.sha256 for one in _named_by_digest(parsed)}
    if missing := sorted(wanted - keys.keys()):
        raise _refused(f"lacks {counted(len(missing), 'key file')} that its policy names, the first is {missing[0]}")
    if extra := sorted(keys.keys() - wanted):
        raise _refused(f"has a key file that its policy does not name: {extra[0]}")
    for digest, data in keys.items():
        if hashlib.sha256(data).hexdigest() != digest:
            raise _refused(f"has other bytes under {digest} than that name says")


def _refused(why: str) -> BadInput:
    return BadInput("trust.bundle", f"the trust bundle {why}")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _refused("has a member twice")
    return found


def _named(value: object, names: re.Pattern[str]) -> list[tuple[str, object]]:
    if not isinstance(value, dict) or not all(names.fullmatch(name) for name in value):
        raise _refused("must name owners by fingerprint and key files by SHA-256")
    return list(value.items())


def _text(value: object, what: str) -> bytes:
    # JSON can name half of a surrogate pair, which is no character
    if not isinstance(value, str) or _SURROGATE.search(value):
        raise _refused(f"must have text in {what}")
    return value.encode()


def _bytes(value: object, what: str) -> bytes:
    text = _text(value, what)
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise _refused(f"must have base64 in {what}") from error
    if base64.b64encode(data) != text:
        raise _refused(f"must have canonical base64 in {what}")
    return data
