"""RFC 3161 timestamps: asking for them, issuing them in development, and judging them strictly.

`checks` judges a response and `second_opinion` lets OpenSSL confirm it, `request` builds one's question, `client` asks
an authority over HTTP, `authority` is an authority inside the process, and `server` puts that one behind a loopback
port.

>>> from hashlib import sha256
>>> from pathlib import Path
>>> from remembrancer.timestamp import LocalAuthority, check_response, obtain_timestamp
>>> local = LocalAuthority.create(Path("tsa"))
>>> trusted = local.as_authority()
>>> digest = sha256(b"what is released").digest()
>>> response = obtain_timestamp(digest, trusted, lambda authority, request: local.respond(request)).response

A response proves a time for exactly one digest, under roots that the caller trusts and never under its own:

>>> facts = check_response(response, digest, trusted)
>>> facts.hash_algorithm, facts.gen_time.tzinfo
('sha256', datetime.timezone.utc)
>>> check_response(response, sha256(b"something else").digest(), trusted)
Traceback (most recent call last):
remembrancer.errors.Rejected: ...
"""

from typing import TYPE_CHECKING

from remembrancer.lazy import attach

if TYPE_CHECKING:
    from remembrancer.timestamp.authority import LocalAuthority
    from remembrancer.timestamp.checks import check_response, imprint_algorithm
    from remembrancer.timestamp.client import fetch
    from remembrancer.timestamp.model import Authority, TimestampFacts
    from remembrancer.timestamp.obtain import Obtained, obtain_from_first
    from remembrancer.timestamp.obtain import obtain as obtain_timestamp
    from remembrancer.timestamp.request import make_request, new_nonce
    from remembrancer.timestamp.server import TimestampServer
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "authority": "LocalAuthority",
            "checks": "check_response, imprint_algorithm",
            "client": "fetch",
            "model": "Authority, TimestampFacts",
            "obtain": "Obtained, obtain as obtain_timestamp, obtain_from_first",
            "request": "make_request, new_nonce",
            "server": "TimestampServer",
        },
    )

__all__ = [
    "Authority",
    "LocalAuthority",
    "Obtained",
    "TimestampFacts",
    "TimestampServer",
    "check_response",
    "fetch",
    "imprint_algorithm",
    "make_request",
    "new_nonce",
    "obtain_from_first",
    "obtain_timestamp",
]
