"""Getting a timestamp that holds: ask, check at once, and only then hand it on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from remembrancer.errors import BadInput, EnvironmentTrouble, Rejected, RemembrancerError
from remembrancer.timestamp import client
from remembrancer.timestamp.checks import check_response
from remembrancer.timestamp.model import Authority, TimestampFacts
from remembrancer.timestamp.request import make_request, new_nonce

# from an authority and a DER request to its DER answer
Transport = Callable[[Authority, bytes], bytes]


@dataclass(frozen=True, slots=True)
class Obtained:
    """A response that passed every check, who gave it, and what went wrong with the authorities asked before."""

    authority: Authority
    response: bytes
    facts: TimestampFacts
    troubles: tuple[RemembrancerError, ...] = ()


def over_http(authority: Authority, request: bytes) -> bytes:
    """Ask the authority at its URL; raises what `client.fetch` raises."""
    return client.fetch(authority.url, request)


def obtain(digest: bytes, authority: Authority, transport: Transport = over_http) -> Obtained:
    """Return a checked timestamp over a SHA-256, SHA-384 or SHA-512 digest.

    Raises what the transport and `check_response` raise; an answer that does not hold is never returned.
    """
    nonce = new_nonce()
    policy = authority.policy_oids[0] if authority.policy_oids else None
    response = transport(authority, make_request(digest, nonce, policy))
    return Obtained(authority, response, check_response(response, digest, authority, nonce))


def obtain_from_first(digest: bytes, authorities: Sequence[Authority], transport: Transport = over_http) -> Obtained:
    """Return a checked timestamp from the first authority, in the given order, whose answer holds.

    Raises BadInput `input.field` for an empty sequence, and the last authority's error, its message naming all, when
    none of them helps.
    """
    troubles: list[RemembrancerError] = []
    for authority in authorities:
        try:
            found = obtain(digest, authority, transport)
        except (EnvironmentTrouble, Rejected) as trouble:
            troubles.append(trouble)
            continue
        return Obtained(found.authority, found.response, found.facts, tuple(troubles))
    if not troubles:
        raise BadInput("input.field", "the policy names no timestamp authority that could be asked")
    if len(troubles) == 1:
        raise troubles[0]
    said = "; ".join(f"{one.name}: {trouble.message}" for one, trouble in zip(authorities, troubles, strict=True))
    raise EnvironmentTrouble("env.authority", f"no timestamp authority gave a usable answer: {said}")
