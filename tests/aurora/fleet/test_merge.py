"""Shares joined are what one run gives; what is missing, twice or foreign is refused."""

import json
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from aurora.cli.main import main
from aurora.fleet import listed
from aurora.fleet.audited import Audit
from aurora.fleet.listed import Fleet, Service
from aurora.fleet.merge import merge
from aurora.fleet.row import Row, Status, Template
from aurora.fleet.shard import Shard
from fleet_rows import at, fleet_of
from remembrancer.errors import BadInput

WHOLE = fleet_of(60)


def shares(count: int, whole: Status = WHOLE) -> list[Status]:
    """What each of so many machines says, the first one a little earlier than the others."""
    return [
        replace(
            whole,
            at=at(0 if number == 0 else -1),
            shard=f"{number}/{count}",
            rows=tuple(row for row in whole.rows if Shard(number, count).takes(row.name)),
        )
        for number in range(count)
    ]


@pytest.mark.parametrize("count", [1, 2, 7, 61])
def test_the_shares_are_the_whole_in_any_order(count: int) -> None:
    assert merge(shares(count)[::-1]) == WHOLE
    assert merge(shares(count)[::-1]).document() == WHOLE.document()


def refused(given: Sequence[Status | Audit], names: list[str] | None = None) -> str:
    with pytest.raises(BadInput) as caught:
        merge(given, names)
    return caught.value.code


def test_what_is_missing_twice_or_foreign_is_refused() -> None:
    one, two, three = shares(3)
    stray = replace(one, rows=(*one.rows, two.rows[0]))
    assert refused([]) == refused([one, three]) == "fleet.shard-missing"
    assert refused([one, two, two, three]) == "fleet.shard-twice"
    assert refused([replace(one, rows=(*one.rows, one.rows[0])), two, three]) == "fleet.shard-twice"
    foreign = [
        *(stray, replace(one, fleet="other"), replace(one, template=Template("t")), replace(one, template=None)),
        *(replace(one, version="0"), replace(one, listed="0" * 64), Audit("shop", one.at, shard="0/3")),
        shares(4)[0],
    ]
    assert {refused([two, three, other]) for other in foreign} == {"fleet.shard-foreign"}
    assert refused([one, two, replace(three, at=at(-1.01))]) == "fleet.shard-stale"
    assert refused([one, two, replace(three, at="yesterday")]) == "fleet.shard-foreign"
    names = [row.name for row in WHOLE.rows]
    assert merge([one, two, three], names) == WHOLE
    assert refused([one, two, three], [*names, "new"]) == "fleet.shard-missing"
    assert refused([one, two, three], names[1:]) == "fleet.shard-foreign"
    with pytest.raises(BadInput, match=r"2 shares missing: 0/3, 2/3"):
        merge([two])


def test_the_command_gives_every_form(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = []
    for number, one in enumerate(shares(2)):
        files.append(tmp_path / f"status-{number}.json")
        files[-1].write_text(json.dumps(one.document()))
    words = ["fleet", "merge", *map(str, files)]
    assert main([*words, "--format", "json"]) == WHOLE.exit_code == 1
    joined = json.loads(capsys.readouterr().out)
    digests = [{"shard": f"{n}/2", "sha256": sha256(one.read_bytes()).hexdigest()} for n, one in enumerate(files)]
    assert joined == {**WHOLE.document(), "shares": digests}
    given = ["--html", tmp_path / "page", "--sqlite", tmp_path / "db", "--output", tmp_path / "b.yaml"]
    assert main([*words, *map(str, given), "--format", "backstage", "--exit-zero"]) == 0
    assert capsys.readouterr().out == ""
    assert (tmp_path / "page/index.html").stat().st_size > 10_000
    assert (tmp_path / "db").read_bytes().startswith(b"SQLite format 3\0")
    assert (tmp_path / "b.yaml").read_text(encoding="utf-8").startswith("---\n")
    assert main([*words, "--output", str(tmp_path / "x")]) == 2
    assert "--output needs --format json or backstage" in capsys.readouterr().err


def test_the_command_holds_the_shares_against_the_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "0.json").write_text(json.dumps(Status("f", at(0), (Row("a", "https://h.example/a"),)).document()))
    listed.write(
        tmp_path / "fleet.toml", Fleet("f", tuple(Service(name, f"https://h.example/{name}") for name in "ab"))
    )
    assert main(["fleet", "merge", str(tmp_path / "0.json"), "--fleet", str(tmp_path / "fleet.toml")]) == 2
    assert "1 service missing: b [fleet.shard-missing]" in capsys.readouterr().err
    listed.write(tmp_path / "fleet.toml", Fleet("f", (Service("a", "https://h.example/a"),)))
    assert main(["fleet", "merge", str(tmp_path / "0.json"), "--fleet", str(tmp_path / "fleet.toml")]) == 2
    said = capsys.readouterr().err
    assert "made with another list than this one [fleet.shard-foreign]" in said, "a share that names no list has none"
