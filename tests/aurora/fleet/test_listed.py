"""The list of a fleet: strict reading, one way of writing, and no secret in it."""

import doctest
import json
from pathlib import Path

import pytest

from aurora.cli.main import main
from aurora.fleet import listed, shard
from aurora.fleet.listed import Fleet, Service, parse
from aurora.fleet.shard import Shard
from remembrancer.errors import RemembrancerError

OWNER = "0123456789ABCDEF0123456789ABCDEF01234567"
SERVICES = (
    Service("b", "git@git.example.org:shop/b.git", "main"),
    Service("a", "https://git.example.org/shop/a.git", trust=OWNER.lower()),
    Service("group/c", "../c"),
    Service("d", "ssh://git@git.example.org:2222/d.git"),
    Service("e", "file:///srv/e.git"),
)


def code(data: bytes | str) -> str:
    with pytest.raises(RemembrancerError) as caught:
        parse(data.encode() if isinstance(data, str) else data)
    assert caught.value.exit_code == 2
    return caught.value.code


def row(url: str, more: str = "") -> str:
    return f"[[service]]\nname = 'a'\nurl = {json.dumps(url)}\n{more}\n"


def test_the_examples_hold() -> None:
    for module in (listed, shard):
        assert doctest.testmod(module).failed == 0


def test_what_is_written_is_read_back_and_written_the_same(tmp_path: Path) -> None:
    path = tmp_path / "fleet.toml"
    fleet = Fleet("shop", SERVICES, OWNER, "https://git.example.org/template.git")
    listed.write(path, fleet)
    found = listed.read(path)
    assert [one.name for one in found.services] == ["a", "b", "d", "e", "group/c"]
    assert found.services[0].trust == OWNER
    assert listed.format_fleet(found) == path.read_bytes()
    assert listed.format_fleet(found.having(SERVICES[::-1])) == path.read_bytes()
    assert {found.owner_of(one) for one in found.services} == {OWNER}
    assert found.place("../c") == str(tmp_path / "../c")
    assert found.place(SERVICES[0].url) == SERVICES[0].url


@pytest.mark.parametrize(
    "text",
    [
        "garbage",
        b"\xff",
        "services = []",
        "[fleet]\ncolour = 'red'",
        "[fleet]\nname = 'a b'",
        "[fleet]\nname = 1",
        "fleet = 1",
        "service = 1",
        "service = [1]",
        "[[service]]\nname = 'a'",
        row("https://git.example.org/a", "extra = 'x'"),
        row("https://git.example.org/a", "branch = '-x'"),
        row("https://git.example.org/a", "branch = 'a..b'"),
        row("https://git.example.org/a") + row("https://git.example.org/b"),
        row("git@[::ff:ff::]:a"),
        row("--upload-pack=x"),
        row("ext::sh -c x"),
        row("ext::sh"),
        row("ftp://git.example.org/a"),
        row("https:///a"),
        row("https://[/a"),
        row("https://git.example.org/\u001b[31m"),
        "x = " + "[" * 100_000,
    ],
)
def test_anything_else_is_refused(text: str | bytes) -> None:
    assert code(text) == "fleet.list"


@pytest.mark.parametrize(
    "url",
    [
        "https://me:secret@git.example.org/a.git",
        "https://secret@git.example.org/a.git",
        "https://git.example.org/a.git?private_token=secret",
        "ssh://git:secret@git.example.org/a.git",
    ],
)
def test_a_secret_in_a_url_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(RemembrancerError) as caught:
        parse(row(url).encode())
    assert caught.value.code == "fleet.credentials"
    assert "secret" not in caught.value.message
    with pytest.raises(RemembrancerError):
        listed.format_fleet(Fleet(services=(Service("a", url),)))


def test_a_pin_is_a_whole_fingerprint() -> None:
    assert code(row("https://git.example.org/a", "trust = 'ABCD'")) == "input.fingerprint"


def test_every_service_is_in_one_share_and_stays_there() -> None:
    names = [f"service-{number}" for number in range(300)]
    for count in (1, 2, 7):
        shares = [{name for name in names if Shard(index, count).takes(name)} for index in range(count)]
        assert sorted(name for share in shares for name in share) == sorted(names)
        assert all(len(share) > 300 / count / 2 for share in shares)
    for wrong in ("", "1", "2/2", "-1/2", "0/0", "00/2", "0/100001", "\u0660/2"):
        with pytest.raises(RemembrancerError, match="is not a share"):
            Shard.parse(wrong)


@pytest.mark.reason("fleet.shard")
def test_the_list_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "fleet.toml"
    words = ["fleet", "list", "--fleet", str(path)]
    assert main(words) == 2
    assert "aurora fleet discover" in capsys.readouterr().err
    listed.write(path, Fleet(services=SERVICES))
    assert main([*words, "--format", "json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["services"]) == 5
    assert main([*words, "--shard", "0/3"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] in {f"{number} service{'s'[: number != 1]}" for number in range(5)}
    assert main([*words, "--shard", "3/3"]) == 2
    assert "[fleet.shard]" in capsys.readouterr().err
    assert main(["fleet", "list", "--fleet", str(tmp_path)]) == 4
