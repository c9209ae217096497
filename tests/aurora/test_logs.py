"""Which logs are looked at: the `log` lines of a published tlog-policy file, taken as they are."""

import doctest
from pathlib import Path

import pytest

import witness_support as log
from aurora import logs
from aurora.cli.main import main
from aurora.logs import parse, read, text_of
from remembrancer.errors import BadInput, RemembrancerError
from remembrancer.tlog import SignerKey, quorum

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


OCTETS = (
    b"# \xe9, which is Latin-1\nwitness W\xe9 "
    + str(SignerKey.from_seed("w.example/1", bytes(32), 4).verifier()).encode()
)


def test_a_published_file_is_octets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its names and comments may hold any byte above 0x7F; UTF-8 is only recommended."""
    file, line = tmp_path / "logs", f"log {log.KEY.verifier()} https://log.example\n".encode()
    file.write_bytes(line + OCTETS + b"\nquorum none\n")
    assert list(read(file)) == [log.ORIGIN]
    words = ["witness", "collect", "--from", str(file)]
    assert main(words) == 2
    assert "has no URL of a witness, so nothing was looked up [witness.logs]" in capsys.readouterr().err
    for wrong, why in (
        (line.replace(b"https", b"\xe9"), "line 1 of the logs: the key or the URL is not UTF-8 text"),
        (line.replace(b"\n", b"\r\n"), "line 1 of the logs: control characters are not allowed"),
        (b"# \0\n" + line, "line 1 of the logs: control characters are not allowed"),
        (bytes(10_000_001), "has more than 10000000 bytes"),
    ):
        file.write_bytes(wrong)
        with pytest.raises(BadInput, match=why) as caught:
            read(file)
        assert caught.value.code == "witness.logs"
    file.write_bytes(b"witness W\xe9 nonsense\nquorum none\n")
    assert main(words) == 2
    assert "[witness.logs]\n  Correct it as c2sp.org/tlog-policy describes it." in capsys.readouterr().err


def test_the_example_of_the_specification_is_taken_as_it_is(tmp_path: Path) -> None:
    """c2sp.org/tlog-policy, "Example policy": its names, groups and blank lines, with keys in their places."""
    keys = [SignerKey.from_seed(f"w.example/{number}", bytes([number]) * 32, 4).verifier() for number in range(1, 7)]
    names = [f"{side}{number}" for side in "XY" for number in (1, 2, 3)]
    lines = [f"witness {name} {key}" for name, key in zip(names, keys, strict=True)]
    first = [f"log {log.KEY.verifier()}", "", *lines[:3], "group X-witnesses 2 X1 X2 X3", "", *lines[3:]]
    rest = ["group Y-witnesses any Y1 Y2 Y3", "", "group X-and-Y all X-witnesses Y-witnesses", "quorum X-and-Y", ""]
    text = "\n".join([*first, *rest])
    (tmp_path / "policy").write_text(text)
    assert list(read(tmp_path / "policy")) == [log.ORIGIN]
    found = quorum.parse(text_of(tmp_path / "policy"))
    assert found.text == text
    for held, enough in (({"X1", "X2", "Y3"}, True), ({"X1", "Y1", "Y2"}, False), ({"X1", "X2", "X3"}, False)):
        assert found.satisfied_by(held) is enough
