"""The signed tag of a template's version: the tag object that a receipt names, judged by keys that the user trusts.

Pure. A tag object (git-mktag) ends with its signature, which is over everything before it; it names the commit and
itself, so it cannot be shown for another version. Keys are those given, and the policy's signers for `templates`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from remembrancer.clock import rfc3339
from remembrancer.errors import Rejected, Unverifiable
from remembrancer.named import NamedTuple
from remembrancer.openpgp.certificate import certificates_in, named_certificate
from remembrancer.openpgp.verify import verify_detached
from remembrancer.trust.establish import Trusted
from remembrancer.trust.policy import Term
from remembrancer.trust.validity import KeyFacts, judge

COMPONENT = "templates"
_PGP = b"-----BEGIN PGP SIGNATURE-----\n"
_SSH = b"-----BEGIN SSH SIGNATURE-----\n"


class Vouched(NamedTuple):
    """Who signed the tag (primary-key fingerprint), and when they say they did (RFC 3339)."""

    who: str
    when: str


class Keys(NamedTuple):
    """Public certificates, and the terms of those that the policy limits, by primary-key fingerprint."""

    certificates: tuple[bytes, ...]
    terms: Mapping[str, Term]


def signs_templates(trusted: Trusted) -> bool:
    """Say whether the policy names somebody who signs templates, so that a tag without a signature is none of them."""
    return any(COMPONENT in signer.components for signer in trusted.policy.signers)


def keys_of(trusted: Trusted, given: Sequence[bytes]) -> Keys:
    """Return the keys that may vouch for templates: the given ones, else the policy's signers for `templates`.

    Raises Rejected(trust.key-file).
    """
    if given:
        return Keys(tuple(one for file in given for one in certificates_in(file)), {})
    signers = [signer for signer in trusted.policy.signers if COMPONENT in signer.components]
    certificates = tuple(
        named_certificate(trusted.material(signer.certificate), signer.fingerprint) for signer in signers
    )
    return Keys(certificates, {signer.fingerprint: signer.term for signer in signers})


def check(tag: bytes, template: Mapping[str, str], keys: Keys, proven: datetime | None, now: datetime) -> Vouched:
    """Check a tag object against what a receipt states about the template.

    Args:
        tag: the tag object's content, signature included.
        template: the receipt's `commit` and `version`.
        keys: who may vouch.
        proven: the earliest time at which the tag provably existed, for keys that have ended.
        now: the present.

    Raises:
        Rejected: sig.tag for another commit or name, sig.* as for any signature.
        Unverifiable: sig.tag-ssh, sig.time-unproven.
    """
    at = max(tag.rfind(b"\n" + mark) for mark in (_PGP, _SSH)) + 1
    content, signature = tag[:at], tag[at:]
    if not content:
        raise Rejected("sig.tag", "the recorded tag carries no signature")
    said = _headers(content)
    wanted = {"object": template["commit"], "type": "commit", "tag": template["version"]}
    if said != wanted:
        raise Rejected(
            "sig.tag", f"the recorded tag is {said.get('tag')!a} of {said.get('object')!a}, not the receipt's"
        )
    if signature.startswith(_SSH):
        raise Unverifiable("sig.tag-ssh", f"the tag {template['version']} is signed with an SSH key")
    facts = verify_detached(signature, content, keys.certificates)
    who = facts.primary_fingerprint
    about = KeyFacts(facts.certificate.revoked, facts.certificate.expires)
    trouble = judge(f"key {who}", keys.terms.get(who, Term()), about, claimed=facts.created, proven=proven, now=now)
    if trouble:
        raise trouble
    return Vouched(who, rfc3339(facts.created))


def _headers(content: bytes) -> dict[str, str]:
    """Return the first three lines of a tag object, each a name and a value, or what can be read of them."""
    lines = content.decode("utf-8", "replace").split("\n")[:3]
    return {name: value for name, _, value in (line.partition(" ") for line in lines)}
