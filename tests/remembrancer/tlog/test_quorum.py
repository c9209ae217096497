"""Witness policies as they are published: other logs, witnesses of unknown types, and names in any script."""

from base64 import b64encode
from hashlib import sha256

import pytest

from remembrancer.errors import BadInput
from remembrancer.tlog import SignerKey, quorum
from remembrancer.tlog import key as keys


def key(name: str, algorithm: int) -> str:
    return str(SignerKey.from_seed(name, bytes([algorithm]) * 32, algorithm).verifier())


def unknown(name: str, algorithm: int, material: bytes = b"\7" * 40) -> str:
    """A verifier key of a type that nobody here knows."""
    data = bytes([algorithm]) + material
    key_id = sha256(name.encode() + b"\n" + data).hexdigest()[:8]
    return f"{name}+{key_id}+{b64encode(data).decode()}"


ED, ML = key("w1.example", 0x04), key("w2.example", 0x06)
OTHER = key("log.example/other", 0x01)


def test_a_published_policy_is_read_as_it_is() -> None:
    text = (
        "# who watches\n"
        f"\tlog {OTHER}  https://log.example/other\n"
        f"log {unknown('log.example/older', 0x05)}\n\n"
        f"witness w1 {ED} https://w1.example/\n"
        f"witness \u212a {ML}\n"
        f"witness K {unknown('w3.example', 0x99)} https://w3.example/\n"
        "group \u00e9\u00e9n any w1 \u212a\n"
        "group both all \u00e9\u00e9n K\n"
        "quorum both\n"
    )
    found = quorum.parse(text)
    assert found.text == text
    assert list(found.witnesses) == ["w1", "\u212a"]
    assert found.urls == {"w1": "https://w1.example/", "K": "https://w3.example/"}
    assert found.unusable == {"K": "its key is of type 0x99, which is not supported"}
    assert [one.partition("+")[0] for one in found.logs] == ["log.example/other", "log.example/older"]
    assert not found.satisfied_by(["w1", "\u212a", "K"]), "what cannot be checked never counts"


def test_an_unusable_witness_leaves_the_others_as_they_are() -> None:
    text = f"witness w1 {ED}\nwitness x {unknown('x', 0x02)}\ngroup g 1 w1 x\nquorum g\n"
    assert quorum.parse(text).satisfied_by(["w1"])
    assert not quorum.parse(text).satisfied_by(["x"])
    assert not quorum.parse(f"witness x {unknown('x', 0x02)}\nquorum x\n").satisfied_by(["x"])


def test_a_build_without_ml_dsa_makes_that_witness_unusable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quorum, "trouble_with", lambda one: "no ML-DSA" if one.algorithm == 0x06 else "")
    found = quorum.parse(f"witness w1 {ED}\nwitness w2 {ML}\nquorum w1\n")
    assert (list(found.witnesses), found.unusable) == (["w1"], {"w2": "no ML-DSA"})
    assert keys.trouble_with(keys.VerifierKey.parse(ML)) == ""


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (f"log {OTHER}\nlog {OTHER}\n", "a log that is already listed"),
        ("log nothing\n", "a malformed verifier key"),
        (f"log {OTHER} https://a b\n", "an unknown or repeated statement"),
        (f"witness w {ED[:-4]}AAA=\n", "a malformed verifier key"),
        (f"witness w {unknown('x', 0x77, b'')}\n", "a malformed verifier key"),
        (f"witness w {key('note.example', 0x01)}\n", "a key that is not for cosignatures"),
        (f"witness a {unknown('x', 0x77)}\nwitness b {unknown('y', 0x77)}\n", "a key that is already listed"),
        (f"witness a {unknown('x', 0x77)}\nwitness a {ED}\n", "a name that is a keyword or already defined"),
        (f"witness a {ED}\x7f\n", "control characters"),
    ],
)
def test_what_the_specification_does_not_allow(lines: str, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        quorum.parse(f"{lines}quorum none\n")


def test_more_logs_than_anybody_needs() -> None:
    names = [f"log.example/{number}" for number in range(65)]
    text = "".join(f"log {unknown(name, 0x77, bytes([number]) * 8)}\n" for number, name in enumerate(names))
    with pytest.raises(BadInput, match="more than 64 logs"):
        quorum.parse(text + "quorum none\n")
