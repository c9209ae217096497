"""Which logs are looked at: the `log` lines of a published tlog-policy file, taken as they are."""

import doctest
from pathlib import Path

import pytest

import witness_support as log
from aurora import logs
from aurora.logs import parse, read
from remembrancer.errors import RemembrancerError
from remembrancer.tlog import SignerKey

VKEY = str(log.KEY.verifier())


def test_a_policy_of_others_is_read_and_what_is_not_about_logs_is_passed_over() -> None:
    rotated = SignerKey.from_seed(log.ORIGIN, bytes(32)).verifier()
    witness = log.WITNESS[1].verifier()
    text = f"# ours\n\n log\t{VKEY}\nwitness w {witness} https://w.example\ngroup g any w\nquorum g\nlog {rotated} https://l.example\n"
    (found,) = parse(text).values()
    assert found == (log.ORIGIN, (log.KEY.verifier(), rotated), "https://l.example")


@pytest.mark.parametrize(
    "text", ["log\n", f"log {VKEY[:-2]}\n", f"log {VKEY}\nlog {VKEY}\n", f"log {log.WITNESS[1].verifier()}\n", "logs\n"]
)
def test_a_malformed_line_is_named(text: str) -> None:
    with pytest.raises(RemembrancerError, match=f"line {text.count(VKEY) or 1} ") as caught:
        parse(text)
    assert caught.value.code == "witness.logs"


def test_a_file_that_names_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "logs"
    for data in (None, b"", b"\xff", b"#" * 10_000_001):
        if data is not None:
            path.write_bytes(data)
        with pytest.raises(RemembrancerError):
            read(path)
    with pytest.raises(RemembrancerError, match="cannot read"):
        read(tmp_path)


def test_the_example_of_the_module() -> None:
    assert doctest.testmod(logs).failed == 0
    assert doctest.testmod(logs).attempted > 2
