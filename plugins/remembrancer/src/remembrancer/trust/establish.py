"""From a fingerprint that the user brought to a policy that counts; nothing is ever trusted because it is in the
repository.

Pure: takes the bytes of the policy, of its signatures and of its owners' certificates, and what the user pinned and
remembers. The order matters: the signature is checked before anything in the file is believed.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from remembrancer.errors import BadInput, Rejected, RemembrancerError, Unverifiable
from remembrancer.named import NamedTuple
from remembrancer.openpgp.certificate import certificate_facts, named_certificate
from remembrancer.openpgp.verify import verify_detached
from remembrancer.trust import policy
from remembrancer.trust.policy import Material, Policy, Profile

Newest = Callable[[str, str], tuple[int, str]]


class SignedPolicy(NamedTuple):
    """The files of ops/trust: the policy, its signatures and the owners' certificates, both by fingerprint."""

    text: bytes
    signatures: Mapping[str, bytes]
    certificates: Mapping[str, bytes]


class Pins(NamedTuple):
    """What the user trusts: `explicit` fingerprints of this run, and remembered ones with the origins they are for.

    An empty origin is any.
    """

    explicit: tuple[str, ...] = ()
    remembered: Mapping[str, tuple[str, ...]] = MappingProxyType({})

    def all(self) -> tuple[str, ...]:
        """Return the fingerprints that may count for some origin: those of this run replace the remembered ones."""
        return self.explicit or tuple(self.remembered)

    def exact(self, origin: str) -> tuple[str, ...]:
        """Return the fingerprints that are given in this run, or pinned for just this origin."""
        return self.explicit or tuple(owner for owner, origins in self.remembered.items() if origin in origins)

    def owners(self, origin: str) -> tuple[str, ...]:
        """Return the fingerprints that count for an origin: where one is pinned for it, none that is pinned for any."""
        return self.exact(origin) or tuple(owner for owner, origins in self.remembered.items() if "" in origins)


class Trusted(NamedTuple):
    """A policy whose signature by a pinned owner holds; `keys` gives the file with a SHA-256 (hex) from
    ops/trust/keys."""

    policy: Policy
    owner: str
    keys: Callable[[str], bytes]

    def material(self, material: Material) -> bytes:
        """Return the bytes of a certificate that the policy names.

        Raises Rejected(trust.key-file) when the file is missing or its bytes do not have the digest in the policy.
        """
        if material.inline is not None:
            return material.inline
        try:
            data = self.keys(material.sha256)
        except FileNotFoundError as error:
            raise Rejected("trust.key-file", f"the key file {material.sha256} is missing") from error
        if hashlib.sha256(data).hexdigest() != material.sha256:
            raise Rejected("trust.key-file", f"the key file {material.sha256} has other bytes than the policy says")
        return data


def establish(
    signed: SignedPolicy | None,
    pins: Pins,
    newest: Newest,
    keys: Callable[[str], bytes],
    *,
    require_production: bool = False,
    origin: str = "",
) -> Trusted:
    """Return the policy if a pinned owner signed it, and if it is for `origin` where one is given.

    `newest(owner, origin)` is the highest policy version seen before with its digest, (0, "") when none; an owner hands
    over to the next, so that what any owner who counts for the origin signed is compared.
    Raises Unverifiable(trust.no-policy, trust.unpinned), Rejected(trust.policy-signature, trust.owner-change,
    trust.owner-revoked, trust.policy-rollback, trust.policy-fork, trust.origin, trust.profile), BadInput(policy.*).
    """
    owners = pins.all()
    if signed is None:
        raise Unverifiable("trust.no-policy", "the trust policy (ops/trust/policy.toml) is missing")
    if not owners:
        raise Unverifiable(
            "trust.unpinned", "no owner's fingerprint is pinned, so no proof can be judged", _if_development(signed)
        )
    by = _signed_by(signed, owners, strict=bool(pins.explicit))
    parsed = policy.parse(signed.text)
    counting = pins.owners(parsed.origin)
    owner = next((one for one in by if one in counting), None)
    if owner is None:
        raise _uncounted(signed, pins, by, parsed.origin)
    if parsed.owner != owner:
        _check_owner(signed, parsed.owner)
    for one in dict.fromkeys([*by, *counting, parsed.owner]):
        seen = newest(one, parsed.origin)
        if (
            seen[0]
            and one not in {*by, parsed.owner, *pins.exact(parsed.origin)}
            and owner not in pins.exact(parsed.origin)
        ):
            raise Rejected(
                "trust.owner-change",
                f"policies of {parsed.origin} were signed by {one} before, who has not signed this one",
                f"If {owner} has taken over, say so: remembrancer trust pin {owner} --origin {parsed.origin}",
            )
        _check_age(parsed, seen)
    if origin and origin != parsed.origin:
        raise Rejected("trust.origin", f"the policy is for {parsed.origin}, asked was {origin}")
    if require_production and parsed.profile is not Profile.PRODUCTION:
        raise Rejected("trust.profile", f"production trust is required, the policy's profile is {parsed.profile}")
    return Trusted(parsed, owner, keys)


