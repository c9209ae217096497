"""What a health check asks of trust and ledger: when keys and certificates end, when the checkpoint was stamped.

Nothing is judged here: whether a stamp or a signature holds is what `verify-audit` answers.
"""

from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from remembrancer.audit.gather import stamps
from remembrancer.clock import parse_rfc3339, rfc3339
from remembrancer.errors import RemembrancerError
from remembrancer.named import NamedTuple
from remembrancer.openpgp.certificate import named_certificate, signing_ends
from remembrancer.repository.reader import Repository
from remembrancer.timestamp.certificate import load
from remembrancer.timestamp.response import parse_response
from remembrancer.trust.establish import Trusted
from remembrancer.trust.policy import Material, TimeAuthority

SOON = timedelta(days=60)


class Ending(NamedTuple):
    """A key or certificate in use: what it is in words, when it ends (RFC 3339; "" for never), and what helps then."""

    what: str
    until: str
    remedy: str

    def near(self, now: datetime) -> bool:
        """Say whether it has ended, or will within 60 days."""
        return bool(self.until) and parse_rfc3339(self.until) - now <= SOON


def endings(trusted: Trusted, repository: Repository) -> tuple[Ending, ...]:
    """Return everything that the policy uses now and that may end: its owner's key, its signers, its authorities.

    What the policy already calls superseded, retired or compromised is left out. An authority ends when its last root
    does, or its last intermediate where it lists some. Raises Rejected(trust.key-file, time.certificate),
    BadInput(sig.bad-certificate).
    """
    policy = trusted.policy
    signed = repository.signed_policy()
    found = []
    if signed and policy.owner in signed.certificates:
        ends = signing_ends(named_certificate(signed.certificates[policy.owner], policy.owner))
        found.append(_ending("the owner's key", [ends], f"{_extend(policy.owner)}remembrancer trust renew owner"))
    for signer in policy.signers:
        if signer.term.ended is None:
            ends = signing_ends(named_certificate(trusted.material(signer.certificate), signer.fingerprint))
            how = f"{_extend(signer.fingerprint)}remembrancer trust renew {signer.name} --key FILE"
            found.append(_ending(f"signer {signer.name}", [ends, signer.term.until], how))
    for authority in policy.authorities:
        if authority.term.ended is None:
            how = f"remembrancer trust renew {authority.name} --root FILE, or trust add --authority a second one"
            found.append(_ending(f"authority {authority.name}", _authority(trusted, authority), how))
    return tuple(found)


def _authority(trusted: Trusted, authority: TimeAuthority) -> list[datetime | None]:
    def last(materials: Iterable[Material]) -> datetime | None:
        return max((load(trusted.material(one)).not_valid_after_utc for one in materials), default=None)

    return [last(authority.roots), last(authority.intermediates), authority.term.until]


def _extend(fingerprint: str) -> str:
    return f"gpg --quick-set-expire {fingerprint} 2y, then "


def _ending(what: str, times: Iterable[datetime | None], remedy: str) -> Ending:
    first = min((at for at in times if at is not None), default=None)
    return Ending(what, rfc3339(first.astimezone(UTC)) if first else "", remedy)


def last_stamp(repository: Repository, size: int) -> str:
    """Return the time that the newest authority's stamp of the checkpoint of this size claims, "" for no stamp."""
    times = []
    for stamp in stamps(repository):
        if stamp.size == size:
            with suppress(RemembrancerError):
                times.append(parse_response(stamp.response).gen_time)
    return rfc3339(max(times)) if times else ""
