"""Asking a timestamping authority over HTTP (RFC 3161 section 3.4); see `network` for what its server may do."""

from http import HTTPStatus

from remembrancer.errors import EnvironmentTrouble
from remembrancer.network import Head, Question, ask, host_of

MAX_ANSWER_BYTES = 65536
DEFAULT_TIMEOUT = 20.0
_QUERY_TYPE = "application/timestamp-query"
_REPLY_TYPE = "application/timestamp-reply"
_NOUN = "timestamp authority"


def fetch(url: str, request: bytes, timeout: float = DEFAULT_TIMEOUT) -> bytes:
    """Return the authority's answer to a DER TimeStampReq; it is not judged here.

    `url` is http or https, `timeout` the seconds for everything together. Raises BadInput `input.url` for another
    kind of address, EnvironmentTrouble `env.network` if there is no complete answer in time, `env.authority` if the
    answer is not a timestamp reply (status, content type, size, redirect).
    """
    host = host_of(url, _NOUN)

    def unusable(why: str) -> EnvironmentTrouble:
        return EnvironmentTrouble("env.authority", f"the {_NOUN} {host} returned an unusable answer: {why}")

    def refuse(head: Head) -> None:
        if 300 <= head.status < 400:
            raise unusable(f"it redirects to {head.location or 'nowhere'}, which is not followed")
        if head.status != HTTPStatus.OK:
            raise unusable(f"it answered with status {head.status}")
        if head.kind != _REPLY_TYPE:
            raise unusable(f"it sent {head.kind or 'an answer without a type'} instead of {_REPLY_TYPE}")

    headers = {"Content-Type": _QUERY_TYPE, "Accept": _REPLY_TYPE}
    _, answer = ask(Question(_NOUN, "POST", url, request, headers, MAX_ANSWER_BYTES), timeout, refuse)
    if len(answer) > MAX_ANSWER_BYTES:
        raise unusable(f"its answer is larger than {MAX_ANSWER_BYTES} bytes")
    if not answer:
        raise EnvironmentTrouble("env.network", f"the {_NOUN} {host} cut its answer short")
    return answer
