"""What a health check asks of trust and ledger: when keys and certificates end, when the checkpoint was stamped.

Nothing is judged here: whether a stamp or a signature holds is what `verify-audit` answers.
"""

from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from typing import NamedTuple

from remembrancer.audit.gather import stamps
from remembrancer.clock import rfc3339
from remembrancer.errors import RemembrancerError
from remembrancer.openpgp.certificate import named_certificate, signing_ends
from remembrancer.repository.reader import Repository
from remembrancer.timestamp.certificate import load
from remembrancer.timestamp.response import parse_response
from remembrancer.trust.establish import Trusted
from remembrancer.trust.policy import Material, TimeAuthority


class Ending(NamedTuple):
    """A key or certificate in use: what it is in words, and when it ends (RFC 3339; "" for never)."""

    what: str
    until: str


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
        found.append(
            _ending(
                "the owner's key", [signing_ends(named_certificate(signed.certificates[policy.owner], policy.owner))]
            )
        )
    for signer in policy.signers:
        if signer.term.ended is None:
            ends = signing_ends(named_certificate(trusted.material(signer.certificate), signer.fingerprint))
            found.append(_ending(f"signer {signer.name}", [ends, signer.term.until]))
    for authority in policy.authorities:
        if authority.term.ended is None:
            found.append(_ending(f"authority {authority.name}", _authority(trusted, authority)))
    return tuple(found)


def _authority(trusted: Trusted, authority: TimeAuthority) -> list[datetime | None]:
    def last(materials: Iterable[Material]) -> datetime | None:
        return max((load(trusted.material(one)).not_valid_after_utc for one in materials), default=None)

    return [last(authority.roots), last(authority.intermediates), authority.term.until]


def _ending(what: str, times: Iterable[datetime | None]) -> Ending:
    first = min((at for at in times if at is not None), default=None)
    return Ending(what, rfc3339(first.astimezone(UTC)) if first else "")


def last_stamp(repository: Repository, size: int) -> str:
    """Return the time that the newest authority's stamp of the checkpoint of this size claims, "" for no stamp."""
    times = []
    for stamp in stamps(repository):
        if stamp.size == size:
            with suppress(RemembrancerError):
                times.append(parse_response(stamp.response).gen_time)
    return rfc3339(max(times)) if times else ""
