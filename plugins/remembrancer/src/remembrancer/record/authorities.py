"""Asking each timestamp authority of a policy for a token, before the policy that trusts it is written."""

import secrets

from remembrancer.audit.session import Session
from remembrancer.errors import Refused, RemembrancerError
from remembrancer.timestamp.authority import POLICY_OID
from remembrancer.timestamp.model import TimestampFacts
from remembrancer.timestamp.obtain import obtain
from remembrancer.trust.establish import Trusted
from remembrancer.trust.policy import TimeAuthority
from remembrancer.verify.log import authority_of

# what would make the authority's honest answer hold, by what was missing
_HELP = {
    "time.ess": "If you accept that of this authority, say so with --allow-ess-v1.",
    "time.policy": "Compare --policy-oid with what the authority publishes.",
    "time.signer": "Give the certificate that the authority leaves out of its answers with --intermediate.",
    "time.untrusted-root": "Give the root that it chains to, and what lies between with --intermediate.",
    "time.unusable-root": "Give the self-signed root, and what lies between with --intermediate.",
}


def prove_authorities(session: Session, trusted: Trusted) -> tuple[TimestampFacts, ...]:
    """Get one token over random bytes from each authority that is in use, and check it as a verifier would.

    Notes a single authority, because nothing is released while that one is down. Raises what `obtain` raises, with
    the authority's name in the sentence, and Refused(time.self-asserted) for the `tsa serve` of this project that is
    listed as if somebody else ran it.
    """
    listed = [one for one in trusted.policy.authorities if one.term.ended is None]
    found = tuple(_proven(trusted, one) for one in listed)
    if len(listed) == 1:
        session.notice(
            f"{listed[0].name} is the only timestamp authority: while it is down nothing is released, and when it ends "
            "nothing else dates what it stamped; name a second one"
        )
    return found


def _proven(trusted: Trusted, listed: TimeAuthority) -> TimestampFacts:
    authority, _ = authority_of(trusted, listed.name)
    try:
        facts = obtain(secrets.token_bytes(32), authority).facts
    except RemembrancerError as error:
        remedy = error.remedy or _HELP.get(error.code, "")
        raise type(error)(error.code, f"the authority {listed.name}: {error.message}", remedy) from error
    if facts.policy == POLICY_OID and not listed.self_asserted:
        raise Refused(
            "time.self-asserted",
            f"the authority {listed.name} is `remembrancer tsa serve`, whose clock whoever runs it sets",
            "Name an independent authority; this one may stand beside it with --self-asserted.",
        )
    return facts
