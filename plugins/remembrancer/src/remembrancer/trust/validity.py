"""Was a key allowed to make this proof, given what is proven about when it was made? (Pure.)

A token over an artifact never dates a signature, because whoever steals a key can sign old bytes with an old date. So a
key that has ended counts only for proofs whose existence before its end is proven by someone else's clock.
"""

from datetime import datetime, timedelta

from remembrancer.clock import rfc3339
from remembrancer.errors import Rejected, RemembrancerError, Unverifiable
from remembrancer.named import NamedTuple
from remembrancer.trust.policy import Ended, Term

SKEW = timedelta(minutes=5)


class KeyFacts(NamedTuple):
    """What a certificate says about itself: a revocation's reason ("" is none), and when it expires (None is never)."""

    revoked: str = ""
    expires: datetime | None = None


class Codes(NamedTuple):
    """The reason codes of one family of keys (signers, or timestamp authorities)."""

    compromised: str
    revoked: str
    unproven: str
    outside: str


SIGNER = Codes("sig.key-compromised", "sig.key-revoked", "sig.time-unproven", "sig.outside-term")
AUTHORITY = Codes("time.key-compromised", "time.key-compromised", "time.time-unproven", "time.outside-term")


def judge(
    who: str,
    term: Term,
    facts: KeyFacts,
    *,
    claimed: datetime,
    proven: datetime | None,
    now: datetime,
    codes: Codes = SIGNER,
) -> RemembrancerError | None:
    """Return None when the key may have made the proof, else what stands against it.

    Takes the key's name, its term in the policy, what its certificate says, the time that the proof claims (set by
    the key's holder), the earliest time at which the proof provably existed (None: not proven), and the present.
    """
    if term.ended is Ended.COMPROMISED or _unexplained(term, facts):
        return _doubtful(who, term, facts, proven, codes)
    early = _outside(who, term, claimed, now, codes)
    if early:
        return early
    end = min((instant for instant in (term.until, facts.expires) if instant), default=None)
    if end is None or (now <= end and not term.ended):
        return None
    if claimed > end:
        return Rejected(codes.outside, f"{who} ended at {rfc3339(end)}, the proof is from {rfc3339(claimed)}")
    if proven is not None and proven <= end:
        return None
    latest = f"the earliest proof of its existence is {rfc3339(proven)}" if proven else "nothing proves its age"
    return Unverifiable(codes.unproven, f"{who} ended at {rfc3339(end)} and {latest}")


def _outside(who: str, term: Term, claimed: datetime, now: datetime, codes: Codes) -> Rejected | None:
    if claimed > now + SKEW:
        return Rejected(codes.outside, f"the proof by {who} claims to be from the future, {rfc3339(claimed)}")
    if term.start and claimed < term.start:
        return Rejected(
            codes.outside, f"{who} may sign from {rfc3339(term.start)}, the proof is from {rfc3339(claimed)}"
        )
    return None


def _unexplained(term: Term, facts: KeyFacts) -> bool:
    # a policy may call a key superseded or retired, but not talk away a revocation that says compromised
    return bool(facts.revoked) and (term.ended is None or "compromis" in facts.revoked.lower())


def _doubtful(who: str, term: Term, facts: KeyFacts, proven: datetime | None, codes: Codes) -> RemembrancerError | None:
    if term.compromised_at and proven and proven < term.compromised_at:
        return None
    if term.ended is Ended.COMPROMISED:
        since = f" since {rfc3339(term.compromised_at)}" if term.compromised_at else ""
        return Rejected(codes.compromised, f"the key of {who} is compromised{since}")
    return Rejected(
        codes.revoked, f"the certificate of {who} is revoked ({facts.revoked}) and the policy does not say why"
    )
