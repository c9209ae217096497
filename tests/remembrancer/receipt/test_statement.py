"""Receipts are read exactly as strictly as they are written."""

import json
from contextlib import suppress
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from receipt_samples import BAD_VALUES, SAMPLES, A, B, digest, spoiled, statement
from remembrancer.errors import BadInput, Rejected
from remembrancer.reasons import REASONS
from remembrancer.receipt import fields
from remembrancer.receipt import statement as receipt
from remembrancer.receipt.kinds import KINDS
from remembrancer.receipt.statement import build, encode, parse, relative_path


def sample(kind: str) -> bytes:
    subject, predicate = SAMPLES[kind]
    return build(kind, subject, predicate)


def test_there_is_a_sample_of_every_kind() -> None:
    assert SAMPLES.keys() == KINDS.keys()


@pytest.mark.parametrize("kind", SAMPLES)
def test_what_is_built_is_read_back(kind: str) -> None:
    data = sample(kind)
    found = parse(data)
    subject, predicate = SAMPLES[kind]
    assert (found.kind, found.predicate, found.data) == (kind, predicate, data)
    assert [(one.name, one.sha256) for one in found.subject] == subject
    assert found.digest == sha256(data).hexdigest()


@pytest.mark.parametrize("kind", SAMPLES)
def test_the_encoding_is_indented_sorted_json_with_one_newline(kind: str) -> None:
    data = sample(kind)
    assert data.decode() == json.dumps(statement(kind), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


# short texts and few of them: what an encoder gets wrong is one character, one order or one nesting
TEXTS = st.text(max_size=6)
JSON = st.recursive(
    TEXTS | st.integers(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)


@given(st.dictionaries(TEXTS, JSON, max_size=4))
def test_the_fast_encoder_is_the_standard_one(value: dict[str, Any]) -> None:
    usual = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    assert encode(value) == usual.encode()


@pytest.mark.parametrize("kind", SAMPLES)
def test_a_spoiled_receipt_is_refused_on_reading(kind: str) -> None:
    for name, value in spoiled(kind):
        data = (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()
        with pytest.raises(Rejected) as caught:
            parse(data)
        assert caught.value.code in {"receipt.malformed", "receipt.kind"}, name
        assert caught.value.code in REASONS
        assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("field", "code"),
    [("component", "input.component"), ("version", "input.version"), ("recordedBy", "input.field")],
)
def test_a_bad_value_is_refused_on_writing(field: str, code: str) -> None:
    subject, predicate = SAMPLES["deploy"]
    for bad in BAD_VALUES["text" if field == "recordedBy" else field]:
        with pytest.raises(BadInput) as caught:
            build("deploy", subject, {**predicate, field: bad})
        assert caught.value.code == code
        assert field in caught.value.message


def test_a_bad_digest_is_refused_on_writing() -> None:
    for bad in BAD_VALUES["digest"]:
        with pytest.raises(BadInput) as caught:
            build("sign", [("x", bad)], SAMPLES["sign"][1])
        assert caught.value.code == "input.digest"


def test_an_unknown_kind_cannot_be_written() -> None:
    with pytest.raises(BadInput) as caught:
        build("gossip", [("x", A)], {})
    assert caught.value.code == "receipt.kind"


def variants(data: bytes) -> dict[str, bytes]:
    text = data.decode()
    return {
        "duplicate key": text.replace(
            '    "recordedAt"', f'    "fingerprint": "{"0" * 40}",\n    "recordedAt"', 1
        ).encode(),
        "no newline": data[:-1],
        "two newlines": data + b"\n",
        "carriage returns": data.replace(b"\n", b"\r\n"),
        "compact": json.dumps(json.loads(data)).encode(),
        "four spaces": (json.dumps(json.loads(data), indent=4, sort_keys=True) + "\n").encode(),
        "other order": (json.dumps(dict(reversed(json.loads(data).items())), indent=2) + "\n").encode(),
        "byte order mark": b"\xef\xbb\xbf" + data,
        "UTF-16": text.encode("utf-16"),
        "bad UTF-8": data.replace(b"my-svc", b"my-\xffsvc", 1),
        "escaped letter": data.replace(b"my-svc", b"\\u006dy-svc", 1),
        "escaped slash": data.replace(b"https://", b"https:\\/\\/", 1),
        "trailing text": data + b"{}",
        "two values": data + data,
        "nothing": b"",
        "a list": b"[]\n",
        "a string": b'"x"\n',
        "a number": b"1\n",
        "not a number": b"NaN\n",
        "deep": b"[" * 60_000,
        "deep objects": b'{"a":' * 10_000,
        "many digits": b"1" * 60_000,
    }


@pytest.mark.parametrize("name", variants(b"{}\n"))
def test_any_other_encoding_is_refused(name: str) -> None:
    with pytest.raises(Rejected) as caught:
        parse(variants(sample("sign"))[name])
    assert caught.value.code == "receipt.malformed"


def test_a_duplicate_key_is_named_as_such() -> None:
    with pytest.raises(Rejected, match="duplicate key"):
        parse(variants(sample("sign"))["duplicate key"])


@pytest.mark.parametrize("number", ["1.0", "1e0", "-0", "01", "true", "1E400", "Infinity", "-Infinity", "NaN"])
def test_only_plain_whole_numbers_are_numbers(number: str) -> None:
    data = sample("adr").replace(b'"number": 1,', f'"number": {number},'.encode())
    with pytest.raises(Rejected) as caught:
        parse(data)
    assert caught.value.code == "receipt.malformed"


def test_lone_surrogates_are_refused_both_ways() -> None:
    subject, predicate = SAMPLES["waiver"]
    with pytest.raises(BadInput):
        build("waiver", subject, {**predicate, "reason": "\ud800"})
    with pytest.raises(Rejected):
        parse(sample("waiver").replace(b"GPU base image", b"\\ud800"))


def test_a_receipt_has_at_most_65535_bytes() -> None:
    subject, predicate = SAMPLES["update"]

    def with_conflicts(count: int, last: str) -> dict[str, Any]:
        return {**predicate, "conflicts": ["p" * 1000] * count + [last]}

    largest = 0
    for count in range(60, 65):
        base = len(build("update", subject, with_conflicts(count, "x"))) if count < 64 else 0
        if 0 < receipt.MAX_BYTES - base <= 1000:
            largest = count
            data = build("update", subject, with_conflicts(count, "x" * (receipt.MAX_BYTES - base + 1)))
            assert len(data) == receipt.MAX_BYTES
            assert parse(data).data == data
            with pytest.raises(BadInput) as caught:
                build("update", subject, with_conflicts(count, "x" * (receipt.MAX_BYTES - base + 2)))
            assert caught.value.code == "receipt.size"
    assert largest
    with pytest.raises(Rejected) as refused:
        parse(b" " * (receipt.MAX_BYTES + 1))
    assert refused.value.code == "receipt.size"


@pytest.mark.parametrize("kind", ["spawn", "update", "deploy", "rollout", "rollback", "adr", "trust"])
def test_the_subject_and_the_fields_must_agree(kind: str) -> None:
    subject, predicate = SAMPLES[kind]
    with pytest.raises(BadInput):
        build(kind, [(subject[0][0], digest("another"))], predicate)
    value = statement(kind)
    value["subject"][0]["digest"]["sha256"] = digest("another")
    with pytest.raises(Rejected):
        parse(encode(value))


def test_the_evidence_of_a_deploy_is_the_artifact() -> None:
    subject, predicate = SAMPLES["deploy"]
    with pytest.raises(BadInput, match="same digest"):
        build("deploy", subject, {**predicate, "evidence": {"name": "x", "sha256": B}})
    with pytest.raises(BadInput, match="artifact"):
        build("deploy", [("other-name", A)], predicate)


def test_paths_follow_from_the_content() -> None:
    for kind in SAMPLES:
        found = parse(sample(kind))
        path = relative_path(found)
        if kind == "deploy":
            assert path == "deploy/my-svc-0.1.0.receipt"
        elif kind == "adr":
            assert path == f"adr/ADR-001-use-tiles.{found.digest}.receipt"
        else:
            assert path == f"{kind}/{found.digest[:2]}/{found.digest}.receipt"


def test_receipts_name_their_blobs() -> None:
    named = {kind: set(parse(sample(kind)).blobs) for kind in SAMPLES}
    expected: dict[str, set[str]] = {kind: set() for kind in SAMPLES}
    expected |= {"spawn": {A}, "update": {A}, "sign": {B}, "timestamp": {B}, "trust": {A, B}, "aside": {A}}
    assert named == expected


def test_an_update_with_open_conflicts_is_held() -> None:
    subject, predicate = SAMPLES["update"]
    open_conflicts = {name: value for name, value in predicate.items() if name != "resolvedAt"}
    assert parse(build("update", subject, open_conflicts)).held
    assert not parse(build("update", subject, {**open_conflicts, "conflicts": []})).held
    assert not parse(build("update", subject, predicate)).held


SEMANTIC_VERSIONS = [
    "0.0.4", "1.2.3", "1.1.2-prerelease+meta", "1.1.2+meta-valid", "1.0.0-alpha.beta.1", "1.0.0-0A.is.legal",
    "2.0.0-rc.1+build.123", "1.2.3----RC-SNAPSHOT.12.9.1--.12+788", "1.0.0+0.build.1-rc.10000aaa-kk-0.1",
]  # fmt: skip


@pytest.mark.parametrize("version", SEMANTIC_VERSIONS)
def test_every_semantic_version_can_be_recorded(version: str) -> None:
    fields.VERSION.check(version, "version")


@settings(max_examples=300)
@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_no_bytes_lead_to_anything_but_a_refusal(data: bytes) -> None:
    with pytest.raises(Rejected):
        parse(data)


@settings(max_examples=300)
@given(st.sampled_from(sorted(SAMPLES)), st.data())
def test_no_changed_byte_leads_to_anything_but_a_refusal(kind: str, data: st.DataObject) -> None:
    content = bytearray(sample(kind))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    # a changed letter inside free text can be another good receipt, and is then exactly these bytes
    with suppress(Rejected):
        assert parse(bytes(content)).data == bytes(content)
