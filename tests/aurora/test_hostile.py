"""What anybody may send or write: every reader answers or refuses with a code, and nothing unsigned is cosigned."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import witness_support as log
from aurora import evidence, logs
from aurora.evidence import Evidence, Prefix
from aurora.witness import request
from aurora.witness.request import Answer
from remembrancer.errors import BadInput, Rejected
from remembrancer.tlog import Checkpoint
from remembrancer.tlog.note import parse_note

RIGHT = log.step(3, 5)
FORK = Evidence(
    log.ORIGIN,
    (log.note(3), log.note(7, "x")),
    Prefix(3, Checkpoint.parse(parse_note(log.note(3, "x"))[0]).root, tuple(log.proof(3, 7, "x"))),
).format()
FILE = f"log {log.KEY.verifier()} https://log.example\n".encode()


@st.composite
def mutated(draw: st.DrawFn, data: bytes) -> bytes:
    """Bytes that were changed, cut, doubled or replaced in one place."""
    start = draw(st.integers(0, len(data)))
    end = draw(st.integers(start, min(len(data), start + 40)))
    return data[:start] + draw(st.binary(max_size=20) | st.just(data[start:end] * 2)) + data[end:]


EVERY = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))


@EVERY
@given(mutated(RIGHT) | st.binary(max_size=300))
def test_a_submission_is_answered_and_only_what_the_log_signed_is_judged(body: bytes) -> None:
    said = request.read(body, log.LOGS)
    if isinstance(said, Answer):
        assert said.status in (400, 403, 404)
    else:
        assert said.text == parse_note(log.note(5))[0]


@EVERY
@given(mutated(FORK) | st.binary(max_size=300))
def test_evidence_is_judged_or_refused_and_never_turns_against_another_log(data: bytes) -> None:
    code, fork = "", None
    try:
        fork = evidence.judge(evidence.parse(data), [log.KEY.verifier()])
    except (BadInput, Rejected) as error:
        code = error.code
    assert code in ("", "evidence.form", "evidence.no-fork", "log.checkpoint")
    assert fork is None or (fork.origin, fork.size) == (log.ORIGIN, 3)


@EVERY
@given(mutated(FILE) | st.binary(max_size=300))
def test_a_file_of_logs_names_logs_or_is_refused(data: bytes) -> None:
    code, found = "", {}
    try:
        found = dict(logs.parse(data.decode("utf-8", "replace")))
    except BadInput as error:
        code = error.code
    assert code in ("", "witness.logs")
    assert all(one.keys and one.origin == name for name, one in found.items())