def _named(signed: SignedPolicy) -> str:
    return ", ".join(sorted(signed.signatures)) or "nobody"


def _if_development(signed: SignedPolicy) -> str:
    """Advice for whoever meets a policy that says of itself that it is for development; it is not believed for more."""
    try:
        mine = policy.parse(signed.text).profile is Profile.DEVELOPMENT
    except BadInput:
        return ""
    if not mine:
        return ""
    return (
        "This is another user's development trust, whose keys are only there: begin your own with `remembrancer init "
        "--dev --again`, which archives that ledger, or pin the owner to verify what is here."
    )


def _uncounted(signed: SignedPolicy, pins: Pins, by: Sequence[str], origin: str) -> RemembrancerError:
    """Why nobody who signed a policy counts for its origin."""
    if pins.exact(origin):  # somebody is pinned for this very origin, and it is not who signed: no open question
        return Rejected("trust.policy-signature", f"the policy is not signed by the owner pinned for {origin}")
    if by:
        bound = ", ".join(pins.remembered[by[0]])
        return Unverifiable("trust.unpinned", f"the owner is pinned for {bound}, this policy is for {origin}")
    return Unverifiable(
        "trust.unpinned",
        "the policy is signed by no pinned owner; its own files name " + _named(signed),
        _if_development(signed),
    )


def _signed_by(signed: SignedPolicy, owners: tuple[str, ...], *, strict: bool) -> list[str]:
    """Return those of the owners whose signature holds; with `strict` none is a failure."""
    found: list[str] = []
    trouble: RemembrancerError | None = None
    for owner in owners:
        if owner not in signed.signatures:
            continue
        try:
            check_owner_signature(signed, owner)
        except Rejected as error:
            trouble = error
        else:
            found.append(owner)
    if found:
        return found
    if trouble is not None:
        raise trouble
    if strict:
        raise Rejected(
            "trust.policy-signature",
            "the policy is not signed by the given owner; its own files name " + _named(signed),
            "Compare what you gave with what the owner tells you; if it is right, this policy is not the owner's.",
        )
    return found


def check_owner_signature(signed: SignedPolicy, owner: str) -> None:
    """Check the policy's signature by one owner (primary-key fingerprint).

    Raises Rejected(trust.policy-signature) or Rejected(trust.owner-revoked).
    """
    if owner not in signed.signatures:
        raise Rejected("trust.policy-signature", f"there is no signature of the policy by {owner}")
    if owner not in signed.certificates:
        raise Rejected("trust.policy-signature", f"the certificate of the owner {owner} is missing in ops/trust/keys")
    try:
        certificate = named_certificate(signed.certificates[owner], owner)
        facts = verify_detached(signed.signatures[owner], signed.text, [certificate])
        about = certificate_facts(certificate)
    except (Rejected, BadInput) as error:
        raise Rejected(
            "trust.policy-signature", f"the policy's signature by {owner} does not hold: {error.message}"
        ) from error
    # the certificate came from the repository; only its fingerprint makes it the owner's
    if facts.primary_fingerprint != owner or about.fingerprint != owner:
        raise Rejected(
            "trust.policy-signature", f"the policy's signature is by {facts.primary_fingerprint}, not by {owner}"
        )
    if about.revoked:
        raise Rejected("trust.owner-revoked", f"the certificate of the policy's owner {owner} is revoked")


def _check_owner(signed: SignedPolicy, owner: str) -> None:
    try:
        check_owner_signature(signed, owner)
    except Rejected as error:
        raise Rejected(
            "trust.owner-change", f"the policy names another owner, {owner}, who has not signed it: {error.message}"
        ) from error


def _check_age(parsed: Policy, newest: tuple[int, str]) -> None:
    version, digest = newest
    if parsed.version < version:
        raise Rejected(
            "trust.policy-rollback", f"policy version {parsed.version} is older than version {version}, seen before"
        )
    if parsed.version == version and digest and parsed.digest != digest:
        raise Rejected("trust.policy-fork", f"another policy was seen before as version {version}")
    if parsed.version == version + 1 and digest and parsed.previous != digest:
        raise Rejected("trust.policy-fork", f"the policy follows another version {version} than the one seen before")
