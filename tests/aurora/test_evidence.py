"""Evidence of a fork is judged from its bytes and the log's key alone."""

import json
from typing import Any

import jsonschema
import pytest

import witness_support as log
from aurora.evidence import Evidence, Prefix, judge, parse, schema
from remembrancer.errors import RemembrancerError
from remembrancer.tlog import Checkpoint, SignerKey
from remembrancer.tlog.note import parse_note

KEYS = [log.KEY.verifier()]


def root(count: int, branch: str = "") -> bytes:
    return Checkpoint.parse(parse_note(log.note(count, branch))[0]).root


def two_sizes() -> Evidence:
    prefix = Prefix(3, root(3, "x"), tuple(log.proof(3, 7, "x")))
    return Evidence(log.ORIGIN, (log.note(3), log.note(7, "x")), prefix)


@pytest.mark.parametrize("order", [1, -1])
def test_two_roots_of_one_size_and_two_sizes_that_contradict(order: int) -> None:
    same = Evidence(log.ORIGIN, (log.note(3), log.note(3, "x")))
    for evidence in (same, two_sizes()):
        one, other = evidence.checkpoints[::order]
        read = parse(evidence._replace(checkpoints=(one, other)).format())
        jsonschema.validate(json.loads(read.format()), schema())
        fork = judge(read, KEYS)
        assert (fork.size, set(fork.roots)) == (3, {root(3), root(3, "x")})


def test_a_file_of_the_remembrancer_has_no_schema_and_is_read() -> None:
    document = json.loads(two_sizes().format())
    del document["schema"]
    assert judge(parse(json.dumps(document).encode()), KEYS).size == 3


@pytest.mark.parametrize(
    "evidence",
    [
        Evidence(log.ORIGIN, (log.note(3), log.note(3))),
        Evidence(log.ORIGIN, (log.note(3), log.note(7))),
        two_sizes()._replace(prefix=None),
        two_sizes()._replace(prefix=Prefix(2, root(2, "x"), tuple(log.proof(2, 7, "x")))),
        two_sizes()._replace(prefix=Prefix(3, root(3, "y"), tuple(log.proof(3, 7, "x")))),
        Evidence(log.ORIGIN, (log.note(3), log.note(7)), Prefix(3, root(3), tuple(log.proof(3, 7)))),
    ],
)
def test_a_log_that_may_only_have_grown_is_no_fork(evidence: Evidence) -> None:
    with pytest.raises(RemembrancerError) as caught:
        judge(evidence, KEYS)
    assert (caught.value.code, caught.value.exit_code) == ("evidence.no-fork", 1)


def test_nobody_is_accused_with_what_he_did_not_sign() -> None:
    stranger = SignerKey.from_seed(log.ORIGIN, bytes(32))
    forged = Evidence(log.ORIGIN, (log.note(3), log.note(3, "x", stranger)))
    renamed = Evidence("log.example/other", (log.note(3), log.note(3, "x")))
    witness = log.WITNESS[1].verifier()
    for evidence, keys in ((forged, KEYS), (renamed, KEYS), (two_sizes(), []), (two_sizes(), [witness])):
        with pytest.raises(RemembrancerError) as caught:
            judge(evidence, keys)
        assert caught.value.code == "log.checkpoint"


def changed(**members: Any) -> bytes:
    return json.dumps(json.loads(two_sizes().format()) | members).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        b'{"origin": "a", "origin": "b", "checkpoints": ["a", "b"]}',
        b"{}" + b" " * 5_000_000,
        changed(schema="https://example.com/other"),
        changed(more=1),
        changed(origin=1),
        changed(checkpoints=["a"]),
        changed(checkpoints=["\ud800", "a"]),
        changed(prefix=1),
        changed(prefix={"size": True, "root": "00" * 32, "consistency": []}),
        changed(prefix={"size": 3, "root": "00", "consistency": []}),
        changed(prefix={"size": 3, "root": "00" * 32, "consistency": [1]}),
        changed(prefix={"size": 3, "root": "00" * 32, "consistency": [], "more": 1}),
    ],
)
def test_any_other_file_is_named_malformed(data: bytes) -> None:
    with pytest.raises(RemembrancerError) as caught:
        parse(data)
    assert (caught.value.code, caught.value.exit_code) == ("evidence.form", 2)
